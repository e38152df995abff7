"""Another log than the database knows: nothing is appended to it, nothing read, and everybody is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import insert, select

from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.context import Context
from suizhuan.db.tables import outbox, published
from suizhuan.kernel.clock import SystemClock
from suizhuan.offsets import LogReplaced
from suizhuan.own_topics import OwnTopics
from suizhuan.ports.log import Log, NewRecord, TopicSpec, UnknownTopic
from suizhuan.relay import Relay

from .conftest import Counted, Demo


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    made = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    yield made
    await made.close()


async def publish(demo: Demo, log: Log, number: int) -> None:
    """One event, by a relay that runs until it is on the log; raises what ends the relay."""
    async with demo.uow.begin(Context("staff:1", "org", "c1")) as tx:
        tx.emit(Counted(thing="t", number=number), key="t", sequence=number)
    relay = Relay("demo", demo.database, log, list(demo.registry.topics.values()), SystemClock(), demo.metrics)
    running = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(20):
            while not running.done():
                async with demo.database.read() as conn:
                    if (await conn.execute(select(outbox.c.id))).first() is None:
                        return
                await asyncio.wait({running}, timeout=0.01)
        running.result()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def appended(log: Log) -> int:
    return sum((await log.end_offsets(await log.partitions("demo.thing"))).values())


async def test_the_relay_appends_nothing_to_a_log_shorter_than_the_database(
    demo: Demo, log: EmbeddedLog, tmp_path: Path
) -> None:
    await publish(demo, log, 1)
    async with demo.database.write() as conn:
        await conn.execute(published.update().values(topic_id=None))  # as a release that did not know it noted it
    other = EmbeddedLog(tmp_path / "other.db", clock=SystemClock())
    with pytest.raises(LogReplaced, match=r"日志短于数据库.*the log is shorter than the database"):
        await publish(demo, other, 2)
    assert await appended(other) == 0
    await other.close()


async def test_the_relay_appends_nothing_to_topics_of_another_id(demo: Demo, log: EmbeddedLog, tmp_path: Path) -> None:
    """Also where the other log is longer."""
    await publish(demo, log, 1)
    other = EmbeddedLog(tmp_path / "other.db", clock=SystemClock())
    await other.ensure_topics([TopicSpec("demo.thing")])
    producer = await other.producer("somebody")
    await producer.append([NewRecord("demo.thing", p, b"t", b"{}") for p in range(3) for _ in range(9)])
    with pytest.raises(LogReplaced, match=r"已不是数据库所知的那个.*not the one that the database knows"):
        await publish(demo, other, 2)
    assert await appended(other) == 27
    await other.close()


async def test_the_same_log_goes_on(demo: Demo, log: EmbeddedLog) -> None:
    for number in (1, 2, 3):
        await publish(demo, log, number)
    assert await appended(log) == 3


@pytest.mark.real
async def test_a_topic_that_was_deleted_and_made_anew_on_kafka_is_noticed_while_running(
    demo: Demo, kafka_bootstrap: str
) -> None:
    topic = f"t.{uuid4().hex[:12]}"
    kafka = KafkaLog(kafka_bootstrap)
    own = OwnTopics(demo.database, kafka, [TopicSpec(topic, 1)], SystemClock())
    ids = await own.ready()
    row = {"topic": topic, "partition": 0, "last_offset": -1, "topic_id": ids[topic]}
    async with demo.database.write() as conn:
        await conn.execute(insert(published).values(row))
    await own.ready()
    await (await kafka._client()).delete_topics([topic])
    async with asyncio.timeout(20):
        with pytest.raises(LogReplaced, match="the one that the database knows"):
            while True:  # until the deletion has reached the broker that we ask
                with suppress(UnknownTopic):  # it was deleted between two questions
                    await own.ready()
    await kafka.close()


async def test_kafka_away_is_waited_for(demo: Demo) -> None:
    kafka = KafkaLog("127.0.0.1:1")
    own = OwnTopics(demo.database, kafka, [TopicSpec("demo.thing")], SystemClock())
    running = asyncio.create_task(own.run())
    await asyncio.wait({running}, timeout=0.5)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await kafka.close()
