"""Those who append to the embedded log and read it: producers, readers, members of groups."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from suizhuan.ports.log import (
    Appended,
    LogUnavailable,
    NewRecord,
    OnAssigned,
    OnRevoked,
    Record,
    TopicPartition,
)

if TYPE_CHECKING:
    from suizhuan.adapters.embedded_log import EmbeddedLog


class Producer:
    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log

    async def append(self, records: Sequence[NewRecord]) -> Appended:
        return await self._log._append(records) if records else Appended([])

    async def close(self) -> None:
        """Nothing is held."""


class Cursor:
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


class Reader(Cursor):
    def position(self, tp: TopicPartition) -> int:
        return self.positions[tp]


class Member(Cursor):
    """A consumer. What it owns changes only inside its own `poll` (and by `close`)."""

    def __init__(self, log: EmbeddedLog, group: Group, on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
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


class Group:
    """Shares partitions out among members. `planned` says whose each shall be, `_owners` whose it is until released."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[Member, frozenset[str]] = {}  # with the topics of each
        self._planned: dict[TopicPartition, Member] = {}
        self._owners: dict[TopicPartition, Member] = {}
        self._tps: set[TopicPartition] = set()

    def join(self, member: Member, tps: Sequence[TopicPartition]) -> None:
        self.members[member] = frozenset(tp.topic for tp in tps)
        self._tps.update(tps)
        self._plan()

    def leave(self, member: Member) -> None:
        self.members.pop(member, None)
        for whose in (self._planned, self._owners):
            for tp in [tp for tp, owner in whose.items() if owner is member]:
                del whose[tp]
        self._plan()

    def lost(self, member: Member) -> frozenset[TopicPartition]:
        """What the member has and shall give away."""
        return frozenset(tp for tp in member.positions if self._planned.get(tp) is not member)

    def claim(self, member: Member) -> frozenset[TopicPartition]:
        """What the member shall have and nobody has any more; it is the member's from now on."""
        free = frozenset(tp for tp, who in self._planned.items() if who is member and tp not in self._owners)
        self._owners.update(dict.fromkeys(free, member))
        return free

    def release(self, member: Member, tps: Iterable[TopicPartition]) -> None:
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

    def _wake(self, *, but: Member | None = None) -> None:
        for member in self.members:
            if member is not but:
                member.woken.set()
