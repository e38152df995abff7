"""One service of a running real profile: stopped, started, and its own commands, while the others go on.

    python -m deploy.local.control --data data/real stop complaints
    python -m deploy.local.control --data data/real run complaints backup yesterday.backup
    python -m deploy.local.control --data data/real start complaints

Kafka, PostgreSQL and Redis, where the profile started them itself, are stopped and started likewise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.platform import Platform
from deploy.local.process import Server
from deploy.local.programs import ROOT
from deploy.starting import FILE

STOPPED = "stopped"
DONE = "done"
PATIENCE_S = 90.0
LOOK_AGAIN_S = 0.1


async def follow(platform: Platform, servers: Sequence[Server]) -> None:
    """Do what was asked since the last look: a file in `stopped` for each that shall not run; one in `done` for each
    that does not. Errors: ProgramFailed."""
    wanted, done = platform.folder / STOPPED, platform.folder / DONE
    for folder in (wanted, done):
        folder.mkdir(exist_ok=True)
    own = {server.name: server for server in servers}
    for name in (*platform.programs, *own):
        shall, does = not (wanted / name).exists(), not (done / name).exists()
        if shall == does:
            continue
        if name in own:
            await asyncio.to_thread(own[name].start if shall else own[name].stop)
        elif shall:
            await platform.start_service(name)
        else:
            await platform.terminate(name)
        (done / name).unlink() if shall else (done / name).touch()


def forget(data: Path) -> None:
    """All run, where a platform begins."""
    for folder in (data / STOPPED, data / DONE):
        for file in folder.glob("*"):
            file.unlink()


def main(argv: list[str] | None = None) -> int:
    """Errors are one clear message and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.control", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/real"))
    parser.add_argument("action", choices=["stop", "start", "run"])
    parser.add_argument("name", help="of the service")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of its own command")
    given = parser.parse_args(argv)
    if given.action == "run":
        return _run(given.data, given.name, given.arguments)
    if not (given.data / FILE).exists():
        return _failed(f"{given.data} 未在运行 / no platform runs on {given.data}")
    return _ask(given.data, given.name, stop=given.action == "stop")


def _run(data: Path, name: str, arguments: Sequence[str]) -> int:
    try:
        environ = json.loads((data / f"{name}.settings.json").read_text(encoding="utf-8"))
    except OSError as reason:
        return _failed(f"{reason}: 请先 make real / start `make real` first")
    inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith("SUIZHUAN_")}
    # A file that is named is meant from where the person stands.
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return subprocess.run(
        [sys.executable, "-m", name, *arguments], env={**inherited, **environ, "PYTHONPATH": path}, check=False
    ).returncode


def _ask(data: Path, name: str, *, stop: bool) -> int:
    wanted, done = data / STOPPED / name, data / DONE / name
    wanted.parent.mkdir(exist_ok=True)
    if stop:
        wanted.touch()
    else:
        wanted.unlink(missing_ok=True)
    deadline = time.monotonic() + PATIENCE_S
    while done.exists() != stop:
        if time.monotonic() > deadline or not (data / FILE).exists():
            return _failed(f"{name} 未能{'停止' if stop else '启动'}；见 {data}/{name}.log / not done; see its log")
        time.sleep(LOOK_AGAIN_S)  # between two looks at another process
    print(f"{name}: {'已停止 / stopped' if stop else '已就绪 / ready'}")
    return 0


def _failed(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
