"""Log → effect, one transaction per batch: inbox, handlers in offset order, offsets, all or nothing.

The database says how far we are (`suizhuan.offsets`); the log's own commits are only told. A batch that fails is
tried again event by event, each in a savepoint; an event that cannot be handled goes to the dead letters and its
key is parked, while all others flow. A consumer that may not skip (`stops=True`: the authority replica) stops.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from suizhuan import offsets
from suizhuan.ahead import is_locked
from suizhuan.db.database import is_transient
from suizhuan.failpoints import hit
from suizhuan.handling import Batch, Handling, Outcome, Target
from suizhuan.kernel.clock import Clock
from suizhuan.offsets import LogReplaced, OffsetMoved
from suizhuan.ports.log import Log, LogConsumer, LogUnavailable, Record, TopicPartition, UnknownTopic
from suizhuan.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

POLL_S = 5.0
LOOK_FOR_MISSING_S = 3.0
HELD_S = 0.5
MAX_RECORDS = 500
STUCK_S = 60.0  # a consumer that neither polls nor handles for so long is started anew
# Of the newest 200 events more than half dead, and at least 20: it pauses, and tries again after a minute.
TRIP_OF, TRIP_AT, TRIP_SHARE, TRIPPED_S = 200, 20, 0.5, 60.0


class TooManyDead(Exception):
    """So many events died that the fault is ours rather than theirs: nothing was buried, the consumer pauses."""


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
        held: Callable[[], Awaitable[str | None]] | None = None,
    ) -> None:
        """`held` says why it may not begin yet, None when it may."""
        self.held = held
        self.name = f"consumer-{group}"
        self.group = group
        self.topics = list(topics)
        self.broker = broker
        self.uow = uow
        self.clock = clock
        self.stops = stops
        self.handling = Handling(group, target, uow, parks=not stops, uses_inbox=uses_inbox)
        self._recent: deque[bool] = deque(maxlen=TRIP_OF)  # of the newest events, whether they died
        self._moved = clock.monotonic()  # when we last polled or handled anything
        self.problem: str | None = None  # why it does not run now; shown by /health/ready
        self._topic_ids: dict[str, str] = {}
        self._drained = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled or told to drain. Reconnects for ever; stops only as `ConsumerStopped` or `LogReplaced`."""
        pause = 0.1
        stopped = self.uow.metrics.consumer_stopped.labels(group=self.group)
        stopped.set(0)
        while not self._drained.is_set():
            try:
                if self.held is not None and (why := await self.held()) is not None:
                    self.problem = why
                    await self._rest(HELD_S)
                    continue
                await self._watched()
                pause = 0.1
            except (ConsumerStopped, LogReplaced) as error:
                self.problem = str(error)
                stopped.set(1)
                log.error("consumer_stopped", group=self.group, reason=str(error))
                raise
            except TooManyDead as error:
                self.problem = str(error)
                pause = TRIPPED_S
                self._recent.clear()
                self.uow.metrics.consumer_trips_total.labels(group=self.group).inc()
                log.error("consumer_tripped", group=self.group, reason=str(error), again_in_s=pause)
            except (LogUnavailable, UnknownTopic) as error:
                self.problem = f"log: {error}"[:200]
                log.warning("consumer_waits_for_log", group=self.group, reason=str(error)[:200])
            except Exception as error:
                if not is_transient(error):
                    log.exception("consumer_failed", group=self.group)
                self.problem = f"{type(error).__name__}"
            await self._rest(pause)
            pause = min(pause * 2, 5.0)

    async def _rest(self, pause: float) -> None:
        """Sleep, unless we are told to drain."""
        resting = asyncio.ensure_future(self.clock.sleep(pause))
        draining = asyncio.ensure_future(self._drained.wait())
        try:
            await asyncio.wait({resting, draining}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (resting, draining):
                waiting.cancel()
            await asyncio.gather(resting, draining, return_exceptions=True)

    async def _watched(self) -> None:
        """Consume; given up, to be begun anew, when it makes no step for `STUCK_S`."""
        self._moved = self.clock.monotonic()
        consuming = asyncio.ensure_future(self._consume())
        try:
            while not consuming.done():
                left = self._moved + STUCK_S - self.clock.monotonic()
                if left <= 0:
                    self.uow.metrics.consumer_restarts_total.labels(group=self.group).inc()
                    raise LogUnavailable(f"{self.group} made no step for {STUCK_S:g} s")
                await asyncio.wait({consuming}, timeout=left)
            consuming.result()
        finally:
            consuming.cancel()
            await asyncio.gather(consuming, return_exceptions=True)

    def drain(self) -> None:
        """Finish the batch under way, commit it, and stop."""
        self._drained.set()

    async def _consume(self) -> None:
        """Until drained, or until a topic that was missing is there: then the group is to be joined anew."""
        present = await self._verified()
        missing = [topic for topic in self.topics if topic not in present]
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
                self._moved = self.clock.monotonic()
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

    async def _verified(self) -> list[str]:
        """The topics that are there. Errors: `LogReplaced`, where one is not what we have read so far."""
        async with self.uow.database.read() as conn:
            known = await offsets.known(conn, self.group)
        found: dict[str, str] = {}
        ends: dict[TopicPartition, int] = {}
        for topic in self.topics:
            with contextlib.suppress(UnknownTopic):  # a neighbour that has never run is not waited for
                topic_id = await self.broker.topic_id(topic)
                ends |= await self.broker.end_offsets(await self.broker.partitions(topic))
                found[topic] = topic_id
        offsets.verify(known, found, ends)
        self._topic_ids = found
        return list(found)

    async def _assigned(self, tps: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        async with self.uow.database.read() as conn:
            return await offsets.load(conn, self.group, tps)

    async def _revoked(self, tps: frozenset[TopicPartition]) -> None:
        log.debug("partitions_revoked", group=self.group, partitions=len(tps))

    async def _take(self, client: LogConsumer, batch: Batch) -> None:
        """Handle a batch; transient trouble is waited out with the partitions paused and polling kept up."""
        for tp in batch:
            hit(f"consumer.{self.group}.before_handle:{tp.topic}")
        pause = 0.05
        while True:
            try:
                await self._handle(batch)
                break
            except OffsetMoved:
                self.uow.metrics.consumer_retries_total.labels(group=self.group, why="offset_moved").inc()
                await self._seek_to_database(client, batch)
                return
            except Exception as error:
                if not _may_pass(error):
                    raise
                self.problem = f"waits: {error if is_locked(error) else type(error).__name__}"
                self.uow.metrics.consumer_retries_total.labels(group=self.group, why="transient").inc()
                log.warning("batch_waits", group=self.group, reason=type(error).__name__, again_in_s=pause)
                client.pause(*batch)
                others = await client.poll(timeout=pause, max_records=1)
                client.resume(*batch)
                for tp, records in others.items():  # of partitions that are not paused: they come again
                    if tp in client.assignment():
                        client.seek(tp, records[0].offset)
                self._moved = self.clock.monotonic()
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

    async def _handle(self, batch: Batch) -> None:
        """One transaction for the batch; when an event in it fails, once more with savepoints."""
        began = self.clock.monotonic()
        metrics = self.uow.metrics
        try:
            outcome = await self.handling.whole(batch, self._topic_ids)
        except (OffsetMoved, asyncio.CancelledError):
            raise
        except Exception as error:
            if _may_pass(error):
                raise
            if self.stops:
                raise ConsumerStopped(f"{self.group}: {type(error).__name__}: {error}"[:300]) from error
            metrics.consumer_retries_total.labels(group=self.group, why="savepoints").inc()
            outcome = await self.handling.one_by_one(batch, self._topic_ids, self._trip)
        self._recent.extend([True] * len(outcome.dead) + [False] * outcome.handled)
        self._moved = self.clock.monotonic()
        metrics.consumer_batch_seconds.labels(group=self.group).observe(self._moved - began)
        metrics.consumer_batches_total.labels(group=self.group).inc()
        metrics.consumer_batch_events.labels(group=self.group).observe(sum(map(len, batch.values())))

    def _trip(self, outcome: Outcome) -> None:
        """Refuse to bury a whole stream: that is a broken handler, not so many broken events."""
        recent = [*self._recent, *([True] * len(outcome.dead)), *([False] * outcome.handled)][-TRIP_OF:]
        dead = sum(recent)
        if dead >= TRIP_AT and dead > len(recent) * TRIP_SHARE:
            codes = ", ".join(sorted(set(outcome.dead)))
            raise TooManyDead(f"{self.group}: {dead} of the last {len(recent)} events failed ({codes})")


def _may_pass(error: Exception) -> bool:
    """Whether the same batch may pass later, as it is: trouble with the database, or a lock after a restore."""
    return is_transient(error) or is_locked(error)
