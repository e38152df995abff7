"""The gauges that nobody sets in passing: what waits, how far behind, how stale. Looked at every few seconds."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from math import inf

import structlog
from prometheus_client import Gauge
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import offsets
from suizhuan.db.database import Database
from suizhuan.db.tables import authority_state, dead_letter, open_switch, outbox
from suizhuan.deadletter import DEAD, PARKED
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.term import Timing
from suizhuan.metrics import Metrics
from suizhuan.ports.log import Log, TopicPartition, UnknownTopic

log = structlog.get_logger(__name__)

EVERY_S = 15.0  # as often as they are commonly scraped
FIRST_S = 2.0

# What a service looks at in its own tables: `look(conn, metrics, now)`.
Look = Callable[[AsyncConnection, Metrics, datetime], Awaitable[None]]


def saga(metrics: Metrics, name: str, count: int, since: datetime | None, now: datetime) -> None:
    """Note how many sagas are open, and since when the oldest one is."""
    metrics.sagas_open.labels(saga=name).set(count)
    metrics.saga_oldest_seconds.labels(saga=name).set((now - since).total_seconds() if since else 0)


def states(gauge: Gauge, known: Sequence[str], found: Mapping[str, int]) -> None:
    """Note how many there are in each of the `known` states; in those that were not found there are none."""
    for state in known:
        gauge.labels(state=state).set(found.get(state, 0))


class Gauges:
    """Keeps the gauges of one service. What cannot be read now keeps its last value, and the time of that."""

    def __init__(
        self,
        database: Database,
        broker: Log,
        groups: Mapping[str, Sequence[str]],
        clock: Clock,
        metrics: Metrics,
        timing: Timing,
        own: Look | None = None,
    ) -> None:
        self.name = "gauges"
        self.database = database
        self.broker = broker
        self.groups = groups
        self.clock = clock
        self.metrics = metrics
        self.own = own
        metrics.authority_max_staleness_seconds.set(timing.max_staleness.total_seconds())

    async def run(self) -> None:
        """Until cancelled. First its service begins its work; how much of it there is can be told a little later."""
        await self.clock.sleep(FIRST_S)
        while True:
            await self.look()
            await self.clock.sleep(EVERY_S)

    async def look(self) -> None:
        """Read everything once; a place that cannot be read keeps nobody from the others."""
        for what, read in (("tables", self._tables), ("own", self._own), ("log", self._lags)):
            try:
                await read()
            except Exception as error:
                log.warning("gauges_not_read", what=what, reason=type(error).__name__)
            else:
                self.metrics.gauges_read_timestamp_seconds.labels(what=what).set(self.clock.now().timestamp())

    async def _tables(self) -> None:
        async with self.database.read() as conn:
            await self._outbox(conn)
            await self._authority(conn)
            await self._dead(conn)

    async def _own(self) -> None:
        if self.own is not None:
            async with self.database.read() as conn:
                await self.own(conn, self.metrics, self.clock.now())

    async def _lags(self) -> None:
        for group, topics in self.groups.items():
            await self._lag(group, topics)

    async def _outbox(self, conn: AsyncConnection) -> None:
        oldest = select(outbox.c.created_at).order_by(outbox.c.id).limit(1)
        since = (await conn.execute(oldest)).scalar_one_or_none()
        self.metrics.outbox_oldest_seconds.set((self.clock.now() - since).total_seconds() if since else 0)

    async def _authority(self, conn: AsyncConnection) -> None:
        state = (await conn.execute(select(authority_state))).one_or_none()
        opened = (await conn.execute(select(func.count()).select_from(open_switch))).scalar_one()
        self.metrics.authority_switches_open.set(opened)
        beat = state.beat_at if state is not None else None
        age = (self.clock.now() - beat).total_seconds() if beat is not None else inf
        self.metrics.authority_staleness_seconds.set(age)
        if state is not None:
            self.metrics.authority_sequence.set(state.sequence)

    async def _dead(self, conn: AsyncConnection) -> None:
        waiting = dead_letter.c.state.in_([DEAD, PARKED])
        query = (
            select(
                dead_letter.c.consumer,
                func.count().label("letters"),
                func.count(func.distinct(dead_letter.c.key)).label("keys"),
            )
            .where(waiting)
            .group_by(dead_letter.c.consumer)
        )
        found = {row.consumer: row for row in await conn.execute(query)}
        for group in self.groups:
            row = found.get(group)
            self.metrics.dead_letters_waiting.labels(group=group).set(row.letters if row else 0)
            self.metrics.parked_keys.labels(group=group).set(row.keys if row else 0)

    async def _lag(self, group: str, topics: Sequence[str]) -> None:
        tps: list[TopicPartition] = []
        for topic in topics:
            with contextlib.suppress(UnknownTopic):  # of a neighbour that has never run
                tps += await self.broker.partitions(topic)
        ends = await self.broker.end_offsets(tps)
        async with self.database.read() as conn:
            known = await offsets.load(conn, group, tps)
        for tp in tps:
            lag = self.metrics.consumer_lag.labels(group=group, topic=tp.topic, partition=str(tp.partition))
            lag.set(max(0, ends[tp] - known[tp]))
