"""The log in one SQLite file, for the profile with nothing to install.

All statements run in one thread of their own, each append in one transaction that is on the disk when it returns.
Pollers are woken by appends of the same object; what another process appends is noticed within `FOREIGN_S`. Groups
live in the object: members of one group must be made from the same `EmbeddedLog`.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

from suizhuan.kernel.clock import Clock, SystemClock
from suizhuan.ports.log import (
    Appended,
    LogUnavailable,
    NewRecord,
    OnAssigned,
    OnRevoked,
    Record,
    TopicPartition,
    TopicSpec,
    UnknownTopic,
)

BUSY_S = 5.0  # how long another process may hold the file's write lock before we call the log unavailable
FOREIGN_S = 0.25
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

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Topic:
    id: bytes
    partitions: int
    compacted: bool
    min_compaction_lag_ms: int


class _File:
    """The statements. Every method is called in the log's own thread only; errors are those of sqlite3."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._db: sqlite3.Connection | None = None
        self._topics: dict[str, _Topic] = {}

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

    def find(self, name: str) -> _Topic | None:
        """A topic by its name. Nobody deletes topics from a file in use, so one found once is remembered."""
        if name not in self._topics:
            columns = "id, partitions, compacted, min_compaction_lag_ms"
            row = self.db().execute(f"SELECT {columns} FROM topics WHERE name = ?", (name,)).fetchone()  # noqa: S608
            if row is None:
                return None
            self._topics[name] = _Topic(row[0], row[1], bool(row[2]), row[3])
        return self._topics[name]

    def topic(self, name: str, partition: int = 0) -> _Topic:
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


class EmbeddedLog:
    """A log in the file `path`, which is made at the first use. Other processes may use the file at the same time."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._file = _File(path, clock or SystemClock())
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedded-log")
        self._closed = False
        self._groups: dict[str, _Group] = {}
        self._cursors: set[_Cursor] = set()
        self._polling: set[_Cursor] = set()
        self._watching: asyncio.Task[None] | None = None
        self._version = -1

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        await self._run(lambda: self._file.ensure(topics))

    async def topic_id(self, topic: str) -> str:
        return str(UUID(bytes=(await self._run(lambda: self._file.topic(topic))).id))

    async def partitions(self, topic: str) -> list[TopicPartition]:
        found = await self._run(lambda: self._file.topic(topic))
        return [TopicPartition(topic, partition) for partition in range(found.partitions)]

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return await self._run(lambda: {tp: self._file.end(tp) for tp in tps})

    async def producer(self, client_id: str) -> _Producer:
        return _Producer(self)

    async def consumer(
        self, group: str, topics: Sequence[str], *, on_assigned: OnAssigned, on_revoked: OnRevoked, client_id: str
    ) -> _Member:
        tps = [tp for topic in topics for tp in await self.partitions(topic)]
        shared = self._groups.setdefault(group, _Group(group))
        member = _Member(self, shared, on_assigned, on_revoked)
        self._cursors.add(member)
        shared.join(member, tps)
        return member

    async def reader(self, start: Mapping[TopicPartition, int]) -> _Reader:
        await self._run(lambda: [self._file.topic(*tp) for tp in start])
        reader = _Reader(self)
        reader.positions = dict(start)
        self._cursors.add(reader)
        return reader

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for cursor in list(self._cursors):
            await cursor.close()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        try:  # after all that is under way, since there is one thread
            await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
        finally:
            self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T], *, then: Callable[[], None] | None = None) -> T:
        """Do work in the file's thread; `then` is called after success, also when nobody waits for it any more."""
        if self._closed:
            raise LogUnavailable("the log is closed")
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)

        def done(_: asyncio.Future[T]) -> None:
            # Asks for the error in any case: one that nobody has seen, as after a cancellation, asyncio complains of.
            if not running.cancelled() and running.exception() is None and then is not None:
                then()

        running.add_done_callback(done)
        try:
            return await asyncio.shield(running)
        except sqlite3.OperationalError as error:
            raise LogUnavailable(f"{self._file._path.name}: {error}") from error

    async def _append(self, records: Sequence[NewRecord]) -> Appended:
        tps = {TopicPartition(record.topic, record.partition) for record in records}
        try:
            offsets = await self._run(lambda: self._file.append(records), then=lambda: self._wake(tps))
        except LogUnavailable as error:  # one transaction: all of it or nothing
            return Appended([None] * len(records), dict.fromkeys(tps, error))
        return Appended(offsets)

    def _wake(self, tps: set[TopicPartition] | None = None) -> None:
        """Wake who waits for these partitions, or everybody."""
        for cursor in self._polling:
            if tps is None or not cursor.positions.keys().isdisjoint(tps):
                cursor.woken.set()

    @contextmanager
    def _waiting(self, cursor: _Cursor) -> Iterator[None]:
        """Within, `cursor.woken` is set by whatever is appended from now on."""
        self._polling.add(cursor)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._polling.discard(cursor)

    async def _watch(self) -> None:
        """Notice what others write, for as long as somebody waits. The time is the machine's: so is the other."""
        while self._polling:
            await asyncio.sleep(FOREIGN_S)
            try:
                version = await self._run(self._file.version)
            except LogUnavailable:
                self._wake()  # each poll finds out, and tells, what is wrong
                return
            if version != self._version:
                self._version = version
                self._wake()


class _Producer:
    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log

    async def append(self, records: Sequence[NewRecord]) -> Appended:
        return await self._log._append(records) if records else Appended([])

    async def close(self) -> None:
        """Nothing is held."""


