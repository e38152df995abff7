"""G5: a hold is captured when the work is verified, released when it goes back, and a case is paid once."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.auditor import g5_bills, g5_ledger
from gateway.auditor.cases import Case
from gateway.auditor.money import Hold
from gateway.auditor.records import Event
from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation, violation


def check(trail: Trail) -> Iterator[Violation]:
    """Holds, payments, and the ledger behind them."""
    for hold in trail.money.holds.values():
        yield from _hold(trail, hold)
    for case in trail.cases.values():
        yield from _settled(trail, case)
    for case_id, payments in trail.money.paid.items():
        yield from _paid(trail, trail.cases.get(case_id), payments)
    yield from g5_bills.check(trail)
    yield from g5_ledger.check(trail)


def _hold(trail: Trail, hold: Hold) -> Iterator[Violation]:
    for event in hold.placed_again:
        yield violation("hold_placed_twice", event, hold.placed, hold=hold.id)
    if hold.placed is None:
        yield violation("hold_unknown", (*hold.captured, *hold.released)[0], hold=hold.id)
        return
    for event in hold.captured:
        case = trail.cases.get(event.text("case"))
        if case is None or not case.verified:
            yield violation("captured_unverified", event, hold.placed, hold=hold.id)
        elif event.text("payee") != (wanted := case.doer or case.verified[-1].text("responsible")):
            yield violation("paid_another", event, case.verified[-1], got=event.text("payee"), wanted=wanted)
    for event in hold.captured[1:]:
        yield violation("captured_twice", event, hold.placed, hold.captured[0], hold=hold.id)
    for event in hold.released[1:]:
        yield violation("released_twice", event, hold.placed, hold.released[0], hold=hold.id)
    if hold.captured:
        for event in hold.released:
            if event.text("reason") != "surplus":
                yield violation("captured_and_released", event, hold.placed, hold.captured[0], hold=hold.id)
    if len(hold.captured) <= 1 and len(hold.released) <= 1 and hold.spent > hold.amount:
        last = max((*hold.captured, *hold.released), key=lambda e: e.committed)
        yield violation("hold_overspent", last, hold.placed, hold=hold.id, placed=hold.amount, spent=hold.spent)


def _settled(trail: Trail, case: Case) -> Iterator[Violation]:
    if case.settled is None:
        return
    for hold in trail.money.by_case.get(case.id, ()):
        if hold.open and not _came_later(case, hold):
            yield violation("hold_left_open", case.settled, hold.placed, hold=hold.id)
    if case.verified and case.id not in trail.money.paid:
        yield violation("settled_unpaid", case.settled, case.verified[-1])


def _came_later(case: Case, hold: Hold) -> bool:
    """Finance places a hold also when late; what releases it stands in the case's stream already."""
    return hold.placed is not None and hold.placed.text("ref") in _given_up(case)


def _given_up(case: Case) -> set[str]:
    fields = {"complaints.case.handover_refused": "handover", "complaints.case.switch_holds_dropped": "switch"}
    return {e.text(fields[e.name]) for e in case.events if e.name in fields}


def _paid(trail: Trail, case: Case | None, payments: list[Event]) -> Iterator[Violation]:
    for event in payments[1:]:
        yield violation("paid_twice", event, payments[0])
    for event in payments:
        if case is None or not case.verified:
            yield violation("paid_unverified", event)
            continue
        verified = case.verified[-1]
        if event.text("payee") != (wanted := case.doer or verified.text("responsible")):
            yield violation("paid_another", event, verified, got=event.text("payee"), wanted=wanted)
        if event.name == "finance.case.paid" and event.fen("amount_fen") != verified.fen("price_fen"):
            wanted_fen = verified.fen("price_fen")
            yield violation("paid_wrong_sum", event, verified, got=event.fen("amount_fen"), wanted=wanted_fen)
