"""What coverage is judged by: mandates as they were heard, and when something was recorded where."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from population import store, store_views
from population import tables as t
from population.domain.building import Building
from suizhuan.kernel.area import prefixes


async def put_mandate(conn: AsyncConnection, values: dict[str, Any]) -> None:
    """What an event says of a mandate, unless a later one was here."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    query = make(t.mandate).values(**values)
    query = query.on_conflict_do_update(
        index_elements=["mandate"], set_=values, where=t.mandate.c.sequence <= query.excluded.sequence
    )
    await conn.execute(query)


async def stop_mandate(conn: AsyncConnection, mandate: str, state: str, sequence: int) -> None:
    """One of ours is in force no longer. Of others nothing is known, and nothing is kept."""
    m = t.mandate.c
    await conn.execute(
        update(t.mandate).where(m.mandate == mandate, m.sequence <= sequence).values(state=state, sequence=sequence)
    )


async def mandates(conn: AsyncConnection, affair: str, area: str) -> list[Any]:
    """Those that are in force over the area or in it."""
    m = t.mandate.c
    query = select(m.mandate, m.area, m.amount_fen, m.staff_count).where(
        m.affair == affair, m.state == "active", m.area.in_(prefixes(area)) | (m.area >= area) & (m.area < f"{area}:")
    )
    return list(await conn.execute(query))


async def fresh(conn: AsyncConnection, grids: Collection[str]) -> dict[str, datetime]:
    """When something was recorded last, by grid."""
    query = select(t.fresh.c.grid, t.fresh.c.refreshed_at).where(t.fresh.c.grid.in_(sorted(grids)))
    return {row.grid: row.refreshed_at for row in await conn.execute(query)}


async def buildings(conn: AsyncConnection, area: str, cursor: str, limit: int) -> list[Building]:
    return await store_views.listed(conn, store.buildings, area, cursor, limit)
