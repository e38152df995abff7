"""Complaints backed up and restored beside a log that knows further: it heals, and says what is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from complaints import tables as t
from complaints.app import build
from suizhuan import ahead
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.backup_command import backup, restore
from suizhuan.kernel.clock import SystemClock
from suizhuan.ports.log import LogUnavailable
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing_world import publish, rows

from .conftest import COMMUNITY, World

UNSAID = {"invalid_reason", "redirect"}


async def test_a_restore_brings_back_what_the_log_knows_and_says_what_it_does_not(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, file = EmbeddedLog(tmp_path / "log.db", clock=SystemClock()), tmp_path / "yesterday.backup"
    parts = world.service.parts
    assert await parts.recovery.noted()
    known = await world.report()
    await backup(world.service, [str(file)])
    await world.post(f"/cases/{known}/start", COMMUNITY)
    new = await world.report()
    await publish(world.service, log)
    as_it_was = await rows(world.service, t.cases, UNSAID)
    await parts.database.close()

    url = parts.database.url.render_as_string(hide_password=False)
    settings = load_settings(ServiceSettings, "complaints", database_url=url, data_dir=tmp_path)
    service = build(settings, broker=log, clock=world.clock)
    await restore(service, [str(file), "--yes"])
    assert await rows(service, t.cases, UNSAID) == as_it_was
    async with service.parts.database.read() as conn:
        assert await ahead.first_locked(conn) is None
        words = {row.case_id: row.description for row in await conn.execute(select(t.private))}
    assert words[known] != ""
    assert words[new] == ""
    told = capsys.readouterr().out
    assert "left 仍锁定 0" in told
    assert "1 × complaints.case.reported\n           未恢复 / not restored" in told
    await service.close()
    await log.close()


class Away:
    """A log that nobody can reach."""

    def __getattr__(self, _: str) -> Any:
        async def call(*_: Any) -> Any:
            raise LogUnavailable("no broker")

        return call


async def test_without_a_log_the_data_are_back_and_wait_for_it(world: World, tmp_path: Path) -> None:
    file, parts = tmp_path / "yesterday.backup", world.service.parts
    assert await parts.recovery.noted()
    case = await world.report()
    await backup(world.service, [str(file)])
    await parts.database.close()
    url = parts.database.url.render_as_string(hide_password=False)
    away: Any = Away()
    settings = load_settings(ServiceSettings, "complaints", database_url=url, data_dir=tmp_path)
    service = build(settings, broker=away, clock=world.clock)
    with pytest.raises(SystemExit, match=r"^log_unavailable: "):
        await restore(service, [str(file), "--yes"])
    assert [row["id"] for row in await rows(service, t.cases)] == [case]
    assert not await service.parts.recovery.noted()  # nothing is published before it has been compared
    await service.close()
