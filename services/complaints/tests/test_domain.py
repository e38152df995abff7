"""The rules alone: no database, no clock but the one handed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from complaints.domain import closing, handover, intake, limits, repointing, returning, verification, work
from complaints.domain.case import CLOSED, DISPATCHED, HANDLED, STARTED, SUSPENDED, VERIFIED, Case, Hold
from complaints.domain.facts import CaseSettled, HandoverRefused
from complaints.domain.times import Clockwork
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant, Yielding
from suizhuan.kernel.worktime import Limit

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # Monday, 09:00 in Shanghai
AREA = "321302002907"
ANOTHER_AFFAIR = "b"


class Weekdays:
    """Monday to Friday, nine to five."""

    hours = ((time(9), time(17)),)

    def is_workday(self, day: date) -> bool:
        return day.weekday() < 5


CLOCKWORK = Clockwork(Weekdays(), 1, 1)


def grant(mandate: str = "m", holder: str = "org", area: str = AREA, affair: str = "a", **more: object) -> Grant:
    values = {"role": "lead", "powers": frozenset({"complaints.case.handle"}), "term": 1, "starts_at": NOW}
    return Grant(mandate=mandate, affair=affair, area=area, holder=holder, **{**values, **more})  # type: ignore[arg-type]


def case(**more: object) -> Case:
    reported = intake.report(
        case="c",
        category="01-02",
        affair="a",
        area=AREA,
        channel="web",
        limit=Limit(4, "WH"),
        price_fen=0,
        now=NOW,
        clockwork=CLOCKWORK,
    )
    return replace(intake.route(reported.case, grant(), 100, NOW).case, **more)  # type: ignore[arg-type]


def waiting(of: Case, to: Grant, price: int = 100) -> tuple[Case, handover.Handover]:
    change, made = handover.request(
        of, handover="h", receiver=to, price_fen=price, now=NOW, expires_at=NOW + timedelta(minutes=10)
    )
    return change.case, made


def refusal(code: str) -> object:
    return pytest.raises(Refusal, match=code)


def test_every_fact_raises_the_version_by_one() -> None:
    assert case().version == 2
    assert work.start(case(), NOW).case.version == 3


def test_the_longest_prefix_that_is_not_over_is_responsible() -> None:
    root, street = grant("root:a", "owner", "3213"), grant("s", "street", "321302002")
    over = grant("o", "old", AREA, ends_at=NOW)
    soon = grant("n", "next", AREA, starts_at=NOW + timedelta(seconds=5))
    assert intake.route_case([root, street, over], "a", AREA, NOW) == street
    assert intake.route_case([root, street, over, soon], "a", AREA, NOW) == soon
    assert intake.route_case([root, replace(street, role="assist")], "a", AREA, NOW) == root
    assert intake.route_case([root], ANOTHER_AFFAIR, AREA, NOW) is None


def test_a_case_is_not_routed_twice_nor_to_a_grant_that_does_not_cover_it() -> None:
    with refusal("case_state"):
        intake.route(case(), grant(), 1, NOW)
    unrouted = replace(case(), state="reported", responsible=None)
    with refusal("wrong_route"):
        intake.route(unrouted, grant(area="110101"), 1, NOW)


def test_a_case_without_a_responsible_organisation_cannot_be_worked_on() -> None:
    with refusal("not_routed"):
        work.start(replace(case(), responsible=None), NOW)


def test_one_movement_at_a_time() -> None:
    moving, _ = waiting(case(), grant("x", "other"))
    with refusal("movement_under_way"):
        waiting(moving, grant("x", "other"))
    with refusal("movement_under_way"):
        limits.suspend(moving, "season", NOW)
    with refusal("movement_under_way"):
        returning.undoable(replace(case(), switch="s"), Limit(2, "WD"), NOW, CLOCKWORK)


def test_a_handover_counts_only_for_its_id_and_case_term() -> None:
    moving, made = waiting(case(), grant("x", "other"))
    assert made.counts_for(moving)
    assert not made.counts_for(replace(moving, handover=None))
    assert not made.counts_for(replace(moving, case_term=9))
    assert not made.decided(handover.REFUSED, NOW).counts_for(moving)


def test_a_move_and_its_return_leave_the_case_as_it_was() -> None:
    before = case()
    moving, made = waiting(before, grant("x", "other", affair="b"), 300)
    moved = handover.move(moving, made, grant("x", "other", affair="b"), Hold("h1", "h", 300), NOW).case
    assert (moved.responsible, moved.affair, moved.price_fen, moved.carried_fen) == ("other", "b", 300, 300)
    back = returning.give_back(moved, grant(), moved.stack[-1].price_fen, NOW).case
    changed = {"version", "case_term", "moved_at"}
    assert {k for k in Case.__slots__ if getattr(back, k) != getattr(before, k)} <= changed
    assert back.case_term == 3


def test_what_is_held_already_is_not_asked_for_again_and_never_less_than_nothing() -> None:
    rich = replace(case(), holds=(Hold("h0", "r", 500),))
    assert waiting(rich, grant("x", "other"), 300)[1].needed_fen == 0
    assert waiting(rich, grant("x", "other"), 700)[1].needed_fen == 200


def test_a_root_has_no_earmark() -> None:
    assert case().earmark == "m"
    assert case(mandate="root:a").earmark is None


def test_reporting_the_work_as_done_refuses_a_waiting_handover() -> None:
    moving, made = waiting(case(), grant("x", "other"))
    change = work.report_back(moving, made, NOW)
    assert isinstance(change.facts[0], HandoverRefused)
    assert (change.case.state, change.case.handover) == (HANDLED, None)


def test_only_handled_work_is_verified_and_only_verified_work_is_closed_as_valid() -> None:
    with refusal("case_state"):
        verification.passed(case(), by="v", owner="o", satisfied=None, now=NOW)
    with refusal("case_state"):
        closing.close(case(state=HANDLED), by="v", now=NOW)
    with refusal("case_state"):
        closing.close_invalid(case(state=VERIFIED), None, by="v", reason="duplicate", redirect=None, now=NOW)


def test_nobody_checks_its_own_work() -> None:
    with refusal("self_verification"):
        verification.independent(case(), "org", others="street")
    with refusal("self_verification"):  # the case has moved on since "street" did the work
        verification.independent(case(state=HANDLED, done_by="street"), "street", others="district")
    verification.independent(case(), "street", others=None)


def test_money_settles_a_case_once_and_only_a_closed_one() -> None:
    verified = case(state=VERIFIED)
    noted = closing.paid(verified, 100, NOW)
    assert (noted.facts, noted.case.paid_fen) == ((), 100)
    closed = closing.close(noted.case, by="v", now=NOW)
    assert isinstance(closed.facts[1], CaseSettled)
    assert closing.paid(closed.case, 100, NOW).facts == ()
    assert closing.paid(case(state=CLOSED, outcome="invalid"), 100, NOW).facts == ()
    assert closing.paid(case(), 100, NOW).case == case()


def test_a_repointed_case_begins_anew_but_keeps_what_was_done() -> None:
    def follow(of: Case) -> Case:
        target = grant("n", "new")
        return repointing.repoint(of, target, cause="switch", switch="s", hold=None, taken=False, now=NOW).case

    assert follow(case(state=STARTED)).state == DISPATCHED
    assert follow(case(state=HANDLED)).state == HANDLED
    suspended = follow(case(state=SUSPENDED, suspended_from=STARTED))
    assert (suspended.state, suspended.suspended_from) == (SUSPENDED, DISPATCHED)


def test_a_dropped_switch_takes_its_holds_out_of_the_stack_too() -> None:
    moving, made = waiting(case(), grant("x", "other"))
    moved = handover.move(moving, made, grant("x", "other"), Hold("h1", "h", 60), NOW).case
    kept = repointing.keep_hold(replace(moved, switch="s"), Hold("h2", "s", 40)).case
    assert kept.stack[-1].holds == ("h1", "h2")
    dropped = repointing.drop_holds(kept, "s", ["h2"]).case
    assert (dropped.stack[-1].holds, dropped.carried_fen, dropped.switch) == (("h1",), 60, None)


def test_both_cards_overdue_raise_the_red_one_alone() -> None:
    late = case().red_at + timedelta(days=3)
    change = limits.raise_card(case(), late)
    assert (len(change.facts), change.case.card) == (1, "red")
    assert limits.next_card(change.case) is None
    assert limits.raise_card(case(state=HANDLED), late).facts == ()


def test_what_was_overdue_when_the_clock_stopped_is_overdue_when_it_runs_again() -> None:
    late = NOW + timedelta(days=10)
    stopped = limits.suspend(case(), "season", late).case
    resumed = limits.resume(stopped, late + timedelta(days=5), CLOCKWORK).case
    assert resumed.due_at == case().due_at


def test_plain_hours_stand_still_as_plain_hours() -> None:
    urgent = case(limit="24 H", due_at=NOW + timedelta(hours=24), base_due_at=NOW + timedelta(hours=24))
    stopped = limits.suspend(urgent, "weather", NOW + timedelta(hours=4)).case
    resumed = limits.resume(stopped, NOW + timedelta(hours=10), CLOCKWORK).case
    assert resumed.due_at == NOW + timedelta(hours=30)


def test_a_yielding_grant_still_is_where_routing_points() -> None:
    """A switch that is open moves its cases when it is done, not before."""
    leading = grant(yielding=(Yielding(AREA, switch="s"),))
    assert intake.route_case([leading], "a", AREA, NOW) == leading
