"""The platform as a city runs it, API and workers apart, on servers of its own; and what can be done to it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local import Servers
from deploy.local.platform import ISSUER_NAME, Platform
from deploy.local.programs import Program, ProgramFailed

from .journal import Journal
from .schedule import BROKER, DATABASE, DRAIN, FREEZE, KILL, Fault

ROLES = {
    "mandates": ("api", "worker"),
    "finance": ("api", "worker", "worker"),
    "complaints": ("api", "worker", "worker"),
    "gateway": ("api", "worker"),
}
PAIRS = {service: (f"{service}-worker", f"{service}-worker-2") for service in ("finance", "complaints")}
PROFILE = Path(__file__).with_name("profile.yaml")
AGAIN_AFTER_S = 0.2  # a supervisor starts a dead process again
POOL = {"SUIZHUAN_DATABASE_POOL_SIZE": "5"}
READY_S = 90.0
PATIENCE_S = 60.0  # with a slow machine


class Fleet:
    """Servers and processes, all of them ended when the block ends. Errors at the start: Unavailable, ProgramFailed."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder = folder
        self.journal = journal
        self.servers = Servers(folder / "servers")
        self.platform: Platform
        self.oddities: list[str] = []
        self._ending: set[str] = set()
        self._spared: set[str] = set()
        self._stack = AsyncExitStack()
        self._watching: asyncio.Task[None]

    @property
    def programs(self) -> list[str]:
        """What may be killed: every process of every service."""
        return [name for name in self.platform.programs if name != ISSUER_NAME]

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(self.servers.start)
            stack.push_async_callback(asyncio.to_thread, self._end_servers)
            self.platform = Platform(
                self.folder / "platform",
                kafka=self.servers.kafka.url,
                postgres=self.servers.postgres.url,
                redis=self.servers.redis.url,
                profile=str(PROFILE),
                settings=POOL,
                roles=ROLES,
                services=ROLES,
                ready_s=READY_S,
            )
            await stack.enter_async_context(self.platform)
            self._watching = asyncio.create_task(self._watch())
            stack.push_async_callback(self._stop_watching)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def carry_out(self, fault: Fault) -> None:
        """Do it, and undo it; both times stand in the journal. Who waits for its freeze, or is frozen, is not ended."""
        begun = self.journal.now()
        if fault.kind in (KILL, DRAIN) and fault.target in self._spared | self._ending:
            return
        about: dict[str, Any] = {}
        if fault.kind in (KILL, DRAIN):
            await self._end(fault.target, in_order=fault.kind == DRAIN)
        elif fault.kind == FREEZE:
            about = await self._freeze(fault.target, fault.lasts)
        else:
            await self._outage(fault)
        line = {"kind": fault.kind, "target": fault.target, "hard": fault.hard, **about}
        self.journal.write("fault", **line, begun=begun, ended=self.journal.now())

    async def ready(self) -> None:
        """Every process answers that it can do its work. Errors: ProgramFailed."""
        for name in self.programs:
            await self.platform.programs[name].wait_ready(READY_S)

    async def _end(self, name: str, *, in_order: bool) -> None:
        """End it and start it again. Told to end, it finishes what is under way inside 20 s and ends with 0.

        One that has only just been started does not listen yet, and ends by the signal itself.
        """
        program = self.platform.programs[name]
        self._ending.add(name)
        try:
            if not program.running:
                pass  # dead already: `_watch` tells of it
            elif not in_order:
                await program.kill()
            else:
                heard = await _answers(program)
                try:
                    code = await program.terminate()
                except ProgramFailed as failure:
                    self.oddities.append(str(failure))
                else:
                    if code != 0 and (heard or code != -signal.SIGTERM):
                        self.oddities.append(f"{name}: told to end, it ended with {code}: {program.last_words()}")
            await asyncio.sleep(AGAIN_AFTER_S)
            program.start()
            await _until(lambda: _answers(program))
            await self._under_load(0)
        finally:
            self._ending.discard(name)

    async def _outage(self, fault: Fault) -> None:
        server = {BROKER: self.servers.kafka, DATABASE: self.servers.postgres}[fault.kind]
        await asyncio.to_thread(server.kill if fault.hard else server.stop)
        if fault.kind == BROKER:
            await self._under_load(fault.lasts)
            await asyncio.to_thread(server.start)
        else:  # nobody can be answered while it is away: it is over when somebody is again
            await asyncio.sleep(fault.lasts)
            await asyncio.to_thread(server.start)
            await self._under_load(0)

    async def _freeze(self, name: str, lasts: float) -> dict[str, Any]:
        """Frozen until its group has put it out, at least; tells who was a member before, and after."""
        group = name.partition("-")[0]
        self._spared |= set(PAIRS[group])
        before = await self._members_when(group, lambda found: len(found) == len(PAIRS[group]))
        program = self.platform.programs[name]
        program.freeze()
        try:
            await self._under_load(lasts)
            after = await self._members_when(group, lambda found: bool(found) and not before <= found)
        finally:
            with suppress(ProgramFailed):  # it has ended
                program.thaw()
            self._spared -= set(PAIRS[group])
        return {"members": sorted(before), "members_after": sorted(after)}

    async def _under_load(self, lasts: float) -> None:
        """The fault itself: so long, and on a slow machine until somebody was answered while it lasted."""
        begun = self.journal.now()
        await asyncio.sleep(lasts)

        async def answered() -> bool:
            commands = (line for line in reversed(self.journal.lines) if line["what"] == "command")
            return any(0 < line["status"] < 300 and line["at"] >= begun for line in commands)

        await _until(answered)

    async def _members_when(self, group: str, holds: Callable[[set[str]], bool]) -> set[str]:
        """The group's members as soon as it holds, or as they are after `PATIENCE_S` seconds."""
        found: set[str] = set()

        async def asked() -> bool:
            nonlocal found
            found = await self._members(group)
            return holds(found)

        await _until(asked)
        return found

    async def _members(self, group: str) -> set[str]:
        """The group's members, as Kafka knows them."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers.kafka.url)
        try:
            await admin.start()
            (answer,) = await admin.describe_consumer_groups([group])
            found = answer.to_object()["groups"][0]
            return {str(member["member_id"]) for member in found["members"]}
        except KafkaError:
            return set()
        finally:
            await admin.close()

    async def _watch(self) -> None:
        """A process that ends without being killed is started again, and told: none should."""
        while True:
            for name in self.programs:
                program = self.platform.programs[name]
                code = program.crashed
                if name not in self._ending and code is not None:
                    self.oddities.append(f"{name} ended by itself with {code}: {program.last_words()}")
                    program.start()
            await asyncio.sleep(0.2)  # between two looks at other processes

    async def _stop_watching(self) -> None:
        self._watching.cancel()
        await asyncio.gather(self._watching, return_exceptions=True)

    def _end_servers(self) -> None:
        for server in self.servers.all:
            server.kill()


async def _answers(program: Program) -> bool:
    """Whether it is up: it handles signals since before it answers anything."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as client:
            await client.get(program.ready_url)
    except httpx.HTTPError:
        return False
    return True


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    """As soon as it holds, or after `PATIENCE_S` seconds: what did not come is told by the findings."""
    deadline = time.monotonic() + PATIENCE_S
    while not await holds() and time.monotonic() < deadline:  # noqa: ASYNC110 - of other processes
        await asyncio.sleep(0.3)
