"""The embedded log: topics in one SQLite file. (Lead's stopgap until the helper's adapter lands.)"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
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

SCHEMA = """
CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY, id TEXT, partitions INT, compacted INT, lag_s REAL);
CREATE TABLE IF NOT EXISTS head (topic TEXT, partition INT, next INT, PRIMARY KEY (topic, partition));
CREATE TABLE IF NOT EXISTS record (topic TEXT, partition INT, offset INT, key BLOB, value BLOB, headers TEXT, ts INT,
  PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
"""


class EmbeddedLog:
    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._clock = clock or SystemClock()
        self._pool = ThreadPoolExecutor(1)
        self._db: sqlite3.Connection | None = None
        self._changed = asyncio.Event()
        self._specs: dict[str, tuple[str, int, int, float]] = {}

    def _conn(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(SCHEMA)
            for n, i, p, c, l in self._db.execute("SELECT * FROM topic"):
                self._specs[n] = (i, p, c, l)
        return self._db

    async def _do(self, fn):  # type: ignore[no-untyped-def]
        return await asyncio.get_running_loop().run_in_executor(self._pool, fn)

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        def work() -> None:
            db = self._conn()
            for t in topics:
                if t.name in self._specs:
                    if self._specs[t.name][1] != t.partitions:
                        raise ValueError(t.name)
                    continue
                spec = (str(uuid4()), t.partitions, int(t.compacted), t.min_compaction_lag_s)
                db.execute("INSERT INTO topic VALUES (?,?,?,?,?)", (t.name, *spec))
                for p in range(t.partitions):
                    db.execute("INSERT INTO head VALUES (?,?,0)", (t.name, p))
                self._specs[t.name] = spec

        await self._do(work)

    async def _spec(self, topic: str) -> tuple[str, int, int, float]:
        await self._do(self._conn)
        if topic not in self._specs:
            raise UnknownTopic(topic)
        return self._specs[topic]

    async def topic_id(self, topic: str) -> str:
        return (await self._spec(topic))[0]

    async def partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, p) for p in range((await self._spec(topic))[1])]

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        def work() -> dict[TopicPartition, int]:
            return {
                tp: self._conn().execute("SELECT next FROM head WHERE topic=? AND partition=?", tp).fetchone()[0]
                for tp in tps
            }

        return await self._do(work)

    async def append(self, records: Sequence[NewRecord]) -> Appended:
        for r in records:
            await self._spec(r.topic)

        def work() -> list[int | None]:
            db = self._conn()
            db.execute("BEGIN IMMEDIATE")
            out: list[int | None] = []
            now = int(self._clock.now().timestamp() * 1000)
            for r in records:
                (n,) = db.execute(
                    "SELECT next FROM head WHERE topic=? AND partition=?", (r.topic, r.partition)
                ).fetchone()
                hs = json.dumps([[k, v.decode("latin1")] for k, v in r.headers])
                if self._specs[r.topic][2]:
                    db.execute(
                        "DELETE FROM record WHERE topic=? AND partition=? AND key=? AND ts<?",
                        (r.topic, r.partition, r.key, now - self._specs[r.topic][3] * 1000),
                    )
                db.execute(
                    "INSERT INTO record VALUES (?,?,?,?,?,?,?)", (r.topic, r.partition, n, r.key, r.value, hs, now)
                )
                db.execute("UPDATE head SET next=? WHERE topic=? AND partition=?", (n + 1, r.topic, r.partition))
                out.append(n)
            db.execute("COMMIT")
            return out

        offsets = await self._do(work)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        return Appended(offsets)

    async def producer(self, client_id: str) -> _Producer:
        return _Producer(self)

    async def consumer(
        self, group: str, topics: Sequence[str], *, on_assigned: OnAssigned, on_revoked: OnRevoked, client_id: str
    ) -> _Reader:
        tps = [tp for t in topics for tp in await self.partitions(t)]
        start = await on_assigned(frozenset(tps))
        return _Reader(self, {tp: start.get(tp, 0) for tp in tps})

    async def reader(self, start: Mapping[TopicPartition, int]) -> _Reader:
        return _Reader(self, dict(start))

    async def close(self) -> None:
        def work() -> None:
            if self._db:
                self._db.close()

        await self._do(work)
        self._pool.shutdown()

    def _read(self, positions: dict[TopicPartition, int], limit: int) -> dict[TopicPartition, list[Record]]:
        out: dict[TopicPartition, list[Record]] = {}
        for tp, at in positions.items():
            rows = (
                self._conn()
                .execute(
                    "SELECT offset,key,value,headers,ts FROM record WHERE topic=? AND partition=? AND offset>=? ORDER BY offset LIMIT ?",
                    (*tp, at, limit),
                )
                .fetchall()
            )
            if rows:
                out[tp] = [
                    Record(
                        tp.topic, tp.partition, o, k, v, tuple((n, x.encode("latin1")) for n, x in json.loads(h)), ts
                    )
                    for o, k, v, h, ts in rows
                ]
                limit -= len(rows)
                if limit <= 0:
                    break
        return out


class _Producer:
    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log

    async def append(self, records: Sequence[NewRecord]) -> Appended:
        return await self._log.append(records)

    async def close(self) -> None: ...


class _Reader:
    def __init__(self, log: EmbeddedLog, positions: dict[TopicPartition, int]) -> None:
        self._log, self._at, self._paused = log, positions, set()

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self._at)

    def position(self, tp: TopicPartition) -> int:
        return self._at[tp]

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._at[tp] = offset

    def pause(self, *tps: TopicPartition) -> None:
        self._paused.update(tps)

    def resume(self, *tps: TopicPartition) -> None:
        self._paused.difference_update(tps)

    async def poll(self, *, timeout: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        end = asyncio.get_running_loop().time() + timeout
        while True:
            changed = self._log._changed
            want = {tp: o for tp, o in self._at.items() if tp not in self._paused}
            found = await self._log._do(lambda: self._log._read(want, max_records))
            if found:
                for tp, rs in found.items():
                    self._at[tp] = rs[-1].offset + 1
                return found
            left = end - asyncio.get_running_loop().time()
            if left <= 0:
                return {}
            try:
                await asyncio.wait_for(changed.wait(), left)
            except TimeoutError:
                return {}

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None: ...
    async def close(self) -> None: ...
