"""Queries of estates, premises and the norm."""

from __future__ import annotations

from typing import Any

from sqlalchemy import case, func, literal_column, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from property import tables as t
from property.domain import estate, premise
from property.domain.estate import COMMUNITY_DIGITS, Estate
from property.domain.premise import ACTIVITY, COMMUNITY, Premise
from property.store import Kept

ESTATES: Kept[Estate] = Kept(t.estates, Estate, "estate", estate.after)
PREMISES: Kept[Premise] = Kept(t.premises, Premise, "premise", premise.after)


async def coverage(conn: AsyncConnection, *, area: str, after: str, limit: int) -> list[tuple[str, int, int, int]]:
    """(community, households of its estates, dm² of its community premises, of these for activity), by community."""
    # Written into the statement: PostgreSQL takes two bound parameters for two different groupings.
    digits: Any = literal_column(str(COMMUNITY_DIGITS))
    e, p = t.estates.c, t.premises.c
    homes = select(
        func.substr(e.area, literal_column("1"), digits).label("community"),
        e.households.label("households"),
        literal_column("0").label("size"),
        literal_column("0").label("activity"),
    ).where(e.area.startswith(area, autoescape=True))
    rooms = select(
        func.substr(p.area, literal_column("1"), digits),
        literal_column("0"),
        p.size_dm2,
        case((p.use == ACTIVITY, p.size_dm2), else_=0),
    ).where(p.area.startswith(area, autoescape=True), p.kind == COMMUNITY, p.withdrawn_at.is_(None))
    both = union_all(homes, rooms).subquery()
    c = both.c
    query = (
        select(c.community, func.sum(c.households), func.sum(c.size), func.sum(c.activity))
        .where(c.community > after)
        .group_by(c.community)
        .order_by(c.community)
        .limit(limit)
    )
    return [(row[0], int(row[1]), int(row[2]), int(row[3])) for row in await conn.execute(query)]
