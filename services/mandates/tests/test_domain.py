"""The rules without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mandates.domain import admission, ending, facts, funding, proposal
from mandates.domain.activation import activated, may_activate, suspended
from mandates.domain.catalogue import Affair, check_placing
from mandates.domain.mandate import Change, Mandate
from mandates.domain.organisation import area_is_known
from mandates.domain.switch import Awaited, begins_at, lease, may_go_on, moved, span
from suizhuan.kernel.area import overlap
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Timing

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def mandate(**changed: Any) -> Mandate:
    whole: dict[str, Any] = {
        "id": "m1",
        "affair": "env.rubbish",
        "area": "321302002907",
        "role": "lead",
        "giver": "dept",
        "holder": "community",
        "powers": ("complaints.case.handle",),
        "staff": ("s1",),
        "starts_at": NOW,
        "ends_at": NOW + 100 * DAY,
        "basis": "lump",
        "amount_fen": 1000,
        "replaces": None,
        "emergency": None,
        "state": "proposed",
        "version": 1,
        "created_at": NOW,
    }
    return Mandate(**{**whole, **changed})


def names(change: Change | None) -> list[str]:
    return [type(fact).__name__ for fact in change.facts] if change else []


def active() -> Mandate:
    admitted = admission.admit(mandate(), by="street", now=NOW, price_fen=5).mandate
    money = funding.funded(admitted, earmark="m1", amount_fen=1000, now=NOW)
    assert money is not None
    return activated(money.mandate, term=1, starts_at=NOW, switch="s").mandate


@pytest.mark.parametrize("lacking", [{"powers": ()}, {"staff": ()}, {"ends_at": None}, {"amount_fen": None}])
def test_without_powers_staff_end_or_money_nothing_is_admitted_or_activated(lacking: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        admission.admit(mandate(**lacking), by="street", now=NOW, price_fen=5)
    assert caught.value.code == "not_admissible"
    assert caught.value.params["missing"] == [*lacking]
    assert not may_activate(mandate(**lacking, state="funded"))


def test_each_fact_raises_the_version_by_one() -> None:
    change = ending.end_early(replace(active(), state="suspended"), reason="x", now=NOW + DAY)
    assert names(change) == ["MandateEnding", "MandateEnded"]
    assert change.mandate.version == active().version + 2


def test_money_that_comes_twice_is_told_once() -> None:
    assert funding.funded(active(), earmark="m1", amount_fen=1000, now=NOW) is None


def test_money_for_a_refused_mandate_goes_back() -> None:
    admitted = admission.admit(mandate(), by="street", now=NOW, price_fen=5).mandate
    refused = ending.withdraw(admitted, now=NOW).mandate
    assert refused.state == "refused"
    change = funding.funded(refused, earmark="m1", amount_fen=1000, now=NOW)
    assert names(change) == ["MandateEnded"]
    assert change is not None
    assert names(ending.settled(change.mandate, returned_fen=1000)) == ["MandateSettled"]


def test_a_shortfall_refuses_only_what_waits_for_money() -> None:
    about: dict[str, Any] = {"shortfall_fen": 5, "next_org": "f", "next_action": "a"}
    assert names(funding.short(mandate(state="admitted"), **about)) == ["MandateRefused"]
    assert funding.short(active(), **about) is None
    assert funding.short(mandate(state="admitted", emergency="life"), **about) is None


def test_a_planned_end_ends_at_its_time_however_late_it_is_noticed() -> None:
    change = ending.end_by_plan(active(), now=NOW + 300 * DAY)
    assert change is not None
    assert change.mandate.ended_at == NOW + 100 * DAY
    assert ending.end_by_plan(change.mandate, now=NOW + 301 * DAY) is None
    assert ending.end_by_plan(active(), now=NOW + 99 * DAY) is None


def test_of_one_that_never_began_no_day_of_a_lump_sum_was_earned() -> None:
    admitted = admission.admit(mandate(), by="street", now=NOW, price_fen=5).mandate
    money = funding.funded(admitted, earmark="m1", amount_fen=1000, now=NOW)
    assert money is not None
    (fact,) = ending.withdraw(money.mandate, now=NOW + 50 * DAY).facts
    assert isinstance(fact, facts.MandateEnded)
    assert fact.ended_at == fact.starts_at == NOW


def test_what_finance_never_knew_is_settled_at_its_end() -> None:
    founded = activated(mandate(amount_fen=0), term=1, starts_at=NOW, switch="s").mandate
    change = ending.ended(founded, at=NOW + DAY, reason="x", switch=None)
    assert names(change) == ["MandateEnded", "MandateSettled"]
    assert change.mandate.state == "settled"


def test_a_root_stays() -> None:
    root = mandate(id="root:env.rubbish", ends_at=None, state="active")
    assert ending.end_by_plan(root, now=NOW + 1000 * DAY) is None
    with pytest.raises(Refusal):
        ending.end_early(root, reason="x", now=NOW)


def test_a_suspended_mandate_keeps_its_slot_without_its_powers() -> None:
    paused = suspended(active(), reason="x", switch="s").mandate
    assert paused.holds_slot
    assert not paused.has_powers


def test_an_amendment_keeps_what_it_does_not_name() -> None:
    change = proposal.amend(mandate(), now=NOW, priced=True, employed={"s1", "s2"}, staff=("s2",))
    assert (change.mandate.staff, change.mandate.powers) == (("s2",), mandate().powers)
    assert isinstance(change.facts[0], facts.MandateProposed)


@pytest.mark.parametrize(
    ("listed", "role", "kind", "code"),
    [
        ("forbidden", "assist", "department", "affair_forbidden"),
        ("forbidden_certificate", "lead", "community", "certificate_forbidden"),
        ("certificate", "lead", "community", "certificate_not_placed"),
        ("assist", "lead", "community", "assist_only"),
        ("assist", "lead", "grid", "assist_only"),
        ("assist", "lead", "company", None),
        ("assist", "assist", "community", None),
        ("own", "lead", "community", None),
    ],
)
def test_the_lists_say_what_may_be_placed_on_whom(listed: str, role: str, kind: str, code: str | None) -> None:
    affair = Affair(
        code="a", name_zh="甲", name_en="a", list=listed, owner="o", powers=("x.y.z",), owner_powers=(), basis="lump"
    )
    try:
        check_placing(affair, role=role, holder="h", holder_kind=kind, powers=["x.y.z"])
        found = None
    except Refusal as refusal:
        found = refusal.code
    assert found == code


def test_an_area_is_known_by_who_holds_it_or_lies_in_it() -> None:
    held = ["321302", "321302002", "321302002907"]
    for known in ("321302", "321302002", "321302002907", "321302002907001"):
        assert area_is_known(known, held, "321302"), known
    for unknown in ("3213", "321302003", "321302002908", "321302002908001", "110101"):
        assert not area_is_known(unknown, [h for h in held if overlap(h, unknown)], "321302"), unknown


AREAS = st.sampled_from([2, 4, 6, 9, 12, 15]).flatmap(
    lambda n: st.lists(st.sampled_from("01"), min_size=n, max_size=n).map("".join)
)


@given(AREAS, AREAS)
def test_prefixes_overlap_exactly_when_their_spans_do(a: str, b: str) -> None:
    (a_lo, a_hi), (b_lo, b_hi) = span(a), span(b)
    assert (a_lo < b_hi and b_lo < a_hi) == overlap(a, b)


def test_a_switch_goes_on_when_everybody_has_answered_or_can_act_no_more() -> None:
    answered = Awaited("a:postgres:1", True, False, False)
    silent = Awaited("b:postgres:1", False, False, False)
    assert may_go_on([], cases_ready=False)
    assert may_go_on([answered], cases_ready=False)
    assert not may_go_on([answered, silent], cases_ready=True)
    assert may_go_on([answered, replace(silent, lease_over=True)], cases_ready=False)
    assert not may_go_on([Awaited("b:sqlite:1", False, False, True)], cases_ready=False)
    preparing = replace(answered, pending_cases=True)
    assert not may_go_on([preparing], cases_ready=False)
    assert may_go_on([preparing], cases_ready=True)


def test_the_wait_is_staleness_and_clock_error_and_an_act() -> None:
    timing = Timing(timedelta(seconds=4), timedelta(seconds=2), timedelta(milliseconds=50))
    assert lease(timing) == timedelta(seconds=6.1)


def test_a_new_grant_begins_after_the_gap_behind_a_planned_end_only() -> None:
    timing = Timing()
    old = replace(active(), ends_at=NOW)
    assert begins_at(mandate(), old, NOW, timing) == NOW + timing.handover_gap
    assert begins_at(mandate(), active(), NOW, timing) == NOW
    assert begins_at(mandate(starts_at=NOW + DAY), None, NOW, timing) == NOW + DAY


def test_assist_grants_move_each_for_itself_and_a_lead_at_once() -> None:
    old, new = active(), replace(active(), id="m2")
    assert len(moved(new, old, new, starts_at=NOW, successor="dept")) == 1
    assist_old, assist_new = replace(old, role="assist"), replace(new, role="assist")
    pair = moved(assist_new, assist_old, assist_new, starts_at=NOW, successor=None)
    assert [(s.old is None, s.new is None) for s in pair] == [(False, True), (True, False)]
