"""Events that could not be handled, and those of the same key that wait behind them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.tables import dead_letter
from suizhuan.ports.log import Record

DEAD, PARKED = "dead", "parked"


async def share(conn: AsyncConnection, consumer: str) -> None:
    """Nobody resolves dead letters of the group before this transaction ends."""
    await _lock(conn, consumer, func.pg_advisory_xact_lock_shared)


async def exclude(conn: AsyncConnection, consumer: str) -> None:
    """No member of the group parks or passes an event of a parked key before this transaction ends."""
    await _lock(conn, consumer, func.pg_advisory_xact_lock)


async def _lock(conn: AsyncConnection, consumer: str, lock: Any) -> None:
    if conn.dialect.name != "sqlite":
        await conn.execute(select(lock(func.hashtextextended(f"deadletter:{consumer}", 0))))


async def put(
    conn: AsyncConnection, consumer: str, record: Record, *, state: str, code: str, reason: str, now: datetime
) -> None:
    """Keep the record with its reason. A record that is there already stays as it is."""
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    await conn.execute(
        insert(dead_letter)
        .values(
            consumer=consumer,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=[[name, value.decode("utf-8", "replace")] for name, value in record.headers],
            state=state,
            code=code,
            reason=reason[:500],
            seen_at=now,
        )
        .on_conflict_do_nothing(index_elements=["consumer", "topic", "partition", "offset"])
    )


async def parked_keys(conn: AsyncConnection, consumer: str, topics: list[str]) -> set[tuple[str, bytes]]:
    """(topic, key) of every key that has a dead or parked event: later ones queue behind it."""
    rows = await conn.execute(
        select(dead_letter.c.topic, dead_letter.c.key)
        .where(
            dead_letter.c.consumer == consumer,
            dead_letter.c.topic.in_(topics),
            dead_letter.c.state.in_([DEAD, PARKED]),
        )
        .distinct()
    )
    return {(row.topic, bytes(row.key)) for row in rows}


async def find(conn: AsyncConnection, letter: int) -> Any | None:
    """One dead letter, None when there is none (any more)."""
    return (await conn.execute(select(dead_letter).where(dead_letter.c.id == letter))).one_or_none()


async def of_key(conn: AsyncConnection, consumer: str, topic: str, key: bytes) -> Sequence[Any]:
    """All of a key, in the order of the log: the dead one first."""
    query = (
        select(dead_letter)
        .where(dead_letter.c.consumer == consumer, dead_letter.c.topic == topic, dead_letter.c.key == key)
        .order_by(dead_letter.c.partition, dead_letter.c.offset)
    )
    return (await conn.execute(query)).all()


def to_record(row: Any) -> Record:
    """The record as it was read."""
    headers = tuple((name, value.encode()) for name, value in row.headers)
    return Record(row.topic, row.partition, row.offset, bytes(row.key), bytes(row.value), headers)


async def page(conn: AsyncConnection, *, after: int = 0, limit: int = 50) -> list[dict[str, Any]]:
    """Dead letters in the order in which they died, without their data."""
    rows = await conn.execute(
        select(
            dead_letter.c.id,
            dead_letter.c.consumer,
            dead_letter.c.topic,
            dead_letter.c.partition,
            dead_letter.c.offset,
            dead_letter.c.state,
            dead_letter.c.code,
            dead_letter.c.reason,
            dead_letter.c.seen_at,
        )
        .where(dead_letter.c.id > after)
        .order_by(dead_letter.c.id)
        .limit(limit)
    )
    return [dict(row._mapping) for row in rows]
