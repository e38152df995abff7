"""Queries of lists and figures. Each page begins after a key and has at most `limit` rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints import tables as t
from complaints.domain.case import CLOSED, Case
from complaints.domain.closing import INVALID
from complaints.store import to_case


async def cases(
    conn: AsyncConnection,
    *,
    before: str,
    limit: int,
    area: str | None = None,
    affair: str | None = None,
    responsible: str | None = None,
    state: str | None = None,
) -> list[Case]:
    """Cases, newest first (ids rise with time)."""
    where: list[Any] = [t.cases.c.id < before] if before else []
    if area is not None:
        where.append(t.cases.c.area.startswith(area, autoescape=True))
    for column, value in ((t.cases.c.affair, affair), (t.cases.c.responsible, responsible), (t.cases.c.state, state)):
        if value is not None:
            where.append(column == value)
    query = select(t.cases).where(*where).order_by(t.cases.c.id.desc()).limit(limit)
    return [to_case(row) for row in await conn.execute(query)]


async def history(conn: AsyncConnection, case_id: str, *, after: int, limit: int) -> list[dict[str, Any]]:
    """The steps of one case, oldest first."""
    table = t.history
    query = (
        select(table).where(table.c.case_id == case_id, table.c.version > after).order_by(table.c.version).limit(limit)
    )
    return [dict(row._mapping) for row in await conn.execute(query)]


async def statistics(
    conn: AsyncConnection,
    *,
    after: str,
    limit: int,
    digits: int,
    area: str | None,
    since: datetime | None,
    until: datetime | None,
    as_of: datetime,
) -> list[dict[str, Any]]:
    """Figures of the cases reported in [since, until), as they stand at `as_of`, by the first `digits` of an area."""
    c = t.cases.c
    # Written into the statement: PostgreSQL takes two bound parameters for two different groupings.
    group = func.substr(c.area, literal_column("1"), literal_column(str(int(digits))))
    filed = and_(c.routed_at.is_not(None), func.coalesce(c.outcome, "") != INVALID)
    due = and_(filed, c.due_at <= as_of)
    closed = and_(due, c.state == CLOSED)
    on_time = and_(closed, c.handled_at <= c.due_at)

    def count(condition: Any) -> Any:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    query = select(
        group.label("area"),
        func.count().label("accepted"),
        count(filed).label("filed"),
        count(due).label("due"),
        count(closed).label("closed"),
        count(on_time).label("on_time"),
    ).where(group > after)
    if until is not None:
        query = query.where(c.reported_at < until)
    if since is not None:
        query = query.where(c.reported_at >= since)
    if area is not None:
        query = query.where(c.area.startswith(area, autoescape=True))
    rows = await conn.execute(query.group_by(group).order_by(group).limit(limit))
    return [dict(row._mapping) for row in rows]
