"""Queries of re-keyings, and the rows that follow one which are not in columns of codes alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, String, Table, and_, cast, exists, func, literal, or_, select, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from population import store
from population import tables as t
from population.domain.area import Area
from population.domain.rekeying import ANNOUNCED, DONE, Rekeying
from suizhuan.areas import Codes


async def announced(conn: AsyncConnection) -> Rekeying | None:
    """The one that has not taken effect yet."""
    query = select(*store.rekeyings.columns).where(t.rekeying.c.state == ANNOUNCED)
    row = (await conn.execute(query)).one_or_none()
    return store.rekeyings.of(row) if row is not None else None


async def all_done(conn: AsyncConnection) -> list[Rekeying]:
    """Those that have taken effect, in that order."""
    query = select(*store.rekeyings.columns).where(t.rekeying.c.state == DONE).order_by(t.rekeying.c.done_at)
    return [store.rekeyings.of(row) for row in await conn.execute(query)]


async def late_grids(conn: AsyncConnection, known: Codes) -> dict[str, list[str]]:
    """By code of today the codes that were given up, and under which something with a name stands."""
    found: dict[str, list[str]] = defaultdict(list)
    for (grid,) in await conn.execute(union(select(t.building.c.grid), select(t.household.c.grid))):
        if (now := known.now(grid)) != grid:
            found[now].append(grid)
    return {now: sorted(olds) for now, olds in sorted(found.items())}


async def listed(conn: AsyncConnection, cursor: str, limit: int) -> list[Rekeying]:
    """The newest first: their ids are in the order of time."""
    query = select(*store.rekeyings.columns).order_by(t.rekeying.c.id.desc()).limit(limit)
    if cursor:
        query = query.where(t.rekeying.c.id < cursor)
    return [store.rekeyings.of(row) for row in await conn.execute(query)]


async def register(conn: AsyncConnection) -> list[Area]:
    """Every area there is, given up or not: a district has a few thousand."""
    rows = await conn.execute(select(*store.areas.columns).order_by(t.area.c.code))
    return [store.areas.of(row) for row in rows]


async def standing_in(conn: AsyncConnection, grid: str, buildings: Collection[str]) -> set[str]:
    """Those of these buildings that stand in a grid."""
    b = t.building.c
    found = await conn.execute(select(b.id).where(b.grid == grid, b.id.in_(sorted(buildings))))
    return set(found.scalars())


async def move_buildings(conn: AsyncConnection, grids: Sequence[str], new: str, buildings: Sequence[str]) -> None:
    """Buildings with their dwellings, who lives there, and what is kept on them go from one of `grids` to `new`."""
    b, d, h, p = t.building.c, t.dwelling.c, t.household.c, t.person.c
    flats = select(d.id).where(d.building.in_(buildings))
    for old in grids:
        for mark in _marks(t.household, old):
            await _rename(conn, t.household, "number", and_(h.grid == old, h.dwelling.in_(flats)), [new], mark)
    homes = select(h.id).where(h.dwelling.in_(flats))
    people = select(p.id).where(p.grid == new)
    moved: list[tuple[Table, ColumnElement[bool]]] = [
        (t.building, b.id.in_(buildings)),
        (t.dwelling, d.building.in_(buildings)),
        (t.household, h.dwelling.in_(flats)),
        (t.person, or_(p.building.in_(buildings), p.dwelling.in_(flats), p.household.in_(homes))),
        *((table, table.c.person.in_(people)) for table in (t.file, t.permit, t.correction)),
    ]
    for table, concerned in moved:
        await conn.execute(update(table).where(table.c.grid.in_(grids), concerned).values(grid=new))


async def tell_apart(conn: AsyncConnection, new: str, olds: Sequence[str]) -> None:
    """Before grids become one: of things of one name, or number, those of the later ones get the number of their grid;
    where that is taken, too, their id. The heir's, which come last in `olds`, keep theirs."""
    for table, name in ((t.building, "name"), (t.household, "number")):
        for old in olds[:-1]:
            for mark in _marks(table, old):
                others = [other for other in {*olds, new} if other != old]
                await _rename(conn, table, name, table.c.grid == old, others, mark)


def _marks(table: Table, grid: str) -> tuple[ColumnElement[str], ...]:
    return literal(f"（{grid[-3:]}）"), cast(table.c.id, String)


async def _rename(
    conn: AsyncConnection,
    table: Table,
    name: str,
    here: ColumnElement[bool],
    others: Sequence[str],
    mark: ColumnElement[str],
) -> None:
    twin = table.alias()
    clashes = exists().where(twin.c.grid.in_(others), twin.c[name] == table.c[name], twin.c.id != table.c.id)
    await conn.execute(update(table).where(here, clashes).values({name: table.c[name] + mark}))


async def newest_refresh(conn: AsyncConnection, new: str, olds: Sequence[str]) -> None:
    """Before grids become one: each was refreshed when the newest of them was."""
    f = t.fresh.c
    here = f.grid.in_([*olds, new])
    latest = (await conn.execute(select(func.max(f.refreshed_at)).where(here))).scalar_one()
    if latest is not None:
        await conn.execute(update(t.fresh).where(here).values(refreshed_at=latest))
