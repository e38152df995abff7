"""What a service knows of others comes from the log alone: read from its beginning into an empty database, it is the
same again, row for row."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
from sqlalchemy import text

from deploy.embedded import Platform
from deploy.story import Silent, tell
from suizhuan.authority import records
from suizhuan.cloudevents import decode
from suizhuan.context import Context
from suizhuan.ports.log import Log, Record
from suizhuan.service import Service
from suizhuan.testing import feed

from .conftest import client, embedded

# The tables that hold nothing but what was heard. What a service's own commands write besides is brought back after a
# loss by a backup and `reconcile`, not by a replay.
HEARD = {
    "mandates": (),
    "finance": ("organisation",),
    "complaints": ("organisation", "organisation_area", "tariff", "affair"),
    "population": ("mandate_heard",),
    "property": ("organisation", "organisation_area", "closed_case"),
    "volunteers": ("organisation", "organisation_area", "ended_mandate", "closed_file"),
    "gateway": (
        *("organisation", "organisation_area", "affair", "mandate", "case_view", "case_step"),
        *("hold", "entry", "balance", "earmark", "thing"),
    ),
}
GRANTS = ("authority_grant", "authority_open_switch", "area_change")


async def everything(log: Log, topics: Iterable[str]) -> AsyncIterator[Record]:
    """All records of the topics, each partition in its order."""
    for topic in topics:
        tps = await log.partitions(topic)
        ends = await log.end_offsets(tps)
        reader = await log.reader(dict.fromkeys(tps, 0))
        left = {tp for tp in tps if ends[tp]}
        while left:
            for tp, found in (await reader.poll(timeout=1.0, max_records=500)).items():
                for record in found:
                    yield record
                if found and found[-1].offset + 1 >= ends[tp]:
                    left.discard(tp)
        await reader.close()


async def replay(service: Service, log: Log) -> int:
    """Take in all of it. How many records."""
    parts, count = service.parts, 0
    async for record in everything(log, [records.TOPIC]):
        event = decode(record)
        async with parts.uow.begin(Context.of_event(parts.name, event), limited=False) as tx:
            await parts.replica.apply(tx, event)
        count += 1
    async for record in everything(log, service.inbound.topics):
        await feed(service, record)
        count += 1
    return count


async def rows(service: Service, table: str) -> list[tuple[object, ...]]:
    async with service.parts.database.read() as conn:
        return sorted((tuple(row) for row in await conn.execute(text(f"SELECT * FROM {table}"))), key=repr)


@pytest.mark.timeout(300)
async def test_the_whole_log_replayed_into_empty_databases_gives_the_same_rows(tmp_path: Path) -> None:
    told, anew = tmp_path / "told", tmp_path / "anew"
    told.mkdir()
    anew.mkdir()
    async with embedded(told) as running, client(running) as gateway:
        await tell(gateway, Silent())

    for file in told.glob("log.db*"):
        shutil.copy(file, anew)
    live, empty = Platform(told, 1), Platform(anew, 1)
    differs: dict[str, object] = {}
    seen = 0
    for before, after in zip(live.services, empty.services, strict=True):
        await after.migrate()
        assert await replay(after, empty.log) > 50
        for table in (*HEARD[after.parts.name], *GRANTS):
            known, found = await rows(before, table), await rows(after, table)
            seen += len(known)
            if known != found:
                differs[f"{after.parts.name}.{table}"] = (known, found)
    for platform in (live, empty):
        for service in platform.services:
            await service.close()
        await platform.log.close()
    assert differs == {}
    assert seen > 500
