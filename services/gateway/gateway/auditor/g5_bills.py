"""G5, for bills: finance holds, pays and books only what a department has asked for, of its own mandate, and once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from gateway.auditor.records import Event
from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation, violation

ASKED = ("cost_planned", "cost_incurred", "income_due", "income_received", "withdrawn")
Said = dict[tuple[str, str], list[Event]]


def check(trail: Trail) -> Iterator[Violation]:
    """Every answer of finance against what was asked."""
    said = _said(trail)
    for key, held in trail.money.bills_held.items():
        yield from _once(held, "bill_held_twice", key)
        yield from _held(trail, held[0], said["cost_planned", key])
    for key, booked in trail.money.bills_booked.items():
        yield from _once(booked, "bill_booked_twice", key)
        yield from _asked(booked[0], said["income_due", key], org=booked[0].text("org"))
    for key, over in trail.money.bills_over.items():
        yield from _once(over, "bill_ended_twice", key)
        if over[0].name == "finance.bill.released":
            yield from _asked(over[0], said["withdrawn", key])
        else:
            yield from _paid(trail, over[0], said)


def _said(trail: Trail) -> Said:
    found: Said = defaultdict(list)
    for what in ASKED:
        for event in trail.history.of_any(f"bill.{what}"):
            found[what, f"{event.source}:{event.text('bill')}"].append(event)
    return found


def _once(events: list[Event], code: str, key: str) -> Iterator[Violation]:
    for event in events[1:]:
        yield violation(code, event, events[0], bill=key)


def _held(trail: Trail, event: Event, planned: list[Event]) -> Iterator[Violation]:
    yield from _asked(event, planned, mandate=event.text("mandate"), amount_fen=event.fen("amount_fen"))
    if not planned:
        return
    funded = trail.money.funded.get(event.text("mandate"), ())
    holders = {e.text("holder") for e in funded}
    if planned[0].mandate != event.text("mandate") or (holders and planned[0].org not in holders):
        yield violation("bill_of_anothers_mandate", event, planned[0], bill=event.key, mandate=event.text("mandate"))


def _paid(trail: Trail, event: Event, said: Said) -> Iterator[Violation]:
    held, booked = trail.money.bills_held.get(event.key), trail.money.bills_booked.get(event.key)
    before = held or booked
    if not before:
        yield violation("bill_paid_unheld", event, bill=event.key)
        return
    amount, there = event.fen("amount_fen"), before[0].fen("amount_fen")
    if held:
        yield from _asked(event, said["cost_incurred", event.key], payee=event.text("payee"), amount_fen=amount)
    else:
        yield from _asked(event, said["income_received", event.key])
    if amount > there or (booked and amount != there):
        yield violation("bill_overspent", event, before[0], bill=event.key, got=amount, held=there)


def _asked(event: Event, said: list[Event], **wanted: object) -> Iterator[Violation]:
    """Some event of the department says just that."""
    if not any(all(one.data.get(name) == value for name, value in wanted.items()) for one in said):
        yield violation("bill_unasked", event, *said[:1], bill=event.key)
