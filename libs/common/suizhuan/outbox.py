"""The outbox as its relay sees it: what waits, in order, and forgetting what the log has taken.

There is no cursor and no `id <= max`: what is in the table is what is not yet published, so a commit that comes late
with a low id cannot be skipped, and only rows that the log has acknowledged are deleted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import delete, func, or_, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.cloudevents import unpack
from suizhuan.db import driver
from suizhuan.db.database import Database
from suizhuan.db.tables import outbox, published
from suizhuan.kernel.clock import utc_text
from suizhuan.partitioner import partition_for
from suizhuan.ports.log import NewRecord, TopicPartition

BATCH = 2000
FRESH = 500


@dataclass(slots=True)
class Batch:
    """Rows on their way: `ids[i]` waits for the log to take `records[i]`."""

    ids: list[int] = field(default_factory=list)
    records: list[NewRecord] = field(default_factory=list)
    main: int = 0  # how many of them are the oldest rows; what follows them is fresh

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def full(self) -> bool:
        """More than this waits, presumably."""
        return self.main >= BATCH


def _span(batches: Sequence[Batch]) -> tuple[int, int]:
    """From the lowest to the highest id of the oldest rows among these; (0, 0) without any."""
    ends = [(b.ids[0], b.ids[b.main - 1]) for b in batches if b.main]
    return (min(low for low, _ in ends), max(high for _, high in ends)) if ends else (0, 0)


def _fresh(batches: Sequence[Batch]) -> list[int]:
    return [id_ for b in batches for id_ in b.ids[b.main :]]


class Outbox:
    """The rows of some lanes."""

    def __init__(self, database: Database, lanes: Sequence[int], partitions: dict[str, int]) -> None:
        self.database = database
        self.lanes = list(lanes)
        self.partitions = partitions
        self._one_order = [topic for topic, number in partitions.items() if number == 1]

    async def fetch(
        self, conn: AsyncConnection, *, without: Sequence[Batch] = (), blocked: Iterable[TopicPartition] = ()
    ) -> Batch:
        """The oldest rows, but for those in flight and those of partitions that do not take any now.

        What commits late between the ids in flight comes with a later fetch: it belongs to another aggregate, since
        one aggregate's ids are drawn in the order of its commits."""
        low, high = _span(without)
        closed = [f"{tp.topic}/{tp.partition}" for tp in blocked]
        if self.database.is_sqlite:
            rows: Sequence[Any] = await self._fetch_sqlite(conn, low, high, closed)
        else:
            rows = await driver.fetch(conn, _OLDEST, self.lanes, low, high, _fresh(without), closed, BATCH)
        return self._batch(rows, len(rows))

    async def fetch_fresh(
        self,
        conn: AsyncConnection,
        above: int,
        *,
        without: Sequence[Batch] = (),
        blocked: Iterable[TopicPartition] = (),
    ) -> Batch:
        """Of the rows above an id those that no older row of their aggregate stands before (PostgreSQL only).

        None of a topic that is one order, whose rows wait for each other."""
        closed = [f"{tp.topic}/{tp.partition}" for tp in blocked]
        values = (self.lanes, above, _fresh(without), closed, FRESH, self._one_order)
        return self._batch(await driver.fetch(conn, _FRESH, *values), 0)

    async def age_of(self, conn: AsyncConnection, batch: Batch, now: datetime) -> float:
        """For how many seconds the oldest row of a batch has been waiting."""
        written = (
            await conn.execute(select(outbox.c.created_at).where(outbox.c.id == batch.ids[0]))
        ).scalar_one_or_none()
        if self.database.is_sqlite:
            await conn.rollback()
        return max(0.0, (now - written).total_seconds()) if written is not None else 0.0

    async def newest(self, conn: AsyncConnection) -> int:
        """The highest id that waits, 0 when nothing does."""
        return int((await conn.execute(select(func.coalesce(func.max(outbox.c.id), 0)))).scalar_one())

    async def forget(
        self, conn: AsyncConnection, batch: Batch, offsets: Sequence[int | None], topic_ids: Mapping[str, str]
    ) -> int:
        """Delete exactly what the log has taken and note how far our topics are, together; returns how many rows."""
        taken = [id_ for id_, offset in zip(batch.ids, offsets, strict=True) if offset is not None]
        if not taken:
            return 0
        last: dict[tuple[str, int], int] = {}
        for record, offset in zip(batch.records, offsets, strict=True):
            if offset is not None:  # within a partition they rise
                last[record.topic, record.partition] = offset
        places = sorted(last)
        if self.database.is_sqlite:
            values = [
                {"topic": t, "partition": p, "last_offset": last[t, p], "topic_id": topic_ids.get(t)} for t, p in places
            ]
            async with self.database.write() as own:
                await own.execute(delete(outbox).where(outbox.c.id.in_(taken)))
                await own.execute(_NOTE_SQLITE.values(values))
        else:
            names, partitions = [t for t, _ in places], [p for _, p in places]
            newest, ids = [last[place] for place in places], [topic_ids.get(t) for t in names]
            await driver.fetch(conn, _FORGET, taken, names, partitions, newest, ids)
        return len(taken)

    async def vacuum(self) -> None:
        """Clear dead rows away, unless somebody else is at it (nothing to do on SQLite)."""
        if self.database.is_sqlite:
            return
        async with self.database.engine.connect() as plain:
            conn = await plain.execution_options(isolation_level="AUTOCOMMIT")
            await conn.execute(text("VACUUM (SKIP_LOCKED) outbox"))

    async def _fetch_sqlite(self, conn: AsyncConnection, low: int, high: int, closed: list[str]) -> Sequence[Any]:
        query = (
            select(*(outbox.c[name] for name in _NAMES))
            .where(outbox.c.lane.in_(self.lanes), or_(outbox.c.id < low, outbox.c.id > high))
            .order_by(outbox.c.id)
            .limit(BATCH)
        )
        if closed:
            query = query.where((outbox.c.topic + "/" + outbox.c.partition.cast(outbox.c.topic.type)).not_in(closed))
        rows = (await conn.execute(query)).all()
        await conn.rollback()  # ends the read transaction
        return rows

    def _batch(self, rows: Sequence[Any], main: int) -> Batch:
        batch = Batch(main=main)
        for row in rows:
            batch.ids.append(row[0])
            batch.records.append(self._record(row))
        return batch

    def _record(self, row: Any) -> NewRecord:
        id_, topic, partition, key, value, packed, authority_offset, beat = row
        raw = key.encode()
        if partition is None:  # written by a release whose rows did not know their partition
            partition = partition_for(raw, self.partitions[topic])
            headers = [(name, text.encode()) for name, text in json.loads(packed)]
        else:
            headers = unpack(packed)
        headers.append(("ce_outboxid", b"%d" % id_))
        headers.append(("ce_authorityoffset", b"%d" % authority_offset))
        if beat is not None:
            headers.append(("ce_beattime", _beat(beat)))
        return NewRecord(topic, partition, raw, value, tuple(headers))


