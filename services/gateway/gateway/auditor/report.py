"""What an audit says: what it read, what it found, and what is still on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.auditor.violations import Violation

CLEAN, FOUND, NOTHING_READ = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Report:
    """`open` counts what was begun and not yet answered; `undecided` are findings about events so new that their
    causes may not have been read. Amounts are fen."""

    events: int
    per_topic: dict[str, int]
    offsets: dict[str, dict[str, int]]
    cases: int
    mandates: int
    entries: int
    fen: int
    beats: int
    duplicates: int
    malformed: int
    malformed_at: list[dict[str, Any]]
    unknown: dict[str, int]
    open: dict[str, int]
    undecided: int
    violations: tuple[Violation, ...] = ()
    by_guarantee: dict[str, int] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 only when something was read and nothing is wrong."""
        if self.events == 0:
            return NOTHING_READ
        return FOUND if self.violations else CLEAN

    @property
    def verdict(self) -> str:
        return {CLEAN: "clean", FOUND: "violations", NOTHING_READ: "nothing_read"}[self.exit_code]

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "read": {
                "events": self.events,
                "per_topic": self.per_topic,
                "offsets": self.offsets,
                "cases": self.cases,
                "mandates": self.mandates,
                "entries": self.entries,
                "fen": self.fen,
                "beats": self.beats,
                "duplicates": self.duplicates,
                "malformed": self.malformed,
                "malformed_at": self.malformed_at,
                "unknown": self.unknown,
            },
            "open": self.open,
            "undecided": self.undecided,
            "by_guarantee": self.by_guarantee,
            "violations": [v.as_dict() for v in self.violations],
        }
