"""The statements of the embedded log on its SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from suizhuan.kernel.clock import Clock
from suizhuan.ports.log import (
    LogUnavailable,
    NewRecord,
    Record,
    TopicPartition,
    TopicSpec,
    UnknownTopic,
)

BUSY_S = 5.0  # how long another process may hold the file's write lock before we call the log unavailable
COMPACT_AT_ONCE = 64

# `ends` is a table of its own because compaction may delete the last record, and an offset never comes twice.
# The index is partial: topics that are not compacted do not pay for it.
SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (
  id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL,
  compacted INTEGER NOT NULL, min_compaction_lag_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ends (
  topic_id BLOB NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
  PRIMARY KEY (topic_id, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
  topic_id BLOB NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,
  headers TEXT NOT NULL, timestamp_ms INTEGER NOT NULL, compacted INTEGER NOT NULL,
  PRIMARY KEY (topic_id, partition, offset)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_by_key
  ON records (topic_id, partition, key, offset, timestamp_ms) WHERE compacted = 1;
CREATE TABLE IF NOT EXISTS commits (
  member_group TEXT NOT NULL, topic_id BLOB NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
  PRIMARY KEY (member_group, topic_id, partition)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Topic:
    id: bytes
    partitions: int
    compacted: bool
    min_compaction_lag_ms: int


class File:
    """The statements. Every method is called in the log's own thread only; errors are those of sqlite3."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._db: sqlite3.Connection | None = None
        self._topics: dict[str, Topic] = {}

    def db(self) -> sqlite3.Connection:
        if self._db is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
            try:
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("PRAGMA synchronous = FULL")
                db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        db = self.db()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:  # SQLite has ended it itself after some errors
                db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def version(self) -> int:
        """Another number than last time when somebody else has written to the file."""
        return int(self.db().execute("PRAGMA data_version").fetchone()[0])

    def find(self, name: str) -> Topic | None:
        """A topic by its name. Nobody deletes topics from a file in use, so one found once is remembered."""
        if name not in self._topics:
            columns = "id, partitions, compacted, min_compaction_lag_ms"
            row = self.db().execute(f"SELECT {columns} FROM topics WHERE name = ?", (name,)).fetchone()  # noqa: S608
            if row is None:
                return None
            self._topics[name] = Topic(row[0], row[1], bool(row[2]), row[3])
        return self._topics[name]

    def topic(self, name: str, partition: int = 0) -> Topic:
        topic = self.find(name)
        if topic is None or not 0 <= partition < topic.partitions:
            raise UnknownTopic(name if topic is None else f"{name} has no partition {partition}")
        return topic

    def ensure(self, specs: Sequence[TopicSpec]) -> None:
        with self.transaction() as db:
            for spec in {spec.name: spec for spec in specs}.values():  # one looked up before the commit is remembered
                if (known := self.find(spec.name)) is not None:
                    if known.partitions != spec.partitions:
                        raise ValueError(f"{spec.name} has {known.partitions} partitions, not {spec.partitions}")
                    continue
                topic_id, lag_ms = uuid4().bytes, round(spec.min_compaction_lag_s * 1000)
                row = (topic_id, spec.name, spec.partitions, spec.compacted, lag_ms)
                db.execute("INSERT INTO topics VALUES (?, ?, ?, ?, ?)", row)
                db.executemany("INSERT INTO ends VALUES (?, ?, 0)", [(topic_id, p) for p in range(spec.partitions)])

    def end(self, tp: TopicPartition) -> int:
        place = (self.topic(*tp).id, tp.partition)
        query = "SELECT next_offset FROM ends WHERE topic_id = ? AND partition = ?"
        return int(self.db().execute(query, place).fetchone()[0])

    def append(self, records: Sequence[NewRecord]) -> list[int | None]:
        places: dict[TopicPartition, list[int]] = {}
        for index, record in enumerate(records):
            self.topic(record.topic, record.partition)
            places.setdefault(TopicPartition(record.topic, record.partition), []).append(index)
        offsets: list[int | None] = [None] * len(records)
        with self.transaction() as db:
            now_ms = int(self._clock.now().timestamp() * 1000)
            for tp, indexes in places.items():
                topic, first = self.topic(tp.topic), self.end(tp)
                rows = []
                for offset, index in enumerate(indexes, first):
                    offsets[index] = offset
                    new = records[index]
                    stored = (new.key, new.value, _packed(new.headers), now_ms, topic.compacted)
                    rows.append((topic.id, tp.partition, offset, *stored))
                db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
                query = "UPDATE ends SET next_offset = ? WHERE topic_id = ? AND partition = ?"
                db.execute(query, (first + len(rows), topic.id, tp.partition))
                if topic.compacted:
                    for key in {records[index].key for index in indexes}:
                        _compact(db, (topic.id, tp.partition, key), now_ms - topic.min_compaction_lag_ms)
        return offsets

    def read(self, positions: Mapping[TopicPartition, int], limit: int) -> dict[TopicPartition, list[Record]]:
        found: dict[TopicPartition, list[Record]] = {}
        for tp, position in positions.items():
            end = self.end(tp)
            if position > end:
                raise LogUnavailable(f"{tp.topic}[{tp.partition}] ends at {end}, before the offset {position}")
            if position == end:
                continue
            rows = self.db().execute(
                "SELECT offset, key, value, headers, timestamp_ms FROM records"
                " WHERE topic_id = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
                (self.topic(tp.topic).id, tp.partition, position, limit),
            )
            records = [Record(*tp, o, key, value, _unpacked(headers), ms) for o, key, value, headers, ms in rows]
            if records:
                found[tp] = records
                limit -= len(records)
            if limit <= 0:
                break
        return found

    def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        rows = [(group, self.topic(*tp).id, tp.partition, offset) for tp, offset in offsets.items()]
        self.db().execute("PRAGMA synchronous = NORMAL")  # advisory: not worth waiting for the disk
        try:
            with self.transaction() as db:
                db.executemany("INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?)", rows)
        finally:
            self.db().execute("PRAGMA synchronous = FULL")


def _compact(db: sqlite3.Connection, place: tuple[bytes, int, bytes], before_ms: int) -> None:
    """Delete the records of a key that have a newer one which is itself old enough.

    From the oldest on, so the cost is that of what is deleted, however many young ones there are.
    """
    where = "topic_id = ? AND partition = ? AND key = ?"
    oldest = (
        "SELECT offset, timestamp_ms FROM records INDEXED BY records_by_key"  # noqa: S608
        f" WHERE compacted = 1 AND {where} ORDER BY offset LIMIT {COMPACT_AT_ONCE}"
    )
    while True:
        kept = None
        for _, (offset, timestamp_ms) in pairwise(db.execute(oldest, place).fetchall()):
            if timestamp_ms > before_ms:
                break
            kept = offset
        if kept is None:
            return
        delete = f"DELETE FROM records INDEXED BY records_by_key WHERE compacted = 1 AND {where} AND offset < ?"  # noqa: S608
        db.execute(delete, (*place, kept))


def _packed(headers: Iterable[tuple[str, bytes]]) -> str:
    # latin-1 maps every byte to one character and back.
    return json.dumps([[name, value.decode("latin-1")] for name, value in headers], separators=(",", ":"))


def _unpacked(headers: str) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(headers))
