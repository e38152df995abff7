"""Queries of what is measured."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mandates import tables as t
from mandates.domain.mandate import ACTIVE, ADMITTED, ENDING
from mandates.domain.switch import OPEN

Waiting = tuple[int, datetime | None]  # how many, and since when the first


async def by_state(conn: AsyncConnection) -> dict[str, int]:
    query = select(t.mandate.c.state, func.count()).group_by(t.mandate.c.state)
    return {state: int(count) for state, count in await conn.execute(query)}


async def unfunded(conn: AsyncConnection) -> int:
    """Mandates in force that no money was set aside for: 有责无费."""
    query = select(func.count()).where(t.mandate.c.state == ACTIVE, t.mandate.c.earmark.is_(None))
    return int((await conn.execute(query)).scalar_one())


async def waiting_for_money(conn: AsyncConnection) -> Waiting:
    """Mandates that were admitted and have no answer of finance yet."""
    joined = t.mandate.join(t.history, t.history.c.mandate == t.mandate.c.id)
    query = (
        select(func.count(t.mandate.c.id.distinct()), func.min(t.history.c.at))
        .select_from(joined)
        .where(t.mandate.c.state == ADMITTED, t.history.c.state == ADMITTED)
    )
    return await _one(conn, query)


async def open_switches(conn: AsyncConnection) -> Waiting:
    return await _one(conn, select(func.count(), func.min(t.switch.c.opened_at)).where(t.switch.c.state == OPEN))


async def settling(conn: AsyncConnection) -> Waiting:
    """Mandates that have ended while money of theirs is still held or not yet returned."""
    query = select(func.count(), func.min(t.mandate.c.ended_at))
    return await _one(conn, query.where(t.mandate.c.state == ENDING, t.mandate.c.ended_at.is_not(None)))


async def _one(conn: AsyncConnection, query: Any) -> Waiting:
    count, since = (await conn.execute(query)).one()
    return int(count), since