class _Cursor:
    """Positions in partitions, and the wait for what comes there."""

    def __init__(self, log: EmbeddedLog) -> None:
        self.positions: dict[TopicPartition, int] = {}
        self.woken = asyncio.Event()
        self._log = log
        self._paused: set[TopicPartition] = set()
        self._closed = False

    async def poll(self, *, timeout: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        with self._log._waiting(self):  # from before we look, so that nothing falls in between
            while True:
                self.woken.clear()
                await self._settle()
                if found := await self._read(max_records):
                    return found
                try:
                    async with asyncio.timeout_at(deadline):
                        await self.woken.wait()
                except TimeoutError:
                    return {}

    async def close(self) -> None:
        self._closed = True
        self.woken.set()
        self._log._cursors.discard(self)

    async def _settle(self) -> None:
        """Make ours what shall be ours."""
        self._check_open()

    def _check_open(self) -> None:
        if self._closed:
            raise LogUnavailable("closed")

    async def _read(self, max_records: int) -> dict[TopicPartition, list[Record]]:
        asked = {tp: position for tp, position in self.positions.items() if tp not in self._paused}
        if not asked:
            return {}
        found = await self._log._run(lambda: self._log._file.read(asked, max_records))
        self._check_open()
        handed_out = {}
        for tp, records in found.items():
            if self.positions.get(tp) != asked[tp] or tp in self._paused:
                continue  # sought, paused or taken away while we read
            del self.positions[tp]  # to the end of the line: the next poll begins with another partition
            self.positions[tp] = records[-1].offset + 1
            handed_out[tp] = records
        return handed_out


class _Reader(_Cursor):
    def position(self, tp: TopicPartition) -> int:
        return self.positions[tp]


class _Member(_Cursor):
    """A consumer. What it owns changes only inside its own `poll` (and by `close`)."""

    def __init__(self, log: EmbeddedLog, group: _Group, on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        super().__init__(log)
        self._group = group
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.positions)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        if tp not in self.positions:
            raise ValueError(f"{tp} is not ours")
        self.positions[tp] = offset
        self.woken.set()

    def pause(self, *tps: TopicPartition) -> None:
        self._paused.update(self.positions.keys() & set(tps))

    def resume(self, *tps: TopicPartition) -> None:
        self._paused.difference_update(tps)
        self.woken.set()

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        with suppress(LogUnavailable):  # advisory: the next one says it again
            await self._log._run(lambda: self._log._file.commit(self._group.name, offsets))

    async def close(self) -> None:
        if not self._closed:
            await super().close()
            self.positions.clear()
            self._group.leave(self)
            if not self._group.members:
                self._log._groups.pop(self._group.name, None)

    async def _settle(self) -> None:
        while True:
            self._check_open()
            if lost := self._group.lost(self):
                try:
                    await self._on_revoked(lost)
                finally:
                    self._group.release(self, lost)
            elif gained := self._group.claim(self):
                await self._begin(gained)
            else:
                return

    async def _begin(self, gained: frozenset[TopicPartition]) -> None:
        try:
            starts = await self._on_assigned(gained)
        except BaseException:
            self._group.release(self, gained)  # the next poll asks again
            raise
        if not self._closed:
            self.positions.update({tp: starts.get(tp, 0) for tp in sorted(gained)})


class _Group:
    """Shares partitions out among members. `planned` says whose each shall be, `_owners` whose it is until released."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[_Member, frozenset[str]] = {}  # with the topics of each
        self._planned: dict[TopicPartition, _Member] = {}
        self._owners: dict[TopicPartition, _Member] = {}
        self._tps: set[TopicPartition] = set()

    def join(self, member: _Member, tps: Sequence[TopicPartition]) -> None:
        self.members[member] = frozenset(tp.topic for tp in tps)
        self._tps.update(tps)
        self._plan()

    def leave(self, member: _Member) -> None:
        self.members.pop(member, None)
        for whose in (self._planned, self._owners):
            for tp in [tp for tp, owner in whose.items() if owner is member]:
                del whose[tp]
        self._plan()

    def lost(self, member: _Member) -> frozenset[TopicPartition]:
        """What the member has and shall give away."""
        return frozenset(tp for tp in member.positions if self._planned.get(tp) is not member)

    def claim(self, member: _Member) -> frozenset[TopicPartition]:
        """What the member shall have and nobody has any more; it is the member's from now on."""
        free = frozenset(tp for tp, who in self._planned.items() if who is member and tp not in self._owners)
        self._owners.update(dict.fromkeys(free, member))
        return free

    def release(self, member: _Member, tps: Iterable[TopicPartition]) -> None:
        for tp in tps:
            member.positions.pop(tp, None)
            member._paused.discard(tp)
            if self._owners.get(tp) is member:
                del self._owners[tp]
        self._wake(but=member)

    def _plan(self) -> None:
        """As even as the subscriptions allow, moving as little as possible."""
        loads = dict.fromkeys(self.members, 0)
        for owner in self._planned.values():
            loads[owner] += 1
        moved = True
        while moved:  # each move makes the shares more even, so this ends
            moved = False
            for tp in sorted(self._tps):
                able = [member for member, topics in self.members.items() if tp.topic in topics]
                if not able:
                    continue
                idlest = min(able, key=lambda member: loads[member])
                planned = self._planned.get(tp)
                if planned is None or loads[planned] - loads[idlest] > 1:
                    if planned is not None:
                        loads[planned] -= 1
                    loads[idlest] += 1
                    self._planned[tp], moved = idlest, True
        self._wake()

    def _wake(self, *, but: _Member | None = None) -> None:
        for member in self.members:
            if member is not but:
                member.woken.set()
