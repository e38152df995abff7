"""`python -m <service> [api|worker|all|migrate|…]`: one entry for every service."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping

import structlog
import uvicorn
import uvloop

from suizhuan import failpoints
from suizhuan.backup_command import backup, restore
from suizhuan.db.database import is_transient
from suizhuan.edge import KEEP_ALIVE_S
from suizhuan.garbage import settle_garbage
from suizhuan.logs import configure_logs
from suizhuan.rebuild_command import rebuild
from suizhuan.reconcile_command import reconcile, restored
from suizhuan.repair_command import dead_letters
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings

log = structlog.get_logger(__name__)

Build = Callable[[ServiceSettings], Service]
# A service's own commands, such as `bootstrap FILE`.
Extra = Mapping[str, Callable[[Service, list[str]], Awaitable[None]]]


DATABASE_AGAIN_S = 0.5
ROLES = ("api", "worker", "all", "migrate")
# They look at the database, or replace it, as it is.
UNMIGRATED: Extra = {"backup": backup, "restore": restore}
COMMANDS: Extra = {"dead-letters": dead_letters, "rebuild": rebuild, "reconcile": reconcile, "restored": restored}


def main(name: str, build: Build, extra: Extra | None = None, argv: list[str] | None = None) -> int:
    """Run one service. `api` serves HTTP, `worker` does the background work, `all` both, `migrate` the database."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}")
    parser.add_argument("role", nargs="?", default="all", choices=[*ROLES, *UNMIGRATED, *COMMANDS, *(extra or {})])
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    arguments = parser.parse_args(argv)
    settings = load_settings(ServiceSettings, name)
    configure_logs(settings)
    failpoints.configure(settings.failpoint)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            commands = {**COMMANDS, **(extra or {})}
            return runner.run(_run(build(settings), arguments.role, arguments.arguments, commands))
    except KeyboardInterrupt:
        return 130


async def _run(service: Service, role: str, arguments: list[str], extra: Extra) -> int:
    parts = service.parts
    try:
        if role == "migrate":
            return 0 if await _patiently(service, service.migrate, _told_to_stop()) else 1
        if role in UNMIGRATED:
            await UNMIGRATED[role](service, arguments)
            return 0
        if role in extra:
            await service.migrate()
            await extra[role](service, arguments)
            return 0
        return await _serve(service, role)
    finally:
        await service.close()
        await parts.broker.close()


async def _serve(service: Service, role: str) -> int:
    """Serve until SIGTERM or SIGINT. Ends with 1, and a sentence that says why, where nobody can go on by himself."""
    stop = _told_to_stop()
    if not await _started(service, role, stop):
        return 0
    settle_garbage()
    server = http_server(service, role)
    serving = asyncio.create_task(server.serve(), name=f"{service.parts.name}:http")
    stopping = [asyncio.create_task(event.wait()) for event in (stop, service.stopped)]
    try:
        await asyncio.wait({serving, *stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        await service.stop()
        await serving
        for waiting in stopping:
            waiting.cancel()
        await asyncio.gather(*stopping, return_exceptions=True)
    if service.why_stopped:
        sys.stderr.write(f"{service.parts.name}: {service.why_stopped}\n")
        return 1
    return 0 if stop.is_set() else 1


def _told_to_stop() -> asyncio.Event:
    """Set by SIGTERM and SIGINT from now on."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _started(service: Service, role: str, stop: asyncio.Event) -> bool:
    """Start it on a database that is migrated: who starts all at once need not know which is first. False: told to
    stop before. Errors: all others."""
    if role == "all":
        migrated = await _patiently(service, service.migrate, stop)
    else:
        migrated = await _patiently(service, service.is_migrated, stop, until=True)
    return migrated and await _patiently(service, service.start_api if role == "api" else service.start, stop)


async def _patiently(
    service: Service, work: Callable[[], Awaitable[object]], stop: asyncio.Event, *, until: object = None
) -> bool:
    """Do it as soon as its database answers, and again until it gives `until`, if that is said. False: told to stop
    before. Errors: all others."""
    waits_for = ""
    while not stop.is_set():
        reason = "MigrationMissing"
        try:
            if await work() == until or until is None:
                return True
        except Exception as error:
            if service.parts.database.is_sqlite or not is_transient(error):
                raise
            reason = type(error).__name__
        if reason != waits_for:
            log.warning("waits_for_database", reason=reason)
            waits_for = reason
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), DATABASE_AGAIN_S)
    return False


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the process decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


def http_server(service: Service, role: str = "all") -> uvicorn.Server:
    """The HTTP server of a service. Workers serve too: health and metrics."""
    settings = service.parts.settings
    config = uvicorn.Config(
        service.operations() if role == "worker" else service.app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=10,
        timeout_keep_alive=KEEP_ALIVE_S,
        server_header=False,
    )
    return _Server(config)


def run(name: str, build: Build, extra: Extra | None = None) -> None:
    """The body of a service's `__main__`."""
    sys.exit(main(name, build, extra))
