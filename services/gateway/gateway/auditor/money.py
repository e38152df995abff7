"""The money as finance's events tell it: holds by case, and what lies in each earmark by the ledger's own lines."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from gateway.auditor.history import History
from gateway.auditor.records import Event

F = "finance."


@dataclass(slots=True)
class Hold:
    """One hold. Amounts are fen."""

    id: str
    placed: Event | None = None
    placed_again: list[Event] = field(default_factory=list)
    captured: list[Event] = field(default_factory=list)
    released: list[Event] = field(default_factory=list)

    @property
    def amount(self) -> int:
        return self.placed.fen("amount_fen") if self.placed else 0

    @property
    def spent(self) -> int:
        return sum(e.fen("amount_fen") for e in (*self.captured, *self.released))

    @property
    def open(self) -> bool:
        """A hold over nothing needs one answer too."""
        return self.placed is not None and not self.captured and not self.released

    def held_at(self, offset: int) -> int:
        """What it held as of `offset` of its partition."""
        if self.placed is None or self.placed.offset > offset:
            return 0
        gone = sum(e.fen("amount_fen") for e in (*self.captured, *self.released) if e.offset <= offset)
        return self.amount - gone


class Money:
    """Holds, payments, entries, earmarks."""

    def __init__(self, history: History) -> None:
        self.holds: dict[str, Hold] = {}
        self.by_case: dict[str, list[Hold]] = defaultdict(list)
        self.by_ref: dict[str, list[Hold]] = defaultdict(list)
        for event in history.named(F + "hold.placed", F + "hold.captured", F + "hold.released"):
            self._hold(event)
        self.paid: dict[str, list[Event]] = defaultdict(list)
        for event in history.named(F + "case.paid", F + "case.unpaid"):
            self.paid[event.text("case")].append(event)
        self.entries: dict[str, list[Event]] = defaultdict(list)
        for event in history.named(F + "entry.posted"):
            self.entries[event.text("entry")].append(event)
        self.funded = self._by_mandate(history, "earmark.funded")
        self.returned = self._by_mandate(history, "earmark.returned")
        self.settled = self._by_mandate(history, "earmark.settled")
        self.claims = self._by_mandate(history, "claim.booked")
        self.bills_held = self._by_key(history, "bill.held")
        self.bills_booked = self._by_key(history, "bill.booked")
        self.bills_over = self._by_key(history, "bill.paid", "bill.released")

    @staticmethod
    def _by_mandate(history: History, name: str) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = defaultdict(list)
        for event in history.named(F + name):
            found[event.text("mandate")].append(event)
        return found

    @staticmethod
    def _by_key(history: History, *names: str) -> dict[str, list[Event]]:
        """By service and bill."""
        found: dict[str, list[Event]] = defaultdict(list)
        for event in history.named(*(F + name for name in names)):
            found[event.key].append(event)
        return found

    def _hold(self, event: Event) -> None:
        hold = self.holds.get(event.text("hold"))
        if hold is None:
            hold = self.holds[event.text("hold")] = Hold(event.text("hold"))
            self.by_case[event.text("case")].append(hold)
        kind = event.name.rpartition(".")[2]
        if kind == "placed":
            if hold.placed is None:
                hold.placed = event
                self.by_ref[event.text("ref")].append(hold)
            else:
                hold.placed_again.append(event)
        elif kind == "captured":
            hold.captured.append(event)
        else:
            hold.released.append(event)
