"""What every log promises (`suizhuan.ports.log`), as one suite that each adapter inherits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import uuid4

import pytest

from suizhuan.ports.log import (
    Log,
    LogConsumer,
    LogUnavailable,
    NewRecord,
    TopicPartition,
    TopicSpec,
    UnknownTopic,
)

from .log_members import Database, join, new, numbers, read, settle


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

    async def test_nothing_is_handed_out_before_the_database_has_answered(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(10)))
        asked, answer = asyncio.Event(), asyncio.Event()

        async def slow(tps: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            asked.set()
            await answer.wait()
            return {TopicPartition(topic, 0): 8}

        async def revoked(tps: frozenset[TopicPartition]) -> None: ...

        consumer = await log.consumer(topic, [topic], on_assigned=slow, on_revoked=revoked, client_id="slow")
        reading = asyncio.create_task(read(consumer, 2))
        async with asyncio.timeout(20):
            await asked.wait()
        done, _ = await asyncio.wait({reading}, timeout=1)
        assert not done
        answer.set()
        assert numbers(await reading) == [8, 9]
        await consumer.close()

    async def test_a_database_that_does_not_answer_is_told_by_poll_and_asked_again(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(4)))
        failures = [RuntimeError("away"), RuntimeError("still away")]

        async def failing(tps: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
            if failures:
                raise failures.pop(0)
            return {TopicPartition(topic, 0): 3}

        async def revoked(tps: frozenset[TopicPartition]) -> None: ...

        consumer = await log.consumer(topic, [topic], on_assigned=failing, on_revoked=revoked, client_id="failing")
        with pytest.raises(RuntimeError, match="away"):
            await read(consumer, 1)
        assert consumer.assignment() == frozenset()
        async with asyncio.timeout(20):
            while not consumer.assignment():
                try:
                    found = await consumer.poll(timeout=0.2, max_records=10)
                except RuntimeError:
                    continue
        if not found:
            found = {TopicPartition(topic, 0): await read(consumer, 1)}
        assert numbers(found[TopicPartition(topic, 0)]) == [3]
        await consumer.close()

    async def test_a_poll_without_records_ends_at_its_timeout(self, log: Log, topic: str) -> None:
        consumer = await join(log, topic, topic)
        clock = asyncio.get_running_loop().time
        for _ in range(5):  # while it joins, and after
            began = clock()
            assert await consumer.poll(timeout=0.2, max_records=10) == {}
            assert clock() - began < 2
        await consumer.close()

    async def test_a_poll_hands_out_no_more_than_was_asked_for(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(20)))
        consumer = await join(log, topic, topic)
        assert numbers(await read(consumer, 20, most=3)) == list(range(20))
        await consumer.close()

    async def test_after_a_seek_nothing_fetched_before_is_handed_out(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(20)))
        consumer = await join(log, topic, topic)
        await read(consumer, 20)
        consumer.seek(TopicPartition(topic, 0), 17)
        assert numbers(await read(consumer, 3)) == [17, 18, 19]
        with pytest.raises(ValueError, match="not ours"):
            consumer.seek(TopicPartition(topic, 9), 0)
        await consumer.close()

    async def test_a_seek_forward_skips_what_was_fetched_already(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(20)))
        consumer = await join(log, topic, topic)
        assert numbers(await read(consumer, 2, most=2)) == [0, 1]
        consumer.seek(TopicPartition(topic, 0), 15)
        assert numbers(await read(consumer, 5)) == [15, 16, 17, 18, 19]
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
        known = Database()
        first, second = await join(log, topic, topic, known), await join(log, topic, topic)
        await settle([first, second], 1)
        assert first.assignment() | second.assignment() == {TopicPartition(topic, 0), TopicPartition(topic, 1)}
        (left,) = second.assignment()
        known.offsets[left] = 1
        await self.append(log, new(topic, 1, partition=left.partition), new(topic, 2, partition=left.partition))
        assert numbers(await read(second, 2)) == [1, 2]
        await second.close()
        found = await settle([first], 2)
        assert numbers(found or await read(first, 1)) == [2]
        await first.close()

    async def test_a_partition_is_revoked_before_another_member_is_given_it(self, log: Log, topic: str) -> None:
        events: list[tuple[str, str, TopicPartition]] = []

        async def member(name: str) -> LogConsumer:
            async def assigned(tps: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
                events.extend(("given", name, tp) for tp in sorted(tps))
                return {}

            async def revoked(tps: frozenset[TopicPartition]) -> None:
                events.extend(("taken", name, tp) for tp in sorted(tps))

            return await log.consumer(topic, [topic], on_assigned=assigned, on_revoked=revoked, client_id=name)

        first = await member("first")
        await settle([first], 2)
        second = await member("second")
        await settle([first, second], 1)
        holders: dict[TopicPartition, str] = {}
        for what, name, tp in events:
            if what == "given":
                assert tp not in holders, events
                holders[tp] = name
            else:
                assert holders.pop(tp) == name, events
        assert holders == {tp: n for n, m in (("first", first), ("second", second)) for tp in m.assignment()}
        await first.close()
        await second.close()

    async def test_a_member_too_many_waits_for_its_turn(self, log: Log, topic: str) -> None:
        members = [await join(log, topic, topic) for _ in range(3)]
        async with asyncio.timeout(30):
            while sorted(len(m.assignment()) for m in members) != [0, 1, 1]:
                await asyncio.gather(*(m.poll(timeout=0.1, max_records=10) for m in members))
        busy = next(m for m in members if m.assignment())
        await busy.close()
        members.remove(busy)
        await settle(members, 1)
        for member in members:
            await member.close()

    async def test_groups_do_not_disturb_each_other(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(3)))
        one, other = await join(log, f"{topic}.1", topic), await join(log, f"{topic}.2", topic)
        assert numbers(await read(one, 3)) == numbers(await read(other, 3)) == [0, 1, 2]
        await one.close()
        await other.close()

    async def test_a_reader_begins_where_it_is_told_and_knows_its_position(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n) for n in range(6)))
        tp = TopicPartition(topic, 0)
        reader = await log.reader({tp: 4})
        assert reader.position(tp) == 4
        assert numbers(await read(reader, 2)) == [4, 5]
        assert reader.position(tp) == 6
        await reader.close()

    async def test_a_reader_reads_several_partitions_each_in_order(self, log: Log, topic: str) -> None:
        await self.append(log, *(new(topic, n, partition=n % 2) for n in range(30)))
        reader = await log.reader({tp: 1 for tp in await log.partitions(topic)})
        found = await read(reader, 28, most=3)
        for partition in (0, 1):
            assert numbers([r for r in found if r.partition == partition]) == list(range(2 + partition, 30, 2))
        await reader.close()

    async def test_an_offset_past_the_end_is_told_and_not_replaced(self, log: Log, topic: str) -> None:
        await self.append(log, new(topic, 0))
        reader = await log.reader({TopicPartition(topic, 0): 5})
        with pytest.raises(LogUnavailable):
            await read(reader, 1)
        await reader.close()

    async def test_the_very_end_is_waited_at(self, log: Log, topic: str) -> None:
        await self.append(log, new(topic, 0))
        reader = await log.reader({TopicPartition(topic, 0): 1})
        assert await reader.poll(timeout=0.3, max_records=10) == {}
        await self.append(log, new(topic, 1))
        assert numbers(await read(reader, 1)) == [1]
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
            await log.end_offsets([TopicPartition(nowhere, 0)])
        with pytest.raises(UnknownTopic):
            await log.reader({TopicPartition(nowhere, 0): 0})
        with pytest.raises(UnknownTopic):
            await join(log, nowhere, nowhere)
        producer = await log.producer("test")
        with pytest.raises(UnknownTopic):
            await producer.append([new(nowhere, 1)])
        await producer.close()

    async def test_an_unknown_partition_is_an_error_and_nothing_is_taken(self, log: Log, topic: str) -> None:
        producer = await log.producer("test")
        with pytest.raises(UnknownTopic):
            await producer.append([new(topic, 1), new(topic, 2, partition=2)])
        with pytest.raises(UnknownTopic):
            await log.end_offsets([TopicPartition(topic, 2)])
        assert await log.end_offsets([TopicPartition(topic, 0)]) == {TopicPartition(topic, 0): 0}
        await producer.close()

    async def test_making_a_topic_again_keeps_it(self, log: Log, topic: str) -> None:
        before = await log.topic_id(topic)
        await self.append(log, new(topic, 1))
        await log.ensure_topics([TopicSpec(topic, 2)])
        assert await log.topic_id(topic) == before
        assert await log.end_offsets([TopicPartition(topic, 0)]) == {TopicPartition(topic, 0): 1}

    async def test_another_number_of_partitions_is_an_error_and_makes_nothing(self, log: Log, topic: str) -> None:
        other = f"t.{uuid4().hex[:12]}"
        with pytest.raises(ValueError, match="partitions"):
            await log.ensure_topics([TopicSpec(other), TopicSpec(topic, 3)])
        with pytest.raises(UnknownTopic):
            await log.partitions(other)

    async def test_topics_have_identities_of_their_own(self, log: Log, topic: str) -> None:
        other = f"t.{uuid4().hex[:12]}"
        await log.ensure_topics([TopicSpec(other, 1, compacted=True, min_compaction_lag_s=60)])
        assert await log.topic_id(other) != await log.topic_id(topic)

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

    async def test_no_wake_up_is_lost(self, log: Log, topic: str) -> None:
        """Each record is appended only when the one before has been read: one lost wake-up waits out its poll."""
        reader, back = await log.reader({TopicPartition(topic, 0): 0}), await log.reader({TopicPartition(topic, 1): 0})
        producers = [await log.producer(f"test-{n}") for n in range(2)]

        async def echo() -> None:
            for n in range(200):
                (records,) = (await reader.poll(timeout=60, max_records=10)).values()
                assert numbers(records) == [n]
                await producers[1].append([new(topic, n, partition=1)])

        echoing = asyncio.create_task(echo())
        async with asyncio.timeout(50):
            for n in range(200):
                await producers[0].append([new(topic, n, partition=0)])
                (records,) = (await back.poll(timeout=60, max_records=10)).values()
                assert numbers(records) == [n]
            await echoing
        for made in (reader, back, *producers):
            await made.close()

    async def test_closing_the_log_ends_what_was_made_from_it(self, log: Log, topic: str) -> None:
        consumer, reader = await join(log, topic, topic), await log.reader({TopicPartition(topic, 0): 0})
        producer = await log.producer("test")
        await producer.append([new(topic, 0)])
        await log.close()
        for source in (consumer, reader):
            with pytest.raises(LogUnavailable):
                await source.poll(timeout=1, max_records=1)
        result = await producer.append([new(topic, 1)])
        assert result.offsets == [None] and isinstance(result.errors[TopicPartition(topic, 0)], LogUnavailable)
        with pytest.raises(LogUnavailable):
            await log.topic_id(topic)
        for made in (consumer, reader, producer, log):
            await made.close()  # once more does no harm
