"""A bare Kafka round trip: one record by aiokafka's idempotent producer with acks=all, until its consumer has it."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.ports.log import TopicSpec

VALUE = b"x" * 400


@asynccontextmanager
async def round_trips(kafka: str) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """One at a time, in milliseconds."""
    log = KafkaLog(kafka)
    spec = TopicSpec(f"bench.rtt{secrets.token_hex(3)}", partitions=1)
    await log.ensure_topics([spec])
    await log.close()
    producer: Any = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, acks="all")  # type: ignore[no-untyped-call]
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")  # type: ignore[no-untyped-call]
    await producer.start()
    await consumer.start()
    consumer.assign([TopicPartition(spec.name, 0)])

    async def one() -> float:
        started = time.perf_counter()
        sent = await producer.send(spec.name, VALUE, key=b"bench", partition=0)
        await consumer.getone()
        took = time.perf_counter() - started
        await sent
        return took * 1e3

    try:
        yield one
    finally:
        await consumer.stop()
        await producer.stop()
