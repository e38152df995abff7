"""What every log promises (`suizhuan.ports.log`), as one suite that each adapter inherits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from suizhuan.ports.log import Log, LogConsumer, NewRecord, Record, TopicPartition, TopicSpec, UnknownTopic


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


async def read(source: LogConsumer, count: int, *, within: float = 20) -> list[Record]:
    """Poll until that many records have come."""
    found: list[Record] = []
    async with asyncio.timeout(within):
        while len(found) < count:
            for records in (await source.poll(timeout=0.2, max_records=100)).values():
                found.extend(records)
    return found


class LogSuite:
    """Override the fixture `log`."""

    @pytest.fixture
    async def topic(self, log: Log) -> str:
        name = f"t.{uuid4().hex[:12]}"
        await log.ensure_topics([TopicSpec(name, 2)])
        return name

    async def append(self, log: Log, *records: NewRecord) -> list[int | None]:
        producer = await log.producer("test")
        result = await producer.append(records)
        await producer.close()
        assert not result.errors
        return result.offsets

    async def test_records_of_a_partition_come_in_the_order_they_were_appended(self, log: Log, topic: str) -> None:
        offsets = await self.append(log, *(new(topic, n) for n in range(50)))
        assert offsets == list(range(50))
        consumer = await join(log, topic, topic)
        records = await read(consumer, 50)
        await consumer.close()
        assert numbers(records) == list(range(50))
        assert [r.offset for r in records] == list(range(50))

    async def test_bytes_and_headers_come_back_as_they_went(self, log: Log, topic: str) -> None:
        sent = NewRecord(topic, 1, b"\x00key", b"\xff\xfe{", (("a", b"1"), ("a", b"\x00\xff"), ("b", "区".encode())))
        await self.append(log, sent)
        consumer = await join(log, topic, topic)
        (got,) = await read(consumer, 1)
        await consumer.close()
        assert (got.topic, got.partition, got.key, got.value, got.headers) == (
            topic,
            1,
            sent.key,
            sent.value,
            sent.headers,
        )

    async def test_a_member_goes_on_where_the_database_says(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(10)))
        known = Database({TopicPartition(topic, 0): 7})
        consumer = await join(log, topic, topic, known)
        assert numbers(await read(consumer, 3)) == [7, 8, 9]
        await consumer.close()
        assert frozenset().union(*known.assigned) == {TopicPartition(topic, 0), TopicPartition(topic, 1)}

    async def test_what_was_told_to_the_log_does_not_decide(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(5)))
        consumer = await join(log, topic, topic)
        await read(consumer, 5)
        await consumer.commit({TopicPartition(topic, 0): 5})
        await consumer.close()
        again = await join(log, topic, topic)
        assert numbers(await read(again, 5)) == [0, 1, 2, 3, 4]
        await again.close()

    async def test_after_a_seek_nothing_fetched_before_is_handed_out(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(20)))
        consumer = await join(log, topic, topic)
        await read(consumer, 20)
        consumer.seek(TopicPartition(topic, 0), 17)
        assert numbers(await read(consumer, 3)) == [17, 18, 19]
        await consumer.close()

    async def test_a_paused_partition_is_silent_and_the_others_flow(self, log: Log, topic: str) -> None:
        consumer = await join(log, topic, topic)
        await self.append(log, new(topic, 0, partition=0), new(topic, 0, partition=1))
        await read(consumer, 2)
        consumer.pause(TopicPartition(topic, 0))
        await self.append(log, new(topic, 1, partition=0), new(topic, 2, partition=1))
        assert numbers(await read(consumer, 1)) == [2]
        assert await consumer.poll(timeout=0.3, max_records=10) == {}
        consumer.resume(TopicPartition(topic, 0))
        assert numbers(await read(consumer, 1)) == [1]
        await consumer.close()

    async def test_two_members_share_the_partitions_and_one_takes_over(self, log: Log, topic: str) -> None:
        first, second = await join(log, topic, topic), await join(log, topic, topic)

        async def settle(members: list[LogConsumer], each: int) -> None:
            async with asyncio.timeout(30):
                while not all(len(m.assignment()) == each for m in members):
                    await asyncio.gather(*(m.poll(timeout=0.1, max_records=10) for m in members))

        await settle([first, second], 1)
        assert first.assignment() | second.assignment() == {TopicPartition(topic, 0), TopicPartition(topic, 1)}
        await second.close()
        await settle([first], 2)
        await self.append(log, new(topic, 1, partition=0), new(topic, 2, partition=1))
        assert sorted(numbers(await read(first, 2))) == [1, 2]
        await first.close()

    async def test_a_reader_begins_where_it_is_told_and_knows_its_position(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(6)))
        tp = TopicPartition(topic, 0)
        reader = await log.reader({tp: 4})
        assert reader.position(tp) == 4
        found: list[Record] = []
        async with asyncio.timeout(20):
            while len(found) < 2:
                found += (await reader.poll(timeout=0.2, max_records=10)).get(tp, [])
        assert numbers(found) == [4, 5] and reader.position(tp) == 6
        await reader.close()

    async def test_the_end_is_the_offset_of_the_next_record(self, log: Log, topic: str) -> None:
        tps = await log.partitions(topic)
        assert await log.end_offsets(tps) == dict.fromkeys(tps, 0)
        await self.append(log, new(topic, 1), new(topic, 2))
        assert await log.end_offsets(tps) == {TopicPartition(topic, 0): 2, TopicPartition(topic, 1): 0}

    async def test_an_unknown_topic_is_an_error_everywhere(self, log: Log) -> None:
        nowhere = f"t.{uuid4().hex}"
        with pytest.raises(UnknownTopic):
            await log.topic_id(nowhere)
        with pytest.raises(UnknownTopic):
            await log.partitions(nowhere)
        with pytest.raises(UnknownTopic):
            await join(log, nowhere, nowhere)
        producer = await log.producer("test")
        with pytest.raises(UnknownTopic):
            await producer.append([new(nowhere, 1)])
        await producer.close()

    async def test_making_a_topic_again_keeps_it(self, log: Log, topic: str) -> None:
        before = await log.topic_id(topic)
        await self.append(log, new(topic, 1))
        await log.ensure_topics([TopicSpec(topic, 2)])
        assert await log.topic_id(topic) == before
        with pytest.raises(ValueError, match="partitions"):
            await log.ensure_topics([TopicSpec(topic, 3)])

    async def test_appends_at_the_same_time_lose_nothing(self, log: Log, topic: str) -> None:
        consumer = await join(log, topic, topic)
        producer = await log.producer("test")

        async def one(n: int) -> None:
            result = await producer.append([new(topic, n, partition=n % 2)])
            assert result.errors == {}

        reading = asyncio.create_task(read(consumer, 200))
        await asyncio.gather(*(one(n) for n in range(200)))
        assert sorted(numbers(await reading)) == list(range(200))
        await producer.close()
        await consumer.close()

    async def test_a_waiting_poll_wakes_up_for_a_record(self, log: Log, topic: str) -> None:
        consumer = await join(log, topic, topic)
        await consumer.poll(timeout=0.5, max_records=1)
        producer = await log.producer("test")
        await producer.append([new(topic, 0)])
        await read(consumer, 1)
        for n in range(1, 20):
            polling = asyncio.create_task(consumer.poll(timeout=10, max_records=10))
            await asyncio.sleep(0)
            await producer.append([new(topic, n)])
            async with asyncio.timeout(5):
                (records,) = (await polling).values()
            assert numbers(records) == [n]
        await producer.close()
        await consumer.close()
