"""How far a consumer is, kept in the service's database and moved by compare-and-set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db import driver
from suizhuan.db.tables import consumer_offset
from suizhuan.ports.log import TopicPartition


class OffsetMoved(Exception):
    """Another member was faster: what we have just read was handled already."""


class LogReplaced(Exception):
    """A topic is not the one we have read or written so far, or it is shorter: the service stops (authority §5)."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")


async def load(conn: AsyncConnection, consumer: str, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
    """The next offset to handle for each partition (0 where none was handled)."""
    wanted = list(tps)
    rows = await conn.execute(select(consumer_offset).where(consumer_offset.c.consumer == consumer))
    known = {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}
    return {tp: known.get(tp, 0) for tp in wanted}


async def known(conn: AsyncConnection, consumer: str) -> Sequence[Row[Any]]:
    """How far the consumer is, and of which topics it was. For `verify` to be read before the ends of the log: the log
    grows meanwhile, and so may what another member has handled."""
    return (await conn.execute(select(consumer_offset).where(consumer_offset.c.consumer == consumer))).all()


def verify(rows: Iterable[Row[Any]], topic_ids: Mapping[str, str], ends: Mapping[TopicPartition, int]) -> None:
    """The topics are those that the consumer has read, and not shorter. Errors: `LogReplaced`."""
    for row in rows:
        if row.topic in topic_ids:
            tp = TopicPartition(row.topic, row.partition)
            same_log(tp, row.next_offset, row.topic_id, topic_ids[row.topic], ends)


def same_log(
    tp: TopicPartition, known: int, known_id: str | None, topic_id: str, ends: Mapping[TopicPartition, int]
) -> None:
    """The partition is the one that the database knows up to `known`, and not shorter. Errors: `LogReplaced`."""
    if known_id is not None and known_id != topic_id:
        raise LogReplaced(
            f"主题 {tp.topic} 已不是数据库所知的那个（现为 {topic_id}，原为 {known_id}）；请恢复原日志，勿继续",
            f"the topic {tp.topic} is not the one that the database knows (it is {topic_id}, was {known_id}): "
            "bring the old log back before going on",
        )
    end = ends.get(tp)
    if end is None or end < known:
        raise LogReplaced(
            f"日志 {tp.topic}[{tp.partition}] 止于 {end or 0}，数据库已到 {known}：日志短于数据库；请恢复日志，勿继续",
            f"the log {tp.topic}[{tp.partition}] ends at {end or 0}, the database is at {known}: the log is shorter "
            "than the database; restore the log before going on",
        )


async def move(
    conn: AsyncConnection,
    consumer: str,
    expected: Mapping[TopicPartition, int],
    to: Mapping[TopicPartition, int],
    topic_ids: Mapping[str, str],
) -> None:
    """Move each partition from where it is `expected` to be; in one order, so that nobody waits in a circle.

    Whoever commits first wins: the other waits here for its row, and finds it moved. Errors: `OffsetMoved`."""
    tps = sorted(to)
    rows = [
        {"b_consumer": consumer, "b_topic": tp.topic, "b_partition": tp.partition, "b_at": expected[tp], "b_to": to[tp]}
        for tp in tps
    ]
    begun = [row for row in rows if row["b_at"] == 0]
    if begun:
        first = {"consumer": consumer, "next_offset": 0}
        insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
        values = [
            {**first, "topic": r["b_topic"], "partition": r["b_partition"], "topic_id": topic_ids[str(r["b_topic"])]}
            for r in begun
        ]
        await conn.execute(insert(consumer_offset).values(values).on_conflict_do_nothing())
    if conn.dialect.name != "sqlite":
        columns = [[row[f"b_{name}"] for row in rows] for name in ("topic", "partition", "at", "to")]
        if len(await driver.fetch(conn, _MOVE_ALL, consumer, *columns)) != len(rows):
            raise OffsetMoved(f"{consumer}: one of {len(rows)} partitions is not where it was")
        return
    for row in rows:
        if (await conn.execute(_MOVE, row)).rowcount != 1:
            raise OffsetMoved(f"{consumer} {row['b_topic']}[{row['b_partition']}]: not at {row['b_at']}")


_MOVE_ALL = """
WITH here AS MATERIALIZED (
  SELECT o.topic, o.partition, m.to
  FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) AS m(topic, partition, at, "to")
  JOIN consumer_offset AS o ON o.consumer = $1 AND o.topic = m.topic AND o.partition = m.partition
    AND o.next_offset = m.at
  ORDER BY o.topic, o.partition FOR UPDATE OF o
)
UPDATE consumer_offset AS o SET next_offset = here.to FROM here
WHERE o.consumer = $1 AND o.topic = here.topic AND o.partition = here.partition
RETURNING 1
"""
_MOVE = (
    update(consumer_offset)
    .where(
        consumer_offset.c.consumer == bindparam("b_consumer"),
        consumer_offset.c.topic == bindparam("b_topic"),
        consumer_offset.c.partition == bindparam("b_partition"),
        consumer_offset.c.next_offset == bindparam("b_at"),
    )
    .values(next_offset=bindparam("b_to"))
)
