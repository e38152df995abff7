"""The real profile on one machine: a process per service, on a Kafka, a PostgreSQL and a Redis that are given.

    async with Platform(folder, kafka="127.0.0.1:9092", postgres="postgresql://…", redis="redis://…") as platform:
        platform.base, platform.issuer

For a person: `python -m deploy.local.platform --data data/local` (deploy.local.console).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import secrets
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.access import rules
from deploy.demo_issuer.app import ISSUER
from deploy.local.databases import Databases
from deploy.local.granting import grant
from deploy.local.kafka import ADMIN
from deploy.local.process import HOST, free_ports
from deploy.local.programs import Program, ProgramFailed
from deploy.local.topics import NotEmpty, make_all, refuse_existing
from deploy.people import clients, people
from deploy.topology import BY_NAME, GATEWAY, TOPIC_NAMES
from suizhuan.adapters.kafka_client import security
from suizhuan.profile import load_profile
from suizhuan.seed import Seed, load_seed

SEED = Path(__file__).parents[1] / "seed" / "xiangli.seed.yaml"
ISSUER_NAME = "issuer"
ALL = "all"
READY_S = 60.0


class Platform:
    """Every service and the demonstration issuer, each a process of its own, founded with 项里街道.

    The broker must be this platform's own: the names of topics and groups are fixed, so two platforms on one broker
    would take each other's events for their own. `start` refuses topics that exist already, unless `keep` is set and
    they were made from the same folder. `passwords` are those of a broker that wants logins: each service then has one
    of its own, and may do what `deploy.access` says. PostgreSQL and Redis may be shared: names there begin with a
    random prefix.

    With `keep`, the databases stay over `stop`, and a platform of the same folder and the same servers goes on.
    `ports` are those of the services and of `issuer`, free ones where not given. `settings` are variables for every
    service. `roles` are the processes that a service runs as, such as `("api", "worker", "worker")`, otherwise one that
    is all: its programs are then named `finance-api`, `finance-worker`, `finance-worker-2`. `services` are those of the
    topology that run here.
    Nothing outlives this process. Errors of all methods: ProgramFailed, which names the program.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kafka: str,
        postgres: str,
        redis: str,
        passwords: Mapping[str, str] | None = None,
        profile: str = "demonstration",
        keep: bool = False,
        ports: Mapping[str, int] | None = None,
        settings: Mapping[str, str] | None = None,
        roles: Mapping[str, Sequence[str]] | None = None,
        services: Collection[str] = tuple(BY_NAME),
        ready_s: float = READY_S,
    ) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.profile = str(Path(profile).resolve()) if "/" in profile or profile.endswith(".yaml") else profile
        self.keep = keep
        self.ready_s = ready_s
        self._kafka, self._redis = kafka, redis
        self._passwords = dict(passwords or {})
        self._settings = dict(settings or {})
        self._memory = self.folder / "platform.json"
        kept = json.loads(self._memory.read_text(encoding="utf-8")) if keep and self._memory.exists() else {}
        self._known = bool(kept)
        self._founded = bool(kept.get("founded"))
        self._prefix = str(kept.get("prefix") or f"suizhuan_{secrets.token_hex(4)}")
        self.services = tuple(name for name in BY_NAME if name in services)
        self._databases = Databases(postgres, self._prefix, self.services)
        names = [*self.services, ISSUER_NAME]
        self.ports = dict(zip(names, free_ports(len(names)), strict=True)) | dict(ports or {})
        self.base = self.url(GATEWAY)
        self.issuer = self.url(ISSUER_NAME)
        self._roles = {name: tuple((roles or {}).get(name, (ALL,))) for name in self.services}
        self.programs = {program.name: program for name in self.services for program in self._programs_of(name)}
        self.programs[ISSUER_NAME] = self._issuer()

    def url(self, service: str) -> str:
        """Where a service itself answers, without the gateway and without its prefix."""
        return f"http://{HOST}:{self.ports[service]}"

    def database_url(self, service: str) -> str:
        """As SQLAlchemy writes it: `postgresql+asyncpg://`."""
        return self._databases.url(service)

    def security(self, login: str = ADMIN) -> dict[str, Any]:
        """What a client of aiokafka needs to sign in so; nothing where the broker wants no logins."""
        return security(login, self._passwords[login]) if self._passwords else {}

    def log_text(self, service: str) -> str:
        """What it has printed so far, over all its starts."""
        return self.programs[service].log_text()

    def memory(self) -> dict[str, int]:
        """Bytes in memory of every program, those that do not run left out."""
        return {name: program.memory() for name, program in self.programs.items() if program.running}

    async def start(self) -> None:
        """Ready when it returns. Errors: NotEmpty; those of the servers. Nothing is left behind then."""
        seed = load_seed(SEED, load_profile(self.profile))
        try:
            if not self._known:
                await refuse_existing(self._kafka, self.security())
            self._remember()
            await make_all(self._kafka, self.security())
            if self._passwords:
                await grant(self._kafka, rules(), self.security())
            await self._start(seed)
        except NotEmpty:
            raise
        except BaseException:
            await self._kill_all()
            if not self.keep:
                await self.remove()
            raise

    async def stop(self) -> None:
        """The gateway first, so that nobody is in the middle of a question, then everybody else at once.

        Errors: ProgramFailed when one had to be killed, did not end well, or had ended before by itself; all have
        ended and the databases are dropped also then.
        """
        failures = [
            f"{name}: had ended with {program.crashed} / 早已异常退出: {program.last_words()}"
            for name, program in self.programs.items()
            if program.crashed is not None
        ]
        try:
            doors = self._names(GATEWAY)
            others = [name for name in self.programs if name not in (*doors, ISSUER_NAME)]
            for names in (doors, others, [ISSUER_NAME]):
                running = [name for name in names if self.programs[name].running]
                ended = await asyncio.gather(*(self._end(name) for name in running))
                failures += [failure for failure in ended if failure is not None]
        finally:
            await self._kill_all()
            if not self.keep:
                await self.remove()
        if failures:
            raise ProgramFailed("\n".join(failures))

    async def remove(self) -> None:
        """Drop the databases of a platform that does not run, and forget it: its topics are of no more use then."""
        await self._databases.drop()
        self._memory.unlink(missing_ok=True)

    async def kill(self, service: str) -> None:
        """End it at once, as a crash would."""
        await self.programs[service].kill()

    async def terminate(self, service: str) -> int:
        """End it in order; its exit code."""
        return await self.programs[service].terminate()

    async def start_service(self, service: str, *, failpoint: str = "", ready: bool = True) -> None:
        """Start one that has ended, on its old address and database. It kills itself at `failpoint`, if given."""
        self.programs[service].start({"SUIZHUAN_FAILPOINT": failpoint} if failpoint else None, may_end=bool(failpoint))
        if ready:
            await self.programs[service].wait_ready(self.ready_s)

    async def wait_exit(self, service: str, timeout: float) -> int:
        """Its exit code when it has ended of itself: -9 for a failpoint."""
        return await self.programs[service].wait(timeout)

    async def _start(self, seed: Seed) -> None:
        self._write("people.json", [dataclasses.asdict(person) for person in people(seed)])
        self._write("clients.json", [dataclasses.asdict(client) for client in clients()])
        self.programs[ISSUER_NAME].start()
        await self._databases.create()
        # Who is founded starts when that is done; the others need not wait for it.
        later = [name for name in self.services if BY_NAME[name].is_founded and not self._founded]
        first = [name for name in self.services if name not in later]
        await asyncio.gather(*(self._migrate(name) for name in first if ALL not in self._roles[name]))
        for name in first:
            self._start_all_of(name)
        if later:
            # Loaded only now: it takes seconds, in which those started above load too.
            founding = await asyncio.to_thread(import_module, "deploy.local.founding")
            databases = {name: self.database_url(name) for name in later}
            await founding.found(seed, kafka=self._kafka, profile=self.profile, data=self.folder, databases=databases)
            self._founded = True
            self._remember()
            for name in later:
                self._start_all_of(name)
        await asyncio.gather(*(program.wait_ready(self.ready_s) for program in self.programs.values()))

    def _remember(self) -> None:
        if self.keep:
            self._write(self._memory.name, {"prefix": self._prefix, "founded": self._founded})
            for name in self.services:
                self._write_secret(f"{name}.settings.json", self.environ(name))  # for its own commands
            self._known = True

    def _write(self, name: str, content: object) -> None:
        (self.folder / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    def _write_secret(self, name: str, content: object) -> None:
        (self.folder / name).touch(mode=0o600)
        self._write(name, content)

    async def _end(self, name: str) -> str | None:
        """What was wrong with its end, if anything."""
        program = self.programs[name]
        try:
            code = await program.terminate()
        except ProgramFailed as failure:
            return str(failure)
        # uvicorn, which runs the issuer, gives the signal to itself when it has finished; a service that has only
        # just been started does not handle it yet.
        well = code == 0 or (code == -signal.SIGTERM and (name == ISSUER_NAME or not program.was_ready))
        return None if well else f"{name}: exit code {code} / 退出码 {code}: {program.last_words()}"

    async def _kill_all(self) -> None:
        for program in self.programs.values():
            if program.running:
                with contextlib.suppress(ProgramFailed):  # it ended meanwhile
                    await program.kill()

    def _names(self, service: str) -> list[str]:
        """Of the programs of a service."""
        roles = self._roles[service]
        if roles == (ALL,):
            return [service]
        numbers = (roles[:place].count(role) + 1 for place, role in enumerate(roles))
        return [f"{service}-{role}" + (f"-{n}" if n > 1 else "") for role, n in zip(roles, numbers, strict=True)]

    def _programs_of(self, service: str) -> list[Program]:
        """Those of a service; who does not answer callers listens on a port of its own, for health and metrics."""
        made = []
        for name, role in zip(self._names(service), self._roles[service], strict=True):
            environ = self.environ(service)
            if role == "worker":
                (self.ports[name],) = free_ports(1)
                environ |= {f"SUIZHUAN_{service.upper()}_PORT": str(self.ports[name])}
            url = self.url(name if role == "worker" else service)
            made.append(self._made(name, [sys.executable, "-m", service, role], environ, f"{url}/health/ready"))
        return made

    def _start_all_of(self, service: str) -> None:
        for name in self._names(service):
            self.programs[name].start()

    async def _migrate(self, service: str) -> None:
        """For processes that leave it to somebody else."""
        program = self._made(f"{service}-migrate", [sys.executable, "-m", service, "migrate"], self.environ(service))
        program.start()
        if (code := await program.wait(self.ready_s)) != 0:
            raise ProgramFailed(f"{program.name}: exit code {code} / 退出码 {code}: {program.last_words()}")

    def environ(self, service: str) -> dict[str, str]:
        """The variables with which `python -m <service> …` belongs to this platform."""
        own = {
            "DATA_DIR": str(self.folder / service),
            "DATABASE_URL": self.database_url(service),
            "PORT": str(self.ports[service]),
            "ROOT_PATH": "" if service == GATEWAY else f"/{service}",
        }
        if self._passwords:
            own |= {"LOG_LOGIN": service, "LOG_PASSWORD": self._passwords[service]}
        if service == GATEWAY:
            own |= {
                "UPSTREAMS": json.dumps({name: f"{self.url(name)}/{name}" for name in self.services if name != GATEWAY})
            }
        issuer = {"issuer": ISSUER, "jwks_url": f"{self.url(ISSUER_NAME)}/jwks"}
        common = {
            "LOG_URL": f"kafka://{self._kafka}",
            "REDIS_URL": self._redis,
            "REDIS_PREFIX": self._prefix,
            "HOST": HOST,
            "PROFILE": self.profile,
            "TOPICS": json.dumps([t for t in TOPIC_NAMES if t.partition(".")[0] in self.services]),
            "ISSUERS": json.dumps([issuer]),
            "TRUST_DEMO_ISSUER": "true",
            "LOG_FORMAT": "text",
        }
        named = {f"SUIZHUAN_{k}": v for k, v in common.items()}
        return named | {f"SUIZHUAN_{service.upper()}_{k}": v for k, v in own.items()} | self._settings

    def _issuer(self) -> Program:
        given = {
            "--host": HOST,
            "--port": self.ports[ISSUER_NAME],
            "--data": self.folder / "demo-issuer",
            "--people": self.folder / "people.json",
            "--clients": self.folder / "clients.json",
            "--base-url": self.issuer,
        }
        words = [str(word) for pair in given.items() for word in pair]
        command = [sys.executable, "-m", "deploy.demo_issuer", *words]
        return self._made(ISSUER_NAME, command, {}, f"{self.issuer}/jwks")

    def _made(self, name: str, command: Sequence[str], environ: Mapping[str, str], ready: str = "") -> Program:
        return Program(name, command, self.folder / f"{name}.log", environ, ready=ready)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


if __name__ == "__main__":
    from deploy.local.console import main  # which imports this module, under its own name

    sys.exit(main())
