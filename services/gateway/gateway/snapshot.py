"""What a reader may see now, with the exact position at which the stream goes on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, Table, false, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import asof, reads
from gateway import tables as t
from gateway.domain import cursor
from gateway.domain.cursor import TOPICS, Positions
from gateway.domain.sight import Sight
from gateway.positions import ends
from gateway.schemas import CaseOut, HubAnswer, MandateOut, SnapshotOut
from gateway.stream import block
from suizhuan.areas import codes
from suizhuan.db.database import Database
from suizhuan.ports.log import Log


async def take(
    database: Database, log: Log, sight: Sight, *, area: str | None, limit: int, topics: Iterable[str] = TOPICS
) -> tuple[SnapshotOut, Positions]:
    """Open cases and live mandates as of one moment of the projection, and the positions of that moment.

    Topics that the projection does not read go on from their end. Errors: `log_unreachable`.
    """
    last = await ends(log, topics)
    async with database.read() as plain:
        # One moment for all statements; SQLite's read transaction is that by itself.
        conn = plain if database.is_sqlite else await plain.execution_options(isolation_level="REPEATABLE READ")
        read = await asof.positions(conn)
        projected = {topic for topic, _ in read}
        # A topic of which nothing was handled yet has no row: what lies there is still to come.
        positions = {
            place: read.get(place, 0 if place[0] in projected or place[0] in PROJECTED else end)
            for place, end in last.items()
        }
        area = (await codes(conn)).now(area) if area is not None else None
        cases = await _rows(conn, _cases(sight, area), limit)
        mandates = await _rows(conn, _mandates(sight, area), limit)
        made = SnapshotOut(
            cursor=cursor.encode(positions),
            truncated=len(cases) > limit or len(mandates) > limit,
            mandates=[MandateOut.model_validate(row) for row in mandates[:limit]],
            cases=[CaseOut.model_validate(row) for row in cases[:limit]],
            as_of=await asof.as_of(conn),
        )
    return made, positions


PROJECTED = frozenset(
    {
        "complaints.case",
        "finance.earmark",
        "finance.entry",
        "finance.hold",
        "mandates.affair",
        "mandates.mandate",
        "mandates.organisation",
    }
)


def blocks(found: SnapshotOut | HubAnswer) -> list[bytes]:
    """As the first part of a stream. Only the last block has an id: broken off before it, a reader begins anew."""
    whole = found.model_dump(mode="json")
    mandates, cases = whole["mandates"] or [], whole["cases"] or []
    pieces = [block("snapshot.mandate", mandate) for mandate in mandates]
    pieces += [block("snapshot.case", case) for case in cases]
    end = {"truncated": whole["truncated"], "mandates": len(mandates), "cases": len(cases), "as_of": whole["as_of"]}
    masked = {"masked": whole["masked"]} if whole.get("masked") else {}
    return [*pieces, block("snapshot.end", {**end, **masked}, whole["cursor"])]


async def _rows(conn: AsyncConnection, query: Select[Any], limit: int) -> list[dict[str, Any]]:
    return await reads.rows(conn, query.limit(limit + 1))


def _cases(sight: Sight, area: str | None) -> Select[Any]:
    query = select(t.cases).where(t.cases.c.state.not_in(reads.CLOSED))
    query = _within(query, t.cases, sight, area, [t.cases.c.responsible == sight.org])
    return query.order_by(t.cases.c.id)


def _mandates(sight: Sight, area: str | None) -> Select[Any]:
    m = t.mandate.c
    query = select(t.mandate).where(m.state.in_(reads.LIVE_MANDATES))
    return _within(query, t.mandate, sight, area, [m.holder == sight.org, m.giver == sight.org]).order_by(m.id)


def _within(query: Select[Any], table: Table, sight: Sight, area: str | None, own: list[Any]) -> Select[Any]:
    if area is not None:
        query = query.where(table.c.area.startswith(area, autoescape=True))
    if sight.everything:
        return query
    places = [table.c.area.startswith(a, autoescape=True) for a in sight.areas]
    return query.where(or_(false(), *places, *(own if sight.org else [])))
