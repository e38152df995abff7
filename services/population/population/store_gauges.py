"""The figures that are measured every few seconds, each along an index."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from population import tables as t


async def open_imports(conn: AsyncConnection) -> tuple[int, datetime | None]:
    """How many files are being taken in, and since when the oldest one is."""
    query = select(func.count(), func.min(t.job.c.begun_at)).where(t.job.c.ended_at.is_(None))
    count, since = (await conn.execute(query)).one()
    return int(count), since


async def overdue_visits(conn: AsyncConnection, now: datetime) -> int:
    query = select(func.count()).where(t.OPEN, t.file.c.due_at < now)
    return int((await conn.execute(query)).scalar_one())


async def overdue_corrections(conn: AsyncConnection, now: datetime) -> int:
    query = select(func.count()).where(t.ASKED, t.correction.c.due_at < now)
    return int((await conn.execute(query)).scalar_one())
