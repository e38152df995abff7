"""The services of the simulation: real code, wired as ever, on a simulated database and clock, driven step by step.

A step is a function of what the process's database holds, of the clock, and of what it is told.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from logging import CRITICAL
from typing import Any
from uuid import UUID

import structlog

from suizhuan import guard
from suizhuan.authority import grants as granted
from suizhuan.authority.book import Book
from suizhuan.cloudevents import decode, unpack
from suizhuan.context import Context, new_id
from suizhuan.deadlines import Deadlines
from suizhuan.handling import Handling
from suizhuan.inbox import Inbound
from suizhuan.kernel.clock import utc_text
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import LEAD, Act, Grant
from suizhuan.ports.log import Record
from suizhuan.recovery import Recovery

from .store import Contents, Frozen, Held, SimDatabase, drive

EPOCH = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # a Monday, 09:00 in Shanghai
NO_TIME = b"2026-03-02T01:00:00.000000Z"
NOTHING: Any = None  # neither log nor topics are looked at by what is called with it
TRACES = {"ce_correlationid", "ce_causationid", "ce_traceparent"}
Headers = tuple[tuple[str, bytes], ...]
Step = tuple[Any, ...]  # its kind, and what it is about


class SimClock:
    """One process's clock: true time and an error that stays within ±ε; beside it one that only counts."""

    def __init__(self, error: float = 0.0) -> None:
        self.error = error
        self.true = 0.0
        self._texts: dict[float, str] = {}

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.true + self.error)

    def text_at(self, true: float) -> str:
        """What it shows at a time, as it stands in rows."""
        found = self._texts.get(true)
        if found is None:
            found = self._texts[true] = utc_text(EPOCH + timedelta(seconds=true + self.error))
        return found

    def monotonic(self) -> float:
        return self.true

    async def sleep(self, seconds: float) -> None:
        raise RuntimeError("nothing sleeps in the simulation: time is a step of the world")


