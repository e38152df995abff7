"""What is there in the end: every record of the log from its first, and every row of the databases, read by the
drivers alone. Nothing here knows what a service means by it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped, unused-ignore]
from aiokafka import AIOKafkaConsumer, TopicPartition

from .journal import Line

Row = dict[str, Any]
SERVICES = ("mandates", "finance", "complaints", "gateway")  # those that run in these tests
BEATS = "mandates.authority.beat"


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the log."""

    topic: str
    partition: int
    offset: int
    key: str
    id: str
    name: str
    sequence: int
    data: Row


@dataclass(slots=True)
class Evidence:
    """`log`: within a partition in its order. `tables`: rows by service and table. `ends`: after the last record."""

    journal: list[Line]
    log: list[Entry]
    ends: dict[tuple[str, int], int]
    tables: dict[str, dict[str, list[Row]]]
    audit: Row = field(default_factory=dict)

    def once(self) -> list[Entry]:
        """The log as consumers apply it: a record whose id came before is dropped."""
        found: dict[str, Entry] = {}
        for entry in self.log:
            found.setdefault(entry.id, entry)
        return list(found.values())

    def named(self, *names: str) -> list[Entry]:
        return [entry for entry in self.once() if entry.name in names]

    def rows(self, service: str, table: str) -> list[Row]:
        return self.tables.get(service, {}).get(table, [])


async def read_log(
    bootstrap: str, services: Iterable[str] = SERVICES, **security: Any
) -> tuple[list[Entry], dict[tuple[str, int], int]]:
    """Every record of every topic of these services."""
    client = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest", **security
    )
    await client.start()
    try:
        topics = [t for t in await client.topics() if t.partition(".")[0] in services]
        for topic in topics:
            await client._client.add_topic(topic)
        await client._client.force_metadata_update()
        tps = [TopicPartition(t, p) for t in topics for p in client._client.cluster.partitions_for_topic(t) or ()]
        client.assign(tps)
        await client.seek_to_beginning(*tps)
        ends = await client.end_offsets(tps)
        found: list[Entry] = []
        while any([await client.position(tp) < ends[tp] for tp in tps]):
            for records in (await client.getmany(timeout_ms=1000, max_records=5000)).values():
                found += [_entry(record) for record in records]
    finally:
        await client.stop()
    return found, {(tp.topic, tp.partition): end for tp, end in ends.items()}


def _entry(record: Any) -> Entry:
    headers = {name: value.decode() for name, value in record.headers}
    name = headers["ce_type"].rpartition(".v")[0]
    key, data = record.key.decode(), json.loads(record.value)
    sequence = int(headers.get("ce_sequence", "0"))
    return Entry(record.topic, record.partition, record.offset, key, headers["ce_id"], name, sequence, data)


async def read_tables(databases: Mapping[str, str]) -> dict[str, dict[str, list[Row]]]:
    """All rows of all tables, through sessions that cannot write."""
    found: dict[str, dict[str, list[Row]]] = {}
    for service, url in databases.items():
        plain = urlsplit(url)._replace(scheme="postgresql").geturl()
        conn = await asyncpg.connect(plain, server_settings={"default_transaction_read_only": "on"})
        try:
            query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            names = [row["tablename"] for row in await conn.fetch(query)]
            found[service] = {name: [dict(r) for r in await conn.fetch(f'SELECT * FROM "{name}"')] for name in names}
        finally:
            await conn.close()
    return found
