"""Two sides measured in turns, so that what the machine does meanwhile meets both alike."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Side = Callable[[int], Awaitable[float]]  # the number of the round -> what was measured


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours to the peer's, by the medians of their rounds. `reach` is the number that the design asks for."""

    name: str
    unit: str
    ours: list[float]
    peer: list[float]
    reach: float
    at_most: bool = False  # of a time: not more than; of a rate: not less than

    @property
    def median(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.peer)

    @property
    def spread(self) -> tuple[float, float]:
        each = [a / b for a, b in zip(self.ours, self.peer, strict=True)]
        return min(each), max(each)

    @property
    def reached(self) -> bool:
        return self.median <= self.reach if self.at_most else self.median >= self.reach

    def as_dict(self) -> dict[str, Any]:
        low, high = self.spread
        return {
            "median": round(self.median, 3),
            "spread": [round(low, 3), round(high, 3)],
            "ours": {"median": round(statistics.median(self.ours), 3), "rounds": [round(v, 3) for v in self.ours]},
            "peer": {"median": round(statistics.median(self.peer), 3), "rounds": [round(v, 3) for v in self.peer]},
            "unit": self.unit,
            "reach": self.reach,
            "reached": self.reached,
            "date": datetime.now(UTC).date().isoformat(),
        }


async def in_turns(
    name: str, unit: str, ours: Side, peer: Side, *, reach: float, at_most: bool = False, rounds: int = 5
) -> Ratio:
    """One round of each to warm up, then `rounds` of each in turns; tells every round."""
    mine: list[float] = []
    theirs: list[float] = []
    for number in range(rounds + 1):
        a, b = await ours(number), await peer(number)
        if number:
            mine.append(a)
            theirs.append(b)
        word = "warm-up" if number == 0 else f"{number}/{rounds}"
        print(f"  {name:<28} {word:>8}  ours {a:>12,.1f}  peer {b:>12,.1f} {unit}", flush=True)
    return Ratio(name, unit, mine, theirs, reach, at_most)
