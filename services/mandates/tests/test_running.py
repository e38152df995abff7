"""The service at work by itself: its own relay, consumers, deadlines and components, on the embedded log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from mandates.bootstrap import bootstrap
from suizhuan import main
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.kernel.clock import SystemClock
from suizhuan.ports.log import TopicSpec
from suizhuan.seed import Seed

from .conftest import STREET, World, make_service


@pytest.fixture
async def running(database_url: str, tmp_path: Path, small_seed: Seed) -> AsyncIterator[World]:
    """Founded and at work, on the machine's clock."""
    clock = SystemClock()
    log = EmbeddedLog(tmp_path / "log.db", clock=clock)
    service, key = make_service(database_url, tmp_path, clock, log)
    await service.migrate()
    await log.ensure_topics([TopicSpec(name, 3) for name in service.inbound.topics])  # those of the other services
    assert await bootstrap(service, small_seed)
    transport = httpx.ASGITransport(app=service.app)
    async with service.running(), httpx.AsyncClient(transport=transport, base_url="http://m") as http:
        yield World(service, clock, key, http)
    await log.close()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await true():
            await SystemClock().sleep(0.02)


async def test_it_founds_beats_joins_itself_and_is_ready_and_moves_power(running: World) -> None:
    async def ready() -> bool:
        return (await running.http.get("/health/ready")).status_code == 200

    await until(ready)
    narrow = await running.propose()
    broad = await running.propose(area=STREET, holder="street-xiangli", staff=["staff-street-01"])
    mandates = [str(narrow["id"]), str(broad["id"])]  # their switches overlap
    for mandate in mandates:
        answer = await running.post(f"/mandates/{mandate}/admission", {"decision": "admit"}, "street-xiangli")
        assert answer.status_code == 200, answer.text
    await asyncio.gather(*(running.fund(mandate) for mandate in mandates))

    async def active() -> bool:
        return [await running.state(m) for m in mandates] == ["active", "active"]

    await until(active)

    async def moved() -> bool:
        holders = [await running.responsible(), await running.responsible(STREET)]
        return holders == ["community-nanguan", "street-xiangli"]

    await until(moved)


async def test_a_process_waits_until_its_database_is_migrated(database_url: str, tmp_path: Path) -> None:
    clock = SystemClock()
    log = EmbeddedLog(tmp_path / "log.db", clock=clock)
    service, _ = make_service(database_url, tmp_path, clock, log)
    stop = asyncio.Event()
    starting = asyncio.create_task(main._started(service, "api", stop))
    try:
        assert not await service.is_migrated()
        assert not starting.done()
        await service.migrate()
        async with asyncio.timeout(20):
            assert await starting
    finally:
        await service.stop()
        await service.close()
        await log.close()


async def test_told_to_stop_while_it_waits_it_does_not_start(database_url: str, tmp_path: Path) -> None:
    clock = SystemClock()
    log = EmbeddedLog(tmp_path / "log.db", clock=clock)
    service, _ = make_service(database_url, tmp_path, clock, log)
    stop = asyncio.Event()
    starting = asyncio.create_task(main._started(service, "worker", stop))
    stop.set()
    try:
        async with asyncio.timeout(20):
            assert not await starting
        assert not service._tasks
    finally:
        await service.close()
        await log.close()


async def test_a_database_that_is_newer_than_the_program_is_migrated(database_url: str, tmp_path: Path) -> None:
    """After a release that was taken back."""
    clock = SystemClock()
    log = EmbeddedLog(tmp_path / "log.db", clock=clock)
    service, _ = make_service(database_url, tmp_path, clock, log)
    try:
        await service.migrate()
        async with service.parts.database.write() as conn:
            await conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        assert await service.is_migrated()
        async with service.parts.database.write() as conn:
            await conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
        assert not await service.is_migrated()
    finally:
        await service.close()
        await log.close()
