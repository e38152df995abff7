"""Members of groups, their database, and what tests do with them, whichever log it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from suizhuan.ports.log import (
    Log,
    LogConsumer,
    LogProducer,
    LogReader,
    LogUnavailable,
    NewRecord,
    Record,
    TopicPartition,
)


def new(topic: str, number: int, *, partition: int = 0, key: str = "k") -> NewRecord:
    return NewRecord(topic, partition, key.encode(), str(number).encode(), (("n", str(number).encode()),))


def numbers(records: Sequence[Record]) -> list[int]:
    return [int(record.value) for record in records]


@dataclass
class Database:
    """Stands for the service's database: knows where to go on, and notes what was assigned and revoked."""

    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    assigned: list[frozenset[TopicPartition]] = field(default_factory=list)
    revoked: list[frozenset[TopicPartition]] = field(default_factory=list)

    async def on_assigned(self, tps: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        self.assigned.append(tps)
        return {tp: self.offsets[tp] for tp in tps if tp in self.offsets}

    async def on_revoked(self, tps: frozenset[TopicPartition]) -> None:
        self.revoked.append(tps)


async def join(log: Log, group: str, topic: str, database: Database | None = None) -> LogConsumer:
    known = database or Database()
    return await log.consumer(
        group, [topic], on_assigned=known.on_assigned, on_revoked=known.on_revoked, client_id=f"c-{uuid4().hex[:6]}"
    )


async def insist(producer: LogProducer, records: list[NewRecord]) -> int:
    """Append again, as the relay does, whatever was not taken; how many appends failed."""
    failed = 0
    while records:
        result = await producer.append(records)
        taken = [offset is not None for offset in result.offsets]
        assert taken == sorted(taken, reverse=True), "what is taken is a prefix"
        assert {type(error) for error in result.errors.values()} <= {LogUnavailable}, result.errors
        failed += bool(result.errors)
        records = records[sum(taken) :]
    return failed


async def read(source: LogConsumer | LogReader, count: int, *, within: float = 20, most: int = 100) -> list[Record]:
    """Poll until that many records have come."""
    found: list[Record] = []
    async with asyncio.timeout(within):
        while len(found) < count:
            batch = await source.poll(timeout=0.2, max_records=most)
            assert sum(map(len, batch.values())) <= most
            for records in batch.values():
                found.extend(records)
    return found


async def settle(members: Sequence[LogConsumer], each: int) -> list[Record]:
    """Poll them all until each has that many partitions; what came meanwhile."""
    found: list[Record] = []
    async with asyncio.timeout(30):
        while not all(len(member.assignment()) == each for member in members):
            for batch in await asyncio.gather(*(member.poll(timeout=0.1, max_records=10) for member in members)):
                found.extend(record for records in batch.values() for record in records)
    return found
