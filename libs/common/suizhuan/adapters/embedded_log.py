"""The embedded log: topics in one SQLite file, for the embedded profile and for tests.

One append is one transaction, on disk when it returns. Readers of the same object wake up by an event. A group has
one member at a time here: a second one in the same process takes nothing from the first (Kafka's adapter shares).
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar
from uuid import uuid4

from suizhuan.kernel.clock import Clock, SystemClock
from suizhuan.ports.log import (
    Appended,
    NewRecord,
    OnAssigned,
    OnRevoked,
    Record,
    TopicPartition,
    TopicSpec,
    UnknownTopic,
)

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY, id TEXT, partitions INT, compacted INT, lag_s REAL);
CREATE TABLE IF NOT EXISTS head (topic TEXT, partition INT, next INT, PRIMARY KEY (topic, partition));
CREATE TABLE IF NOT EXISTS record (topic TEXT, partition INT, offset INT, key BLOB, value BLOB, headers TEXT, ts INT,
  PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
"""
NEXT = "SELECT next FROM head WHERE topic = ? AND partition = ?"
READ = (
    "SELECT offset, key, value, headers, ts FROM record"
    " WHERE topic = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?"
)
COMPACT = "DELETE FROM record WHERE topic = ? AND partition = ? AND key = ? AND ts < ?"


class _Topic(NamedTuple):
    id: str
    partitions: int
    compacted: int
    lag_s: float


class EmbeddedLog:
    """A durable log in the file `path`, made with its folder when it is not there."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._clock = clock or SystemClock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="embedded-log")
        self._db: sqlite3.Connection | None = None
        self._topics: dict[str, _Topic] = {}
        self.changed = asyncio.Event()  # set, and replaced, at every append

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` on the one connection, in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(self._open()))

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(SCHEMA)
            for name, *spec in self._db.execute("SELECT name, id, partitions, compacted, lag_s FROM topic"):
                self._topics[name] = _Topic(*spec)
        return self._db

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        def work(db: sqlite3.Connection) -> None:
            for wanted in topics:
                known = self._topics.get(wanted.name)
                if known is None:
                    self._create(db, wanted)
                elif known.partitions != wanted.partitions:
                    raise ValueError(f"{wanted.name} has {known.partitions} partitions, not {wanted.partitions}")

        await self.run(work)

    def _create(self, db: sqlite3.Connection, wanted: TopicSpec) -> None:
        made = _Topic(str(uuid4()), wanted.partitions, int(wanted.compacted), wanted.min_compaction_lag_s)
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO topic VALUES (?, ?, ?, ?, ?)", (wanted.name, *made))
        heads = [(wanted.name, partition) for partition in range(wanted.partitions)]
        db.executemany("INSERT INTO head VALUES (?, ?, 0)", heads)
        db.execute("COMMIT")
        self._topics[wanted.name] = made

    async def topic(self, name: str) -> _Topic:
        """Errors: `UnknownTopic`."""
        await self.run(lambda _: None)
        if name not in self._topics:
            raise UnknownTopic(name)
        return self._topics[name]

    async def topic_id(self, topic: str) -> str:
        return (await self.topic(topic)).id

    async def partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, p) for p in range((await self.topic(topic)).partitions)]

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return await self.run(lambda db: {tp: int(db.execute(NEXT, tp).fetchone()[0]) for tp in tps})

    async def append(self, records: Sequence[NewRecord]) -> Appended:
        """Append all in one transaction."""
        for name in {record.topic for record in records}:
            await self.topic(name)
        offsets = await self.run(lambda db: self._write(db, records))
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()
        return Appended(list(offsets))

    def _write(self, db: sqlite3.Connection, records: Sequence[NewRecord]) -> list[int]:
        now = int(self._clock.now().timestamp() * 1000)
        offsets = []
        db.execute("BEGIN IMMEDIATE")
        try:
            for record in records:
                place = (record.topic, record.partition)
                offset = int(db.execute(NEXT, place).fetchone()[0])
                topic = self._topics[record.topic]
                if topic.compacted:
                    db.execute(COMPACT, (*place, record.key, now - topic.lag_s * 1000))
                headers = json.dumps([[name, value.decode("latin-1")] for name, value in record.headers])
                row = (*place, offset, record.key, record.value, headers, now)
                db.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                db.execute("UPDATE head SET next = ? WHERE topic = ? AND partition = ?", (offset + 1, *place))
                offsets.append(offset)
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
        return offsets

    async def producer(self, client_id: str) -> EmbeddedProducer:
        return EmbeddedProducer(self)

    async def consumer(
        self, group: str, topics: Sequence[str], *, on_assigned: OnAssigned, on_revoked: OnRevoked, client_id: str
    ) -> EmbeddedReader:
        tps = [tp for topic in topics for tp in await self.partitions(topic)]
        start = await on_assigned(frozenset(tps))
        return EmbeddedReader(self, {tp: start.get(tp, 0) for tp in tps})

    async def reader(self, start: Mapping[TopicPartition, int]) -> EmbeddedReader:
        return EmbeddedReader(self, dict(start))

    async def close(self) -> None:
        await self.run(lambda db: db.close())
        self._pool.shutdown()


class EmbeddedProducer:
    """Appends; there is nothing in flight to finish."""

    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log

    async def append(self, records: Sequence[NewRecord]) -> Appended:
        return await self._log.append(records)

    async def close(self) -> None:
        """Nothing to let go of."""


class EmbeddedReader:
    """A reader, and the one member of a group."""

    def __init__(self, log: EmbeddedLog, positions: dict[TopicPartition, int]) -> None:
        self._log = log
        self._positions = positions
        self._paused: set[TopicPartition] = set()

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._positions)

    def position(self, tp: TopicPartition) -> int:
        return self._positions[tp]

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._positions[tp] = offset

    def pause(self, *tps: TopicPartition) -> None:
        self._paused.update(tps)

    def resume(self, *tps: TopicPartition) -> None:
        self._paused.difference_update(tps)

    async def poll(self, *, timeout: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        """See the port. Waits for an append of this log object, never by looking again and again."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while True:
            changed = self._log.changed
            found = await self._read(max_records)
            if found:
                return found
            left = end - loop.time()
            if left <= 0:
                return {}
            try:
                await asyncio.wait_for(changed.wait(), left)
            except TimeoutError:
                return {}

    async def _read(self, limit: int) -> dict[TopicPartition, list[Record]]:
        wanted = {tp: at for tp, at in self._positions.items() if tp not in self._paused}
        found = await self._log.run(lambda db: _select(db, wanted, limit))
        fresh = {tp: records for tp, records in found.items() if self._positions.get(tp) == wanted[tp]}
        for tp, records in fresh.items():
            self._positions[tp] = records[-1].offset + 1
        return fresh

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Advisory, and nobody reads it here."""

    async def close(self) -> None:
        """Nothing to let go of."""


def _select(
    db: sqlite3.Connection, positions: Mapping[TopicPartition, int], limit: int
) -> dict[TopicPartition, list[Record]]:
    found: dict[TopicPartition, list[Record]] = {}
    for tp, start in positions.items():
        rows = db.execute(READ, (*tp, start, limit)).fetchall()
        if rows:
            found[tp] = [
                Record(tp.topic, tp.partition, offset, key, value, _headers(headers), ts)
                for offset, key, value, headers, ts in rows
            ]
            limit -= len(rows)
        if limit <= 0:
            break
    return found


def _headers(text: str) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(text))
