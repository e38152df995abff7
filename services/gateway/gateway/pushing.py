"""One subscription is read from its position on and pushed to its endpoint.

Promise: every event that it wants, at least once; of one aggregate in order, the next only when the one before was
taken; nothing lost by an endpoint that is away, however long. An endpoint that stays dead is parked and shown, and
goes on where it stopped when somebody resumes it. The position moves when all of a batch was taken.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx
import structlog

from gateway import store_hub
from gateway.domain import cursor
from gateway.domain.cursor import Positions
from gateway.domain.purposes import Purpose, find
from gateway.domain.sight import Wanted
from gateway.domain.subscription import Subscription
from gateway.endpoints import LOOKUP_S, vetted
from gateway.hub_view import as_json, encoded
from gateway.positions import resumed
from gateway.posting import Failed, connected, post
from gateway.receipts import WEBHOOK, Given, Receipts
from gateway.signing import headers, secret_of
from gateway.stream import readable
from suizhuan import areas
from suizhuan.areas import Codes
from suizhuan.cloudevents import Event
from suizhuan.db.database import Database
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import Log, LogReader, TopicPartition

log = structlog.get_logger(__name__)

POLL_S = 1.0
BATCH = 200
TOGETHER = 8  # aggregates pushed at once
NOTED_EVERY = timedelta(seconds=10)  # how far it is, where there is nothing in it to push


class Pusher:
    """Pushes for one worker."""

    def __init__(
        self,
        database: Database,
        broker: Log,
        clock: Clock,
        *,
        worker: str,
        key: bytes,
        topics: tuple[str, ...],
        purposes: tuple[Purpose, ...],
        dead_after: timedelta,
        timeout: float,
        inside: tuple[str, ...],
    ) -> None:
        self.database, self.broker, self.clock = database, broker, clock
        self.worker, self.key, self.topics, self.purposes = worker, key, topics, purposes
        self.dead_after, self.timeout, self.inside = dead_after, timeout, inside

    async def push_all(self, subscription: Subscription) -> None:
        """What is there and what comes, until its endpoint fails, or it is changed or another's.

        Errors: `purpose_unknown`, when the catalogue has changed; `cursor_malformed`, when the log is another one;
        `log_unreachable`."""
        find(self.purposes, subscription.purpose)
        positions = await resumed(self.broker, cursor.decode(subscription.cursor, self.topics), self.topics)
        places = {TopicPartition(topic, p): offset for (topic, p), offset in positions.items()}
        async with self.database.glance() as conn:
            codes = await areas.codes(conn)
        reader = await self.broker.reader(places)
        noted = self.clock.now()
        try:
            async with connected(self.timeout) as client:
                while (
                    now := await self._push_batch(client, subscription, codes, reader, positions, noted)
                ) is not None:
                    if now is not subscription:
                        subscription, noted = now, self.clock.now()
        finally:
            await reader.close()

    async def _push_batch(
        self,
        client: httpx.AsyncClient,
        subscription: Subscription,
        codes: Codes,
        reader: LogReader,
        positions: Positions,
        noted: datetime,
    ) -> Subscription | None:
        """What comes next; the subscription as it is then, None when this worker should stop."""
        batch = await reader.poll(timeout=POLL_S, max_records=BATCH)
        wanted = Wanted(subscription.types, subscription.area, subscription.since)
        events: list[Event] = []
        for tp in sorted(batch):
            for record in batch[tp]:
                positions[tp.topic, tp.partition] = record.offset + 1
                event = readable(record)
                if event is None:
                    continue
                # Said before its service heard of another code, or before there was one: the place is the same.
                area = event.attribute("area")
                if wanted.takes(event.type, codes.now(area) if area else None, event.time):
                    events.append(event)
        # Beats come all the time: that it has passed them is not worth a write each.
        if not batch or (not events and self.clock.now() - noted < NOTED_EVERY):
            return subscription
        if not await self._still_mine(subscription):
            return None
        if not events:
            passed = subscription.passed(cursor.encode(positions))
            return passed if await self._save(passed) else None
        try:
            await self._deliver(client, subscription, events)
        except Failed as failure:
            log.warning("webhook_not_taken", subscription=subscription.id, reason=failure.why)
            await self._save(
                subscription.failed(failure.why, self.clock.now(), self.dead_after, for_good=failure.for_good)
            )
            return None
        after = subscription.taken(cursor.encode(positions), len(events))
        return after if await self._save(after) else None

    async def _deliver(self, client: httpx.AsyncClient, subscription: Subscription, events: list[Event]) -> None:
        """All of them, each aggregate's in order. Errors: `Failed`, when nobody else has anything more to say."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        address = await self._address(subscription)
        left = self.timeout - (loop.time() - begun)
        purpose = find(self.purposes, subscription.purpose)
        shown = [as_json(event, purpose) for event in events]
        receipts = Receipts(self.database, self.clock, subscription.hub, subscription.purpose, WEBHOOK, subscription.id)
        await receipts.note(Given(e, len(s.get("masked", ()))) for e, s in zip(events, shown, strict=True))
        by_key: dict[tuple[str, str], list[Mapping[str, object]]] = defaultdict(list)
        for event, body in zip(events, shown, strict=True):
            by_key[event.topic, event.key].append(body)
        secret = secret_of(self.key, subscription.id, subscription.generation)
        room = asyncio.Semaphore(TOGETHER)

        async def one_aggregate(bodies: list[Mapping[str, object]]) -> None:
            async with room:
                for body in bodies:
                    await self._post(client, subscription.url, address, secret, body, left)

        done = await asyncio.gather(*map(one_aggregate, by_key.values()), return_exceptions=True)
        for failure in done:
            if isinstance(failure, BaseException):
                raise failure

    async def _address(self, subscription: Subscription) -> str | None:
        try:
            return await vetted(subscription.url, inside=self.inside, within=min(LOOKUP_S, self.timeout / 3))
        except Refusal as refusal:
            raise Failed(str(refusal.params.get("reason", refusal.code))) from refusal

    async def _post(
        self,
        client: httpx.AsyncClient,
        url: str,
        address: str | None,
        secret: str,
        body: Mapping[str, object],
        within: float,
    ) -> None:
        content = encoded(body)
        signed = headers(secret, str(body["id"]), int(self.clock.now().timestamp()), content)
        await post(client, url, address, content, signed, within)

    async def _still_mine(self, subscription: Subscription) -> bool:
        """Whether nobody else has it, and nobody has stopped or changed it."""
        async with self.database.glance() as conn:
            return await store_hub.has_lease(conn, subscription, self.worker, self.clock.now())

    async def _save(self, changed: Subscription) -> bool:
        async with self.database.write() as conn:
            return await store_hub.save(conn, changed)
