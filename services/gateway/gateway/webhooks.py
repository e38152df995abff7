"""Webhooks: each active subscription is read from its position on and pushed to its endpoint, by one worker at a time.

Promise: every event that it wants, at least once; of one aggregate in order, the next only when the one before was
taken; nothing lost by an endpoint that is away, however long. An endpoint that stays dead is parked and shown, and
goes on where it stopped when somebody resumes it. The position moves when all of a batch was taken.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx
import structlog

from gateway import store_hub
from gateway.domain import cursor
from gateway.domain.cursor import Positions
from gateway.domain.purposes import Purpose, find
from gateway.domain.sight import Wanted
from gateway.domain.subscription import ACTIVE, Subscription
from gateway.endpoints import vetted
from gateway.hub_view import as_json, encoded
from gateway.positions import resumed
from gateway.receipts import WEBHOOK, Given, Receipts
from gateway.signing import headers, secret_of
from gateway.stream import readable
from suizhuan.cloudevents import Event
from suizhuan.db.database import Database, is_transient
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import Log, LogReader, LogUnavailable, TopicPartition

log = structlog.get_logger(__name__)

LOOK_S = 1.0
BATCH = 200
TOGETHER = 8  # aggregates pushed at once
GONE = 410
NEVER = datetime.min.replace(tzinfo=UTC)


class Failed(Exception):
    """The endpoint did not take an event."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.why, self.for_good = why, for_good


class Webhooks:
    """A component of the worker."""

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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = "webhooks"
        self.database, self.broker, self.clock = database, broker, clock
        self.worker, self.key, self.topics, self.purposes = worker, key, topics, purposes
        self.dead_after, self.inside = dead_after, inside
        self._timeout, self._transport = timeout, transport
        self._running: dict[str, asyncio.Task[None]] = {}
        self._kept: dict[str, datetime] = {}  # when the lease was made longer last

    async def run(self) -> None:
        """Until cancelled; what is under way is given up then, and done again by whoever has it next."""
        async with httpx.AsyncClient(
            transport=self._transport, timeout=self._timeout, follow_redirects=False, trust_env=False
        ) as client:
            try:
                while True:
                    try:
                        await self._look(client)
                    except Exception as error:
                        if not is_transient(error):
                            log.exception("webhooks_failed")
                    await self.clock.sleep(LOOK_S)
            finally:
                for task in self._running.values():
                    task.cancel()
                await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _look(self, client: httpx.AsyncClient) -> None:
        """Take what is due, and have each worked on by a task of its own."""
        self._running = {id_: task for id_, task in self._running.items() if not task.done()}
        async with self.database.write() as conn:
            due = await store_hub.lease_due(conn, self.worker, self.clock.now())
        for id_ in due:
            if id_ not in self._running:
                self._running[id_] = asyncio.create_task(self._work(client, id_), name=f"webhook:{id_}")

    async def _work(self, client: httpx.AsyncClient, id_: str) -> None:
        """One subscription, until it fails, is changed or ended."""
        try:
            async with self.database.read() as conn:
                found = await store_hub.find(conn, id_)
            if found is not None and found.state == ACTIVE:
                await self._push_all(client, found)
        except Exception as error:
            if not isinstance(error, LogUnavailable | Refusal) and not is_transient(error):
                log.exception("webhook_failed", subscription=id_)
        finally:
            with contextlib.suppress(Exception):  # else the lease ends by itself
                async with self.database.write() as conn:
                    await store_hub.release(conn, id_, self.worker)

    async def _push_all(self, client: httpx.AsyncClient, subscription: Subscription) -> None:
        positions = await resumed(self.broker, cursor.decode(subscription.cursor, self.topics), self.topics)
        places = {TopicPartition(topic, p): offset for (topic, p), offset in positions.items()}
        reader = await self.broker.reader(places)
        try:
            while True:
                now = await self._push_batch(client, subscription, reader, positions)
                if now is None:
                    return
                subscription = now
        finally:
            await reader.close()

    async def _push_batch(
        self, client: httpx.AsyncClient, subscription: Subscription, reader: LogReader, positions: Positions
    ) -> Subscription | None:
        """What comes next; the subscription as it is then, None when this worker should stop."""
        batch = await reader.poll(timeout=LOOK_S, max_records=BATCH)
        if not await self._still_mine(subscription, look=bool(batch)):
            return None
        wanted = Wanted(subscription.types, subscription.area, subscription.since)
        events: list[Event] = []
        for tp in sorted(batch):
            for record in batch[tp]:
                positions[tp.topic, tp.partition] = record.offset + 1
                event = readable(record)
                if event is not None and wanted.takes(event.type, event.attribute("area"), event.time):
                    events.append(event)
        if not batch:
            return subscription
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
        if not events:
            return
        address = await self._address(subscription)
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
                    await self._post(client, subscription.url, address, secret, body)

        done = await asyncio.gather(*map(one_aggregate, by_key.values()), return_exceptions=True)
        for failure in done:
            if isinstance(failure, BaseException):
                raise failure

    async def _address(self, subscription: Subscription) -> str | None:
        try:
            return await vetted(subscription.url, inside=self.inside)
        except Refusal as refusal:
            raise Failed(str(refusal.params.get("reason", refusal.code))) from refusal

    async def _post(
        self, client: httpx.AsyncClient, url: str, address: str | None, secret: str, body: Mapping[str, object]
    ) -> None:
        content = encoded(body)
        signed = headers(secret, str(body["id"]), int(self.clock.now().timestamp()), content)
        there = httpx.URL(url)
        request = client.build_request(
            "POST",
            there if address is None else there.copy_with(host=address),
            content=content,
            headers={"Content-Type": "application/cloudevents+json", "Host": there.netloc.decode(), **signed},
            extensions={"sni_hostname": there.host},
        )
        try:
            answer = await client.send(request)
        except httpx.HTTPError as error:
            raise Failed(type(error).__name__) from error
        if not answer.is_success:
            raise Failed(f"status {answer.status_code}", for_good=answer.status_code == GONE)

    async def _still_mine(self, subscription: Subscription, *, look: bool) -> bool:
        """Whether nobody else has it, and nobody has stopped it; asked when there is something to say, and in time."""
        now = self.clock.now()
        if not look and now - self._kept.get(subscription.id, NEVER) < store_hub.LEASE / 3:
            return True
        self._kept[subscription.id] = now
        async with self.database.write() as conn:
            return await store_hub.keep_lease(conn, subscription.id, self.worker, now)

    async def _save(self, changed: Subscription) -> bool:
        async with self.database.write() as conn:
            return await store_hub.save(conn, changed)
