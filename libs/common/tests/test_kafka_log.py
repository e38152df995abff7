"""The Kafka adapter passes the log's suite, and survives a broker that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest

from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.ports.log import LogUnavailable, TopicSpec

from .log_suite import LogSuite, join, new, numbers, read

if TYPE_CHECKING:
    from deploy.local import Kafka

pytestmark = pytest.mark.real


class TestKafkaLog(LogSuite):
    @pytest.fixture
    async def log(self, kafka_bootstrap: str) -> AsyncIterator[KafkaLog]:
        made = KafkaLog(kafka_bootstrap)
        yield made
        await made.close()


async def test_a_broker_that_does_not_answer_is_told_as_unavailable() -> None:
    log = KafkaLog("127.0.0.1:9")
    with pytest.raises(LogUnavailable):
        await log.topic_id("t")
    producer = await log.producer("test")
    result = await producer.append([new("t", 1)])
    assert result.offsets == [None] and all(isinstance(e, LogUnavailable) for e in result.errors.values())
    await producer.close()
    await log.close()


async def test_a_broker_that_comes_back_is_used_again(own_kafka: Callable[[], Kafka]) -> None:
    broker = await asyncio.to_thread(own_kafka)
    log = KafkaLog(broker.url)
    await log.ensure_topics([TopicSpec("t")])
    producer, consumer = await log.producer("test"), await join(log, "g", "t")
    assert (await producer.append([new("t", 1)])).offsets == [0]
    assert numbers(await read(consumer, 1)) == [1]
    await asyncio.to_thread(broker.stop)
    assert (await producer.append([new("t", 2)])).offsets == [None]
    await asyncio.to_thread(broker.start)
    async with asyncio.timeout(60):
        while (await producer.append([new("t", 2)])).offsets == [None]:
            continue
    found: list[int] = []
    async with asyncio.timeout(60):
        while 2 not in found:
            try:
                found += numbers(await read(consumer, 1, within=5))
            except (LogUnavailable, TimeoutError):
                continue
    await producer.close()
    await consumer.close()
    await log.close()
