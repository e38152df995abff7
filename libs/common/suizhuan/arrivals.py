"""How a batch begins on PostgreSQL, in one statement: where we are, whether a key is parked, what was heard before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.types import UtcDateTime
from suizhuan.ports.log import TopicPartition


@dataclass(frozen=True, slots=True)
class Arrivals:
    """`new` are the events noted now, which were not noted before; None where a key is parked: nothing was noted."""

    expected: dict[TopicPartition, int]
    new: set[str] | None


async def note(
    conn: AsyncConnection, consumer: str, tps: Iterable[TopicPartition], ids: Sequence[str], now: datetime
) -> Arrivals:
    """Note these events as handled, unless an event of any key of their topics is dead or parked.

    In sorted order, so that two members with the same events wait for each other in one order."""
    wanted = list(tps)
    topics = sorted({tp.topic for tp in wanted})
    values = {"consumer": consumer, "topics": topics, "ids": sorted(set(ids)), "now": now}
    row = (await conn.execute(_NOTE, values)).one()
    known = {
        TopicPartition(topic, partition): offset
        for topic, partition, offset in zip(row.names or (), row.partitions or (), row.offsets or (), strict=True)
    }
    return Arrivals({tp: known.get(tp, 0) for tp in wanted}, None if row.parked else set(row.noted or ()))


_NOTE = text(
    """
WITH parked AS MATERIALIZED (
  SELECT 1 FROM dead_letter WHERE consumer = :consumer AND topic = ANY(:topics) AND state IN ('dead', 'parked') LIMIT 1
), at AS MATERIALIZED (
  SELECT topic, partition, next_offset FROM consumer_offset WHERE consumer = :consumer AND topic = ANY(:topics)
), noted AS (
  INSERT INTO inbox (consumer, event_id, seen_at)
  SELECT :consumer, id, :now FROM unnest(:ids) AS id WHERE NOT EXISTS (SELECT 1 FROM parked) ORDER BY id
  ON CONFLICT DO NOTHING RETURNING event_id
)
SELECT EXISTS (SELECT 1 FROM parked) AS parked, (SELECT array_agg(event_id) FROM noted) AS noted,
  (SELECT array_agg(topic) FROM at) AS names, (SELECT array_agg(partition) FROM at) AS partitions,
  (SELECT array_agg(next_offset) FROM at) AS offsets
"""
).bindparams(
    bindparam("consumer", type_=Text),
    bindparam("topics", type_=ARRAY(Text)),
    bindparam("ids", type_=ARRAY(Text)),
    bindparam("now", type_=UtcDateTime),
)
