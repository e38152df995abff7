"""`make test`: gets Kafka, PostgreSQL and Redis, says which it took, and runs pytest.

For each server on its own: a given URL; else a container, when a Docker daemon answers and the image is there or can
be pulled; else a local process of deploy.local. SUIZHUAN_TEST_SERVERS=local|containers forces one way (`none`: no
servers at all). What could not be had is said loudly; with CI=true the run then fails whatever pytest says.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import redis

from deploy import containers
from deploy.local import LOCAL, Kafka, Postgres, Redis, Unavailable
from deploy.local.kafka import brokers
from deploy.local.process import Server, spawn

LOCAL_SERVERS: dict[str, Callable[[Path], Server]] = {
    Kafka.name: partial(Kafka, brief=True),
    Postgres.name: Postgres,
    Redis.name: Redis,
}
VARIABLES = {name: f"SUIZHUAN_TEST_{name.upper()}" for name in LOCAL_SERVERS}
WAYS = {
    "given": "given URL 指定地址",
    "containers": "container 容器",
    "local": "local process 本机进程",
    "none": "NONE 无",
}
# A file's tests stay together: some share a platform that takes seconds to start. One more than there are processors,
# for those that wait.
PARALLEL = ["-n", str(min(4, (os.cpu_count() or 1) + 1)), "--dist", "loadfile", "--no-loadscope-reorder"]
MEMORY = Path("/dev/shm")  # noqa: S108  (the folder of a run is made so that it is ours)
ROOM = 4 * 2**30  # bytes; a whole run was seen to take 1.2 GiB
RULE = "=" * 78
LOUD = "!" * 78


@dataclass(frozen=True)
class Choice:
    """What was taken for one server. `notes` says why the ways before it were not; with `none` it is the reason."""

    server: str
    way: str
    url: str = ""
    notes: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        return "; ".join(self.notes)


def choose(environ: Mapping[str, str], folder: Path, stops: ExitStack) -> list[Choice]:
    """One choice for each server, all started at once; whatever was started ends with `stops`."""
    forced = environ.get("SUIZHUAN_TEST_SERVERS", "")
    if forced not in {"", "local", "containers", "none"}:
        raise SystemExit(
            f"SUIZHUAN_TEST_SERVERS={forced}: local, containers or none / 只能是 local、containers 或 none"
        )
    ways = [forced] if forced else ["given", "containers", "local"]
    no_daemon = None
    if "containers" in ways and (forced or any(not environ.get(variable) for variable in VARIABLES.values())):
        try:
            containers.daemon()
        except Unavailable as reason:
            no_daemon = str(reason)

    def one(server: str) -> Choice:
        notes: list[str] = []
        for way in ways:
            try:
                if way == "given" and (url := environ.get(VARIABLES[server])):
                    if not _answers(server, url):
                        # Not passed over in silence: who gave it wants it tested.
                        return Choice(server, "none", notes=(f"{_masked(url)} does not answer / 指定地址未应答",))
                    return Choice(server, way, url)
                if way == "containers":
                    if no_daemon is not None:
                        raise Unavailable(no_daemon)
                    container = containers.start(server)
                    stops.callback(container.stop)
                    return Choice(server, way, container.url, tuple(notes))
                if way == "local":
                    process = LOCAL_SERVERS[server](folder / server)
                    stops.callback(process.stop)
                    return Choice(server, way, process.start().url, tuple(notes))
                if way == "none":
                    notes.append("SUIZHUAN_TEST_SERVERS=none")
            except Unavailable as reason:
                notes.append(str(reason))
        return Choice(server, "none", notes=tuple(notes))

    with ThreadPoolExecutor(len(LOCAL_SERVERS)) as pool:
        return list(pool.map(one, LOCAL_SERVERS))


def main(arguments: Sequence[str]) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    strict = os.environ.get("CI", "").lower() == "true"
    with ExitStack() as stops:
        folder = _run_folder(stops)
        choices = choose(os.environ, folder, stops)
        missing = {choice.server: choice.reason for choice in choices if choice.way == "none"}
        print(_report(choices), *([_not_tested(missing, strict)] if missing else []), sep="\n", flush=True)
        code = _pytest(arguments, choices, missing, folder)
        skipped = folder / "skipped"
        if skipped.exists():
            missing["own broker"] = "; ".join(sorted(set(skipped.read_text(encoding="utf-8").splitlines())))
        if code != 0:
            print(f"server logs / 服务日志: {_keep_logs(folder)}", flush=True)
    if missing:
        print(_not_tested(missing, strict), flush=True)
    return code or int(strict and bool(missing))


def _pytest(arguments: Sequence[str], choices: Sequence[Choice], missing: Mapping[str, str], folder: Path) -> int:
    """Runs pytest on our own terminal and gives its exit code; it ends when we are told to end."""
    # What was not taken must not be found in the environment either: a forced way overrides given URLs.
    environ = {name: value for name, value in os.environ.items() if name not in VARIABLES.values()}
    environ |= {VARIABLES[choice.server]: choice.url for choice in choices if choice.url}
    environ |= {"SUIZHUAN_TEST_MISSING": json.dumps(missing), "SUIZHUAN_TEST_SKIPPED": str(folder / "skipped")}
    environ["TMPDIR"] = str(folder / "tmp")
    command = [sys.executable, "-m", "pytest"]
    if not any(word.startswith("-m") for word in arguments):
        command += ["-m", "not slow"]
    if not any(word.startswith(("-n", "--numprocesses", "--pdb")) or word == "-s" for word in arguments):
        command += PARALLEL
    command += arguments
    process = spawn(command, env=environ, new_session=False)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return _wait(process)  # the terminal told pytest too
    except SystemExit:
        process.send_signal(signal.SIGINT)  # so that fixtures are torn down
        _wait(process)
        raise


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _report(choices: Sequence[Choice]) -> str:
    lines = [RULE, "servers for the tests / 测试所用的服务"]
    for choice in choices:
        lines.append(f"  {choice.server:<9} {WAYS[choice.way]:<20} {_masked(choice.url)}".rstrip())
        lines += [f"  {'':<9} not before it / 未用前者: {note}" for note in choice.notes if choice.way != "none"]
    return "\n".join([*lines, RULE])


def _not_tested(missing: Mapping[str, str], strict: bool) -> str:
    lines = [LOUD, "NOT TESTED: tests marked `real` that need these are skipped", "未测试：需要下列服务的测试被跳过"]
    lines += [f"  {server}: {reason}" for server, reason in missing.items()]
    if strict:
        lines.append("CI=true: this run fails / 本次运行判为失败")
    return "\n".join([*lines, LOUD])


def _masked(url: str) -> str:
    password = urlsplit(url).password if "://" in url else None
    return url.replace(f":{password}@", ":***@") if password else url


def _answers(server: str, url: str) -> bool:
    """Whether a given server does its work now."""
    if server == "kafka":
        addresses = [address.rpartition(":") for address in url.split(",")]
        return any(port.isdigit() and brokers(host.strip(), int(port)) > 0 for host, _, port in addresses)
    try:
        if server == "redis":
            with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
                return bool(client.ping())
        return asyncio.run(_selects(url))
    except (OSError, ValueError, redis.RedisError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


async def _selects(url: str) -> bool:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return bool(await connection.fetchval("select 1") == 1)
    finally:
        await connection.close()


def _run_folder(stops: ExitStack) -> Path:
    """A folder of this run alone. Folders of runs that have ended are removed: a run holds a lock while it lives."""
    runs = _runs()
    with (runs.parent / f"{runs.name}.lock").open("a") as sweeping:
        fcntl.flock(sweeping, fcntl.LOCK_EX)  # or another run would remove ours before we hold its lock
        for old in runs.iterdir():
            with (old / "lock").open("a") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                _remove(old)
        folder = runs / f"{os.getpid()}-{secrets.token_hex(3)}"
        (folder / "tmp").mkdir(parents=True)
        fcntl.flock(stops.enter_context((folder / "lock").open("a")), fcntl.LOCK_EX)
    stops.callback(_remove, folder)  # after the servers have stopped, however this run ends
    return folder


def _runs() -> Path:
    """Where the folders of runs are: in memory where there is plenty: tests make thousands of databases."""
    here = MEMORY / f"suizhuan-tests-{os.getuid()}"
    try:
        if shutil.disk_usage(MEMORY).free >= ROOM and _available() >= ROOM:
            here.mkdir(mode=0o755, exist_ok=True)
            if here.stat().st_uid == os.getuid():  # anybody may make folders there
                return here
    except OSError as reason:
        print(f"{MEMORY}: {reason}", flush=True)
    runs = LOCAL / "tests"
    runs.mkdir(parents=True, exist_ok=True)
    return runs


def _available() -> int:
    """Memory that can be had, in bytes."""
    words = Path("/proc/meminfo").read_text(encoding="ascii").split()
    return int(words[words.index("MemAvailable:") + 1]) * 1024


def _keep_logs(folder: Path) -> Path:
    """What the servers had to say, where it stays until the next run that fails."""
    kept = LOCAL / "failed"
    shutil.rmtree(kept, ignore_errors=True)
    for log in folder.glob("*/*.log"):
        (kept / log.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(log, kept / log.parent.name)
    return kept


def _remove(folder: Path) -> None:
    for name, server in LOCAL_SERVERS.items():
        server(folder / name).remove()  # a server may keep data elsewhere
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
