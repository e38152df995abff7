"""Kafka's data are lost and come back older, and every service goes back with them: docs/runbook/broker-lost.md.

Nobody goes on with a log that is shorter than its database."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import Unavailable
from deploy.story import Client, tell
from deploy.story.telling import Silent

from .under_load import FINISH_S, UnderLoad, under_load

ROLES = {name: ("all",) for name in ("mandates", "finance", "complaints", "gateway")}
BEFORE, AFTER = 25, 25  # commands acknowledged until the backups, and until the loss
NOTICED_S = 120.0  # each looks at its topics every 30 s
SHORTER = "the log is shorter than the database"
STORY_S = 90.0


async def copied(world: UnderLoad, folder: Path) -> dict[str, Path]:
    """A backup of every service first, then Kafka's data: so no backup knows more than the log."""
    files = {service: folder / f"{service}.backup" for service in ROLES}
    for service, file in files.items():
        code, told = await world.run(service, "backup", str(file))
        assert code == 0, told
    kafka = world.servers.kafka
    await asyncio.to_thread(kafka.stop)
    shutil.copytree(kafka.folder / "data", folder / "kafka")
    await asyncio.to_thread(kafka.start)
    return files


async def lost(world: UnderLoad, folder: Path) -> None:
    """The disk is gone; the copy takes its place while the services run on."""
    kafka = world.servers.kafka
    await asyncio.to_thread(kafka.kill)
    shutil.rmtree(kafka.folder / "data")
    shutil.copytree(folder / "kafka", kafka.folder / "data")
    await asyncio.to_thread(kafka.start)


async def cases(world: UnderLoad) -> set[str]:
    return {row["id"] for row in (await world.tables("complaints"))["complaint_case"]}


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(1800)
async def test_a_log_that_was_lost_comes_back_older_and_every_service_goes_back_to_it(
    tmp_path: Path, not_to_be_had: Callable[[Exception], None], record_property: Callable[[str, str], None]
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    try:
        async with under_load(tmp_path, ROLES) as world:
            await world.more(BEFORE)
            then = await cases(world)
            files = await copied(world, folder)
            await world.more(AFTER)
            world.load.over.set()
            await asyncio.wait_for(world.working, FINISH_S)
            assert await cases(world) > then
            await lost(world, folder)
            for service in ROLES:
                assert await world.platform.wait_exit(service, NOTICED_S) == 1
                assert SHORTER in world.platform.log_text(service)
            told = {}
            for service, file in files.items():
                code, told[service] = await world.run(service, "restore", str(file), "--yes")
                assert code == 0, told[service]
            await asyncio.gather(*(world.platform.start_service(service) for service in ROLES))
            assert then <= await cases(world)
            async with Client(world.platform.base, world.platform.issuer, patience=STORY_S) as caller:
                report = await tell(caller, Silent(), patience=STORY_S)
    except Unavailable as reason:
        not_to_be_had(reason)
        raise
    assert report["verdict"] == "clean", report["violations"]
    record_property("told", "\n".join(f"{service}: {words}" for service, words in told.items()))
