"""The process ends with 1 and a sentence where the log is not the one that its database knows."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import select

from deploy.local.process import free_ports
from finance.app import build
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.db.tables import outbox
from suizhuan.kernel.clock import SystemClock
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings

START_S = 120


async def started(folder: Path, log: str) -> asyncio.subprocess.Process:
    (port,) = free_ports(1)
    settings = {"DATA_DIR": str(folder), "LOG_URL": f"embedded://{folder}/{log}", "PORT": str(port)}
    environ = {**os.environ, **{f"SUIZHUAN_FINANCE_{name}": value for name, value in settings.items()}}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "finance", env=environ, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )


@asynccontextmanager
async def at_work(folder: Path, log: str) -> AsyncIterator[Service]:
    broker = EmbeddedLog(folder / log, clock=SystemClock())
    service = build(load_settings(ServiceSettings, "finance", data_dir=folder), broker=broker)
    async with service.running():
        yield service
    await broker.close()


async def prices_published(service: Service) -> bool:
    async with service.parts.database.read() as conn:
        return (await conn.execute(select(outbox.c.id))).first() is None


async def test_a_service_before_a_shorter_log_is_not_ready_and_its_process_ends_with_1(tmp_path: Path) -> None:
    async with at_work(tmp_path, "first.db") as service, asyncio.timeout(START_S):
        while not await prices_published(service):
            await SystemClock().sleep(0.02)

    async with at_work(tmp_path, "second.db") as service:
        await asyncio.wait_for(service.stopped.wait(), START_S)
        assert await service._work_ready() == service.why_stopped

    process = await started(tmp_path, "second.db")
    try:
        _, words = await asyncio.wait_for(process.communicate(), START_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 1
    told = words.decode().strip().splitlines()[-1]
    assert told.startswith("finance: 主题 finance.")
    assert "请恢复原日志" in told
    assert "before going on" in told
