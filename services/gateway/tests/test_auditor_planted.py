"""Planted violations: each spoils a true history in one place, and the auditor names it by its event."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.auditor import CODES, Rules, audit
from suizhuan.kernel.clock import utc_text

from .story import (
    BANK,
    CHECKER,
    CHECKING,
    COMMUNITY,
    DEPT,
    DISTRICT,
    FIRM,
    HANDLE,
    NANGUAN,
    PRICE,
    RUBBISH,
    STREET,
    Story,
    Written,
    renumber,
    true_history,
)

C, F, M = "complaints.case.", "finance.", "mandates."
Plant = Callable[[Story], Written]
PLANTS: dict[str, Plant] = {}


def plant(code: str) -> Callable[[Plant], Plant]:
    def register(function: Plant) -> Plant:
        name = code if code not in PLANTS else f"{code}:{function.__name__}"
        PLANTS[name] = function
        return function

    return register


# G1


@plant("routed_elsewhere")
def routed_past_the_community(s: Story) -> Written:
    event = s.find(C + "routed", case="c1")
    event.data |= {"responsible": DEPT, "mandate": f"root:{RUBBISH}", "term": 1}
    return event


@plant("routed_twice")
def two_routings(s: Story) -> Written:
    data = s.find(C + "routed", case="c4").data
    return s.case("routed", {k: v for k, v in data.items() if k != "case"} | {"case_term": 2}, "c4", area=NANGUAN)


@plant("case_term_skipped")
def a_step_is_missing(s: Story) -> Written:
    event = s.find(C + "handed_over", case="c2")
    event.data["case_term"] = 3
    return event


@plant("moved_by_another")
def given_away_by_a_stranger(s: Story) -> Written:
    event = s.find(C + "handed_over", case="c2")
    event.data["giver"] = DEPT
    return event


@plant("case_not_routed")
def handled_without_anybody_responsible(s: Story) -> Written:
    return s.case("card_raised", {"card": "red", "responsible": "?"}, "c9")


@plant("holders_overlap")
def two_holders_of_one_slot(s: Story) -> Written:
    slot = {"affair": CHECKING, "area": DISTRICT, "role": "lead"}
    s.emit(M + "mandate.proposed", {"mandate": "m9"}, key="m9", **s.act(CHECKER, f"root:{CHECKING}", 1))
    s.switch("switch-9", [slot])
    new = s.holding("m9", COMMUNITY, CHECKING, DISTRICT, [])
    return s.done("switch-9", [{**slot, "old": None, "new": new}])


@plant("moved_without_request")
def a_handover_nobody_asked_for(s: Story) -> Written:
    event = s.find(C + "handover_requested", case="c2")
    event.name, event.data = C + "resumed", {"case": "c2"}
    return s.find(C + "handed_over", case="c2")


# G2 有责无权


@plant("receiver_without_grant")
def a_receiver_whose_grant_is_of_another_term(s: Story) -> Written:
    event = s.find(C + "handed_over", case="c2")
    event.data["term"] = 7
    return event


@plant("receiver_without_grant")
def repointed_to_who_lost_the_grant(s: Story) -> Written:
    event = s.find(C + "repointed", case="c3")
    event.data |= {"to": COMMUNITY, "mandate": "m1", "term": 1}
    return event


@plant("case_left_behind")
def an_open_case_stays_where_the_power_has_left(s: Story) -> Written:
    at = s.written.index(s.find(C + "repointed", case="c3"))
    s.written = [w for w in s.written[:at] if w.name != C + "returned" or w.data["case"] != "c3"]
    moved = s.find(C + "handed_over", case="c3")
    moved.data |= {"receiver": COMMUNITY, "mandate": "m1", "term": 1}
    s.emit(M + "switch.dropped", {"switch": "x"}, key="x", topic="mandates.authority")
    s.case("reported", {"category": "1", "channel": "app", "affair": RUBBISH, "area": NANGUAN}, "c8")
    s.drop(s.find(M + "switch.dropped", switch="x"))
    return moved


@plant("activated_without_grant")
def active_without_a_term(s: Story) -> Written:
    event = s.find(M + "mandate.activated", mandate="m2")
    event.data["term"] = 9
    return event


# G3 有权无责


@plant("act_after_end")
def an_act_after_the_mandate_has_ended(s: Story) -> Written:
    s.routed("c5", 1)
    s.find(C + "routed", case="c5").data |= {"responsible": DEPT, "mandate": f"root:{RUBBISH}", "term": 1}
    return s.case("started", {"case_term": 1, "org": DEPT}, "c5", **{**s.act(COMMUNITY, "m1", 1), "org": COMMUNITY})


@plant("act_after_end")
def an_act_after_the_planned_end(s: Story) -> Written:
    done = s.find(M + "switch.done", switch="switch-m1")
    event = s.find(C + "started", case="c4")
    done.data["slots"][0]["new"]["ends_at"] = utc_text(s.now - timedelta(hours=5))
    event.attributes["beattime"] = utc_text(s.now - timedelta(hours=4))
    event.attributes["time"] = utc_text(s.now - timedelta(hours=4))
    return event


@plant("act_before_grant")
def an_act_before_the_grant_was_known(s: Story) -> Written:
    event = s.find(C + "started", case="c1")
    event.attributes["authorityoffset"] = 0
    return event


@plant("act_without_grant")
def an_act_under_a_term_that_never_was(s: Story) -> Written:
    event = s.find(C + "started", case="c1")
    event.attributes["term"] = 12
    return event


@plant("act_by_another")
def an_act_under_the_mandate_of_another(s: Story) -> Written:
    event = s.find(C + "started", case="c1")
    event.attributes["org"] = FIRM
    return event


@plant("act_without_power")
def verified_under_a_mandate_without_that_power(s: Story) -> Written:
    event = s.find(C + "verified", case="c1")
    event.attributes |= {"mandate": f"root:{RUBBISH}", "org": DEPT}
    return event


@plant("act_out_of_area")
def an_act_beyond_the_grants_area(s: Story) -> Written:
    for event in s.written:
        if event.key == "c1" and event.data.get("area"):
            event.data["area"] = "321302003"
    s.find(C + "routed", case="c1").data |= {"responsible": COMMUNITY}
    return s.find(C + "started", case="c1")


@plant("act_after_acknowledgement")
def an_act_under_the_old_term_after_the_acknowledgement(s: Story) -> Written:
    """Its service claims not to know of the switch, but its outbox id says that it came later."""
    event = s.find(C + "handled", case="c4")
    told = s.find("complaints.replica.acknowledged", switch="switch-end")
    event.attributes["outboxid"] = told.attributes["outboxid"] + 1
    return event


@plant("act_in_transition")
def an_act_while_the_power_moves(s: Story) -> Written:
    event = s.find(C + "handled", case="c4")
    event.attributes["authorityoffset"] = s.find(M + "switch.opened", switch="switch-end").offset
    return event


@plant("act_under_old_code")
def an_act_under_a_code_that_was_given_up(s: Story) -> Written:
    renumber(s)
    event = s.find("volunteers.shift.ended")
    event.attributes["area"] = NANGUAN + "001"
    return event


@plant("rekeyed_otherwise")
def other_codes_change_than_those_that_had_yielded(s: Story) -> Written:
    renumber(s)
    event = s.find(M + "switch.done", switch="switch-codes")
    event.data["rekeys"] = [{"old": NANGUAN, "new": STREET + "912", "heir": True}]
    return event


@plant("beat_too_old")
def an_act_on_a_beat_older_than_the_lease(s: Story) -> Written:
    event = s.find(C + "handled", case="c1")
    event.attributes["beattime"] = utc_text(s.now - timedelta(hours=2))
    return event


@plant("act_not_responsible")
def another_than_the_responsible_works_on_a_case(s: Story) -> Written:
    event = s.find(C + "started", case="c1")
    event.data["org"] = FIRM
    return event


@plant("self_verified")
def who_did_the_work_checks_it(s: Story) -> Written:
    event = s.find(C + "verified", case="c1")
    event.data["verified_by"] = COMMUNITY
    return event


@plant("self_verified")
def who_did_the_work_checks_it_when_the_case_has_moved_on(s: Story) -> Written:
    verified = s.find(C + "verified", case="c3")  # DEPT answers for it, and did the work
    s.find(C + "handled", case="c3").data["org"] = CHECKER
    return verified


@plant("switch_not_opened")
def a_switch_done_without_an_opening(s: Story) -> Written:
    s.drop(s.find(M + "switch.opened", switch="switch-m2"))
    return s.find(M + "switch.done", switch="switch-m2")


@plant("switch_too_early")
def a_switch_that_did_not_wait(s: Story) -> Written:
    s.drop(s.find("finance.replica.acknowledged", switch="switch-end"))
    return s.find(M + "switch.done", switch="switch-end")


@plant("switch_ended_twice")
def a_switch_done_and_dropped(s: Story) -> Written:
    return s.emit(M + "switch.dropped", {"switch": "switch-m1"}, key="again", topic="mandates.authority")


@plant("grant_without_mandate")
def a_grant_out_of_nothing(s: Story) -> Written:
    slot = {"affair": RUBBISH, "area": "321302002908", "role": "lead"}
    s.switch("switch-8", [slot])
    new = s.holding("m8", FIRM, RUBBISH, "321302002908", [HANDLE])
    return s.done("switch-8", [{**slot, "old": None, "new": new}])


@plant("term_not_above")
def a_term_given_twice(s: Story) -> Written:
    done = s.find(M + "switch.done", switch="switch-m2")
    done.data["slots"][0]["new"]["term"] = 1
    return done


# G4 有责无费


@plant("activated_unfunded")
def a_mandate_active_without_its_money(s: Story) -> Written:
    s.drop(s.find(F + "earmark.funded", mandate="m2"))
    return s.find(M + "mandate.activated", mandate="m2")


@plant("moved_without_hold")
def a_case_moved_without_money(s: Story) -> Written:
    s.drop(s.find(F + "hold.placed", hold="hold-3"))
    s.drop(s.find(F + "hold.released", hold="hold-3"))
    event = s.find(C + "handed_over", case="c3")
    event.data["hold"] = None
    return event


@plant("moved_without_hold")
def a_case_moved_with_too_little(s: Story) -> Written:
    s.find(F + "hold.placed", hold="hold-3").data["amount_fen"] = PRICE - 1
    s.find(F + "hold.released", hold="hold-3").data["amount_fen"] = PRICE - 1
    return s.find(C + "handed_over", case="c3")


@plant("moved_by_foreign_hold")
def a_case_moved_by_the_hold_of_another(s: Story) -> Written:
    event = s.find(C + "repointed", case="c3")
    event.data["hold"] = "hold-2"
    return event


@plant("case_unpaid")
def good_work_without_pay(s: Story) -> Written:
    paid = s.find(F + "case.paid", case="c1")
    paid.name = F + "case.unpaid"
    paid.data |= {"shortfall_fen": PRICE, "payer": DEPT}
    return paid


@plant("returned_while_active")
def the_money_of_an_active_mandate_goes_back(s: Story) -> Written:
    data = {"earmark": "m2", "mandate": "m2", "payer": DEPT, "holder": FIRM, "amount_fen": PRICE, "entry": "opening"}
    return s.emit(F + "earmark.returned", data, key="m2")


@plant("switched_without_cases")
def switched_before_the_cases_had_their_money(s: Story) -> Written:
    s.drop(s.find("complaints.switch.cases_ready", switch="switch-end"))
    return s.find(M + "switch.done", switch="switch-end")


# G5 有费无事


@plant("captured_unverified")
def paid_out_without_a_check(s: Story) -> Written:
    verified = s.find(C + "verified", case="c2")
    verified.name, verified.data = C + "resumed", {"case": "c2"}
    return s.find(F + "hold.captured", case="c2")


@plant("captured_twice")
def a_hold_captured_twice(s: Story) -> Written:
    return s.emit(F + "hold.captured", s.find(F + "hold.captured", hold="hold-2").data, key="c2")


@plant("captured_and_released")
def a_hold_captured_and_released(s: Story) -> Written:
    return s.release("hold-2", "c2")


@plant("released_twice")
def a_hold_released_twice(s: Story) -> Written:
    return s.release("hold-3", "c3")


@plant("hold_unknown")
def a_hold_that_was_never_placed(s: Story) -> Written:
    return s.release("hold-99", "c3")


@plant("hold_placed_twice")
def a_hold_placed_twice(s: Story) -> Written:
    return s.hold("hold-2", "c2", "h2")


@plant("hold_overspent")
def more_captured_than_was_held(s: Story) -> Written:
    event = s.find(F + "hold.captured", hold="hold-2")
    event.data["amount_fen"] = PRICE + 1
    return event


@plant("hold_left_open")
def a_hold_nobody_ended(s: Story) -> Written:
    s.drop(s.find(F + "hold.released", hold="hold-3"))
    return s.find(C + "settled", case="c3")


@plant("hold_exceeds_earmark")
def more_held_than_the_earmark_has(s: Story) -> Written:
    event = s.find(F + "hold.placed", hold="hold-2")
    event.data["amount_fen"] = 100 * PRICE
    return event


@plant("paid_unverified")
def a_case_paid_that_nobody_knows(s: Story) -> Written:
    paid = {"case": "c7", "case_term": 1, "payee": FIRM, "amount_fen": 1, "price_fen": 1, "entry": None}
    return s.emit(F + "case.paid", paid, key="c7")


@plant("paid_twice")
def a_case_paid_twice(s: Story) -> Written:
    return s.emit(F + "case.paid", s.find(F + "case.paid", case="c1").data, key="c1")


@plant("paid_wrong_sum")
def a_case_paid_short(s: Story) -> Written:
    event = s.find(F + "case.paid", case="c1")
    event.data["amount_fen"] = PRICE - 100
    return event


@plant("paid_another")
def another_is_paid(s: Story) -> Written:
    event = s.find(F + "case.paid", case="c1")
    event.data["payee"] = FIRM
    return event


@plant("paid_another")
def who_answers_for_the_case_is_paid_for_what_another_did(s: Story) -> Written:
    s.find(C + "handled", case="c4").data["org"] = FIRM
    return s.find(F + "case.paid", case="c4")


@plant("settled_unpaid")
def settled_but_never_paid(s: Story) -> Written:
    s.drop(s.find(F + "case.paid", case="c1"))
    return s.find(C + "settled", case="c1")


@plant("entry_unbalanced")
def an_entry_off_by_one_fen(s: Story) -> Written:
    event = s.find(F + "entry.posted", entry="pay-c1")
    event.data["lines"][2]["amount_fen"] += 1
    return event


@plant("entry_twice")
def an_entry_posted_twice(s: Story) -> Written:
    return s.emit(F + "entry.posted", s.find(F + "entry.posted", entry="opening").data, key="opening")


@plant("entry_missing")
def a_capture_without_its_entry(s: Story) -> Written:
    event = s.find(F + "hold.captured", hold="hold-2")
    event.data["entry"] = "nowhere"
    return event


@plant("earmark_overdrawn")
def more_taken_from_an_earmark_than_it_had(s: Story) -> Written:
    s.entry("theft", [(FIRM, BANK, "m2", -2 * PRICE), (FIRM, BANK, None, 2 * PRICE)])
    return s.find(F + "entry.posted", entry="theft")


@plant("earmark_funded_twice")
def a_mandate_funded_twice(s: Story) -> Written:
    return s.emit(F + "earmark.funded", s.find(F + "earmark.funded", mandate="m2").data, key="m2")


@plant("earmark_wrong_sum")
def an_earmark_whose_sums_do_not_meet(s: Story) -> Written:
    event = s.find(F + "earmark.settled", mandate="m1")
    event.data["captured_fen"] -= 1
    return event


@plant("rest_not_returned")
def an_ended_mandate_keeps_its_rest(s: Story) -> Written:
    s.drop(s.find(F + "entry.posted", entry="return-m1"))
    s.drop(s.find(F + "earmark.returned", mandate="m1"))
    return s.find(F + "earmark.settled", mandate="m1")


@plant("rest_not_returned")
def a_mandate_settled_before_its_earmark(s: Story) -> Written:
    s.drop(s.find(F + "earmark.settled", mandate="m1"))
    return s.find(M + "mandate.settled", mandate="m1")


# G5, of bills


@plant("bill_unasked")
def a_cost_that_nobody_planned(s: Story) -> Written:
    s.drop(s.find("volunteers.bill.cost_planned", bill="b2"))
    return s.find(F + "bill.held", bill="b2")


@plant("bill_unasked")
def paid_to_another_than_was_said(s: Story) -> Written:
    event = s.find(F + "bill.paid", bill="b1")
    event.data["payee"] = DEPT
    return event


@plant("bill_unasked")
def released_though_nobody_withdrew_it(s: Story) -> Written:
    s.drop(s.find("volunteers.bill.withdrawn", bill="b2"))
    return s.find(F + "bill.released", bill="b2")


@plant("bill_unasked")
def income_of_an_organisation_to_which_nothing_is_due(s: Story) -> Written:
    event = s.find(F + "bill.booked", bill="r1")
    event.data["org"] = FIRM
    return event


@plant("bill_of_anothers_mandate")
def planned_under_one_mandate_from_the_money_of_another(s: Story) -> Written:
    s.find("volunteers.bill.cost_planned", bill="b1").attributes |= {"mandate": "m1", "org": COMMUNITY}
    return s.find(F + "bill.held", bill="b1")


@plant("bill_held_twice")
def one_bill_held_again(s: Story) -> Written:
    return s.answer("held", "b2", mandate="m2", amount_fen=1000)


@plant("bill_booked_twice")
def one_rent_booked_again(s: Story) -> Written:
    data = s.find(F + "bill.booked", bill="r1").data
    return s.answer("booked", "r1", service="property", **{k: data[k] for k in ("org", "amount_fen", "entry")})


@plant("bill_ended_twice")
def paid_and_then_released(s: Story) -> Written:
    return s.answer("released", "b1", amount_fen=1000, entry=None)


@plant("bill_paid_unheld")
def paid_without_having_been_held(s: Story) -> Written:
    s.drop(s.find(F + "bill.held", bill="b1"))
    return s.find(F + "bill.paid", bill="b1")


@plant("bill_overspent")
def more_paid_than_was_held(s: Story) -> Written:
    s.find("volunteers.bill.cost_incurred", bill="b1").data["amount_fen"] = 1200
    event = s.find(F + "bill.paid", bill="b1")
    event.data["amount_fen"] = 1200
    return event


@plant("bill_left_open")
def a_mandate_settled_over_an_open_bill(s: Story) -> Written:
    s.plan("b3", 0, mandate="m1", org=COMMUNITY)
    s.answer("held", "b3", mandate="m1", amount_fen=0)
    return s.find(F + "earmark.settled", mandate="m1")


# acts of a department of which the auditor knows nothing else


@plant("act_by_another")
def a_department_lets_a_stranger_act(s: Story) -> Written:
    term = s.find(M + "mandate.activated", mandate="m2").data["term"]
    return s.emit("property.lease.signed", {"lease": "l1"}, key="l1", **s.act(DEPT, "m2", term))


@plant("act_without_grant")
def a_department_acts_under_what_was_never_given(s: Story) -> Written:
    return s.emit("property.lease.signed", {"lease": "l1"}, key="l1", **s.act(FIRM, "m2", 9))


# G6 来路不明


@plant("act_unnamed")
def an_act_without_its_mandate(s: Story) -> Written:
    event = s.find(C + "handled", case="c1")
    event.attributes["mandate"] = None
    return event


@plant("act_unnamed")
def an_event_without_an_actor(s: Story) -> Written:
    event = s.find(F + "entry.posted", entry="opening")
    event.attributes["actor"] = None
    return event


@plant("authority_unknown")
def an_event_under_a_mandate_that_does_not_exist(s: Story) -> Written:
    event = s.find(C + "repointed", case="c3")
    event.attributes |= {"mandate": "m77", "term": 1}
    return event


@plant("authority_offset_unknown")
def an_event_that_knows_the_future(s: Story) -> Written:
    event = s.find(C + "closed", case="c1")
    event.attributes["authorityoffset"] = 10_000
    return event


# G7 记录残缺


@plant("sequence_gap")
def an_event_is_missing(s: Story) -> Written:
    lost = s.find(C + "started", case="c1")
    s.drop(lost)
    return s.find(C + "handled", case="c1")


@plant("sequence_reordered")
def two_events_changed_places(s: Story) -> Written:
    first, second = s.find(C + "started", case="c1"), s.find(C + "handled", case="c1")
    first.attributes["sequence"], second.attributes["sequence"] = 4, 3
    return second


@plant("sequence_repeated")
def two_events_with_one_number(s: Story) -> Written:
    event = s.find(C + "settled", case="c1")
    event.attributes["sequence"] -= 1
    return event


@plant("duplicate_differs")
def one_id_with_two_contents(s: Story) -> Written:
    event = s.find(C + "settled", case="c1")
    again = s.case("settled", {"paid_fen": 1, "price_fen": 1}, "c1")
    again.id = event.id
    return again


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_violation_is_named_by_its_event(name: str) -> None:
    code = name.partition(":")[0]
    story = true_history()
    event = PLANTS[name](story)
    report = audit(story.records(), Rules())
    found = {(v.code, v.event) for v in report.violations}
    assert (code, event.id) in found, sorted(found)
    assert report.exit_code == 1
    named = next(v for v in report.violations if (v.code, v.event) == (code, event.id))
    assert (named.topic, named.partition, named.offset) == (event.topic, event.partition, event.offset)
    assert named.zh
    assert named.en
    assert named.guarantee == CODES[code].guarantee


def test_every_kind_of_violation_is_planted() -> None:
    assert {name.partition(":")[0] for name in PLANTS} == set(CODES)


def test_the_four_names_are_among_the_kinds() -> None:
    assert {"有责无权", "有责无费", "有费无事", "有权无责"} <= {code.kind for code in CODES.values()}


def test_every_guarantee_has_violations_of_its_own() -> None:
    assert {code.guarantee for code in CODES.values()} == {f"G{n}" for n in range(1, 8)}


def test_most_plants_are_found_without_accusing_anything_else() -> None:
    """A finding is of use when it points at one place."""
    alone = 0
    for name, function in PLANTS.items():
        story = true_history()
        function(story)
        codes = {v.code for v in audit(story.records(), Rules()).violations}
        alone += codes == {name.partition(":")[0]}
    assert alone >= len(PLANTS) // 2
