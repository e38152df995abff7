"""Whether anything is still on its way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped, unused-ignore]
from aiokafka import AIOKafkaConsumer, TopicPartition

AUTHORITY = "mandates.authority"  # beats never end
AT_MOST_S = 120.0
QUERIES = {
    "mandates": ("SELECT id, state FROM switch WHERE state IN ('waiting', 'open')",),
    "complaints": (
        "SELECT id, state FROM handover WHERE state = 'waiting'",
        "SELECT id, state FROM complaint_case WHERE outcome = 'verified' AND settled_at IS NULL",
    ),
}
EVERYWHERE = (f"SELECT topic, count(*) AS events FROM outbox WHERE topic <> '{AUTHORITY}' GROUP BY topic",)


async def settled(databases: Mapping[str, str], kafka: str, at_most: float = AT_MOST_S, **security: Any) -> list[str]:
    """Returns when nothing is on its way any more, twice in a row; or what still is, after `at_most` seconds."""
    client = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, **security)
    await client.start()
    try:
        deadline, quiet = time.monotonic() + at_most, 0
        while True:
            left = await _on_its_way(databases, client)
            quiet = 0 if left else quiet + 1
            if quiet == 2 or time.monotonic() > deadline:
                return left
            await asyncio.sleep(0.3)  # between two looks
    finally:
        await client.stop()


async def _on_its_way(databases: Mapping[str, str], client: AIOKafkaConsumer) -> list[str]:
    found = []
    for service, url in databases.items():
        conn = await asyncpg.connect(urlsplit(url)._replace(scheme="postgresql").geturl())
        try:
            for query in (*EVERYWHERE, *QUERIES.get(service, ())):
                found += [f"{service}: {dict(row)}" for row in await conn.fetch(query)]
            rows = await conn.fetch("SELECT * FROM consumer_offset WHERE topic <> $1", AUTHORITY)
        finally:
            await conn.close()
        known = {(r["consumer"], TopicPartition(r["topic"], r["partition"])): r["next_offset"] for r in rows}
        ends = await client.end_offsets(list({tp for _, tp in known}))
        found += [
            f"{group} is at {at} of {ends[tp]} in {tp.topic}[{tp.partition}]"
            for (group, tp), at in known.items()
            if at < ends[tp]
        ]
    return found
