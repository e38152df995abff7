"""A relay in a process of its own, to be killed and frozen: `python relay_process.py DATABASE KAFKA NAME`."""

from __future__ import annotations

import asyncio
import sys

from prometheus_client import CollectorRegistry

from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.db.database import Database
from suizhuan.kernel.clock import SystemClock
from suizhuan.metrics import Metrics
from suizhuan.ports.log import TopicSpec
from suizhuan.relay import Relay


async def main(url: str, kafka: str, topic: str) -> None:
    log = KafkaLog(kafka)
    metrics = Metrics(CollectorRegistry(), "demo")
    await Relay("demo", Database(url), log, [TopicSpec(topic)], SystemClock(), metrics).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
