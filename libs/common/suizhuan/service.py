"""A service as a whole: its parts, its API, and the work it does in the background.

Each service's `app.py` has the one wiring function, `build(settings, ...) -> Service`; the embedded profile and
`python -m <service>` both start from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy import Column
from sqlalchemy.exc import DBAPIError
from starlette.datastructures import State

from suizhuan import areas
from suizhuan.adapters.connect import connect_log
from suizhuan.app import create_app
from suizhuan.authority import grants as granted
from suizhuan.authority import records
from suizhuan.authority.replica import Replica
from suizhuan.authority.target import AuthorityTarget
from suizhuan.consumer import Consumer
from suizhuan.db import version
from suizhuan.db.database import Database, is_transient
from suizhuan.deadlines import DeadlineHandler, Deadlines
from suizhuan.errors import ErrorCatalogue
from suizhuan.events import EventRegistry
from suizhuan.gauges import Gauges, Look
from suizhuan.handling import Handling
from suizhuan.identity import HEARD, TokenVerifier
from suizhuan.inbox import Inbound
from suizhuan.kernel.clock import Clock, SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Timing, check_beat
from suizhuan.metrics import Metrics
from suizhuan.notify import Notifier
from suizhuan.offsets import LogReplaced
from suizhuan.own_topics import OwnTopics
from suizhuan.ports.log import Log, LogUnavailable
from suizhuan.profile import Profile, load_profile
from suizhuan.projections import Projection, authority_replica
from suizhuan.reconcile import Adoption, Reconciler, held_still
from suizhuan.recovery import Recovery
from suizhuan.relay import Relay
from suizhuan.repair import Repairs
from suizhuan.settings import ServiceSettings
from suizhuan.tracing import Tracing
from suizhuan.unit_of_work import Tx, UnitOfWork

log = structlog.get_logger(__name__)

RECOVERY_PAUSE_S = 1.0


class Component(Protocol):
    """Something that works in the background until it is cancelled."""

    name: str

    async def run(self) -> None: ...


@dataclass(slots=True, repr=False)
class Parts:
    """What every service is made of."""

    name: str
    settings: ServiceSettings
    profile: Profile
    clock: Clock
    database: Database
    broker: Log
    registry: EventRegistry
    metrics: Metrics
    verifier: TokenVerifier
    tracing: Tracing
    uow: UnitOfWork
    replica: Replica
    own_topics: OwnTopics
    recovery: Recovery

    @staticmethod
    def make(
        name: str,
        settings: ServiceSettings,
        registry: EventRegistry,
        *,
        broker: Log | None = None,
        clock: Clock | None = None,
        database: Database | None = None,
        kinds: frozenset[str] = HEARD,
    ) -> Parts:
        """Everything from the settings; a log, a clock and a database may be handed in (embedded profile, tests).

        `kinds` of identities are heard."""
        clock = clock or SystemClock()
        profile = load_profile(settings.profile)
        metrics = Metrics(CollectorRegistry(), name)
        database = database or Database(
            settings.database_url, pool_size=settings.database_pool_size, max_act=profile.authority.timing.max_act
        )
        tracing = Tracing(name, endpoint=settings.otlp_endpoint)
        uow = UnitOfWork(database, registry, clock, profile.authority.timing, metrics, tracing=tracing)
        broker = broker or connect_log(settings, clock)
        own_topics = OwnTopics(database, broker, list(registry.topics.values()), clock)
        return Parts(
            name=name,
            settings=settings,
            profile=profile,
            clock=clock,
            database=database,
            broker=broker,
            registry=registry,
            metrics=metrics,
            verifier=TokenVerifier(
                settings.issuers,
                clock=clock,
                leeway_s=settings.token_leeway,
                trust_demo_issuer=settings.trust_demo_issuer,
                metrics=metrics,
                kinds=kinds,
            ),
            tracing=tracing,
            uow=uow,
            replica=Replica(name, database),
            own_topics=own_topics,
            recovery=Recovery(uow, broker, own_topics),
        )


@dataclass(slots=True, repr=False)
class Service:
    """A wired service. `start`/`stop` run its background work; `app` is its API."""

    parts: Parts
    migrations: Path
    title: str
    catalogue: ErrorCatalogue
    routers: Callable[[], Sequence[APIRouter]]  # loaded when somebody first asks: a third of a start is loading them
    inbound: Inbound
    deadlines: Mapping[str, DeadlineHandler] = field(default_factory=dict)
    extra: Sequence[Component] = ()
    description: str = ""  # Markdown, at the head of the API's documents
    on_start: Callable[[], Awaitable[None]] | None = None  # after migrating, before anything runs
    look: Look | None = None  # measures what stands in the service's own tables, every few seconds
    projections: Sequence[Projection] = ()  # beside the replica of the grants
    adoption: Adoption = field(default_factory=Adoption)  # after a restore
    placed: Sequence[Column[Any]] = ()  # columns of its tables that hold codes of areas: they follow when those change
    state: State = field(init=False, default_factory=State)  # that of `app`
    _app: FastAPI | None = field(init=False, default=None)
    reconciler: Reconciler = field(init=False)
    repairs: Repairs = field(init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _consumers: list[Consumer] = field(default_factory=list)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)  # something has happened that nobody can go on from
    why_stopped: str = ""
    recovering: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        p = self.parts
        p.replica.placed = self.placed
        self.deadlines = {areas.SETTLE: self._settle, **self.deadlines}
        self.state.uow = p.uow
        self.state.parts = p
        handling = Handling(self.inbound.group, self.inbound, p.uow)
        self.repairs = self.state.repairs = Repairs([handling])
        self.reconciler = self.state.reconciler = Reconciler(
            p.uow, p.broker, handling, self.inbound.topics, self.adoption
        )

    @property
    def app(self) -> FastAPI:
        """Its API, made when it is first wanted."""
        if self._app is None:
            from suizhuan import routes_documents, routes_reconcile, routes_repair  # noqa: PLC0415

            documents = routes_documents.router_of(self.parts.registry, self.inbound, self.title)
            self._app = self._made([*self.routers(), routes_repair.router, routes_reconcile.router, documents])
        return self._app

    def operations(self) -> FastAPI:
        """What a process of it shows that nobody calls: its health and its metrics."""
        return self._made([])

    def _made(self, routers: Sequence[APIRouter]) -> FastAPI:
        p = self.parts
        return create_app(
            service=p.name,
            title=self.title,
            description=self.description,
            routers=routers,
            catalogue=self.catalogue,
            verifier=p.verifier,
            readiness={
                "database": self._database_ready,
                "issuers": p.verifier.ready,
                "authority": self._authority_ready,
                "work": self._work_ready,
            },
            settings=p.settings,
            metrics=p.metrics,
            tracing=p.tracing,
            state=self.state,
        )

    @property
    def all_projections(self) -> list[Projection]:
        """What can be made anew from the log alone."""
        return [authority_replica(self.parts.name), *self.projections]

    async def _settle(self, tx: Tx, _switch: str, _data: dict[str, Any]) -> None:
        await areas.settle(tx.conn, self.placed)

    async def migrate(self) -> bool:
        """Bring the service's own database to the newest revision. False: it was."""
        if await version.is_newest(self.parts.database, self.migrations):
            return False
        from suizhuan.db import migrate  # noqa: PLC0415  (Alembic takes a fifth of a second, and is seldom wanted)

        await migrate.upgrade(self.parts.database, self.migrations)
        return True

    async def is_migrated(self) -> bool:
        """Whether its own database is as new as this program, or newer: after a release that was taken back."""
        return await version.is_reached(self.parts.database, self.migrations)

    async def start(self) -> None:
        """Start the background work: relay, consumers, deadlines, and what the service adds. Returns at once.

        On a database that was restored all of it waits until what the log knows further is noted (authority §5)."""
        if await self.parts.recovery.noted():
            await self._go_on()
        else:
            self.recovering = self._spawn("recovery", self._recover())

    async def _recover(self) -> None:
        while True:
            try:
                await self.parts.recovery.ready()
                break
            except LogUnavailable as error:
                log.warning("recovery_waits_for_log", reason=str(error)[:200])
            except DBAPIError as error:
                if not is_transient(error):
                    raise
                log.warning("recovery_waits_for_database", reason=type(error).__name__)
            await self.parts.clock.sleep(RECOVERY_PAUSE_S)
        await self._go_on()
        self.recovering = None

    async def _go_on(self) -> None:
        p = self.parts
        if self.on_start:
            await self.on_start()
        topics = list(p.registry.topics.values())
        number = 1 if p.database.is_sqlite else p.settings.relays
        relays = [
            Relay(
                p.name,
                p.database,
                p.broker,
                topics,
                p.clock,
                p.metrics,
                number=i,
                of=number,
                tracing=p.tracing,
                recovered=p.recovery.ready,
            )
            for i in range(number)
        ]
        p.uow.on_outbox.extend(relay.wake for relay in relays)
        authority = Consumer(
            f"{p.name}.authority",
            [records.TOPIC],
            AuthorityTarget(p.replica),
            p.broker,
            p.uow,
            p.clock,
            stops=True,
            uses_inbox=False,
        )
        self._consumers = [authority]
        if self.inbound.topics:
            held = partial(held_still, p.uow) if self.adoption.again else None
            group = self.inbound.group
            self._consumers.append(
                Consumer(group, self.inbound.topics, self.inbound, p.broker, p.uow, p.clock, held=held)
            )
        deadlines = Deadlines(p.uow, self.deadlines, p.clock)
        groups = {c.group: c.topics for c in self._consumers}
        gauges = Gauges(p.database, p.broker, groups, p.clock, p.metrics, p.uow.timing, self.look)
        components: list[Component] = [p.own_topics, *relays, *self._consumers, deadlines, gauges, *self.extra]
        self._tasks = [self._spawn(c.name, c.run()) for c in components]

    async def start_api(self) -> None:
        """What a process that only answers needs: to wake the relay of another process. Returns at once."""
        p = self.parts
        try:
            await p.recovery.noted()
        except (DBAPIError, OSError) as error:  # the database is away: until it is back nobody acts
            log.warning("incarnation_not_noted", reason=type(error).__name__)
        if not p.database.is_sqlite:
            notifier = Notifier(p.database, p.clock)
            p.uow.on_outbox.append(notifier.wake)
            self._tasks = [self._spawn(notifier.name, notifier.run())]

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"{self.parts.name}:{name}")
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, LogReplaced):
            self.why_stopped = str(error)
            self.stopped.set()
        elif error is not None and task is self.recovering:
            log.error("recovery_failed", reason=f"{type(error).__name__}: {error}"[:300])

    async def stop(self, timeout: float = 15.0) -> None:
        """Stop fetching, finish what is under way, commit, and let go of everything. Within `timeout` seconds."""
        for consumer in self._consumers:
            consumer.drain()
        draining = [t for t in self._tasks if ":consumer-" in t.get_name()]
        if draining:
            await asyncio.wait(draining, timeout=timeout)
        tasks = [*self._tasks, *([self.recovering] if self.recovering else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks, self.recovering = [], None

    async def close(self) -> None:
        """Close the database. The log is closed by whoever made it."""
        await self.parts.verifier.close()
        await self.parts.database.close()
        await asyncio.to_thread(self.parts.tracing.close)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        """Migrated and at work for as long as the block lasts; the log handed in stays open."""
        await self.migrate()
        await self.start()
        try:
            yield self
        finally:
            await self.stop()
            await self.close()

    async def ready(self) -> str | None:
        """None when it can do its work, else what is missing."""
        for check in (self._work_ready, self._authority_ready, self._database_ready):
            if (reason := await check()) is not None:
                return reason
        return None

    async def _database_ready(self) -> str | None:
        async with self.parts.database.read() as conn:
            await conn.exec_driver_sql("SELECT 1")
        return None

    async def _authority_ready(self) -> str | None:
        async with self.parts.database.read() as conn:
            replica, beat = await granted.newest_beat(conn)
        try:
            timing: Timing = self.parts.uow.timing
            check_beat(beat, replica, self.parts.clock.now(), timing)
        except Refusal as refusal:
            return f"{refusal.code}: {refusal.params.get('reason', '')}"
        return None

    async def _work_ready(self) -> str | None:
        if self.why_stopped:
            return self.why_stopped
        if self.recovering is not None:
            return "恢复后正在读取日志 / restored: reads first what it has published"
        for task in self._tasks:
            if task.done():
                return f"{task.get_name()} has stopped"
        return next((f"{c.name}: {c.problem}" for c in self._consumers if c.problem), None)
