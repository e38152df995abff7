"""How far a consumer is, kept in the service's database and moved by compare-and-set."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.tables import consumer_offset
from suizhuan.ports.log import TopicPartition


class OffsetMoved(Exception):
    """Another member was faster: what we have just read was handled already."""


class LogReplaced(Exception):
    """The topic is not the one we have read so far, or it is shorter than what we have read: the service stops."""


async def load(conn: AsyncConnection, consumer: str, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """The next offset to handle for each partition (0 where none was handled)."""
    wanted = list(tps)
    rows = await conn.execute(select(consumer_offset).where(consumer_offset.c.consumer == consumer))
    known = {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}
    return {tp: known.get(tp, 0) for tp in wanted}


async def verify(
    conn: AsyncConnection, consumer: str, topic: str, topic_id: str, ends: dict[TopicPartition, int]
) -> None:
    """The topic is the one this consumer has read, and not shorter. Errors: `LogReplaced`."""
    rows = await conn.execute(
        select(consumer_offset).where(consumer_offset.c.consumer == consumer, consumer_offset.c.topic == topic)
    )
    for row in rows:
        if row.topic_id != topic_id:
            raise LogReplaced(f"{topic} is another topic than the one read so far (id {topic_id}, was {row.topic_id})")
        end = ends.get(TopicPartition(topic, row.partition))
        if end is not None and end < row.next_offset:
            raise LogReplaced(f"{topic}[{row.partition}] ends at {end}, we have read up to {row.next_offset}")


async def move(
    conn: AsyncConnection, consumer: str, tp: TopicPartition, topic_id: str, *, expected: int, to: int
) -> None:
    """Move from `expected` to `to`. Errors: `OffsetMoved` when it is not at `expected` any more."""
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    place = {"consumer": consumer, "topic": tp.topic, "partition": tp.partition}
    if expected == 0:
        await conn.execute(
            insert(consumer_offset).values(**place, next_offset=0, topic_id=topic_id).on_conflict_do_nothing()
        )
    moved = await conn.execute(
        update(consumer_offset)
        .where(
            consumer_offset.c.consumer == consumer,
            consumer_offset.c.topic == tp.topic,
            consumer_offset.c.partition == tp.partition,
            consumer_offset.c.next_offset == expected,
        )
        .values(next_offset=to)
    )
    if moved.rowcount != 1:
        raise OffsetMoved(f"{consumer} {tp}: not at {expected}")
