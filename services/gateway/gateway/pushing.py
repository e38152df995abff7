"""One subscription is read from its position on and pushed to its endpoint, or to its hub's own topic.

Promise: every event that it wants, at least once; of one aggregate in order, the next only when the one before was
taken; nothing lost by an endpoint that is away, however long. An endpoint that stays dead is parked and shown, and
goes on where it stopped when somebody resumes it. The position moves when all of a batch was taken.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import structlog

from gateway import store_hub
from gateway.appending import ToTopic, topic_of
from gateway.delivering import Delivery, ToEndpoint
from gateway.domain import cursor
from gateway.domain.cursor import Positions
from gateway.domain.purposes import Purpose, find
from gateway.domain.sight import Wanted
from gateway.domain.subscription import Subscription
from gateway.positions import resumed
from gateway.posting import Failed, connected
from gateway.receipts import KAFKA, WEBHOOK, Receipts
from gateway.signing import secret_of
from gateway.stream import place_of, readable
from suizhuan import areas
from suizhuan.areas import Codes
from suizhuan.cloudevents import Event
from suizhuan.db.database import Database, is_transient
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.metrics import Metrics
from suizhuan.ports.log import Log, LogUnavailable, Record, TopicPartition

log = structlog.get_logger(__name__)

POLL_S = 1.0
BATCH = 200
LOG_AWAY, NO_PURPOSE = "log_unreachable", "purpose_unknown"
NOTED_EVERY = timedelta(seconds=10)  # how far it is, where there is nothing in it to push


class Pusher:
    """Pushes for one worker."""

    def __init__(
        self,
        database: Database,
        broker: Log,
        clock: Clock,
        metrics: Metrics,
        *,
        worker: str,
        key: bytes,
        topics: tuple[str, ...],
        purposes: tuple[Purpose, ...],
        dead_after: timedelta,
        timeout: float,
        inside: tuple[str, ...],
    ) -> None:
        self.database, self.broker, self.clock, self.metrics = database, broker, clock, metrics
        self.worker, self.key, self.topics, self.purposes = worker, key, topics, purposes
        self.dead_after, self.timeout, self.inside = dead_after, timeout, inside

    async def push_all(self, subscription: Subscription) -> None:
        """What is there and what comes, until its endpoint fails, or it is changed or another's.

        What failed is shown in it, and tried again later. Errors: the database's."""
        run = _Run(self, subscription)
        try:
            await run.go_on()
        except Exception as error:
            if (shown := _shown(error)) is not None:
                why, for_good = shown
                log.warning("webhook_stopped", subscription=subscription.id, reason=why)
                now = self.clock.now()
                # As this worker knows it: what was changed meanwhile stays as somebody else has left it.
                await self.save(run.subscription.failed(why, now, self.dead_after, for_good=for_good))

    async def still_mine(self, subscription: Subscription) -> bool:
        """Whether nobody else has it, and nobody has stopped or changed it."""
        async with self.database.glance() as conn:
            return await store_hub.has_lease(conn, subscription, self.worker, self.clock.now())

    async def save(self, changed: Subscription) -> bool:
        async with self.database.write() as conn:
            return await store_hub.save(conn, changed)


def _shown(error: Exception) -> tuple[str, bool] | None:
    """Why nothing more is pushed, and whether that stays so; None for what is no subscription's fault and passes.

    Of refusals only a purpose that is not in the catalogue cannot pass by itself: a cursor may be refused by a worker
    of before an update, which does not know a topic of after it."""
    if isinstance(error, Failed):
        return error.why, error.for_good
    if isinstance(error, LogUnavailable) or is_transient(error):
        return None
    if isinstance(error, Refusal):
        return None if error.code == LOG_AWAY else (error.code, error.code == NO_PURPOSE)
    log.exception("webhook_failed")
    return "internal", False


class _Run:
    """One subscription at work; `subscription` is as it was read or saved last."""

    def __init__(self, pusher: Pusher, subscription: Subscription) -> None:
        self.pusher, self.subscription = pusher, subscription
        self.noted = pusher.clock.now()

    async def go_on(self) -> None:
        """Until it is changed or another's. Errors: `Failed`; `purpose_unknown`, when the catalogue has changed;
        `cursor_malformed`, for one of another log, or with a topic that is not known here; `log_unreachable`."""
        p, held = self.pusher, self.subscription
        purpose = find(p.purposes, held.purpose)
        positions = await resumed(p.broker, cursor.decode(held.cursor, p.topics), p.topics)
        reader = await p.broker.reader({TopicPartition(topic, n): offset for (topic, n), offset in positions.items()})
        try:
            async with self._way(purpose) as to:
                going = True
                while going:
                    batch = await reader.poll(timeout=POLL_S, max_records=BATCH)
                    events = await self._wanted(batch, positions)
                    # Beats come all the time: that it has passed them is not worth a write each.
                    if events or (batch and p.clock.now() - self.noted >= NOTED_EVERY):
                        going = await self._take(to, events, positions)
        finally:
            await reader.close()

    @asynccontextmanager
    async def _way(self, purpose: Purpose) -> AsyncIterator[Delivery]:
        """To its endpoint, or to its hub's own topic."""
        p, held = self.pusher, self.subscription
        receipts = Receipts(p.database, p.clock, p.metrics, held.hub, held.purpose, WEBHOOK, held.id)
        if (topic := topic_of(held.url)) is not None:
            producer = await p.broker.producer(f"{p.worker}-{held.id}")
            try:
                yield ToTopic(p.broker, producer, topic, replace(receipts, how=KAFKA), purpose)
            finally:
                await producer.close()
            return
        async with connected(p.timeout) as client:
            secret = secret_of(p.key, held.id, held.generation)
            yield ToEndpoint(client, p.clock, receipts, purpose, held.url, secret, p.timeout, p.inside)

    async def _codes(self) -> Codes:
        async with self.pusher.database.glance() as conn:
            return await areas.codes(conn)

    async def _wanted(self, batch: Mapping[TopicPartition, list[Record]], positions: Positions) -> list[Event]:
        """What of a batch is for it, by the codes of today. A position moves with every record."""
        events = []
        for tp in sorted(batch):
            for record in batch[tp]:
                positions[tp.topic, tp.partition] = record.offset + 1
                if (event := readable(record)) is not None:
                    events.append(event)
        if not events:
            return []
        held, codes = self.subscription, await self._codes()
        wanted = Wanted(held.types, held.area, held.since).today(codes.now)
        return [event for event in events if wanted.takes(event.type, place_of(event, codes), event.time)]

    async def _take(self, to: Delivery, events: Sequence[Event], positions: Positions) -> bool:
        """These are pushed, if there are any, and its position moves; False when it is this worker's no more, or not as
        it was."""
        if not await self.pusher.still_mine(self.subscription):
            return False
        if events:
            await to.deliver(events)
            after = self.subscription.taken(cursor.encode(positions), len(events))
        else:
            after = self.subscription.passed(cursor.encode(positions))
        if not await self.pusher.save(after):
            return False
        self.subscription, self.noted = after, self.pusher.clock.now()
        return True
