"""`python -m deploy.docker.prepare`: every topic of the platform is there, and the broker knows who may do what."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from deploy.access import rules
from deploy.local.granting import grant
from deploy.local.kafka import ADMIN
from deploy.local.topics import make_all
from suizhuan.adapters.kafka_client import security


async def prepare(kafka: str, password: str) -> None:
    """Can be run again and again. Errors: LogUnavailable, aiokafka's KafkaError."""
    signed_in = security(ADMIN, password)
    await make_all(kafka, signed_in)
    await grant(kafka, rules(), signed_in)
    print("topics and rules / 主题与权限: ok", flush=True)


if __name__ == "__main__":
    password = Path(os.environ["KAFKA_PASSWORD_FILE"]).read_text(encoding="utf-8").strip()
    asyncio.run(prepare(os.environ["KAFKA"], password))
