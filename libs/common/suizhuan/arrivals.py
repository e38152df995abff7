"""How a batch begins on PostgreSQL, in one statement: where we are, whether a key is parked, what was heard before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db import driver
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
    (row,) = await driver.fetch(conn, _NOTE, consumer, topics, sorted(set(ids)), now)
    places = zip(row["names"] or (), row["partitions"] or (), row["offsets"] or (), strict=True)
    known = {TopicPartition(topic, partition): offset for topic, partition, offset in places}
    return Arrivals({tp: known.get(tp, 0) for tp in wanted}, None if row["parked"] else set(row["noted"] or ()))


_NOTE = """
WITH parked AS MATERIALIZED (
  SELECT 1 FROM dead_letter WHERE consumer = $1 AND topic = ANY($2::text[]) AND state IN ('dead', 'parked') LIMIT 1
), at AS MATERIALIZED (
  SELECT topic, partition, next_offset FROM consumer_offset WHERE consumer = $1 AND topic = ANY($2::text[])
), noted AS (
  INSERT INTO inbox (consumer, event_id, seen_at)
  SELECT $1, id, $4 FROM unnest($3::text[]) AS id WHERE NOT EXISTS (SELECT 1 FROM parked) ORDER BY id
  ON CONFLICT DO NOTHING RETURNING event_id
)
SELECT EXISTS (SELECT 1 FROM parked) AS parked, (SELECT array_agg(event_id) FROM noted) AS noted,
  (SELECT array_agg(topic) FROM at) AS names, (SELECT array_agg(partition) FROM at) AS partitions,
  (SELECT array_agg(next_offset) FROM at) AS offsets
"""
