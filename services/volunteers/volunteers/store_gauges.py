"""Queries of what is measured."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from volunteers import tables as t
from volunteers.domain.volunteer import ACTIVE


async def activities_by_state(conn: AsyncConnection, states: Sequence[str]) -> dict[str, int]:
    """How many activities are in each of these states."""
    c = t.activities.c
    query = select(c.state, func.count()).where(c.state.in_(states)).group_by(c.state)
    return {state: int(count) for state, count in await conn.execute(query)}


async def active_volunteers(conn: AsyncConnection) -> int:
    """How many volunteers are registered."""
    query = select(func.count()).where(t.volunteers.c.state == ACTIVE)
    return int((await conn.execute(query)).scalar_one())
