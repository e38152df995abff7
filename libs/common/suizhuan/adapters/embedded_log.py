"""The log in one SQLite file, for the profile with nothing to install.

All statements run in one thread of their own, each append in one transaction that is on the disk when it returns.
Pollers are woken by appends of the same object; what another process appends is noticed within `FOREIGN_S`. Groups
live in the object: members of one group must be made from the same `EmbeddedLog`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from suizhuan.adapters.embedded_cursors import Cursor, Group, Member, Producer, Reader
from suizhuan.adapters.embedded_file import File
from suizhuan.kernel.clock import Clock, SystemClock
from suizhuan.ports.log import (
    Appended,
    LogUnavailable,
    NewRecord,
    OnAssigned,
    OnRevoked,
    TopicPartition,
    TopicSpec,
)

FOREIGN_S = 0.5

T = TypeVar("T")


class EmbeddedLog:
    """A log in the file `path`, which is made at the first use. Other processes may use the file at the same time."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._file = File(path, clock or SystemClock())
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedded-log")
        self._closed = False
        self._groups: dict[str, Group] = {}
        self._cursors: set[Cursor] = set()
        self._polling: set[Cursor] = set()
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

    async def producer(self, client_id: str) -> Producer:
        return Producer(self)

    async def consumer(
        self, group: str, topics: Sequence[str], *, on_assigned: OnAssigned, on_revoked: OnRevoked, client_id: str
    ) -> Member:
        tps = [tp for topic in topics for tp in await self.partitions(topic)]
        shared = self._groups.setdefault(group, Group(group))
        member = Member(self, shared, on_assigned, on_revoked)
        self._cursors.add(member)
        shared.join(member, tps)
        return member

    async def reader(self, start: Mapping[TopicPartition, int]) -> Reader:
        await self._run(lambda: [self._file.topic(*tp) for tp in start])
        reader = Reader(self)
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
    def _waiting(self, cursor: Cursor) -> Iterator[None]:
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
