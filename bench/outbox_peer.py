"""The peer of the relay: faststream-outbox over FastStream's Kafka broker, as its page on performance advises."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped, unused-ignore]
from faststream.kafka import KafkaBroker, KafkaResponse
from faststream_outbox import OutboxBroker, make_outbox_table
from faststream_outbox.annotations import OutboxMessage
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from bench.stage import asynchronous

QUEUE, TABLE = "cases", "peer_outbox"
# Its page on performance: several workers, large fetches, deletes in batches. More workers than this gave no more.
WORKERS, FETCH, FLUSH = 16, 500, 100

Relayed = Callable[[list[tuple[bytes, bytes, dict[str, str]]]], Awaitable[float]]


@asynccontextmanager
async def outbox_peer(url: str, kafka: str, topic: str) -> AsyncIterator[Relayed]:
    """Relays (key, value, headers) that are put into its table, and says how many a second."""
    engine = create_async_engine(asynchronous(url), pool_size=WORKERS + 4)
    table = make_outbox_table(MetaData(), TABLE)
    async with engine.begin() as conn:
        await conn.run_sync(table.metadata.create_all)
    away = KafkaBroker(kafka, acks="all", enable_idempotence=True, logger=None)
    inside = OutboxBroker(engine, outbox_table=table, logger=None)

    async def relay(body: dict[str, Any], message: OutboxMessage) -> Any:
        headers = dict(message.headers)
        return KafkaResponse(body, key=headers.pop("key").encode(), headers=headers)

    taken = inside.subscriber(
        QUEUE,
        max_workers=WORKERS,
        fetch_batch_size=FETCH,
        min_fetch_interval=0.001,
        terminal_flush_batch_size=FLUSH,
    )
    away.publisher(topic)(taken(relay))

    writer = await asyncpg.connect(url)
    await away.start()
    await inside.start()

    async def relayed(records: list[tuple[bytes, bytes, dict[str, str]]]) -> float:
        await writer.execute(f"TRUNCATE {TABLE}")
        rows: list[Any] = [
            (QUEUE, value, json.dumps({**headers, "key": key.decode()})) for key, value, headers in records
        ]
        await writer.copy_records_to_table(TABLE, records=rows, columns=["queue", "payload", "headers"])
        started = time.perf_counter()
        await writer.execute("SELECT pg_notify($1, $2)", f"outbox_{TABLE}", QUEUE)
        while await writer.fetchval(f"SELECT EXISTS (SELECT 1 FROM {TABLE})"):
            if await writer.fetchval(f"SELECT EXISTS (SELECT 1 FROM {TABLE} WHERE attempts_count > 0)"):
                raise SystemExit("faststream-outbox fails at what it is to relay")
            await asyncio.sleep(0.02)
        return len(records) / (time.perf_counter() - started)

    try:
        yield relayed
    finally:
        await inside.stop()
        await away.stop()
        await writer.close()
        await engine.dispose()
