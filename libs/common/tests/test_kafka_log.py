"""The Kafka adapter passes the log's suite."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.ports.log import (
    LogUnavailable,
    NewRecord,
    TopicPartition,
    TopicSpec,
    UnknownTopic,
)

from .log_members import insist, join, new, settle
from .log_suite import LogSuite

if TYPE_CHECKING:
    pass

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