@lru_cache(maxsize=256)
def _beat(sent_at: datetime) -> bytes:
    return utc_text(sent_at).encode()  # thousands of rows share a beat


_NAMES = ("id", "topic", "partition", "key", "value", "headers", "authority_offset", "beat_time")
_COLUMNS = ", ".join(f"o.{name}" for name in _NAMES)
_OLDEST = f"""
SELECT {_COLUMNS} FROM outbox AS o
WHERE o.lane = ANY($1::int[]) AND (o.id < $2 OR o.id > $3) AND o.id <> ALL($4::bigint[])
  AND (cardinality($5::text[]) = 0 OR o.topic || '/' || o.partition <> ALL($5))
ORDER BY o.id LIMIT $6
"""  # noqa: S608  (constants of this module)
_FRESH = f"""
SELECT {_COLUMNS} FROM outbox AS o
WHERE o.lane = ANY($1::int[]) AND o.id > $2 AND o.id <> ALL($3::bigint[])
  AND (cardinality($4::text[]) = 0 OR o.topic || '/' || o.partition <> ALL($4))
  AND o.topic <> ALL($6::text[])
  AND NOT EXISTS (SELECT 1 FROM outbox AS e WHERE e.key = o.key AND e.topic = o.topic AND e.id < o.id)
ORDER BY o.id LIMIT $5
"""  # noqa: S608
_FORGET = """
WITH gone AS (DELETE FROM outbox WHERE id = ANY($1::bigint[]))
INSERT INTO published AS p (topic, partition, last_offset, topic_id)
SELECT * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::text[])
ON CONFLICT (topic, partition) DO UPDATE
  SET last_offset = greatest(p.last_offset, excluded.last_offset), topic_id = coalesce(excluded.topic_id, p.topic_id)
"""
_upsert = sqlite.insert(published)
_NOTE_SQLITE = _upsert.on_conflict_do_update(
    index_elements=["topic", "partition"],
    set_={
        "last_offset": func.max(published.c.last_offset, _upsert.excluded.last_offset),
        "topic_id": func.coalesce(_upsert.excluded.topic_id, published.c.topic_id),
    },
)
