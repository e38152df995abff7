"""The grants that one record of the authority log changes: locked, changed in memory, written together at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sqlalchemy import ARRAY, ColumnElement, Select, Text, and_, any_, bindparam, or_, select, update

from suizhuan.authority import locks
from suizhuan.authority.grants import narrower, to_grant, values_of, yielding_to
from suizhuan.db.query import Query
from suizhuan.db.statements import Statement, Upsert, Values, upsert
from suizhuan.db.tables import grants
from suizhuan.kernel.area import contains, outermost, prefixes
from suizhuan.kernel.term import LEAD, Grant, Yielding
from suizhuan.unit_of_work import Tx


def _locked(named: ColumnElement[bool], here: ColumnElement[bool]) -> tuple[Select[tuple[object]], ColumnElement[bool]]:
    over = and_(grants.c.affair == bindparam("b_affair"), grants.c.role == LEAD, grants.c.live.is_(True), here)
    where = or_(named, over)
    return select(grants).where(where).order_by(grants.c.mandate).with_for_update(), where


_LOCKED, _WHERE = _locked(
    grants.c.mandate == any_(bindparam("b_mandates", type_=ARRAY(Text))),
    grants.c.area == any_(bindparam("b_areas", type_=ARRAY(Text))),
)
_SQLITE, _ = _locked(
    grants.c.mandate.in_(bindparam("b_mandates", expanding=True)),
    grants.c.area.in_(bindparam("b_areas", expanding=True)),
)
# One statement: a switch asks this of every replica.
_LOCK = Query(_LOCKED.where(locks.excluded(select(grants.c.mandate).where(_WHERE))), sqlite=_SQLITE)
_PUT = upsert(grants, "mandate")
_CHANGE = (
    update(grants)
    .where(grants.c.mandate == bindparam("b_mandate"))
    .values({name: bindparam(f"b_{name}") for name in ("yielding", "live", "sequence")})
)


class Changes:
    """What a record makes of the grants. Nobody else changes them: the row of `authority_state` is locked."""

    def __init__(self, tx: Tx, sequence: int) -> None:
        self._tx = tx
        self.sequence = sequence  # of the record
        self._grants: dict[str, Grant] = {}  # locked, and as this record leaves them
        self._changed: set[str] = set()
        self._begun: set[str] = set()
        self._locked: set[tuple[str, str]] = set()
        self._beside: list[tuple[Statement | Upsert, Values]] = []

    async def lock(self, affair: str, area: str | None, *mandates: str | None) -> None:
        """Wait until no act is in flight under the lead grants for `affair` that contain `area`, and under those of
        these mandates; keep new ones out; read them afresh."""
        areas = prefixes(area) if area is not None and (affair, area) not in self._locked else []
        names = [m for m in mandates if m is not None and m not in self._grants]
        if not areas and not names:
            return
        if area is not None:
            self._locked.add((affair, area))
        for row in await _LOCK.all(self._tx.conn, b_affair=affair, b_areas=areas, b_mandates=names):
            grant = to_grant(row)
            self._grants.setdefault(grant.mandate, grant)

    def grant(self, mandate: str) -> Grant | None:
        """One that was locked; None where there is no such grant."""
        return self._grants.get(mandate)

    def over(self, affair: str, area: str) -> list[Grant]:
        """The live lead grants that contain `area`, which was locked."""
        return [g for g in self._leads(affair) if contains(g.area, area)]

    async def inside(self, affair: str, area: str) -> list[Grant]:
        """The live lead grants inside `area`, without those of the whole of it; not locked."""
        found = {g.mandate: g for g in await narrower(self._tx.conn, affair, area) if g.mandate not in self._grants}
        known = [g for g in self._leads(affair) if contains(area, g.area)]
        return sorted((g for g in (*found.values(), *known) if g.area != area), key=lambda g: g.mandate)

    def _leads(self, affair: str) -> list[Grant]:
        grants_ = (g for g in self._grants.values() if g.affair == affair and g.role == LEAD and g.live)
        return sorted(grants_, key=lambda g: g.mandate)

    def begin(self, grant: Grant) -> None:
        """It is there from now on, whatever it was before."""
        self._grants[grant.mandate] = grant
        self._begun.add(grant.mandate)

    def end(self, grant: Grant) -> None:
        """It is live no more."""
        self._change(replace(grant, live=False, yielding=()))

    def yielding(self, grant: Grant, items: Iterable[Yielding]) -> None:
        """From now on it yields exactly these."""
        self._change(replace(grant, yielding=tuple(items)))

    def give_up(self, retired: Mapping[str, str]) -> None:
        """Nobody acts under these codes any more, whose area it is: all that were locked and contain one yield it. What
        lies in one is gone with it, so a grant names the outermost only."""
        for grant in list(self._grants.values()):
            gone = {
                old: Yielding(old, to=new) for old, new in retired.items() if grant.live and contains(grant.area, old)
            }
            if gone:
                kept = [y for y in grant.yielding if not y.to]
                gone |= {y.prefix: y for y in grant.yielding if y.to}
                self.yielding(grant, (*kept, *(gone[code] for code in outermost(gone))))

    def beside(self, statement: Statement | Upsert, **values: object) -> None:
        """To be written with the grants."""
        self._beside.append((statement, values))

    def _change(self, grant: Grant) -> None:
        self._grants[grant.mandate] = grant
        self._changed.add(grant.mandate)

    async def write(self) -> None:
        """All of it, on PostgreSQL by one statement."""
        async with self._tx.at_once():
            for mandate in sorted(self._begun):
                await self._tx.write(_PUT, values_of(self._grants[mandate], self.sequence))
            for mandate in sorted(self._changed - self._begun):
                grant = self._grants[mandate]
                row = {"mandate": mandate, "yielding": yielding_to(grant.yielding), "live": grant.live}
                row = {f"b_{name}": value for name, value in row.items()}
                await self._tx.write(_CHANGE, {**row, "b_sequence": self.sequence})
            for statement, values in self._beside:
                await self._tx.write(statement, values)
