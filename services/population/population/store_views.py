"""Lists, each along one index: a page costs the same however long the list is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from population import store
from population import tables as t
from population.domain.building import Dwelling
from population.domain.job import Job
from population.domain.person import PRESENT, Person
from suizhuan.kernel.refusal import Refusal

PLACE = "\x20"
_GONE = text("person.state <> 'present'")  # said as the index says it


def inside(column: Any, area: str) -> list[ColumnElement[bool]]:
    """The codes that begin with `area`, as a range: `:` comes after the digits in the order of bytes."""
    return [column >= area, column < f"{area}:"]


def at(place: str, parts: int) -> list[str]:
    """Where the page before ended. Errors: `cursor_malformed`."""
    found = place.split(PLACE) if place else []
    if found and (len(found) != parts or not all(found)):
        raise Refusal("cursor_malformed")
    return found


def _along(query: Select[Any], table: Any, area: str, cursor: str, limit: int) -> Select[Any]:
    """By area and id, which is the order of an index."""
    query = query.where(*inside(table.c.grid, area))
    if (after := at(cursor, 2)) and len(after) == 2:
        query = query.where(tuple_(table.c.grid, table.c.id) > tuple_(*after))
    return query.order_by(table.c.grid, table.c.id).limit(limit)


def place(one: Any) -> str:
    """Where an item stands in such a list."""
    return f"{one.grid}{PLACE}{one.id}"


async def areas(conn: AsyncConnection, area: str, kind: str | None, cursor: str, limit: int) -> list[Any]:
    """Those in use."""
    query = select(*store.areas.columns).where(*inside(t.area.c.code, area), t.area.c.now.is_(None))
    if kind is not None:
        query = query.where(t.area.c.kind == kind)
    if cursor:
        query = query.where(t.area.c.code > cursor)
    rows = await conn.execute(query.order_by(t.area.c.code).limit(limit))
    return [store.areas.of(row) for row in rows]


async def listed(
    conn: AsyncConnection, of: store.Aggregates[Any], area: str, cursor: str, limit: int, **equal: str | None
) -> list[Any]:
    """Buildings, households, files, permits, corrections of an area; `equal` narrows them down."""
    query = select(*of.columns)
    for name, value in equal.items():
        if value is not None:
            query = query.where(of.table.c[name] == value)
    rows = await conn.execute(_along(query, of.table, area, cursor, limit))
    return [of.of(row) for row in rows]


async def dwellings(conn: AsyncConnection, building: str, cursor: str, limit: int) -> list[Dwelling]:
    d = t.dwelling.c
    query = select(d.id, d.building, d.grid, d.unit, d.room).where(d.building == building)
    if (after := at(cursor.replace("/", PLACE), 1)) and after:
        query = query.where(d.id > after[0])
    rows: Sequence[Any] = (await conn.execute(query.order_by(d.id).limit(limit))).all()
    return [Dwelling(**row._mapping) for row in rows]


async def people(
    conn: AsyncConnection,
    *,
    area: str,
    cursor: str,
    limit: int,
    building: str | None = None,
    household: str | None = None,
    registration: str | None = None,
    state: str = PRESENT,
) -> list[Person]:
    """By the narrowest of what is given: household, building, else kind of registration and area."""
    p = t.person.c
    query = select(*store.people.columns).where(p.state == state)
    if state != PRESENT:
        query = query.where(_GONE)
    if household is None and building is None:
        if registration is not None:
            query = query.where(p.registration == registration)
        rows = await conn.execute(_along(query, t.person, area, cursor, limit))
        return [store.people.of(row) for row in rows]
    query = query.where(*inside(p.grid, area))
    query = query.where(p.household == household) if household is not None else query.where(p.building == building)
    if household is not None and building is not None:
        query = query.where(p.building == building)
    if registration is not None:
        query = query.where(p.registration == registration)
    if after := at(cursor, 2):
        query = query.where(p.id > after[1])
    rows = await conn.execute(query.order_by(p.id).limit(limit))
    return [store.people.of(row) for row in rows]


async def jobs(conn: AsyncConnection, area: str, state: str | None, cursor: str, limit: int) -> list[Job]:
    j = t.job.c
    query = select(*store.jobs.columns).where(*inside(j.area, area))
    if state is not None:
        query = query.where(j.state == state)
    if after := at(cursor, 2):
        query = query.where(tuple_(j.area, j.id) > tuple_(*after))
    rows = await conn.execute(query.order_by(j.area, j.id).limit(limit))
    return [store.jobs.of(row) for row in rows]
