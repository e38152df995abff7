"""Yesterday's backup of a service restored while the others go on: it heals by the log, and says what it could not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local import Unavailable

from . import checker
from .under_load import UnderLoad, under_load, until

SERVICE = "complaints"
ROLES = {"mandates": ("all",), "finance": ("all",), SERVICE: ("api", "worker"), "gateway": ("all",)}
BEFORE, AFTER, AWAY = 15, 25, 5  # commands acknowledged until the backup, until the loss, and while it is away


async def backed_up(world: UnderLoad, file: Path) -> tuple[set[str], set[str]]:
    """While it works on; the cases that had been reported when it began, and when it was done."""
    await world.more(BEFORE)
    first = reported(world)
    code, told = await world.run(SERVICE, "backup", str(file))
    assert code == 0, told
    then = reported(world)
    await world.more(AFTER)
    return first, then


def reported(world: UnderLoad) -> set[str]:
    return {x["id"] for x in world.journal.of("command") if x["kind"] == "report"}


async def brought_back(world: UnderLoad, file: Path) -> tuple[set[str], str]:
    """The cases as they were, and what the restore told."""
    code, told = await world.run(SERVICE, "restore", str(file), "--yes")
    assert (code, "service_running: " in told) == (1, True), told
    # Nobody acts any more, and all that was answered is on the log; then what is there is lost.
    await world.platform.terminate(f"{SERVICE}-api")

    async def said() -> bool:
        return not (await world.tables(SERVICE))["outbox"]

    await until(said)
    await world.platform.terminate(f"{SERVICE}-worker")
    cases = {row["id"] for row in (await world.tables(SERVICE))["complaint_case"]}
    code, told = await world.run(SERVICE, "restore", str(file), "--yes")
    assert code == 0, told
    await world.more(AWAY, elsewhere=SERVICE)  # the others go on all the while
    for role in ("worker", "api"):
        await world.platform.start_service(f"{SERVICE}-{role}")
    await world.more(BEFORE)
    return cases, told


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(1800)
async def test_a_service_restored_from_yesterdays_backup_is_what_the_log_says_and_the_others_went_on(
    tmp_path: Path, not_to_be_had: Callable[[Exception], None], record_property: Callable[[str, str], None]
) -> None:
    try:
        async with under_load(tmp_path, ROLES) as world:
            file = tmp_path / "yesterday.backup"
            known, then = await backed_up(world, file)
            as_it_was, told = await brought_back(world, file)
            found = await world.finished()
    except Unavailable as reason:
        not_to_be_had(reason)
        raise
    tables = found.tables[SERVICE]
    assert as_it_was <= {row["id"] for row in tables["complaint_case"]}
    wordless = {row["case_id"] for row in tables["case_private"] if row["description"] == ""}
    # Only words are lost, and only of cases that the backup did not know.
    assert as_it_was - then <= wordless <= as_it_was - known
    said = re.search(r"(\d+) × complaints\.case\.reported\n +未恢复 / not restored[^\n]*words", told)
    assert said is not None, told
    assert int(said.group(1)) == len(wordless)
    assert [f for f in checker.check(found) if not f.what.startswith("report under")] == []
    figures = f"{world.acknowledged()} commands acknowledged, {checker.figures(found)}"
    record_property("told", f"restored: {len(wordless)} cases without words; {figures}\n{told}")
