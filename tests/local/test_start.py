"""A service that is started before its database answers waits for it; told to stop meanwhile, it stops in order."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import Postgres, Unavailable
from deploy.local.databases import Databases
from deploy.local.process import free_ports, wait_until
from deploy.local.programs import Program

pytestmark = pytest.mark.real


async def test_a_service_waits_for_its_database(tmp_path: Path, not_to_be_had: Callable[[Exception], None]) -> None:
    postgres = Postgres(tmp_path / "postgres")
    try:
        await asyncio.to_thread(postgres.start)
    except Unavailable as reason:
        not_to_be_had(reason)
        raise
    try:
        databases = Databases(postgres.url, "early", ["finance"])
        await databases.create()
        (port,) = free_ports(1)
        environ = {
            "SUIZHUAN_FINANCE_DATABASE_URL": databases.url("finance"),
            "SUIZHUAN_FINANCE_DATA_DIR": str(tmp_path),
            "SUIZHUAN_FINANCE_PORT": str(port),
            "SUIZHUAN_LOG_URL": "kafka://127.0.0.1:9",
            "SUIZHUAN_LOG_FORMAT": "text",
        }
        ready = f"http://127.0.0.1:{port}/health/live"
        log, command = tmp_path / "finance.log", [sys.executable, "-m", "finance"]
        migrate = Program("migrate", [*command, "migrate"], log, environ, ready=ready)
        migrate.start()
        assert await migrate.wait(30) == 0
        await asyncio.to_thread(postgres.stop)
        finance = Program("finance", [*command, "worker"], log, environ, ready=ready)

        async def waits(times: int) -> None:
            """Each start says it once."""

            def told() -> bool:
                return finance.log_text().count("waits_for_database") >= times

            await asyncio.to_thread(wait_until, told, timeout=30, alive=lambda: finance.running)

        finance.start()
        await waits(1)
        assert await finance.terminate() == 0
        finance.start()
        await waits(2)
        await asyncio.to_thread(postgres.start)
        await finance.wait_ready(30)
        assert await finance.terminate() == 0
    finally:
        await asyncio.to_thread(postgres.remove)
