"""Queries of what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from volunteers import tables as t
from volunteers.domain.volunteer import ACTIVE


async def activities_by_state(conn: AsyncConnection, states: Sequence[str]) -> dict[str, tuple[int, datetime | None]]:
    """How many activities are in each of these states, and since when the first waits for an answer of finance."""
    c = t.activities.c
    first = func.min(c.waits_since)
    query = select(c.state, func.count(), first).where(c.state.in_(states)).group_by(c.state)
    return {state: (int(count), since) for state, count, since in await conn.execute(query)}


async def active_volunteers(conn: AsyncConnection) -> int:
    """How many volunteers are registered."""
    query = select(func.count()).where(t.volunteers.c.state == ACTIVE)
    return int((await conn.execute(query)).scalar_one())