@dataclass(frozen=True, slots=True)
class Message:
    """An event on its way, as the relay would append it. What no service decides by is left out: its place in the
    outbox, its time, whose request it goes back to, and what it says to the auditor."""

    topic: str
    key: str
    lane: int
    name: str
    sequence: int
    value: bytes
    headers: Headers

    def record(self) -> Record:
        return Record(self.topic, 0, self.sequence, self.key.encode(), self.value, self.headers)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a step. `said`: what the step itself answers; None where it answers nothing."""

    contents: Contents
    emitted: tuple[Message, ...] = ()
    memory: tuple[tuple[str, float], ...] = ()
    held: Held | None = None
    said: Any = None
    refused: str | None = None


class Waited(Exception):
    """The step would have to wait for a frozen transaction: it cannot be made now."""


@dataclass(slots=True)
class Process:
    """One service. `memory` is what it would lose with its process; `steps` are those that are its own."""

    name: str
    parts: Any  # what a service's Parts have: name, database, clock, uow, replica
    inbound: Inbound | None = None
    deadlines: Mapping[str, Any] = field(default_factory=dict)
    steps: dict[str, Callable[..., Awaitable[Any]]] = field(default_factory=dict)
    look: Callable[[], Awaitable[None]] | None = None
    memory: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.steps = {"hear": self.hear, "apply": self.apply, "work": self.work, "start": self.start, **self.steps}

    @property
    def works(self) -> bool:
        """Whether it does anything by itself."""
        return bool(self.deadlines)

    @property
    def database(self) -> SimDatabase:
        found: SimDatabase = self.parts.database
        return found

    @property
    def clock(self) -> SimClock:
        found: SimClock = self.parts.clock
        return found

    def run(
        self,
        contents: Contents,
        memory: tuple[tuple[str, float], ...],
        held: tuple[Held, ...],
        true: float,
        step: Step,
        *,
        freeze: bool = False,
    ) -> Done:
        """Make a step from there. Errors: `Waited`."""
        database, uow = self.database, self.parts.uow
        database.load(contents)
        database.held, database.freezing, database.waited = held, freeze, False
        database.reads.clear()
        self.clock.true, uow.book = true, Book()
        self.memory.clear()
        self.memory.update(memory)
        kept: Held | None = None
        said, refused = None, None
        _Ids.current = _ids(self.name, true, step)
        try:
            said = drive(self.steps[step[0]](*step[1:]))
        except Frozen as frozen:
            kept = frozen.held
        except Refusal as refusal:
            refused = refusal.code
        except Exception:
            if not database.waited:
                raise
        if database.waited:
            raise Waited
        database.freezing = False
        return Done(database.contents(), self.drain(), tuple(sorted(self.memory.items())), kept, said, refused)

    def commit(self, contents: Contents, held: Held) -> Done:
        """What a frozen transaction wrote is there now."""
        self.database.load(contents)
        self.database.reads.clear()
        self.database.thaw(held)
        return Done(self.database.contents(), self.drain())

    def passing(self, contents: Contents, true: float, place: str, affair: str, power: str) -> frozenset[Grant]:
        """The lead grants under which an act at a place would pass the guard now."""
        self.database.load(contents)
        self.clock.true = true
        return drive(self._passing(place, affair, power))

    async def _passing(self, place: str, affair: str, power: str) -> frozenset[Grant]:
        passing = set()
        async with self.database.read() as conn:
            for grant in await granted.covering(conn, affair, place):
                act = Act(power, affair, place, grant.holder, grant.mandate, grant.term)
                try:
                    await guard.explain(conn, [act], self.clock.now(), self.parts.uow.timing)
                except Refusal:
                    continue
                if grant.role == LEAD:
                    passing.add(grant)
        return frozenset(passing)

    def drain(self) -> tuple[Message, ...]:
        """What was emitted, in order."""
        rows = self.database.raw.execute("SELECT topic, key, lane, value, headers FROM outbox ORDER BY id").fetchall()
        if rows:
            self.database.raw.execute("DELETE FROM outbox")
        found = []
        for topic, key, lane, value, packed in rows:
            headers = [
                (name, NO_TIME if name == "ce_time" else text) for name, text in unpack(packed) if name not in TRACES
            ]
            attributes = dict(headers)
            name = attributes["ce_type"].decode().rsplit(".v", 1)[0]
            sequence = int(attributes["ce_sequence"])
            found.append(Message(topic, key, lane, name, sequence, value, tuple(headers)))
        return tuple(found)

    # --- steps that every service has --------------------------------------------------------------------------------

    async def start(self) -> bool:
        """What comes first when a process begins: whether its database is another one than last time."""
        return await Recovery(self.parts.uow, NOTHING, NOTHING).noted()

    async def hear(self, message: Message) -> None:
        """An event comes; a repeat of it is known by its id. Errors: AssertionError when it would be a dead letter."""
        if self.inbound is None:
            return
        handling = Handling(self.inbound.group, self.inbound, self.parts.uow)
        async with self.parts.uow.begin(Context.of_system(self.name), limited=False) as tx:
            code = await handling.attempt(tx, message.record())
            if code is not None:
                raise AssertionError(f"{self.name} cannot handle {message.name}: {code}")

    async def apply(self, message: Message) -> None:
        """The next record of the authority log."""
        event = decode(message.record())
        async with self.parts.uow.begin(Context.of_event(self.name, event), limited=False) as tx:
            await self.parts.replica.apply(tx, event)

    async def work(self) -> None:
        """What a process does by itself as long as there is any: rows that are due, and what else it looks after."""
        while await self._due():
            pass
        if self.look is not None:
            await self.look()
            while await self._due():
                pass

    async def _due(self) -> bool:
        loop = Deadlines(self.parts.uow, self.deadlines, self.clock)
        if await loop.step() != 0.0:
            return False
        if loop._failing and not self.database.waited:
            raise AssertionError(f"a row cannot be carried out: {[kind for kind, _ in loop._failing]}")
        return not loop._failing


class _Ids:
    """Where `new_id` takes its ids from, in a simulation."""

    current: Iterator[str] = iter(())


@contextmanager
def simulated() -> Iterator[None]:
    """Ids are the same ones whenever the same step is made at the same time; and nothing is logged, for it is told by
    traces: a step that would have to wait is a failure to whoever logs it."""
    logging = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))

    def given() -> str:
        return next(_Ids.current)

    for name in ("suizhuan.context", "suizhuan.commands", "complaints.handovers"):
        vars(sys.modules[name])["new_id"] = given
    try:
        yield
    finally:
        structlog.configure(**logging)
        for module in list(sys.modules.values()):
            # Also one that was loaded meanwhile, and took ours for the real one.
            if getattr(module, "__dict__", {}).get("new_id") is given:
                vars(module)["new_id"] = new_id


def _ids(name: str, true: float, step: Step) -> Iterator[str]:
    seed = hashlib.sha256(repr((name, true, step)).encode()).digest()
    number = 0
    while True:
        digest = hashlib.sha256(seed + number.to_bytes(4, "big")).digest()
        yield str(UUID(bytes=digest[:16], version=4))
        number += 1
