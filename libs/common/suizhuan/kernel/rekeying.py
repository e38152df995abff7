"""Areas that get other codes: a table of moves, each from a code to the one that stands for it from now on.

A move carries along all that lies in its area, unless a narrower move says otherwise: the longest prefix wins. A code
that was given up is never given out again, so whatever names it means the area that it has become.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from suizhuan.kernel.area import contains, prefixes


@dataclass(frozen=True, slots=True)
class Move:
    """`old` becomes `new`; the same code twice says that it stays and takes part.

    `heir`: where several codes become one, the grants of this one hold in the whole of it; where one becomes several,
    what is not said to go elsewhere goes here."""

    old: str
    new: str
    heir: bool = True


def moved(code: str, change: Mapping[str, str]) -> str:
    """What a code has become. An area takes along what lies in it: of those that are named the longest prefix wins."""
    for prefix in prefixes(code):
        if (new := change.get(prefix)) is not None:
            return new + code[len(prefix) :]
    return code


class Table:
    """The moves of one re-keying, as they were found to be sound (`population.domain.rekeying`)."""

    def __init__(self, moves: Iterable[Move]) -> None:
        self.moves = tuple(moves)
        self._places: dict[str, str] = {}
        for move in self.moves:
            if move.heir or move.old not in self._places:
                self._places[move.old] = move.new
        heirs = {move.old for move in self.moves if move.heir}
        self._ending = frozenset(move.old for move in self.moves if move.old not in heirs)
        self.fresh = frozenset(move.new for move in self.moves if move.new not in self._places)

    @property
    def retired(self) -> dict[str, str]:
        """By code that is given up what it has become."""
        return {old: new for old, new in self._places.items() if old != new}

    @property
    def touched(self) -> tuple[str, ...]:
        """Every code that is named, old and new: where routing points may change there."""
        return tuple(sorted({*self._places, *(move.new for move in self.moves)}))

    def place(self, code: str) -> str:
        """What stands for an area, or a place in one, from now on."""
        return moved(code, self._places)

    def grant(self, area: str) -> str | None:
        """The area of a grant that was held in `area`. None: it ends. Of codes that become one the heir's grants hold;
        and a code that nobody had in use may have been granted early: whoever moves there now comes before."""
        if area in self._ending:
            return None
        new = self.place(area)
        if new == area and any(contains(fresh, area) for fresh in self.fresh):
            return None
        return new

    def losers(self, leads: Iterable[tuple[str, str, str]]) -> set[str]:
        """Of leads, each (mandate, affair, area), those that end because another comes to hold their slot. Codes that
        are in no register may have been granted, too, and two of them become one without being named: then the heir's
        stays, and of these the one that is named most narrowly."""
        slots: dict[tuple[str, str], list[tuple[bool, int, str]]] = defaultdict(list)
        for mandate, affair, area in leads:
            if (after := self.grant(area)) is not None:
                named = next((prefix for prefix in prefixes(area) if prefix in self._places), "")
                slots[affair, after].append((named in self._ending, -len(named), mandate))
        return {mandate for same in slots.values() for *_, mandate in sorted(same)[1:]}


def common(codes: Iterable[str]) -> str:
    """The narrowest area that contains all of these. Errors: ValueError where none does."""
    first, *others = codes
    for prefix in prefixes(first):
        if all(contains(prefix, code) for code in others):
            return prefix
    raise ValueError("no area contains them all")
