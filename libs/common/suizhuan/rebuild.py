"""A projection made anew from the beginning of the log, beside the live one, which is served and fed meanwhile.

It grows in shadow tables: on PostgreSQL in a schema of its own, on SQLite in a file of its own, made by the service's
own migrations, so that handlers write to them without knowing it. At the end, in one transaction, the live tables are
locked, the last few events are taken, and the shadow takes their place together with its offsets, inbox and dead
letters. What an interrupted rebuild leaves is used by nobody, and cleared away by the next.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry
from sqlalchemy import text

from suizhuan import offsets
from suizhuan.db import migrate
from suizhuan.db.database import Database, is_transient
from suizhuan.handling import Handling
from suizhuan.metrics import Metrics
from suizhuan.ports.log import Log, LogReader, TopicPartition, UnknownTopic
from suizhuan.projections import Projection
from suizhuan.shadow import Shadow, TakenOver
from suizhuan.unit_of_work import UnitOfWork

BATCH, POLL_S = 500, 1.0
SWAP_TRIES = 20

# Told how many of how many records have been read.
Progress = Callable[[int, int], None]


class CannotRebuild(Exception):
    """Nothing was changed; the message says why."""


@dataclass(slots=True)
class Rebuilt:
    """What came of it: records read, events handled, and how many of them died."""

    records: int = 0
    handled: int = 0
    dead: int = 0


class Rebuild:
    """One rebuild of one projection of one service."""

    def __init__(
        self, uow: UnitOfWork, broker: Log, migrations: Path, projection: Projection, progress: Progress | None = None
    ) -> None:
        self.uow = uow
        self.broker = broker
        self.migrations = migrations
        self.projection = projection
        self.progress = progress or (lambda _done, _of: None)
        self.done = Rebuilt()
        self._ends: dict[TopicPartition, int] = {}

    async def run(self) -> Rebuilt:
        """Errors: `CannotRebuild`, `LogUnavailable`, and what a handler raised that may not skip."""
        shadow = Shadow(self.uow.database, self.projection)
        async with _alone(self.uow.database, self.projection.name), shadow.made(self.migrations) as database:
            topic_ids, tps = await self._topics()
            handling = self._handling(database)
            reader = await self.broker.reader(dict.fromkeys(tps, 0)) if tps else None
            try:
                if reader is not None:
                    await self._catch_up(reader, handling, topic_ids, await self.broker.end_offsets(tps))
                await self._swap(shadow, reader, handling, topic_ids)
            finally:
                if reader is not None:
                    await reader.close()
        return self.done

    async def _topics(self) -> tuple[dict[str, str], list[TopicPartition]]:
        ids: dict[str, str] = {}
        tps: list[TopicPartition] = []
        for topic in self.projection.topics:
            try:
                ids[topic] = await self.broker.topic_id(topic)
                tps += await self.broker.partitions(topic)
            except UnknownTopic:
                continue  # nobody has ever written to it
        return ids, tps

    def _handling(self, database: Database) -> Handling:
        registry, metrics = self.uow.registry, Metrics(CollectorRegistry(), self.uow.registry.service)
        shadow = UnitOfWork(database, registry, self.uow.clock, self.uow.timing, metrics)
        p = self.projection
        return Handling(p.group, p.target(database), shadow, parks=p.skips, uses_inbox=p.skips)

    async def _catch_up(
        self, reader: LogReader, handling: Handling, ids: Mapping[str, str], ends: Mapping[TopicPartition, int]
    ) -> None:
        self._ends |= {tp: max(end, self._ends.get(tp, 0)) for tp, end in ends.items()}
        total = sum(self._ends.values())
        self.progress(self.done.records, total)
        while any(reader.position(tp) < end for tp, end in ends.items()):
            batch = await reader.poll(timeout=POLL_S, max_records=BATCH)
            if not batch:
                continue
            try:
                outcome = await handling.whole(batch, ids)
            except Exception as error:
                if is_transient(error) or not self.projection.skips:
                    raise
                outcome = await handling.one_by_one(batch, ids, lambda _: None)
            self.done.records += sum(map(len, batch.values()))
            self.done.handled += outcome.handled
            self.done.dead += len(outcome.dead)
            self.progress(min(self.done.records, total), total)

    async def _swap(self, shadow: Shadow, reader: LogReader | None, handling: Handling, ids: Mapping[str, str]) -> None:
        """The shadow is at least as far as the live projection, and takes its place."""
        for left in reversed(range(SWAP_TRIES)):
            try:
                async with shadow.taking_over() as taken:
                    await self._rest(taken, reader, handling, ids)
                    await taken.swap()
                return
            except Exception as error:
                if not is_transient(error) or not left:
                    raise

    async def _rest(
        self, taken: TakenOver, reader: LogReader | None, handling: Handling, ids: Mapping[str, str]
    ) -> None:
        live = await taken.live_offsets()
        for tp in live:
            if tp not in self._ends:
                raise CannotRebuild(f"{tp.topic} 是此间新建的，请重来 / came meanwhile: run it again")
        async with self.uow.database.read() as conn:
            known = await offsets.known(conn, self.projection.group)
        ends = {**self._ends, **{tp: max(self._ends[tp], offset) for tp, offset in live.items()}}
        offsets.verify(known, ids, ends)
        if reader is not None:
            await self._catch_up(reader, handling, ids, live)


@asynccontextmanager
async def _alone(database: Database, name: str) -> AsyncIterator[None]:
    """One rebuild of a projection at a time. Errors: `CannotRebuild`."""
    busy = CannotRebuild(f"{name} 正在重建 / is being rebuilt already")
    if database.is_sqlite:
        with migrate.locked_file(Path(f"{database.url.database}.rebuild-{name}.lock")) as ours:
            if not ours:
                raise busy
            yield
        return
    async with database.engine.connect() as plain:
        conn = await plain.execution_options(isolation_level="AUTOCOMMIT")
        query = text("SELECT pg_try_advisory_lock(hashtextextended('rebuild:' || CAST(:name AS text), 0))")
        try:
            if not (await conn.execute(query, {"name": name})).scalar_one():
                raise busy
            yield
        finally:
            await conn.invalidate()  # its lock must not go back into the pool
