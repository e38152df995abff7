"""Queries of what is measured: open work only, so that they cost the same however much is done."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from property import tables as t
from property import tables_owners
from property.domain.lease import ISSUED
from property.domain.repair import OPEN, REQUESTED


async def unpaid(conn: AsyncConnection) -> tuple[int, int]:
    """(how many rents, fen) were billed and have neither come nor been withdrawn."""
    query = select(func.count(), func.coalesce(func.sum(t.dues.c.amount_fen), 0)).where(t.dues.c.state == ISSUED)
    count, amount = (await conn.execute(query)).one()
    return int(count), int(amount)


async def open_repairs(conn: AsyncConnection, now: datetime) -> list[tuple[str, int, int]]:
    """(state, how many, how many of them unanswered beyond their time) of those that still want somebody."""
    c = t.repairs.c
    late = func.sum(case(((c.state == REQUESTED) & (c.due_at < now), 1), else_=0))
    query = select(c.state, func.count(), late).where(c.state.in_(OPEN)).group_by(c.state)
    return [(state, int(count), int(over)) for state, count, over in await conn.execute(query)]


async def unfiled_committees(conn: AsyncConnection) -> int:
    """How many elected committees are not on file although their time is over."""
    c = tables_owners.meetings.c
    query = select(func.count()).where(c.filing_overdue, c.committee.is_(None))
    return int((await conn.execute(query)).scalar_one())
