"""The Kafka adapter passes the log's suite, and survives a broker that goes away."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from suizhuan.adapters.kafka_log import KafkaLog, KafkaProducer
from suizhuan.ports.log import (
    LogConsumer,
    LogReader,
    LogUnavailable,
    NewRecord,
    TopicPartition,
    TopicSpec,
    UnknownTopic,
)

from .log_suite import LogSuite, join, new, numbers, read, settle

if TYPE_CHECKING:
    from deploy.local import Kafka

pytestmark = pytest.mark.real


@pytest.fixture
async def log(kafka_bootstrap: str) -> AsyncIterator[KafkaLog]:
    made = KafkaLog(kafka_bootstrap)
    yield made
    await made.close()


@pytest.fixture
def topic() -> str:
    return f"t.{uuid4().hex[:12]}"


class TestKafkaLog(LogSuite):
    @pytest.fixture
    async def log(self, kafka_bootstrap: str) -> AsyncIterator[KafkaLog]:
        made = KafkaLog(kafka_bootstrap)
        yield made
        await made.close()


async def follow(source: LogConsumer | LogReader, last: int) -> list[int]:
    """Poll, through whatever trouble, until `last` has come; the numbers in the order of their first coming."""
    found: list[int] = []
    while last not in found:
        try:
            batch = await source.poll(timeout=0.5, max_records=100)
        except LogUnavailable:
            continue
        found += [n for records in batch.values() for n in numbers(records) if n not in found]
    return found


async def insist(producer: KafkaProducer, records: list[NewRecord]) -> int:
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


async def test_what_is_taken_of_a_partition_is_a_prefix(log: KafkaLog, topic: str) -> None:
    """The broker refuses the second of three batches; the third is not even sent. Other partitions go on."""
    await log.ensure_topics([TopicSpec(topic, 2)])
    producer = await log.producer("test")
    too_large = NewRecord(topic, 0, b"k", bytes(3_000_000))
    other = new(topic, 5, partition=1)
    result = await producer.append([new(topic, 0), new(topic, 1), too_large, other, new(topic, 2)])
    assert result.offsets == [0, 1, None, 0, None]
    assert isinstance(result.errors.pop(TopicPartition(topic, 0)), ValueError), "no later try would help"
    assert result.errors == {}
    assert (await producer.append([new(topic, 2)])).offsets == [2]
    await producer.close()


async def test_an_append_of_several_batches_is_one_sequence(log: KafkaLog, topic: str) -> None:
    await log.ensure_topics([TopicSpec(topic, 1)])
    producer = await log.producer("test")
    result = await producer.append([NewRecord(topic, 0, b"k", bytes(100_000)) for _ in range(30)])
    assert result.offsets == list(range(30)) and not result.errors
    await producer.close()


async def test_topics_keep_everything_unless_compacted(log: KafkaLog, topic: str) -> None:
    await log.ensure_topics([TopicSpec(topic), TopicSpec(f"{topic}.c", 1, True, min_compaction_lag_s=1.5)])
    admin = await log._client()

    async def configs(name: str) -> dict[str, str]:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        return {entry[0]: entry[1] for entry in answer.resources[0][4]}

    plain, compacted = await configs(topic), await configs(f"{topic}.c")
    assert (plain["cleanup.policy"], plain["retention.ms"], plain["retention.bytes"]) == ("delete", "-1", "-1")
    assert (compacted["cleanup.policy"], compacted["min.compaction.lag.ms"]) == ("compact", "1500")


async def test_a_topic_made_anew_has_another_identity(log: KafkaLog, topic: str) -> None:
    await log.ensure_topics([TopicSpec(topic, 1)])
    before, producer = await log.topic_id(topic), await log.producer("test")
    assert (await producer.append([new(topic, 1)])).offsets == [0]
    await (await log._client()).delete_topics([topic])
    async with asyncio.timeout(60):
        with pytest.raises(UnknownTopic):
            while True:
                await log.topic_id(topic)
        with pytest.raises(UnknownTopic):  # at first it may only find out that nobody answers for the topic
            while True:
                assert (await producer.append([new(topic, 2)])).offsets == [None]
    await log.ensure_topics([TopicSpec(topic, 2)])
    assert await log.topic_id(topic) != before
    assert await insist(producer, [new(topic, 3, partition=1)]) <= 2
    await producer.close()


MEMBER = """
import asyncio, sys
from suizhuan.adapters.kafka_log import KafkaLog

async def main():
    async def assigned(tps):
        print("mine", len(tps), flush=True)
        return {}

    async def revoked(tps):
        print("lost", flush=True)

    log = KafkaLog(sys.argv[1])
    topic = sys.argv[2]
    member = await log.consumer(topic, [topic], on_assigned=assigned, on_revoked=revoked, client_id="dying")
    while True:
        await member.poll(timeout=1, max_records=1)

