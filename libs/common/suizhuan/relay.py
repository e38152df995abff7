"""Outbox → log, in order, each event at least once (consumers drop the repeats).

One leader for each lane, a share of the aggregates: it holds the lanes' advisory locks on the very connection that
fetches and deletes, so that who has lost the connection has lost the lead. While the log acknowledges one batch the
next is fetched, without the rows in flight; it is sent when the first has ended, so that one batch at a time is in
flight for a partition. A partition that fails keeps everything from its first failed row on, and pauses by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

import structlog
from opentelemetry.trace import SpanKind
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import lead
from suizhuan.db.database import Database, is_transient
from suizhuan.decision import LANES
from suizhuan.failpoints import hit
from suizhuan.kernel.clock import Clock
from suizhuan.metrics import Metrics
from suizhuan.notify import CHANNEL
from suizhuan.offsets import LogReplaced
from suizhuan.outbox import Batch, Outbox
from suizhuan.own_topics import OwnTopics
from suizhuan.ports.log import Appended, Log, LogProducer, LogUnavailable, TopicPartition, TopicSpec
from suizhuan.tracing import Tracing, span_from_traceparent

log = structlog.get_logger(__name__)

IDLE_FLOOR_S, IDLE_CEILING_S = 0.02, 1.0
UNASKED_S = 15.0  # SQLite has one process, and whoever writes wakes us
BLOCKED_S = 1.0  # how long a partition that failed is left alone
VACUUM_AFTER = 20_000  # rows deleted: autovacuum looks only once a minute, and a minute can be a million rows
ALIVE_S = 1.0  # a leader says something so often, see `lead.SILENT_S`
AGE_EVERY_S = 0.5
BACKLOG_S = 5.0  # a full batch that is older than this is a backlog: fresh events no longer queue behind it


class Relay:
    """Relay `number` of `of` of one service: it leads every lane that falls to it, or stands by."""

    def __init__(
        self,
        service: str,
        database: Database,
        broker: Log,
        topics: Sequence[TopicSpec],
        clock: Clock,
        metrics: Metrics,
        *,
        number: int = 0,
        of: int = 1,
        tracing: Tracing | None = None,
        recovered: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = f"relay-{number}"
        self.recovered = recovered  # returns when this database may publish (`suizhuan.recovery`)
        self.service = service
        self.database = database
        self.broker = broker
        self.own = OwnTopics(database, broker, topics, clock)
        self.clock = clock
        self.metrics = metrics
        self.lanes = [lane for lane in range(LANES) if lane % of == number]
        self.outbox = Outbox(database, self.lanes, {spec.name: spec.partitions for spec in topics})
        self.tracing = tracing or Tracing(service)
        self._wake = asyncio.Event()
        self._producer: LogProducer | None = None
        self._blocked: dict[TopicPartition, float] = {}  # until when
        self._backlog_above: int | None = None
        self._look_at_age = 0.0
        self._dead_rows = 0
        self._vacuuming: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """There is something in the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled, or `LogReplaced`. An unreachable log or database is waited for; nothing is lost by it."""
        pause = IDLE_FLOOR_S
        try:
            while True:
                try:
                    async with self._leading() as conn:
                        if self.recovered is not None:  # a database that was away may have come back as another one
                            await self.recovered()
                        await self._lead(conn)
                except LogReplaced:
                    raise
                except LogUnavailable as error:
                    pause = min(pause * 2, IDLE_CEILING_S)
                    log.warning("relay_waits_for_log", reason=str(error)[:200], again_in_s=pause)
                except Exception as error:
                    if not is_transient(error):
                        log.exception("relay_failed")
                    pause = min(pause * 2, IDLE_CEILING_S)
                await self.clock.sleep(pause)
        finally:
            if self._vacuuming is not None:
                self._vacuuming.cancel()
                await asyncio.gather(self._vacuuming, return_exceptions=True)
            if self._producer is not None:
                await self._producer.close()

    @asynccontextmanager
    async def _leading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that holds the lanes' locks for as long as it lives; waited for while another has them.

        SQLite has one process a file, so there the connection itself is enough.
        """
        async with self.database.engine.connect() as plain:
            if self.database.is_sqlite:
                yield plain
                return
            conn = await plain.execution_options(isolation_level="AUTOCOMMIT")
            try:
                # A leader that freezes loses its session, and with it the locks, within seconds (`suizhuan.lead`).
                await conn.execute(text(f"SET idle_session_timeout = '{lead.SILENT_S}s'"))
                await conn.execute(text(f"SET tcp_user_timeout = '{lead.SILENT_S}s'"))
                # Forgetting need not be on disk before we go on: what comes back after a crash is published again, and
                # dropped by who has it. A flush for each batch would hold up the next event.
                await conn.execute(text("SET synchronous_commit = off"))
                # The outbox is empty now and full then, so no statistics are right for it: always by the index of ids,
                # never by sorting what may be a million rows.
                await conn.execute(text("SET enable_sort = off"))
                await conn.execute(text("SET enable_seqscan = off"))
                await conn.execute(text("SET enable_bitmapscan = off"))
                while not await lead.take(conn, self.lanes):
                    self.metrics.relay_leader.labels(lane=self.name).set(0)
                    if await lead.depose_silent(conn, self.lanes):
                        log.warning("relay_leader_deposed", relay=self.name)
                    else:
                        await self.clock.sleep(ALIVE_S)
                self.metrics.relay_leader.labels(lane=self.name).set(1)
                raw: Any = (await conn.get_raw_connection()).driver_connection
                await raw.add_listener(CHANNEL, lambda *_: self._wake.set())
                yield conn
            finally:
                self.metrics.relay_leader.labels(lane=self.name).set(0)
                await conn.invalidate()  # its session must not go back into the pool

    async def _lead(self, conn: AsyncConnection) -> None:
        """Publish for as long as we are the leader."""
        # Other processes wake us by NOTIFY; should that be lost, we look now and then. A SQLite file has one process.
        floor, ceiling = (UNASKED_S, UNASKED_S) if self.database.is_sqlite else (IDLE_FLOOR_S, IDLE_CEILING_S)
        pause = floor
        while True:
            self._wake.clear()
            batch = await self._next(conn, [])
            if len(batch):
                await self._publish(conn, batch)
                pause = floor
                continue
            self._idle()
            try:
                await asyncio.wait_for(self._wake.wait(), timeout=pause)
                pause = floor
            except TimeoutError:
                pause = min(pause * 2, ceiling)

    async def publish_once(self, conn: AsyncConnection) -> int:
        """Publish one batch, without fetching ahead; returns how many events the log took."""
        batch = await self._next(conn, [])
        if not len(batch):
            self._idle()
            return 0
        return await self._settle(conn, batch, await self._send(batch))

    async def _publish(self, conn: AsyncConnection, batch: Batch) -> None:
        """Publish a batch and those behind it: while the log acknowledges one, the next is there already and the one
        after it is being fetched."""
        sending = asyncio.create_task(self._send(batch))
        ahead: asyncio.Task[Batch] | None = None
        try:
            await self._look_at(conn, batch)
            following = await self._behind(conn, [batch])
            while len(batch):
                ahead = asyncio.create_task(self._behind(conn, [batch, following]))
                await self._acknowledged(conn, sending, ahead)
                sent, result = batch, sending.result()
                batch = Batch() if result.errors else following  # what failed comes before what follows
                if len(batch):
                    sending = asyncio.create_task(self._send(batch))
                following = await ahead
                await self._settle(conn, sent, result)
        except BaseException:
            tasks = [sending, *([ahead] if ahead else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _behind(self, conn: AsyncConnection, flying: Sequence[Batch]) -> Batch:
        """What waits behind these; nothing where the last of them had room for all."""
        if self.database.is_sqlite or not flying[-1].full:
            return Batch()
        return await self._next(conn, flying)

    async def _acknowledged(
        self, conn: AsyncConnection, sending: asyncio.Task[Appended], ahead: asyncio.Task[Batch]
    ) -> None:
        while not (await asyncio.wait({sending}, timeout=ALIVE_S))[0]:
            await ahead
            if not self.database.is_sqlite:
                await conn.execute(text("SELECT 1"))  # we are alive, and still the leader

    async def _next(self, conn: AsyncConnection, flying: Sequence[Batch]) -> Batch:
        now = self.clock.monotonic()
        self._blocked = {tp: until for tp, until in self._blocked.items() if until > now}
        batch = await self.outbox.fetch(conn, without=flying, blocked=self._blocked)
        if not len(batch):
            return batch
        if batch.full:  # else nothing queues behind it, and it shall leave at once
            await self._look_at(conn, batch)
        if self._backlog_above is None:
            return batch
        above = max(self._backlog_above, batch.ids[-1])
        fresh = await self.outbox.fetch_fresh(conn, above, without=flying, blocked=self._blocked)
        batch.ids += fresh.ids
        batch.records += fresh.records
        return batch

    async def _look_at(self, conn: AsyncConnection, batch: Batch) -> None:
        """Note how long its oldest row has waited, now and then, and whether there is a backlog."""
        now = self.clock.monotonic()
        if now < self._look_at_age:
            return
        self._look_at_age = now + AGE_EVERY_S
        age = await self.outbox.age_of(conn, batch, self.clock.now())
        self.metrics.outbox_oldest_seconds.set(age)
        if not batch.full or age < BACKLOG_S or self.database.is_sqlite:
            self._backlog_above = None
        elif self._backlog_above is None:
            self._backlog_above = await self.outbox.newest(conn)
            log.info("relay_backlog", oldest_s=round(age), up_to=self._backlog_above)

    async def _send(self, batch: Batch) -> Appended:
        topics = sorted({record.topic for record in batch.records})
        for topic in topics:
            hit(f"relay.before_append:{topic}")
        with self._span(batch):
            result = await self._append(batch)
        for topic in topics:
            hit(f"relay.after_append:{topic}")
        return result

    async def _append(self, batch: Batch) -> Appended:
        if self._producer is None:
            await self.own.ready()
            self._producer = await self.broker.producer(f"{self.service}-{self.name}")
        return await self._producer.append(batch.records)

    async def _settle(self, conn: AsyncConnection, batch: Batch, result: Appended) -> int:
        taken = await self.outbox.forget(conn, batch, result.offsets, self.own.ids)
        self._dead_rows += taken
        if self._dead_rows >= VACUUM_AFTER and (self._vacuuming is None or self._vacuuming.done()):
            self._dead_rows = 0
            self._vacuuming = asyncio.create_task(self._vacuum())  # beside us: a leader must not fall silent
        self._measure(batch, taken)
        if result.errors and not taken:
            raise next(iter(result.errors.values()))
        for tp, error in result.errors.items():
            self.metrics.relay_failures_total.labels(topic=tp.topic).inc()
            log.warning("relay_partition_waits", partition=f"{tp.topic}[{tp.partition}]", reason=str(error)[:200])
            self._blocked[tp] = self.clock.monotonic() + BLOCKED_S
        return taken

    async def _vacuum(self) -> None:
        try:
            await self.outbox.vacuum()
        except Exception as error:
            log.warning("outbox_not_vacuumed", reason=type(error).__name__)  # autovacuum will

    def _measure(self, batch: Batch, taken: int) -> None:
        self.metrics.relay_published_total.inc(taken)
        self.metrics.relay_batch_events.observe(len(batch))
        self.metrics.outbox_depth.set(len(batch) - taken)

    def _idle(self) -> None:
        self.metrics.outbox_depth.set(0)
        self.metrics.outbox_oldest_seconds.set(0)

    def _span(self, batch: Batch) -> AbstractContextManager[Any]:
        """One span a batch, linked to the trace of each event in it."""
        if not self.tracing.enabled:
            return nullcontext()
        found = {value.decode() for r in batch.records for name, value in r.headers if name == "ce_traceparent"}
        return span_from_traceparent(
            self.tracing.tracer,
            "publish",
            None,
            links=sorted(found),
            kind=SpanKind.PRODUCER,
            attributes={"events": len(batch)},
        )
