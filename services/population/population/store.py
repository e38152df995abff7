"""Aggregates in their tables, with their events: the columns of a table are the fields of its aggregate.

Lists are in `store_views`, people and what identifies them in `store_people`, imports in `store_imports`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from population import tables as t
from population.domain.area import Area
from population.domain.building import Building, Dwelling
from population.domain.change import Change
from population.domain.correction import Correction
from population.domain.file import File
from population.domain.household import Household
from population.domain.job import Job
from population.domain.permit import Permit
from population.domain.person import Person
from population.domain.rekeying import Rekeying
from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.db.types import Json
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx

A = TypeVar("A", Area, Rekeying, Building, Household, Person, File, Permit, Correction, Job)


class Aggregates(Generic[A]):
    """One kind of aggregate: found, added, saved with its facts."""

    def __init__(self, what: str, kind: type[A], table: Table, key: str = "id") -> None:
        self.what, self.table, self.key = what, table, key
        self._make: Callable[..., A] = kind
        self.names = [f.name for f in fields(kind)]
        self.columns = [table.c[name] for name in self.names]
        self._lists = {c.name for c in self.columns if isinstance(c.type, type(Json))}
        one = select(*self.columns).where(table.c[key] == bindparam("b_key"))
        self._find, self._lock = Query(one), Query(one.with_for_update())
        self._add = insert(table)
        self._save = (
            update(table)
            .where(table.c[key] == bindparam("b_key"), table.c.version == bindparam("read_version"))
            .values({name: bindparam(f"b_{name}") for name in self.names if name != key})
        )

    def of(self, row: Sequence[Any]) -> A:
        """A row of the columns in the order of the fields."""
        values = dict(zip(self.names, row, strict=True))
        for name in self._lists:
            values[name] = tuple(values[name])
        return self._make(**values)

    def row(self, one: A) -> dict[str, Any]:
        values = {name: getattr(one, name) for name in self.names}
        return {name: list(v) if name in self._lists else v for name, v in values.items()}

    async def find(self, conn: AsyncConnection, key: str, *, lock: bool = False) -> A | None:
        row = await (self._lock if lock else self._find).first(conn, b_key=key)
        return self.of(row) if row is not None else None

    async def get(self, conn: AsyncConnection, key: str, *, lock: bool = False) -> A:
        """Errors: `not_found`."""
        found = await self.find(conn, key, lock=lock)
        if found is None:
            raise Refusal("not_found", what=self.what, id=key[:80])
        return found

    async def add(self, tx: Tx, change: Change[A], authority: Authority | None) -> A:
        """A new one, and its facts."""
        await tx.write(self._add, self.row(change.after))
        self.tell(tx, change, authority)
        return change.after

    async def save(self, tx: Tx, change: Change[A], authority: Authority | None) -> A:
        """Write it over the version that was read, and publish its facts; nothing without facts."""
        if change.facts:
            await self.put(tx, change.after, change.after.version - len(change.facts))
            self.tell(tx, change, authority)
        return change.after

    async def put(self, tx: Tx, one: A, read: int) -> None:
        """Write it over version `read`, without a word."""
        values = {f"b_{name}": value for name, value in self.row(one).items() if name != self.key}
        await tx.write(self._save, {**values, "b_key": one.key, "read_version": read}, decides=True)

    def tell(self, tx: Tx, change: Change[A], authority: Authority | None) -> None:
        """Publish the facts of a change that is written already."""
        after = change.after
        first = after.version - len(change.facts) + 1
        for index, fact in enumerate(change.facts):
            tx.emit(fact, key=after.key, sequence=first + index, area=after.place, authority=authority)


areas = Aggregates("area", Area, t.area, "code")
rekeyings = Aggregates("rekeying", Rekeying, t.rekeying)
buildings = Aggregates("building", Building, t.building)
households = Aggregates("household", Household, t.household)
people = Aggregates("person", Person, t.person)
files = Aggregates("file", File, t.file)
permits = Aggregates("permit", Permit, t.permit)
corrections = Aggregates("correction", Correction, t.correction)
jobs = Aggregates("import", Job, t.job)

_BUILDING = Query(
    select(t.building.c.id).where(t.building.c.grid == bindparam("b_grid"), t.building.c.name == bindparam("b_name"))
)
_HOUSEHOLD = Query(
    select(t.household.c.id).where(
        t.household.c.grid == bindparam("b_grid"), t.household.c.number == bindparam("b_number")
    )
)
_DWELLING_FIELDS = [f.name for f in fields(Dwelling)]
_DWELLINGS = select(*[t.dwelling.c[name] for name in _DWELLING_FIELDS])
_DWELLING = Query(_DWELLINGS.where(t.dwelling.c.id == bindparam("b_id")))
_ROOM = Query(
    select(t.dwelling.c.id).where(
        t.dwelling.c.building == bindparam("b_building"),
        t.dwelling.c.unit == bindparam("b_unit"),
        t.dwelling.c.room == bindparam("b_room"),
    )
)
ADD_DWELLING = insert(t.dwelling)
FRESH = upsert(t.fresh, "grid")


async def building_named(conn: AsyncConnection, grid: str, name: str) -> str | None:
    found: str | None = await _BUILDING.value(conn, b_grid=grid, b_name=name)
    return found


async def household_numbered(conn: AsyncConnection, grid: str, number: str) -> str | None:
    found: str | None = await _HOUSEHOLD.value(conn, b_grid=grid, b_number=number)
    return found


async def dwelling_at(conn: AsyncConnection, building: str, unit: str, room: str) -> str | None:
    found: str | None = await _ROOM.value(conn, b_building=building, b_unit=unit, b_room=room)
    return found


async def get_dwelling(conn: AsyncConnection, dwelling: str) -> Dwelling:
    """Errors: `not_found`."""
    row = await _DWELLING.first(conn, b_id=dwelling)
    if row is None:
        raise Refusal("not_found", what="dwelling", id=dwelling[:80])
    return Dwelling(**dict(zip(_DWELLING_FIELDS, row, strict=True)))


async def add_dwelling(tx: Tx, dwelling: Dwelling) -> None:
    await tx.write(ADD_DWELLING, {name: getattr(dwelling, name) for name in _DWELLING_FIELDS})


async def refreshed(tx: Tx, grid: str) -> None:
    """Something was recorded in this grid just now."""
    await tx.write(FRESH, {"grid": grid, "refreshed_at": tx.now})
