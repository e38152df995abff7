"""A platform on servers of its own while callers work: what an operator does to it, and what is there in the end."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import Servers
from deploy.local.platform import Platform
from deploy.local.programs import ROOT

from . import evidence, settling
from .caller import Callers
from .fleet import POOL, PROFILE
from .journal import Journal
from .load import CHECKER, PEOPLE, Load

PATIENCE_S = 300.0  # with a slow machine
FINISH_S = 600.0  # what was begun comes to its end


@dataclass(slots=True)
class UnderLoad:
    """A platform, and callers who do not give up."""

    servers: Servers
    platform: Platform
    journal: Journal
    callers: Callers
    load: Load
    working: asyncio.Task[None]
    databases: dict[str, str] = field(default_factory=dict)  # of a service that has moved

    def acknowledged(self, *, elsewhere: str = "") -> int:
        """How many commands were; `elsewhere`: without those to this service."""
        done = [x for x in self.journal.of("command") if 0 < x["status"] < 300]
        return len([x for x in done if not (elsewhere and x["path"].startswith(f"/{elsewhere}/"))])

    async def more(self, number: int, *, elsewhere: str = "") -> None:
        """Returns when so many more are. Errors: TimeoutError."""
        goal = self.acknowledged(elsewhere=elsewhere) + number

        async def reached() -> bool:
            if self.working.done():
                self.working.result()
            return self.acknowledged(elsewhere=elsewhere) >= goal

        await until(reached)

    async def tables(self, service: str) -> dict[str, list[evidence.Row]]:
        """All rows of its database."""
        return (await evidence.read_tables({service: self._database(service)}))[service]

    def _database(self, service: str) -> str:
        return self.databases.get(service) or self.platform.database_url(service)

    async def run(self, service: str, *arguments: str, settings: Mapping[str, str] | None = None) -> tuple[int, str]:
        """A command of a service, as an operator says it: its exit code, and all that it told."""
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", service, *arguments),
            cwd=ROOT,
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(ROOT),
                **self.platform.environ(service),
                **(settings or {}),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await asyncio.wait_for(made.communicate(), PATIENCE_S)
        return made.returncode or 0, told.decode()

    async def finished(self) -> evidence.Evidence:
        """What was begun is brought to its end, nothing is on its way any more: what is there."""
        self.load.over.set()
        await asyncio.wait_for(self.working, FINISH_S)
        services, kafka = self.platform.services, self.servers.kafka.url
        urls = {service: self._database(service) for service in services}
        assert await settling.settled(urls, kafka) == []
        log, ends = await evidence.read_log(kafka, services)
        tables = await evidence.read_tables(urls)
        audit = await self.callers.look("/audit", CHECKER, full="true")
        return evidence.Evidence(list(self.journal.lines), log, ends, tables, audit)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Errors: TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - of other processes
            await asyncio.sleep(0.1)


@asynccontextmanager
async def under_load(
    folder: Path,
    roles: Mapping[str, Sequence[str]],
    *,
    settings: Mapping[str, str] | None = None,
    found: Callable[[Servers, Platform], Awaitable[None]] | None = None,
    calls: type[Callers] = Callers,
    seed: int = 7,
    ready_s: float = 90.0,
) -> AsyncIterator[UnderLoad]:
    """As long as the block lasts. `found` makes databases and founds the district, where the platform shall not.

    Errors: Unavailable, ProgramFailed."""
    servers, journal = Servers(folder / "servers"), Journal(folder / "journal.jsonl")
    async with AsyncExitStack() as stack:
        stack.callback(journal.close)
        await asyncio.to_thread(servers.start)
        stack.callback(servers.stop)
        platform = Platform(
            folder / "platform",
            kafka=servers.kafka.url,
            postgres=servers.postgres.url,
            redis=servers.redis.url,
            profile=str(PROFILE),
            settings={**POOL, **(settings or {})},
            roles=roles,
            services=tuple(roles),
            keep=found is not None,
            ready_s=ready_s,
        )
        if found is not None:
            await found(servers, platform)
        await stack.enter_async_context(platform)
        callers = calls(platform.base, platform.issuer, journal)
        stack.push_async_callback(callers.close)
        await callers.sign_in(*PEOPLE)
        load = Load(callers, seed)
        working = asyncio.create_task(load.run())
        try:
            yield UnderLoad(servers, platform, journal, callers, load, working)
        finally:
            working.cancel()
            await asyncio.wait({working})
