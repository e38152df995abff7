"""What the log knows further than a database that was restored: rows of `log_ahead`, and the locks they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.cloudevents import Event
from suizhuan.db.tables import log_ahead
from suizhuan.kernel.refusal import Refusal

LOCKED = "aggregate_behind_log"
MANY = 500


def is_locked(error: BaseException) -> bool:
    """Whether a handler was refused because of a lock: it is to wait until somebody has reconciled."""
    return isinstance(error, Refusal) and error.code == LOCKED


async def add(conn: AsyncConnection, events: Sequence[Event], aggregates: Collection[str]) -> None:
    """Note events that this database has not made; those of aggregates lock them."""
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    rows = [
        {
            "event_id": event.id,
            "topic": event.topic,
            "partition": event.partition,
            "offset": event.offset,
            "key": event.key,
            "sequence": event.sequence,
            "locked": event.topic in aggregates,
        }
        for event in events
    ]
    if rows:
        await conn.execute(insert(log_ahead).on_conflict_do_nothing(), rows)


async def first_locked(conn: AsyncConnection) -> tuple[str, str] | None:
    """(topic, key) of one aggregate that is behind the log, None when there is none."""
    query = select(log_ahead.c.topic, log_ahead.c.key).where(log_ahead.c.locked).limit(1)
    row = (await conn.execute(query)).one_or_none()
    return (row.topic, row.key) if row is not None else None


async def refuse_while_locked(conn: AsyncConnection) -> None:
    """For what rests on many aggregates at once. Errors: `aggregate_behind_log`."""
    if (found := await first_locked(conn)) is not None:
        raise Refusal(LOCKED, topic=found[0], key=found[1])


async def check(conn: AsyncConnection, aggregates: Collection[tuple[str, str]]) -> None:
    """None of these (topic, key) is locked. Errors: `aggregate_behind_log`."""
    keys = sorted({key for _, key in aggregates})
    for start in range(0, len(keys), MANY):
        query = select(log_ahead.c.topic, log_ahead.c.key).where(
            log_ahead.c.locked, log_ahead.c.key.in_(keys[start : start + MANY])
        )
        for row in await conn.execute(query):
            if (row.topic, row.key) in aggregates:
                raise Refusal(LOCKED, topic=row.topic, key=row.key)


async def on_log(conn: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Those of these events that the log has already."""
    found: set[str] = set()
    for start in range(0, len(ids), MANY):
        query = select(log_ahead.c.event_id).where(log_ahead.c.event_id.in_(ids[start : start + MANY]))
        found |= set((await conn.execute(query)).scalars())
    return found


async def unlock(conn: AsyncConnection, ids: Sequence[str]) -> int:
    """What these events say has been taken over; returns how many were locked."""
    done = 0
    for start in range(0, len(ids), MANY):
        chunk = ids[start : start + MANY]
        query = update(log_ahead).where(log_ahead.c.event_id.in_(chunk), log_ahead.c.locked).values(locked=False)
        done += (await conn.execute(query)).rowcount
    return done


async def locked_events(conn: AsyncConnection) -> Sequence[Any]:
    """Every event that locks, by its place in the log."""
    order = (log_ahead.c.topic, log_ahead.c.partition, log_ahead.c.offset)
    return (await conn.execute(select(log_ahead).where(log_ahead.c.locked).order_by(*order))).all()


async def aggregates(conn: AsyncConnection, *, after: tuple[str, str] = ("", ""), limit: int = 50) -> list[Any]:
    """Locked aggregates by topic and key: how many of their events the database lacks, and the newest sequence."""
    a = log_ahead.c
    query = (
        select(a.topic, a.key, func.count().label("events"), func.max(a.sequence).label("sequence"))
        .where(a.locked, (a.topic > after[0]) | ((a.topic == after[0]) & (a.key > after[1])))
        .group_by(a.topic, a.key)
        .order_by(a.topic, a.key)
        .limit(limit)
    )
    return list(await conn.execute(query))
