"""Outbox → acknowledged by Kafka, against aiokafka's `send_batch` of the very same records, and faststream-outbox."""

from __future__ import annotations

import asyncio
import gc
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import asyncpg  # type: ignore[import-untyped, unused-ignore]
from aiokafka import AIOKafkaProducer
from prometheus_client import CollectorRegistry

from bench.measure import Ratio, turns
from bench.outbox_peer import outbox_peer
from bench.stage import Servers, asynchronous
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.cloudevents import pack
from suizhuan.context import new_id
from suizhuan.db.database import Database
from suizhuan.db.tables import platform
from suizhuan.decision import LANES
from suizhuan.kernel.clock import SystemClock, utc_text
from suizhuan.metrics import Metrics
from suizhuan.outbox import Outbox
from suizhuan.partitioner import partition_for
from suizhuan.ports.log import NewRecord, TopicSpec
from suizhuan.relay import Relay

EVENTS, VALUE = 100_000, 400  # a record is about one kilobyte with its headers
PEER_EVENTS = 5_000  # of faststream-outbox, which takes as long for them
COLUMNS = [
    "event_id",
    "lane",
    "topic",
    "partition",
    "key",
    "value",
    "headers",
    "authority_offset",
    "beat_time",
    "created_at",
]


async def measure(servers: Servers) -> list[Ratio]:
    """Events a second."""
    url = await servers.database()
    database = Database(asynchronous(url))
    async with database.engine.begin() as conn:
        await conn.run_sync(platform.create_all)
    writer = await asyncpg.connect(url)
    log = KafkaLog(servers.kafka)
    spec = TopicSpec(f"bench.relay{secrets.token_hex(3)}")
    await log.ensure_topics([spec])
    metrics = Metrics(CollectorRegistry(), "bench")
    relay = Relay("bench", database, log, [spec], SystemClock(), metrics)
    producer: Any = AIOKafkaProducer(  # type: ignore[no-untyped-call]
        bootstrap_servers=servers.kafka,
        enable_idempotence=True,
        acks="all",
        max_batch_size=1_000_000,
    )
    await producer.start()
    running = asyncio.create_task(relay.run())
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as our services do, for both sides

    def published() -> float:
        return metrics.registry.get_sample_value("suizhuan_relay_published_total") or 0.0

    async def ours(_round: int) -> float:
        before = published()
        await writer.copy_records_to_table("outbox", records=rows(spec.name, EVENTS), columns=COLUMNS)
        started = time.perf_counter()
        relay.wake()
        while published() < before + EVENTS:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return EVENTS / (time.perf_counter() - started)

    async def send_batch(_round: int) -> float:
        records = [_record(row) for row in rows(spec.name, EVENTS)]
        started = time.perf_counter()
        for start in range(0, EVENTS, 2000):
            await _send(producer, records[start : start + 2000])
        return EVENTS / (time.perf_counter() - started)

    try:
        async with outbox_peer(url, servers.kafka, spec.name) as relayed:

            async def faststream(_round: int) -> float:
                records = [_record(row) for row in rows(spec.name, PEER_EVENTS)]
                return await relayed([(r.key, r.value, {n: v.decode() for n, v in r.headers}) for r in records])

            sides = {"ours": ours, "send_batch": send_batch, "faststream-outbox": faststream}
            found = await turns("relay", "events/s", sides)
        mine = found["ours"]
        return [
            Ratio("relay_vs_send_batch", "events/s", mine, found["send_batch"], reach=0.5),
            Ratio("relay_vs_faststream_outbox", "events/s", mine, found["faststream-outbox"], reach=5.0),
        ]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await producer.stop()
        await log.close()
        await database.close()
        await writer.close()


def rows(topic: str, count: int) -> list[tuple[object, ...]]:
    """Rows of the outbox as the unit of work writes them, each of an aggregate of its own."""
    now = datetime.now(UTC)
    found: list[tuple[object, ...]] = []
    for number in range(count):
        key = new_id()
        packed = pack(
            {
                "id": key,
                "source": "complaints",
                "type": "complaints.case.started.v1",
                "time": utc_text(now),
                "subject": key,
                "partitionkey": key,
                "sequence": 3,
                "actor": "staff-community-nanguan",
                "org": "community-nanguan",
                "mandate": "m-nanguan",
                "term": 1,
                "area": "321302002907001",
                "correlationid": key,
                "traceparent": "00-47d548a2016690a42bfb735c28327ddb-56d02bece979ce27-01",
            }
        )
        value = b'{"x": "%s"}' % (b"x" * VALUE)
        partition = partition_for(key.encode(), 3)
        found.append((key, number % LANES, topic, partition, key, value, packed, 5, now, now))
    return found


def _record(row: tuple[object, ...]) -> NewRecord:
    _, _, topic, partition, key, value, packed, authority_offset, beat, _ = row
    return Outbox(None, [], {})._record((1, topic, partition, key, value, packed, authority_offset, beat))  # type: ignore[arg-type]


async def _send(producer: Any, records: list[NewRecord]) -> None:
    """One batch a partition at a time, as the relay sends them; the records are ready."""

    async def partition(number: int, mine: list[NewRecord]) -> None:
        while mine:
            batch = producer.create_batch()
            taken = 0
            for record in mine:
                if (
                    batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers))
                    is None
                ):
                    break
                taken += 1
            batch.close()
            await (await producer.send_batch(batch, mine[0].topic, partition=number))
            mine = mine[taken:]

    groups: dict[int, list[NewRecord]] = {}
    for record in records:
        groups.setdefault(record.partition, []).append(record)
    await asyncio.gather(*(partition(number, mine) for number, mine in groups.items()))
