"""`python -m deploy.docker.prepare`: every topic of the platform is there, and the broker knows who may do what."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from deploy.access import rules
from deploy.local.granting import grant
from deploy.local.kafka import ADMIN
from deploy.local.topics import make_all
from suizhuan.adapters.kafka_client import security
from suizhuan.ports.log import LogUnavailable

PATIENCE_S = 300.0
AGAIN_S = 1.0


async def prepare(kafka: str, password: str) -> None:
    """Can be run again and again. Errors: LogUnavailable when no broker has answered for `PATIENCE_S` seconds,
    aiokafka's KafkaError."""
    signed_in = security(ADMIN, password)
    last = time.monotonic() + PATIENCE_S
    while True:
        try:
            await make_all(kafka, signed_in)
            break
        except LogUnavailable as reason:
            if time.monotonic() > last:
                raise
            print(f"waits for {kafka} / 等待 Kafka: {reason}", flush=True)
            await asyncio.sleep(AGAIN_S)
    await grant(kafka, rules(), signed_in)
    print("topics and rules / 主题与权限: ok", flush=True)


if __name__ == "__main__":
    password = Path(os.environ["KAFKA_PASSWORD_FILE"]).read_text(encoding="utf-8").strip()
    asyncio.run(prepare(os.environ["KAFKA"], password))
