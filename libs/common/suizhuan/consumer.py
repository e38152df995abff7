"""Log → effect, one transaction per batch: inbox, handlers in offset order, offsets, all or nothing.

The database says how far we are (`suizhuan.offsets`); the log's own commits are only told. A batch that fails is
tried again event by event, each in a savepoint; an event that cannot be handled goes to the dead letters and its
key is parked, while all others flow. A consumer that may not skip (`stops=True`: the authority replica) stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog
from opentelemetry.trace import SpanKind
from sqlalchemy import insert, select

from suizhuan import deadletter, offsets
from suizhuan.cloudevents import Event, decode
from suizhuan.context import Context
from suizhuan.db.database import is_transient
from suizhuan.db.tables import inbox as inbox_table
from suizhuan.failpoints import hit
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.offsets import LogReplaced, OffsetMoved
from suizhuan.ports.log import Log, LogConsumer, LogUnavailable, Record, TopicPartition, UnknownTopic
from suizhuan.tracing import span_from_traceparent
from suizhuan.unit_of_work import Tx, UnitOfWork

log = structlog.get_logger(__name__)

POLL_S = 5.0
LOOK_FOR_MISSING_S = 3.0
MAX_RECORDS = 500


class Target(Protocol):
    """What a consumer feeds: `Inbound`, or the authority replica."""

    def wants(self, event: Event) -> bool: ...

    async def handle(self, tx: Tx, event: Event) -> None: ...


class ConsumerStopped(Exception):
    """The consumer met a record that it may neither apply nor skip."""


class Consumer:
    """One member of one consumer group of a service."""

    def __init__(
        self,
        group: str,
        topics: Sequence[str],
        target: Target,
        broker: Log,
        uow: UnitOfWork,
        clock: Clock,
        *,
        stops: bool = False,
        uses_inbox: bool = True,
    ) -> None:
        self.name = f"consumer-{group}"
        self.group = group
        self.topics = list(topics)
        self.target = target
        self.broker = broker
        self.uow = uow
        self.clock = clock
        self.stops = stops
        self.uses_inbox = uses_inbox
        self.problem: str | None = None  # why it does not run now; shown by /health/ready
        self._topic_ids: dict[str, str] = {}
        self._drained = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled or told to drain. Reconnects for ever; stops only as `ConsumerStopped` or `LogReplaced`."""
        pause = 0.1
        while not self._drained.is_set():
            try:
                await self._consume()
                pause = 0.1
            except (ConsumerStopped, LogReplaced) as error:
                self.problem = str(error)
                log.error("consumer_stopped", group=self.group, reason=str(error))
                raise
            except (LogUnavailable, UnknownTopic) as error:
                self.problem = f"log: {error}"[:200]
                log.warning("consumer_waits_for_log", group=self.group, reason=str(error)[:200])
            except Exception as error:
                if not is_transient(error):
                    log.exception("consumer_failed", group=self.group)
                self.problem = f"{type(error).__name__}"
            pause = min(pause * 2, 5.0)
            await self.clock.sleep(pause)

    def drain(self) -> None:
        """Finish the batch under way, commit it, and stop."""
        self._drained.set()

    async def _consume(self) -> None:
        """Until drained, or until a topic that was missing is there: then the group is to be joined anew."""
        present, missing = [], []
        for topic in self.topics:
            try:
                await self._verify(topic)
                present.append(topic)
            except UnknownTopic:  # a neighbour that has never run has not made it, and is not waited for
                missing.append(topic)
        if not present:
            raise UnknownTopic(", ".join(missing))
        client = await self.broker.consumer(
            self.group,
            present,
            on_assigned=self._assigned,
            on_revoked=self._revoked,
            client_id=f"{self.group}-{id(self):x}",
        )
        try:
            self.problem = None
            look_at = self.clock.monotonic() + LOOK_FOR_MISSING_S
            while not self._drained.is_set():
                batch = await self._next(client)
                if batch:
                    await self._take(client, batch)
                if missing and self.clock.monotonic() >= look_at:
                    for topic in missing:
                        if await self._there(topic):
                            return
                    look_at = self.clock.monotonic() + LOOK_FOR_MISSING_S
        finally:
            await client.close()

    async def _there(self, topic: str) -> bool:
        """Whether somebody has made the topic."""
        try:
            await self.broker.partitions(topic)
        except UnknownTopic:
            return False
        return True

    async def _next(self, client: LogConsumer) -> dict[TopicPartition, list[Record]]:
        """The next batch, or nothing as soon as we are told to drain."""
        polling = asyncio.ensure_future(client.poll(timeout=POLL_S, max_records=MAX_RECORDS))
        draining = asyncio.ensure_future(self._drained.wait())
        try:
            await asyncio.wait({polling, draining}, return_when=asyncio.FIRST_COMPLETED)
            return polling.result() if polling.done() else {}
        finally:
            for waiting in (polling, draining):
                waiting.cancel()
            await asyncio.gather(polling, draining, return_exceptions=True)

    async def _verify(self, topic: str) -> None:
        topic_id = await self.broker.topic_id(topic)
        ends = await self.broker.end_offsets(await self.broker.partitions(topic))
        async with self.uow.database.read() as conn:
            await offsets.verify(conn, self.group, topic, topic_id, ends)
        self._topic_ids[topic] = topic_id

    async def _assigned(self, tps: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        async with self.uow.database.read() as conn:
            return await offsets.load(conn, self.group, tps)

    async def _revoked(self, tps: frozenset[TopicPartition]) -> None:
        log.debug("partitions_revoked", group=self.group, partitions=len(tps))

    async def _take(self, client: LogConsumer, batch: dict[TopicPartition, list[Record]]) -> None:
        """Handle a batch; transient trouble is waited out with the partitions paused and polling kept up."""
        for tp in batch:
            hit(f"consumer.{self.group}.before_handle:{tp.topic}")
        pause = 0.05
        while True:
            try:
                await self._handle(batch)
                break
            except OffsetMoved:
                await self._seek_to_database(client, batch)
                return
            except Exception as error:
                if not is_transient(error):
                    raise
                self.problem = f"database: {type(error).__name__}"
                log.warning("batch_waits", group=self.group, reason=type(error).__name__, again_in_s=pause)
                client.pause(*batch)
                await client.poll(timeout=pause, max_records=1)
                client.resume(*batch)
                pause = min(pause * 2, 5.0)
        self.problem = None
        for tp in batch:
            hit(f"consumer.{self.group}.before_ack:{tp.topic}")
        await client.commit({tp: records[-1].offset + 1 for tp, records in batch.items()})

    async def _seek_to_database(self, client: LogConsumer, batch: Mapping[TopicPartition, object]) -> None:
        async with self.uow.database.read() as conn:
            known = await offsets.load(conn, self.group, batch)
        for tp, offset in known.items():
            if tp in client.assignment():
                client.seek(tp, offset)

    async def _handle(self, batch: dict[TopicPartition, list[Record]]) -> None:
        """One transaction for the batch; when an event in it fails, once more with savepoints."""
        try:
            await self._transaction(batch, savepoints=False)
        except (OffsetMoved, asyncio.CancelledError):
            raise
        except Exception as error:
            if is_transient(error):
                raise
            if self.stops:
                raise ConsumerStopped(f"{self.group}: {type(error).__name__}: {error}"[:300]) from error
            await self._transaction(batch, savepoints=True)
        self.uow.metrics.consumer_batches_total.labels(group=self.group).inc()

    async def _transaction(self, batch: dict[TopicPartition, list[Record]], *, savepoints: bool) -> None:
        service = self.uow.registry.service
        async with self.uow.begin(Context.of_system(service), limited=False) as tx:
            parked = set()
            if not self.stops:  # who stops at what it cannot handle parks nothing
                parked = await deadletter.parked_keys(tx.conn, self.group, sorted({tp.topic for tp in batch}))
            for tp in sorted(batch):
                records = batch[tp]
                for record in records:
                    if (record.topic, record.key) in parked:
                        await self._bury(
                            tx, record, deadletter.PARKED, "parked", "an earlier event of this key is dead"
                        )
                    elif not savepoints:
                        await self._one(tx, record)
                    elif not await self._one_in_savepoint(tx, record):
                        parked.add((record.topic, record.key))
                await offsets.move(
                    tx.conn,
                    self.group,
                    tp,
                    self._topic_ids[tp.topic],
                    expected=await self._position(tx, tp, records[0].offset),
                    to=records[-1].offset + 1,
                )

    async def _position(self, tx: Tx, tp: TopicPartition, first: int) -> int:
        """What the database must say for this batch to be the next one: offsets may have gaps (compaction)."""
        known = (await offsets.load(tx.conn, self.group, [tp]))[tp]
        if known > first:
            raise OffsetMoved(f"{self.group} {tp}: at {known}, the batch begins at {first}")
        return known

    async def _one(self, tx: Tx, record: Record) -> None:
        event = decode(record)
        if not self.target.wants(event):
            return
        if self.uses_inbox and not await self._first_time(tx, event):
            self.uow.metrics.consumer_duplicates_total.labels(group=self.group).inc()
            return
        outer, counts = tx.context, tx._counts
        tx.context, tx._counts = Context.of_event(self.uow.registry.service, event), {}
        parent = event.attribute("traceparent")
        try:
            with span_from_traceparent(
                self.uow.tracing.tracer, f"{self.group} {event.name}", parent, kind=SpanKind.CONSUMER
            ):
                await self.target.handle(tx, event)
        finally:
            tx.context, tx._counts = outer, counts
        self.uow.metrics.consumer_events_total.labels(group=self.group, type=event.name).inc()

    async def _one_in_savepoint(self, tx: Tx, record: Record) -> bool:
        """Handle one event; False when it went to the dead letters."""
        mark = tx.mark()
        try:
            async with tx.conn.begin_nested():
                await self._one(tx, record)
        except Exception as error:
            if is_transient(error):
                raise
            tx.back_to(mark)
            code = error.code if isinstance(error, Refusal) else "handler_failed"
            reason = str(error.params) if isinstance(error, Refusal) else type(error).__name__
            log.error("event_dead", group=self.group, topic=record.topic, offset=record.offset, code=code)
            if not isinstance(error, Refusal):
                log.exception("handler_failed", group=self.group)
            await self._bury(tx, record, deadletter.DEAD, code, reason)
            return False
        return True

    async def _bury(self, tx: Tx, record: Record, state: str, code: str, reason: str) -> None:
        await deadletter.put(tx.conn, self.group, record, state=state, code=code, reason=reason, now=tx.now)
        self.uow.metrics.dead_letters_total.labels(group=self.group, state=state).inc()

    async def _first_time(self, tx: Tx, event: Event) -> bool:
        place = {"consumer": self.group, "event_id": event.id}
        seen = select(inbox_table.c.event_id).where(
            inbox_table.c.consumer == self.group, inbox_table.c.event_id == event.id
        )
        if (await tx.conn.execute(seen)).first() is not None:
            return False
        await tx.conn.execute(insert(inbox_table).values(**place, seen_at=tx.now))
        return True
