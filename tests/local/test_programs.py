"""deploy.local.programs: one program as a process, without any server."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from deploy.local import programs
from deploy.local.process import free_ports, wait_until
from deploy.local.programs import Program, ProgramFailed

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
SHOW = "import os; print(sorted(k for k in os.environ if k.startswith('SUIZHUAN_')), os.getcwd())"


def program(folder: Path, code: str, **environ: str) -> Program:
    url = f"http://127.0.0.1:{free_ports(1)[0]}/"
    return Program("example", [sys.executable, "-c", code], folder / "example.log", environ, ready=url)


async def test_one_that_does_not_listen_is_killed_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "IN_ORDER_S", 0.2)
    one = program(tmp_path, STUBBORN)
    one.start()
    await asyncio.to_thread(wait_until, lambda: "deaf" in one.log_text(), timeout=10)
    with pytest.raises(ProgramFailed, match=r"example still runs after 0.2 s"):
        await one.terminate()
    assert not one.running
    assert one.crashed is None


async def test_one_that_ends_before_it_is_ready_is_told_at_once_with_its_last_words(tmp_path: Path) -> None:
    one = program(tmp_path, "raise SystemExit('no such district')")
    one.start()
    with pytest.raises(ProgramFailed, match=r"ended with 1 before it was ready.*no such district"):
        await one.wait_ready(30)


async def test_one_that_never_becomes_ready_is_told_in_time(tmp_path: Path) -> None:
    one = program(tmp_path, STUBBORN)
    one.start()
    try:
        with pytest.raises(ProgramFailed, match=r"not ready within 0.3 s.*ConnectError"):
            await one.wait_ready(0.3)
    finally:
        await one.kill()


async def test_it_sees_its_own_settings_and_none_of_the_surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUIZHUAN_FAILPOINT", "of somebody else")
    one = program(tmp_path, SHOW, SUIZHUAN_PORT="1")
    for _ in range(2):
        one.start({"SUIZHUAN_HOST": "h"}, may_end=True)
        assert await one.wait(30) == 0
    assert one.log_text() == f"['SUIZHUAN_HOST', 'SUIZHUAN_PORT'] {programs.ROOT}\n" * 2


async def test_a_crash_is_known_until_somebody_has_asked_for_it(tmp_path: Path) -> None:
    one = program(tmp_path, "raise SystemExit(4)")
    one.start()
    await asyncio.to_thread(wait_until, lambda: not one.running, timeout=10)
    assert one.crashed == 4
    assert await one.wait(1) == 4
    assert one.crashed is None
