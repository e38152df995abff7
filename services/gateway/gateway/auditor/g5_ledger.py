"""G5, in the ledger: entries balance, earmarks never go below nothing, and what is left goes back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from gateway.auditor.records import Event
from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation, violation

_OF_BILLS = ("bill.held", "bill.paid", "bill.released")


def check(trail: Trail) -> Iterator[Violation]:
    """Finance's events in the order of its commits."""
    for entries in trail.money.entries.values():
        yield from _balanced(entries[0])
        for event in entries[1:]:
            yield violation("entry_twice", event, entries[0], entry=event.text("entry"))
    yield from _named_entries(trail)
    yield from _in_order(trail)
    yield from _earmarks(trail)


def _balanced(event: Event) -> Iterator[Violation]:
    per_org: dict[str, int] = defaultdict(int)
    for line in event.data["lines"]:
        per_org[str(line["org"])] += int(line["amount_fen"])
    for org, off in sorted(per_org.items()):
        if off:
            yield violation("entry_unbalanced", event, entry=event.text("entry"), org=org, off=off)


def _named_entries(trail: Trail) -> Iterator[Violation]:
    named = ("hold.captured", "case.paid", "earmark.funded", "earmark.returned")
    for name in (*named, "bill.booked", "bill.paid", "bill.released"):
        for event in trail.history.by_name.get(f"finance.{name}", ()):
            entry = event.maybe("entry")
            if entry is not None and entry not in trail.money.entries:
                yield violation("entry_missing", event, entry=entry)


def _in_order(trail: Trail) -> Iterator[Violation]:
    """Walks earmarks and holds together: no earmark is overdrawn, and no more is held of it than lies in it."""
    balance: dict[str, int] = defaultdict(int)
    held: dict[str, int] = defaultdict(int)
    left: dict[str, int] = {}
    overdrawn: set[str] = set()
    names = ("entry.posted", "hold.placed", "hold.captured", "hold.released", *_OF_BILLS)
    for event in trail.history.named(*(f"finance.{n}" for n in names)):
        if event.name == "finance.entry.posted":
            for mandate in _post(event, balance, trail.rules.bank):
                if balance[mandate] < 0 and mandate not in overdrawn:
                    overdrawn.add(mandate)
                    yield violation("earmark_overdrawn", event, mandate=mandate, short=-balance[mandate])
            continue
        hold, earmark = _held_of(trail, event)
        if earmark is None:
            continue
        amount = event.fen("amount_fen")
        if event.name in ("finance.hold.placed", "finance.bill.held"):
            left[hold] = amount
            held[earmark] += amount
            if held[earmark] > balance[earmark]:
                yield violation(
                    "hold_exceeds_earmark", event, mandate=earmark, held=held[earmark], balance=balance[earmark]
                )
        else:  # of a bill all is free or paid at once
            gone = left.get(hold, 0) if event.name.startswith("finance.bill.") else min(amount, left.get(hold, 0))
            left[hold] = left.get(hold, 0) - gone
            held[earmark] -= gone


def _held_of(trail: Trail, event: Event) -> tuple[str, str | None]:
    """(what is held, of which earmark, if of one)."""
    if not event.name.startswith("finance.bill."):
        return event.text("hold"), event.maybe("mandate")
    held = trail.money.bills_held.get(event.key)
    return f"bill {event.key}", held[0].text("mandate") if held else None


def _post(event: Event, balance: dict[str, int], bank: str) -> set[str]:
    touched: set[str] = set()
    for line in event.data["lines"]:
        earmark = line.get("earmark")
        if earmark is not None and str(line["account"]) == bank:
            balance[str(earmark)] += int(line["amount_fen"])
            touched.add(str(earmark))
    return touched


def _earmarks(trail: Trail) -> Iterator[Violation]:
    """A settled earmark is empty, and what came in went out again: to who did the work, or back."""
    rest: dict[str, int] = defaultdict(int)
    for entries in trail.money.entries.values():
        _post(entries[0], rest, trail.rules.bank)
    for mandate, events in trail.money.funded.items():
        for event in events[1:]:
            yield violation("earmark_funded_twice", event, events[0], mandate=mandate)
    for mandate, events in trail.money.settled.items():
        event = events[0]
        funded = sum(e.fen("amount_fen") for e in trail.money.funded.get(mandate, ()))
        out = event.fen("captured_fen") + event.fen("returned_fen")
        if out != funded:
            yield violation("earmark_wrong_sum", event, mandate=mandate, funded=funded, out=out)
        if rest[mandate]:
            yield violation("rest_not_returned", event, mandate=mandate, rest=rest[mandate])
        for hold in trail.money.holds.values():
            if hold.open and hold.placed and hold.amount and hold.placed.maybe("mandate") == mandate:
                yield violation("hold_left_open", event, hold.placed, hold=hold.id)
        for key, held in trail.money.bills_held.items():
            if held[0].text("mandate") == mandate and key not in trail.money.bills_over:
                yield violation("bill_left_open", event, held[0], bill=key)
    for event in trail.history.named("mandates.mandate.settled"):
        mandate = event.text("mandate")
        if trail.money.funded.get(mandate) and mandate not in trail.money.settled:
            yield violation("rest_not_returned", event, mandate=mandate, rest=rest[mandate])
