"""What an import reads and writes, a batch at a time: sets of rows, one statement each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Table, Text, any_, bindparam, delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from population import store, store_views
from population import tables as t
from population.domain.building import Building
from population.domain.household import Household
from population.domain.person import PRESENT, Person, Personal
from suizhuan.db.query import Query
from suizhuan.db.sets import insert_all
from suizhuan.db.statements import Upsert, upsert
from suizhuan.unit_of_work import Tx

ADD_FILE = insert(t.import_file)
_FILE = Query(select(t.import_file.c.content).where(t.import_file.c.job == bindparam("b_job")))
_PUT: dict[str, Upsert] = {
    table.name: upsert(table, *(c.name for c in table.primary_key.columns)) for table in t.own.sorted_tables
}


async def put_all(tx: Tx, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write these rows; of what is there already they take the place. In the order of their keys."""
    if not rows:
        return
    keys = [c.name for c in table.primary_key.columns]
    ordered = sorted(rows, key=lambda row: [row[key] for key in keys])
    if tx.conn.dialect.name == "sqlite":
        await tx.write(_PUT[table.name], ordered)
    else:
        await insert_all(tx.conn, table, ordered, keys=keys, replace="true")


def _among(conn: AsyncConnection, column: Any, values: Collection[str]) -> ColumnElement[bool]:
    """`column` is one of many: one array on PostgreSQL, so that the statement is always the same."""
    wanted = sorted(values)
    if conn.dialect.name == "sqlite":
        return column.in_(wanted)  # type: ignore[no-any-return]
    return column == any_(literal(wanted, ARRAY(Text)))  # type: ignore[no-any-return]


async def add_file(tx: Tx, job: str, content: bytes) -> None:
    await tx.write(ADD_FILE, {"job": job, "content": content})


async def file(conn: AsyncConnection, job: str) -> bytes | None:
    found = await _FILE.value(conn, b_job=job)
    return bytes(found) if found is not None else None


async def drop_file(conn: AsyncConnection, job: str) -> None:
    await conn.execute(delete(t.import_file).where(t.import_file.c.job == job))


async def drop_errors(conn: AsyncConnection, job: str) -> None:
    await conn.execute(delete(t.import_error).where(t.import_error.c.job == job))


async def errors(conn: AsyncConnection, job: str) -> list[Any]:
    """(line, cells, errors) in the order of the file, its header first."""
    e = t.import_error.c
    return list(await conn.execute(select(e.line, e.cells, e.errors).where(e.job == job).order_by(e.line)))


async def header(conn: AsyncConnection, job: str, line: int) -> list[str]:
    """The cells of a line that was noted."""
    e = t.import_error.c
    return list((await conn.execute(select(e.cells).where(e.job == job, e.line == line))).scalar_one())


async def grids_of(conn: AsyncConnection, area: str) -> set[str]:
    """The grids of an area that are in use."""
    query = select(t.area.c.code).where(
        t.area.c.kind == "grid", t.area.c.now.is_(None), *store_views.inside(t.area.c.code, area)
    )
    return set((await conn.execute(query)).scalars())


async def known_people(conn: AsyncConnection, hashes: Collection[str]) -> dict[str, tuple[Person, Personal]]:
    """Who has these IDs already, locked, by the hash."""
    p = t.private.c
    personal = (p.id_hash, p.name, p.id_number, p.birth_date, p.phone, p.details)
    query = (
        select(*store.people.columns, *personal)
        .join(t.private, p.person == t.person.c.id)
        .where(_among(conn, p.id_hash, hashes))
        .order_by(t.person.c.id)
        .with_for_update(of=t.person)
    )
    size = len(store.people.columns)
    found = {}
    for row in await conn.execute(query):
        id_hash, name, id_number, birth_date, phone, details = row[size:]
        held = Personal(name=name, id_number=id_number, birth_date=birth_date, phone=phone, details=details)
        found[id_hash] = (store.people.of(row[:size]), held)
    return found


async def known_buildings(
    conn: AsyncConnection, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Building]:
    """Buildings by grid and name."""
    b = t.building.c
    query = select(*store.buildings.columns).where(
        _among(conn, b.grid, {grid for grid, _ in wanted}), _among(conn, b.name, {name for _, name in wanted})
    )
    rows = await conn.execute(query.order_by(b.id).with_for_update())
    return {(one.grid, one.name): one for one in map(store.buildings.of, rows)}


async def known_dwellings(conn: AsyncConnection, buildings: Collection[str]) -> dict[tuple[str, str, str], str]:
    """Dwellings by building, unit and room."""
    d = t.dwelling.c
    query = select(d.building, d.unit, d.room, d.id).where(_among(conn, d.building, buildings))
    return {(row.building, row.unit, row.room): row.id for row in await conn.execute(query)}


async def known_households(
    conn: AsyncConnection, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Household]:
    """Households by grid and number, locked."""
    h = t.household.c
    query = select(*store.households.columns).where(
        _among(conn, h.grid, {grid for grid, _ in wanted}), _among(conn, h.number, {number for _, number in wanted})
    )
    rows = await conn.execute(query.order_by(h.id).with_for_update())
    return {(one.grid, one.number): one for one in map(store.households.of, rows)}


async def with_something(conn: AsyncConnection, people: Collection[str]) -> set[str]:
    """Of these people those who head a household, have an open file or a permit."""
    found: set[str] = set()
    for column, state in (
        (t.household.c.head, None),
        (t.file.c.person, t.OPEN),
        (t.permit.c.person, t.STANDING),
    ):
        query = select(column).where(_among(conn, column, people))
        found |= set((await conn.execute(query if state is None else query.where(state))).scalars())
    return found


async def refresh_buildings(conn: AsyncConnection, buildings: Collection[str], now: datetime) -> None:
    """Something was recorded in these just now."""
    await conn.execute(update(t.building).where(_among(conn, t.building.c.id, buildings)).values(refreshed_at=now))


async def counted(
    conn: AsyncConnection, grids: Collection[str]
) -> tuple[dict[str, dict[str, int]], dict[str, int], dict[str, int]]:
    """(people by grid and registration, households by grid, how often each grid was counted before)."""
    p, h, k = t.person.c, t.household.c, t.count.c
    people: dict[str, dict[str, int]] = {grid: {} for grid in grids}
    query = select(p.grid, p.registration, func.count()).where(_among(conn, p.grid, grids), p.state == PRESENT)
    for grid, registration, number in await conn.execute(query.group_by(p.grid, p.registration)):
        people[grid][registration] = number
    homes = select(h.grid, func.count()).where(_among(conn, h.grid, grids)).group_by(h.grid)
    households = {grid: number for grid, number in await conn.execute(homes)}
    before = select(k.grid, k.version).where(_among(conn, k.grid, grids)).with_for_update()
    return people, households, {grid: version for grid, version in await conn.execute(before)}
