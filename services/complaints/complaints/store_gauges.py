"""Queries of what is measured: open work only, so that they cost the same however many cases are closed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints import tables as t


async def open_cases(conn: AsyncConnection, now: datetime) -> list[tuple[str, int, int]]:
    """(state, how many, how many of them past their time) of the cases that still want work."""
    late = func.sum(case((t.cases.c.due_at < now, 1), else_=0))
    query = select(t.cases.c.state, func.count(), late).where(t.OPEN).group_by(t.cases.c.state)
    return [(state, int(count), int(over)) for state, count, over in await conn.execute(query)]


async def waiting_handovers(conn: AsyncConnection) -> tuple[int, datetime | None]:
    """How many open cases wait for a handover's money, and since when the first does."""
    joined = t.cases.join(t.handovers, t.handovers.c.id == t.cases.c.handover)
    query: Any = select(func.count(), func.min(t.handovers.c.requested_at)).select_from(joined)
    count, since = (await conn.execute(query.where(t.cases.c.state.not_in(["verified", "closed"])))).one()
    return int(count), since


async def waiting_for_holds(conn: AsyncConnection) -> int:
    """How many answers of finance are out, for cases of switches and planned ends."""
    return int((await conn.execute(select(func.coalesce(func.sum(t.switch_wait.c.waiting), 0)))).scalar_one())
