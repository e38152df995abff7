"""A service of a running real profile is stopped and started by a file each, as it was asked; and only then."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.local import control


@dataclass
class Platform:
    """Programs that note what is done to them."""

    folder: Path
    programs: dict[str, None] = field(default_factory=lambda: dict.fromkeys(("complaints", "finance")))
    done: list[str] = field(default_factory=list)

    async def start_service(self, name: str) -> None:
        self.done.append(f"start {name}")

    async def terminate(self, name: str) -> int:
        self.done.append(f"end {name}")
        return 0


@dataclass
class Broker:
    platform: Platform
    name: str = "kafka"

    def start(self) -> None:
        self.platform.done.append("start kafka")

    def stop(self) -> None:
        self.platform.done.append("end kafka")


async def test_what_shall_not_run_is_ended_once_and_started_once_again(tmp_path: Path) -> None:
    platform: Any = Platform(tmp_path)
    servers: Any = [Broker(platform)]
    await control.follow(platform, servers)
    assert platform.done == []
    for name in ("complaints", "kafka"):
        (tmp_path / control.STOPPED / name).touch()
    for _ in range(2):
        await control.follow(platform, servers)
    assert platform.done == ["end complaints", "end kafka"]
    assert (tmp_path / control.DONE / "complaints").exists()
    control.forget(tmp_path)
    (tmp_path / control.DONE / "kafka").touch()
    await control.follow(platform, servers)
    assert platform.done[2:] == ["start kafka"]
    assert not (tmp_path / control.DONE / "kafka").exists()


def test_where_nothing_runs_one_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert control.main(["--data", str(tmp_path), "stop", "complaints"]) == 1
    assert "no platform runs" in capsys.readouterr().err
    assert control.main(["--data", str(tmp_path), "run", "complaints", "backup", "x"]) == 1


def test_a_services_own_command_has_its_settings_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "timeit.settings.json").write_text(json.dumps({"SUIZHUAN_MINE": "1"}))
    monkeypatch.setenv("SUIZHUAN_NOT_MINE", "1")
    told = "import os; print(sorted(k for k in os.environ if k.startswith('SUIZHUAN_')))"
    assert control.main(["--data", str(tmp_path), "run", "timeit", "-n", "1", "-r", "1", told]) == 0
    assert "['SUIZHUAN_MINE']" in capfd.readouterr().out
