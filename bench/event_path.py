"""An event's whole path in one process: outbox → relay → Kafka → consumer → the gateway's projection."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped, unused-ignore]
from prometheus_client import CollectorRegistry

from bench.consumer import gateway
from bench.relay import COLUMNS
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.cloudevents import pack
from suizhuan.consumer import Consumer
from suizhuan.context import new_id
from suizhuan.db.database import Database
from suizhuan.decision import LANES
from suizhuan.kernel.clock import SystemClock, utc_text
from suizhuan.metrics import Metrics
from suizhuan.partitioner import partition_for
from suizhuan.ports.log import TopicSpec
from suizhuan.relay import Relay

PATIENCE_S = 120.0


@dataclass(slots=True)
class EventPath:
    """Relay and consumer at work; `cases` are those that the events are about, one each."""

    writer: Any
    relay: Relay
    seen: Any
    topic: TopicSpec
    cases: list[str] = field(default_factory=list)

    async def cost(self, number: int) -> float:
        """Microseconds an event, from the outbox until the projection's commit."""
        rows = [_row(self.topic, case, 3 + number, n) for n, case in enumerate(self.cases)]
        before = self.seen._sum.get()
        await self.writer.copy_records_to_table("outbox", records=rows, columns=COLUMNS)
        started = time.perf_counter()
        self.relay.wake()
        async with asyncio.timeout(PATIENCE_S):
            while self.seen._sum.get() < before + len(rows):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return (time.perf_counter() - started) / len(rows) * 1e6


@asynccontextmanager
async def event_path(database: Database, projection: str, log: KafkaLog, spec: TopicSpec) -> AsyncIterator[EventPath]:
    """From the outbox of `database` over the topic `spec` to the projection in the database at a URL."""
    relay = Relay("bench", database, log, [spec], SystemClock(), Metrics(CollectorRegistry(), "bench"))
    writer = await asyncpg.connect(database.url.set(drivername="postgresql").render_as_string(hide_password=False))
    await writer.execute("TRUNCATE outbox")
    with tempfile.TemporaryDirectory(prefix="suizhuan-bench-") as folder:
        async with gateway(projection, log, Path(folder)) as service:
            p = service.parts
            consumer = Consumer("gateway", [spec.name], service.inbound, p.broker, p.uow, p.clock)
            seen = p.metrics.consumer_batch_events.labels(group="gateway")
            path = EventPath(writer, relay, seen, spec)
            running = [asyncio.create_task(work.run()) for work in (relay, consumer)]
            try:
                yield path
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
                await writer.close()


def _row(spec: TopicSpec, case: str, version: int, number: int) -> tuple[object, ...]:
    now = datetime.now(UTC)
    event = new_id()
    packed = pack(
        {
            "id": event,
            "source": "complaints",
            "type": "complaints.case.started.v1",
            "time": utc_text(now),
            "subject": case,
            "partitionkey": case,
            "sequence": version,
            "actor": "staff-community-nanguan",
            "org": "community-nanguan",
            "mandate": "m-nanguan",
            "term": 1,
            "area": "321302002907001",
            "correlationid": event,
        }
    )
    value = f'{{"case":"{case}","case_term":1,"org":"community-nanguan"}}'.encode()
    partition = partition_for(case.encode(), spec.partitions)
    return (event, number % LANES, spec.name, partition, case, value, packed, 5, now, now)
