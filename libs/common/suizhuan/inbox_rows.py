"""What a group has handled, by event id: asked and noted for a whole batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ARRAY, Text, bindparam, func, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.tables import inbox
from suizhuan.db.types import UtcDateTime

_NOTE = (
    postgresql.insert(inbox)
    .from_select(
        ["consumer", "event_id", "seen_at"],
        select(
            bindparam("b_consumer", type_=Text),
            func.unnest(bindparam("b_ids", type_=ARRAY(Text))),
            bindparam("b_now", type_=UtcDateTime),
        ),
    )
    .on_conflict_do_nothing()
    .returning(inbox.c.event_id)
)


async def add(conn: AsyncConnection, consumer: str, ids: Sequence[str], now: datetime) -> set[str]:
    """Note these events as handled; returns those that were not noted before.

    In sorted order, so that two members with the same events wait for each other in one order."""
    wanted = sorted(set(ids))
    if conn.dialect.name != "sqlite":
        done = await conn.execute(_NOTE, {"b_consumer": consumer, "b_ids": wanted, "b_now": now})
        return set(done.scalars())
    known = set(
        (
            await conn.execute(
                select(inbox.c.event_id).where(inbox.c.consumer == consumer, inbox.c.event_id.in_(wanted))
            )
        ).scalars()
    )
    new = [event_id for event_id in wanted if event_id not in known]
    if new:
        rows = [{"consumer": consumer, "event_id": event_id, "seen_at": now} for event_id in new]
        await conn.execute(insert(inbox), rows)
    return set(new)
