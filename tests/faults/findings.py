"""How the checker names what it finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

NO_ANSWER, SURPRISE, REFUSED = "no answer", "surprise", "refused"
LOST, TWICE, ORDER, UNASKED = "lost", "twice", "order", "unasked"
EFFECT_LOST, EFFECT_TWICE, WRONG = "effect lost", "effect twice", "wrong"
MONEY, LEFT, DEAD, STUCK, VIOLATION, NOTHING = "money", "left over", "dead letter", "stuck", "violation", "nothing read"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be; `what` names it by event, case or key."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


def compare(what: str, expected: Iterable[K], found: Iterable[K], less: str, more: str) -> list[Finding]:
    """Each of `expected` is found exactly as often; otherwise `less` or `more`."""
    wanted, there = Counter(list(expected)), Counter(list(found))  # of a mapping: its keys
    missing = [Finding(less, f"{what} {key}: {there[key]}, not {wanted[key]}") for key in (wanted - there)]
    return missing + [Finding(more, f"{what} {key}: {there[key]}, not {wanted[key]}") for key in (there - wanted)]


def equal(what: str, expected: Mapping[K, object], found: Mapping[K, object], kind: str = WRONG) -> list[Finding]:
    """The same keys with the same values."""
    return [
        Finding(kind, f"{what} {key}: {found.get(key)!r}, not {expected.get(key)!r}")
        for key in sorted({*expected, *found}, key=str)
        if expected.get(key) != found.get(key)
    ]