asyncio.run(main())
"""


async def test_the_partitions_of_a_member_that_died_are_taken_over(log: KafkaLog, topic: str) -> None:
    await log.ensure_topics([TopicSpec(topic, 2)])
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MEMBER, log.bootstrap, topic, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert dying.stdout is not None
    assert await dying.stdout.readline() == b"mine 2\n"
    survivor = await join(log, topic, topic)
    await settle([survivor], 1)
    dying.kill()
    await dying.communicate()
    await settle([survivor], 2)  # a session lasts 10 s
    await survivor.close()


async def test_a_poll_cut_short_by_a_rebalance_is_not_counted_for_ever(log: KafkaLog, topic: str) -> None:
    """aiokafka would take the member for busy, and never notice that it stopped polling."""
    await log.ensure_topics([TopicSpec(topic, 1)])
    consumer = await join(log, topic, topic)
    await consumer.poll(timeout=0, max_records=1)  # joining: cut short
    await settle([consumer], 1)
    assert consumer._client._subscription._fetch_count == 0  # type: ignore[attr-defined]
    await consumer.close()


async def test_a_broker_that_does_not_answer_is_told_as_unavailable() -> None:
    log = KafkaLog("127.0.0.1:9")
    with pytest.raises(LogUnavailable):
        await log.topic_id("t")
    with pytest.raises(LogUnavailable):
        await log.ensure_topics([TopicSpec("t")])
    with pytest.raises(LogUnavailable):
        await log.end_offsets([TopicPartition("t", 0)])
    with pytest.raises(LogUnavailable):
        await log.reader({TopicPartition("t", 0): 0})
    with pytest.raises(LogUnavailable):
        await join(log, "g", "t")
    producer = await log.producer("test")
    result = await producer.append([new("t", 1)])
    assert result.offsets == [None] and all(isinstance(e, LogUnavailable) for e in result.errors.values())
    await producer.close()
    await log.close()


async def test_a_log_made_while_the_broker_is_down_works_once_it_is_up(own_kafka: Callable[[], Kafka]) -> None:
    broker = await asyncio.to_thread(own_kafka)
    await asyncio.to_thread(broker.stop)
    log = KafkaLog(broker.url)
    producer = await log.producer("test")
    with pytest.raises(LogUnavailable):
        await log.ensure_topics([TopicSpec("t")])
    await asyncio.to_thread(broker.start)
    await log.ensure_topics([TopicSpec("t")])
    assert (await producer.append([new("t", 1)])).offsets == [0]
    consumer = await join(log, "g", "t")
    assert numbers(await read(consumer, 1)) == [1]
    await log.close()


@pytest.mark.parametrize("outage", ["stop", "kill", "pause"])
async def test_a_broker_that_comes_back_is_used_again(own_kafka: Callable[[], Kafka], outage: str) -> None:
    """Away for 22 s: all that polls goes on polling, all that appends goes on appending, in order."""
    broker = await asyncio.to_thread(own_kafka)
    log = KafkaLog(broker.url)
    await log.ensure_topics([TopicSpec("t")])
    producer, consumer = await log.producer("test"), await join(log, "g", "t")
    reader = await log.reader({TopicPartition("t", 0): 0})
    idle = await log.producer("idle")
    assert await insist(producer, [new("t", 0)]) == 0
    assert await insist(idle, [new("t", 0, partition=1)]) == 0
    assert numbers(await read(reader, 1)) == [0]
    await read(consumer, 2)
    following = asyncio.gather(follow(consumer, 9), follow(reader, 9))
    away = getattr(broker, outage)
    back = broker.resume if outage == "pause" else broker.start
    await asyncio.to_thread(away)

    async def later() -> int:
        return await insist(producer, [new("t", n) for n in range(1, 10)])

    appending = asyncio.create_task(later())
    done, _ = await asyncio.wait({appending, following}, timeout=22)
    assert not done
    await asyncio.to_thread(back)
    async with asyncio.timeout(90):
        assert await appending > 0
        for seen in await following:
            assert seen == list(range(1, 10))
        assert await insist(idle, [new("t", 10, partition=1)]) <= 1
        await settle([consumer], 3)
        ends = None
        while ends is None:  # a call may meet a connection that died in the outage; the next one does not
            try:
                ends = await log.end_offsets([TopicPartition("t", 1)])
            except LogUnavailable:
                continue
        assert ends[TopicPartition("t", 1)] >= 2
        await log.close()


@pytest.mark.parametrize("outage", ["stop", "pause"])
async def test_closing_does_not_wait_for_a_broker_that_is_away(own_kafka: Callable[[], Kafka], outage: str) -> None:
    broker = await asyncio.to_thread(own_kafka)
    log = KafkaLog(broker.url)
    await log.ensure_topics([TopicSpec("t")])
    producer, consumer = await log.producer("test"), await join(log, "g", "t")
    reader = await log.reader({TopicPartition("t", 0): 0})
    await insist(producer, [new("t", 0)])
    await read(consumer, 1)
    await read(reader, 1)
    await asyncio.to_thread(getattr(broker, outage))
    await consumer.commit({TopicPartition("t", 0): 1})  # advisory: neither fails nor waits
    assert (await producer.append([new("t", 1)])).offsets == [None]
    async with asyncio.timeout(40):
        await log.close()
