"""Re-keying of areas: a split of one into several, a merge of several into one, another numbering. What may be
announced, and what the register says once it has taken effect.

A grid is split by its buildings, a broader area by the grids and areas in it: what is not listed goes to the heir. A
code that was given up is never given out again, so that an old one means the same for ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from population.domain.area import GRID, Area, kind_of, parent_of
from population.domain.change import Change, changed
from population.domain.facts_rekeying import AreaGivenUp, AreaMove, NewArea, RekeyingAnnounced, RekeyingDone
from suizhuan.kernel.area import contains, overlap, prefixes
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.rekeying import Move, Table, common

ANNOUNCED, DONE = "announced", "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekeying:
    """One that was announced. `moves` and `areas` are as the fact says them."""

    id: str
    within: str
    moves: tuple[dict[str, Any], ...]
    areas: tuple[dict[str, Any], ...]
    state: str
    version: int
    announced_at: datetime
    done_at: datetime | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def place(self) -> str:
        return self.within

    @property
    def table(self) -> Table:
        return Table(Move(m["old"], m["new"], m["heir"]) for m in self.moves)

    def reaches(self, code: str) -> bool:
        """Whether an area shares a point with one that is named: its register may not change meanwhile."""
        return any(overlap(code, touched) for touched in self.table.touched)

    @property
    def buildings(self) -> list[tuple[str, str, list[str]]]:
        """(grid, the one to which they go, the buildings) of every split grid."""
        return [(m["old"], m["new"], list(m["buildings"])) for m in self.moves if m["buildings"]]


def merged_grids(table: Table) -> dict[str, list[str]]:
    """By code the grids that become it, the heir last, where there are several."""
    olds: dict[str, list[tuple[bool, str]]] = defaultdict(list)
    for move in table.moves:
        if len(move.new) == GRID:
            olds[move.new].append((move.heir, move.old))
    return {new: [old for _, old in sorted(found)] for new, found in sorted(olds.items()) if len(found) > 1}


def table_of(moves: Iterable[AreaMove]) -> Table:
    return Table(Move(m.old, m.new, m.heir) for m in moves)


def announce(
    rekeying: str,
    moves: Sequence[AreaMove],
    names: Sequence[NewArea],
    register: Sequence[Area],
    *,
    root: str,
    now: datetime,
) -> Change[Rekeying]:
    """These areas are to get other codes. `register`: every area there is, given up or not.

    Errors: `area_outside`, `lengths_differ`, `move_twice`, `unknown_area`, `area_given_up`, `area_known`,
    `split_by_grids`, `heir_unclear`, `moves_chained`, `areas_become_one`, `parent_unknown`, `names_missing`."""
    known = {area.code: area for area in register}
    live = {code for code, area in known.items() if area.now is None}
    for move in moves:
        _possible(move, known, root)
    _one_heir(moves)
    table = table_of(moves)
    for move in moves:
        if table.retired.keys() & prefixes(move.new):
            raise Refusal("moves_chained", area=move.new)
    fresh = sorted({*table.fresh, *(name.area for name in names)})
    for code in fresh:
        _free(code, known, table, root)
    _apart(moves, live, table)
    after = {table.place(code) for code in live} | set(fresh)
    for code in sorted(after - live):
        if parent_of(code) not in after:
            raise Refusal("parent_unknown", area=code, parent=parent_of(code))
    areas = _named(sorted(after - live), names, moves, known, table)
    within = common(table.touched)
    fact = RekeyingAnnounced(rekeying=rekeying, within=within, moves=list(moves), areas=areas)
    made = Rekeying(
        id=rekeying,
        within=within,
        moves=tuple(_plain(move) for move in moves),
        areas=tuple({"area": a.area, "name": a.name, "name_en": a.name_en} for a in areas),
        state=ANNOUNCED,
        version=0,
        announced_at=now,
    )
    return changed(made, fact)


def done(rekeying: Rekeying, switch: str, now: datetime) -> Change[Rekeying]:
    """It has taken effect. A repeat changes nothing."""
    if rekeying.state == DONE:
        return Change(rekeying)
    return changed(rekeying, RekeyingDone(rekeying=rekeying.id, switch=switch), state=DONE, done_at=now)


def give_up(area: Area, now: str) -> Change[Area]:
    """Its code is in use no longer."""
    return changed(area, AreaGivenUp(area=area.code, now=now), now=now)


def _plain(move: AreaMove) -> dict[str, Any]:
    return {"old": move.old, "new": move.new, "heir": move.heir, "buildings": list(move.buildings)}


def _possible(move: AreaMove, known: Mapping[str, Area], root: str) -> None:
    for code in (move.old, move.new):
        if not contains(root, code) or code == root:
            raise Refusal("area_outside", area=code, root=root)
    if len(move.old) != len(move.new):
        raise Refusal("lengths_differ", old=move.old, new=move.new)
    if move.old not in known:
        raise Refusal("unknown_area", area=move.old)
    if (now := known[move.old].now) is not None:
        raise Refusal("area_given_up", area=move.old, now=now)
    if move.buildings and (len(move.old) != GRID or move.heir):
        raise Refusal("heir_unclear", area=move.old)


def _one_heir(moves: Sequence[AreaMove]) -> None:
    """Of one that becomes several, and of several that become one, exactly one is the heir."""
    by_old: dict[str, list[AreaMove]] = defaultdict(list)
    by_new: dict[str, list[AreaMove]] = defaultdict(list)
    for move in moves:
        by_old[move.old].append(move)
        by_new[move.new].append(move)
    for old, found in by_old.items():
        listed = [building for move in found for building in move.buildings]
        if len({move.new for move in found}) != len(found) or len(set(listed)) != len(listed):
            raise Refusal("move_twice", area=old)
        if len(found) > 1 and len(old) != GRID:
            raise Refusal("split_by_grids", area=old)
        if len(found) > 1 and sum(move.heir for move in found) != 1:
            raise Refusal("heir_unclear", area=old)
    for new, found in by_new.items():
        heirs = sum(move.heir for move in found)
        parts = len(found) == 1 and len(by_old[found[0].old]) > 1  # of a grid that is split
        if heirs != 1 and not (parts and heirs == 0):
            raise Refusal("heir_unclear", area=new)


def _free(code: str, known: Mapping[str, Area], table: Table, root: str) -> None:
    """A code that is to be given out was never in use, and is not about to go itself."""
    if not contains(root, code):
        raise Refusal("area_outside", area=code, root=root)
    if code in known:
        now = known[code].now
        raise Refusal("area_known", area=code) if now is None else Refusal("area_given_up", area=code, now=now)
    if table.retired.keys() & prefixes(code):
        raise Refusal("moves_chained", area=code)


def _apart(moves: Sequence[AreaMove], live: Iterable[str], table: Table) -> None:
    """Areas become one only where each of them is named."""
    merged = {(move.old, move.new) for move in moves}
    became: dict[str, list[str]] = defaultdict(list)
    for code in sorted(live):
        became[table.place(code)].append(code)
    for new, olds in became.items():
        if len(olds) > 1 and any((old, new) not in merged for old in olds):
            raise Refusal("areas_become_one", area=new, areas=", ".join(olds))


def _named(
    codes: Sequence[str], names: Sequence[NewArea], moves: Sequence[AreaMove], known: Mapping[str, Area], table: Table
) -> list[NewArea]:
    """The new codes with their names: those that are given, else those of the area that has become it."""
    given = {name.area: name for name in names}
    heirs = {move.new: known[move.old] for move in moves if move.heir}
    before = {table.place(code): area for code, area in known.items() if area.now is None} | heirs
    found = []
    for code in codes:
        if code in given:
            found.append(given[code])
        elif code in before:
            found.append(NewArea(area=code, name=before[code].name_zh, name_en=before[code].name_en))
        else:
            raise Refusal("names_missing", area=code)
    return found


def opened(area: NewArea, *, synthetic: bool) -> Area:
    """A new code, as the register has it from now on."""
    return Area(
        code=area.area,
        name_zh=area.name,
        name_en=area.name_en,
        kind=kind_of(area.area),
        version=0,
        synthetic=synthetic,
    )
