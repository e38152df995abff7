"""Every service upgraded in turn, the release before and this one side by side under commands: nothing is lost.

`make test-upgrade`. It takes the release before from this repository's history (docs/releases.md)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from deploy.local import Servers, Unavailable
from deploy.local.databases import Databases
from deploy.local.platform import SEED, Platform
from deploy.local.process import free_ports
from deploy.local.programs import ROOT, Program
from deploy.topology import BY_NAME, GATEWAY
from tests.contract.released import commit

from . import checker
from .doors import Doors
from .under_load import UnderLoad, under_load

ROLES = {name: ("api", "worker") for name in BY_NAME}
PREFIX = "suizhuan_upgraded"
READY_S = 240.0  # with a slow machine: two processes of every service
TOGETHER = 12  # commands acknowledged while both releases of a service run
OTHERS = 6  # of one kind, to each service that the usual callers do not know
GRID, NANGUAN = "321302002907001", "321302002907"
PREMISE = {"area": NANGUAN, "kind": "community", "permanent": True, "size_dm2": 100, "structure": "brick_concrete"}
MADE = {
    "population": ("building", "name", "/population/buildings", {"grid": GRID, "floors": 6}),
    "property": ("premise", "location", "/property/premises", {**PREMISE, "use": "activity"}),
    "volunteers": ("team", "title", "/volunteers/teams", {"kind": "judicial", "area": NANGUAN}),
}


def code_of(release: str, folder: Path) -> str:
    """The services as they were then: a PYTHONPATH. Errors: Unavailable where the history is not there."""
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", release, "libs", "services", "requirements/run.txt"],
        capture_output=True,
        check=False,
    )
    if packed.returncode != 0:
        raise Unavailable(f"git archive {release}: {packed.stderr.decode().strip()}")
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    # The same packages serve both; where they differ the old release needs a venv of its own.
    assert (folder / "requirements/run.txt").read_text() == (ROOT / "requirements/run.txt").read_text()
    return os.pathsep.join(str(path) for path in (folder / "libs/common", *sorted((folder / "services").iterdir())))


async def founded(servers: Servers, platform: Platform, *, old: str) -> None:
    """By the release before, each service by its own command, as an operator does it."""
    await Databases(servers.postgres.url, PREFIX, ROLES).create()

    async def one(name: str, *command: str) -> None:
        program = _program(platform, name, command, {"PYTHONPATH": old})
        program.start(may_end=True)
        assert await program.wait(READY_S) == 0, program.last_words()

    await asyncio.gather(*(one(name, "bootstrap", str(SEED)) for name, spec in BY_NAME.items() if spec.is_founded))


def _program(
    platform: Platform, service: str, command: tuple[str, ...], more: dict[str, str], ready: str = ""
) -> Program:
    environ = {k: v for k, v in platform.environ(service).items() if k != "PYTHONPATH"} | more
    first = platform.programs[f"{service}-api"].command[:3]
    name = f"{service}-{command[0]}-new" if "PYTHONPATH" not in more else f"{service}-{command[0]}-old"
    return Program(name, [*first, *command], platform.folder / f"{name}.log", environ, ready=ready)


async def upgraded(world: UnderLoad, service: str) -> None:
    """As docs/runbook/upgrade.md says it."""
    callers, platform = world.callers, world.platform
    assert isinstance(callers, Doors)
    code, told = await world.run(service, "migrate", settings={"PYTHONPATH": str(ROOT)})
    assert code == 0, told
    new = []
    for role in ROLES[service]:
        (port,) = free_ports(1)
        url = f"http://127.0.0.1:{port}"
        here = {f"SUIZHUAN_{service.upper()}_PORT": str(port)}
        new.append(program := _program(platform, service, (role,), here, f"{url}/health/ready"))
        program.start()
        if role == "api":
            callers.open[service] = doors = [platform.url(service), url]
    await asyncio.gather(*(program.wait_ready(READY_S) for program in new))
    before = dict(callers.done)
    await world.more(TOGETHER)
    if service in MADE:
        await _make(world, service)
    if service != GATEWAY:

        async def each() -> None:
            while not all(callers.done[door] > before.get(door, 0) for door in doors):
                await world.more(1)

        await asyncio.wait_for(each(), 120)
    callers.open[service] = doors[1:]
    for role in ROLES[service]:
        program = platform.programs[f"{service}-{role}"]
        assert await program.terminate() == 0
        program.environ.pop("PYTHONPATH")  # and the old address is the new release's
        await platform.start_service(program.name)
    del callers.open[service]
    for program in new:
        assert await program.terminate() == 0


async def _make(world: UnderLoad, service: str) -> None:
    """Commands to a service that the usual callers do not know, to one release and the other in turn."""
    _, named, path, body = MADE[service]
    for number in range(OTHERS):
        reply = await world.callers.command("staff-nanguan-01", service, path, {**body, named: f"{service}-{number}"})
        assert not reply.code, reply


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(1500)
async def test_a_release_and_the_one_before_it_work_side_by_side_and_nothing_is_lost(
    tmp_path: Path, not_to_be_had: Callable[[Exception], None], record_property: Callable[[str, str], None]
) -> None:
    took: dict[str, float] = {}
    try:
        old = code_of(commit(), tmp_path / "before")
        (folder := tmp_path / "platform").mkdir()
        (folder / "platform.json").write_text(json.dumps({"prefix": PREFIX, "founded": True}))
        settings, found_by = {"PYTHONPATH": old}, partial(founded, old=old)
        async with under_load(
            tmp_path, ROLES, settings=settings, found=found_by, calls=Doors, ready_s=READY_S
        ) as world:
            for program in world.platform.programs.values():
                assert "before" in program.environ.get("PYTHONPATH", "before"), program.name
            await world.more(TOGETHER)
            for service in ROLES:
                begun = time.monotonic()
                await upgraded(world, service)
                took[service] = time.monotonic() - begun
            await world.more(TOGETHER)
            found = await world.finished()
            for service, (table, named, _, _) in MADE.items():
                names = [row[named] for row in (await world.tables(service))[table]]
                made = sorted(name for name in names if name.startswith(f"{service}-"))
                assert made == sorted(f"{service}-{number}" for number in range(OTHERS))
    except Unavailable as reason:
        not_to_be_had(reason)
        raise
    assert checker.check(found) == []
    seconds = ", ".join(f"{name} {s:.0f} s" for name, s in took.items())
    record_property("told", f"upgraded from {commit()}: {seconds}; {world.acknowledged()} commands acknowledged")
