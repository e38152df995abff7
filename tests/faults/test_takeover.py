"""A department takes over its service, with a database of its own, while everybody works: docs/runbook/takeover.md."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import Postgres, Unavailable
from deploy.local.databases import Databases
from deploy.local.process import free_ports
from deploy.local.programs import Program
from deploy.topology import GATEWAY

from . import checker
from .under_load import UnderLoad, under_load

SERVICE = "complaints"
ROLES = {name: ("all",) for name in ("mandates", "finance", SERVICE, GATEWAY)}
BEFORE, AFTER = 20, 40  # commands acknowledged until it moves, and when it has moved
READY_S = 90.0


async def moved(world: UnderLoad, file: Path, there: dict[str, str]) -> Program:
    """It stops here, and goes on there; the gateway is told."""
    platform = world.platform
    assert await platform.terminate(SERVICE) == 0
    code, told = await world.run(SERVICE, "backup", str(file))
    assert code == 0, told
    code, told = await world.run(SERVICE, "restore", str(file), settings=there)
    assert (code, "restore_not_confirmed" in told) == (1, True), told
    code, told = await world.run(SERVICE, "restore", str(file), "--yes", settings=there)
    assert code == 0, told
    here = platform.programs[SERVICE]
    url = f"http://127.0.0.1:{there['SUIZHUAN_COMPLAINTS_PORT']}"
    theirs = Program(
        "theirs", here.command, file.with_suffix(".log"), here.environ | there, ready=f"{url}/health/ready"
    )
    theirs.start()
    await theirs.wait_ready(READY_S)
    upstreams = json.loads(platform.programs[GATEWAY].environ["SUIZHUAN_GATEWAY_UPSTREAMS"])
    platform.programs[GATEWAY].environ["SUIZHUAN_GATEWAY_UPSTREAMS"] = json.dumps(
        upstreams | {SERVICE: f"{url}/{SERVICE}"}
    )
    assert await platform.terminate(GATEWAY) == 0
    await platform.start_service(GATEWAY)
    return theirs


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(1800)
async def test_a_service_moves_to_its_departments_own_database_while_everybody_works(
    tmp_path: Path, not_to_be_had: Callable[[Exception], None], record_property: Callable[[str, str], None]
) -> None:
    server = Postgres(tmp_path / "their-server")
    try:
        await asyncio.to_thread(server.start)
        theirs = Databases(server.url, "theirs", (SERVICE,))
        await theirs.create()
        (port,) = free_ports(1)
        there = {
            "SUIZHUAN_COMPLAINTS_DATABASE_URL": theirs.url(SERVICE),
            "SUIZHUAN_COMPLAINTS_DATA_DIR": str(tmp_path / "their-data"),
            "SUIZHUAN_COMPLAINTS_PORT": str(port),
        }
        async with under_load(tmp_path, ROLES) as world:
            await world.more(BEFORE)
            program = await moved(world, tmp_path / "takeover.backup", there)
            world.databases[SERVICE] = theirs.url(SERVICE)
            await world.more(AFTER)
            found = await world.finished()
            assert await program.terminate() == 0
    except Unavailable as reason:
        not_to_be_had(reason)
        raise
    finally:
        server.stop()
    assert checker.check(found) == []
    record_property("told", f"{world.acknowledged()} commands acknowledged, {checker.figures(found)}")
