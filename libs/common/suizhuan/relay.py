"""Outbox → log, in order, each event at least once (consumers drop the repeats).

A leader per lane holds an advisory lock on the very connection that fetches and deletes. There is no cursor and
no `id <= max`: what is in the table is what is not yet published, so a late commit cannot be skipped and only
rows that the log has acknowledged are deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

import structlog
from opentelemetry.trace import SpanKind
from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.database import Database, is_transient
from suizhuan.db.tables import outbox, published
from suizhuan.decision import LANES
from suizhuan.failpoints import hit
from suizhuan.kernel.clock import Clock, utc_text
from suizhuan.metrics import Metrics
from suizhuan.partitioner import partition_for
from suizhuan.ports.log import Appended, Log, LogProducer, LogUnavailable, NewRecord, TopicPartition, TopicSpec
from suizhuan.tracing import Tracing, span_from_traceparent

log = structlog.get_logger(__name__)

BATCH = 2000
IDLE_FLOOR_S, IDLE_CEILING_S = 0.02, 1.0
UNASKED_S = 5.0


class Relay:
    """The relay of one service for one lane."""

    def __init__(
        self,
        service: str,
        database: Database,
        broker: Log,
        topics: Sequence[TopicSpec],
        clock: Clock,
        metrics: Metrics,
        *,
        lane: int = 0,
        tracing: Tracing | None = None,
    ) -> None:
        self.name = f"relay-{lane}"
        self.service = service
        self.database = database
        self.broker = broker
        self.partitions = {spec.name: spec.partitions for spec in topics}
        self.specs = list(topics)
        self.clock = clock
        self.metrics = metrics
        self.lane = lane
        self.tracing = tracing or Tracing(service)
        self._wake = asyncio.Event()
        self._producer: LogProducer | None = None

    def wake(self) -> None:
        """A transaction of this process has put something into the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. An unreachable log or database is waited for; nothing is lost by it."""
        pause = IDLE_FLOOR_S
        try:
            while True:
                try:
                    async with self._leading() as conn:
                        if conn is not None:
                            await self._lead(conn)
                            continue
                    pause = IDLE_CEILING_S  # another instance leads
                except LogUnavailable as error:
                    pause = min(pause * 2, IDLE_CEILING_S)
                    log.warning("relay_waits_for_log", reason=str(error)[:200], again_in_s=pause)
                except Exception as error:
                    if not is_transient(error):
                        log.exception("relay_failed")
                    pause = min(pause * 2, IDLE_CEILING_S)
                await self.clock.sleep(pause)
        finally:
            if self._producer is not None:
                await self._producer.close()

    async def _lead(self, conn: AsyncConnection) -> None:
        """Publish for as long as we are the leader."""
        # Other processes write to a PostgreSQL outbox without waking us; a SQLite file has one process, which does.
        floor, ceiling = (UNASKED_S, UNASKED_S) if self.database.is_sqlite else (IDLE_FLOOR_S, IDLE_CEILING_S)
        pause = floor
        while True:
            self._wake.clear()
            if await self.publish_once(conn):
                pause = floor
                continue
            try:
                await asyncio.wait_for(self._wake.wait(), timeout=pause)
                pause = floor
            except TimeoutError:
                pause = min(pause * 2, ceiling)

    @asynccontextmanager
    async def _leading(self) -> AsyncIterator[AsyncConnection | None]:
        """A connection that holds the lane's lock as long as it lives, or None when another has it.

        SQLite has one process a file, so there the connection itself is enough.
        """
        async with self.database.engine.connect() as plain:
            if self.database.is_sqlite:
                yield plain
                return
            conn = await plain.execution_options(isolation_level="AUTOCOMMIT")
            # A leader that freezes loses its session, and with it the lock, within seconds.
            await conn.execute(text("SET idle_session_timeout = '3s'"))
            await conn.execute(text("SET tcp_user_timeout = '3s'"))
            lock = {"name": f"relay:{self.lane}"}
            query = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
            if not (await conn.execute(query, lock)).scalar_one():
                await conn.invalidate()  # its session settings must not go back into the pool
                yield None
                return
            try:
                yield conn
            finally:
                await conn.invalidate()

    async def publish_once(self, conn: AsyncConnection) -> int:
        """Publish one batch; returns how many events the log took."""
        rows = await self._fetch(conn)
        if not rows:
            self.metrics.outbox_depth.set(0)
            self.metrics.outbox_oldest_seconds.set(0)
            return 0
        self.metrics.outbox_oldest_seconds.set(max(0.0, (self.clock.now() - rows[0].created_at).total_seconds()))
        self.metrics.outbox_depth.set(len(rows))
        topics = sorted({row.topic for row in rows})
        for topic in topics:
            hit(f"relay.before_append:{topic}")
        with self._span(rows):
            result = await self._append([self._record(row) for row in rows])
        taken = [row.id for row, offset in zip(rows, result.offsets, strict=True) if offset is not None]
        for topic in topics:
            hit(f"relay.after_append:{topic}")
        if taken:
            await self._forget(conn, taken, rows, result)
            self.metrics.relay_published_total.inc(len(taken))
        if result.errors and not taken:
            raise next(iter(result.errors.values()))
        return len(taken)

    def _span(self, rows: Sequence[Any]) -> AbstractContextManager[Any]:
        """One span a batch, linked to the trace of each event in it."""
        if not self.tracing.enabled:
            return nullcontext()
        links = sorted({value for row in rows for name, value in row.headers if name == "ce_traceparent"})
        return span_from_traceparent(
            self.tracing.tracer, "publish", None, links=links, kind=SpanKind.PRODUCER, attributes={"events": len(rows)}
        )

    async def _fetch(self, conn: AsyncConnection) -> Sequence[Any]:
        query = select(outbox).where(outbox.c.lane.in_(range(LANES))).order_by(outbox.c.id).limit(BATCH)
        rows = (await conn.execute(query)).all()
        await conn.rollback()  # ends SQLite's read transaction; nothing to PostgreSQL's autocommit
        return rows

    def _record(self, row: Any) -> NewRecord:
        late = [("ce_outboxid", str(row.id)), ("ce_authorityoffset", str(row.authority_offset))]
        if row.beat_time is not None:
            late.append(("ce_beattime", utc_text(row.beat_time)))
        key = row.key.encode()
        return NewRecord(
            row.topic,
            partition_for(key, self.partitions[row.topic]),
            key,
            row.value,
            tuple((name, value.encode()) for name, value in [*row.headers, *late]),
        )

    async def _append(self, records: Sequence[NewRecord]) -> Appended:
        if self._producer is None:
            await self.broker.ensure_topics(self.specs)
            self._producer = await self.broker.producer(f"{self.service}-{self.name}")
        return await self._producer.append(records)

    async def _forget(self, conn: AsyncConnection, ids: list[int], rows: Sequence[Any], result: Appended) -> None:
        """Delete exactly what the log has taken, and note how far our own topics are."""
        last: dict[TopicPartition, int] = {}
        for row, offset in zip(rows, result.offsets, strict=True):
            if offset is not None:
                place = TopicPartition(row.topic, partition_for(row.key.encode(), self.partitions[row.topic]))
                last[place] = max(offset, last.get(place, -1))
        insert = sqlite.insert if self.database.is_sqlite else postgresql.insert
        upsert = insert(published)
        statement = upsert.on_conflict_do_update(
            index_elements=["topic", "partition"],
            set_={"last_offset": func.max(published.c.last_offset, upsert.excluded.last_offset)}
            if self.database.is_sqlite
            else {"last_offset": func.greatest(published.c.last_offset, upsert.excluded.last_offset)},
        )
        values = [{"topic": tp.topic, "partition": tp.partition, "last_offset": n} for tp, n in sorted(last.items())]
        if self.database.is_sqlite:
            async with self.database.write() as own:
                await own.execute(delete(outbox).where(outbox.c.id.in_(ids)))
                await own.execute(statement.values(values))
            return
        await conn.execute(text("DELETE FROM outbox WHERE id = ANY(:ids)"), {"ids": ids})
        await conn.execute(statement.values(values))


async def waiting(database: Database) -> int:
    """How many events have not been published yet."""
    async with database.read() as conn:
        return int((await conn.execute(select(func.count()).select_from(outbox))).scalar_one())
