"""The Kafka adapter survives a broker that goes away: stopped, killed, silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.ports.log import LogConsumer, LogReader, LogUnavailable, TopicPartition, TopicSpec

from .log_members import insist, join, new, numbers, read, settle

if TYPE_CHECKING:
    from deploy.local import Kafka

pytestmark = pytest.mark.real


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


@pytest.mark.parametrize("outage", [pytest.param("stop", marks=pytest.mark.slow), "kill", "pause"])
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


@pytest.mark.parametrize("outage", [pytest.param("stop", marks=pytest.mark.slow), "pause"])
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
