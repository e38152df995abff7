"""Two sides measured in turns, so that what the machine does meanwhile meets both alike."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Side = Callable[[int], Awaitable[float]]  # the number of the round -> what was measured


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours to the peer's, by the medians of their rounds. `reach` is the number that the design asks for, if it does.

    `shown` are sides of the same run that stand beside, without a limit, each in the unit of the ratio."""

    name: str
    unit: str
    ours: list[float]
    peer: list[float]
    reach: float | None
    at_most: bool = False  # of a time: not more than; of a rate: not less than
    shown: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def median(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.peer)

    @property
    def spread(self) -> tuple[float, float]:
        each = [a / b for a, b in zip(self.ours, self.peer, strict=True)]
        return min(each), max(each)

    @property
    def reached(self) -> bool | None:
        """None where nothing is asked for."""
        if self.reach is None:
            return None
        return self.median <= self.reach if self.at_most else self.median >= self.reach

    def as_dict(self) -> dict[str, Any]:
        low, high = self.spread
        return {
            "median": round(self.median, 3),
            "spread": [round(low, 3), round(high, 3)],
            "ours": _side(self.ours),
            "peer": _side(self.peer),
            **({"shown": {name: _side(values) for name, values in self.shown.items()}} if self.shown else {}),
            "unit": self.unit,
            "reach": self.reach,
            "reached": self.reached,
            "date": datetime.now(UTC).date().isoformat(),
        }


def _side(rounds: Sequence[float]) -> dict[str, Any]:
    return {"median": round(statistics.median(rounds), 3), "rounds": [round(v, 3) for v in rounds]}


async def turns(name: str, unit: str, sides: Mapping[str, Side], *, rounds: int = 5) -> dict[str, list[float]]:
    """One round of each side to warm up, then `rounds` of each in turns; tells every round."""
    found: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(rounds + 1):
        told = []
        for side, measure in sides.items():
            value = await measure(number)
            told.append(f"{side} {value:,.1f}")
            if number:
                found[side].append(value)
        word = "warm-up" if number == 0 else f"{number}/{rounds}"
        print(f"  {name:<26} {word:>8}  {'  '.join(told)}  {unit}", flush=True)
    return found


async def in_turns(
    name: str, unit: str, ours: Side, peer: Side, *, reach: float, at_most: bool = False, rounds: int = 5
) -> Ratio:
    """Ours and one peer in turns."""
    found = await turns(name, unit, {"ours": ours, "peer": peer}, rounds=rounds)
    return Ratio(name, unit, found["ours"], found["peer"], reach, at_most)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
