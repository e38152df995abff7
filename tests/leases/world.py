"""The world of services, log and time as one state of plain data, and every step that can be made from it.

A state is small: numbers stand for the contents of databases, for messages and for frozen transactions, each kept once.
What a step does to one process is found by running the real code, or was found before (`known.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from suizhuan.authority.records import BEAT, TOPIC

from . import founding as f
from .known import MISSING, Kept, Known, Memory, Outcome
from .processes import Message, Process, Step
from .reads import HELD
from .store import Contents

TICK = 10.0  # seconds
MANDATES = 0
WORK: Step = ("work",)
START: Step = ("start",)


class Frozen(NamedTuple):
    """A transaction between its last statement and its COMMIT, of an act `under` a mandate. `until`: the tick by which
    its database has ended it."""

    held: int
    under: str
    rank: int
    until: int | None


class Channel(NamedTuple):
    """Events of one aggregate on their way to one process, in order; `last` was delivered last, and may come again."""

    process: int
    topic: str
    key: str
    last: int | None
    pending: tuple[int, ...]


class State(NamedTuple):
    """Everything. `log` is mandates' outbox and the log together. Nobody can tell whether a record that no replica has
    applied is still in the one or already in the other, so it takes its place when the first applies it."""

    tick: int
    contents: tuple[int, ...]
    memory: Memory
    log: tuple[int, ...]
    applied: tuple[int, ...]
    channels: tuple[Channel, ...]
    frozen: tuple[Frozen | None, ...]
    highest: int  # rank of the newest holder for whom an act would have passed anywhere
    late: int | None  # a beat that a frozen relay has sent and will send again
    left: tuple[int, ...]  # how often each of LEFT may still happen
    commands: tuple[int, ...]  # those of the configuration that are still to be given


LEFT = ("beats", "restarts", "freezes", "lates", "restores")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One small world. `errors` are those of the clocks, by process, in seconds; `before` is commanded, and done,
    before the exploration begins; `commands` may each be given once, at any time."""

    name: str
    processes: tuple[str, ...]
    profile: Path = f.PLAIN
    errors: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    before: tuple[tuple[int, Step], ...] = ()
    begins: tuple[tuple[int, Step], ...] = ()  # commanded at once, but not carried out
    commands: tuple[tuple[int, Step], ...] = ()
    acts: tuple[tuple[int, Step, str], ...] = ()  # what may freeze: process, step, for whom
    ticks: int = 6
    beats: int = 1
    restarts: int = 0
    freezes: int = 0
    lates: int = 0
    restores: int = 0
    order: tuple[str, ...] = (f.ROOT, f.LEAD)  # of the mandates that have the place in turn
    prefix: Callable[[World, State], State] | None = None  # what happens first, one way only
    strangers: tuple[int, ...] = ()  # processes that have heard nothing when the exploration begins
    gateway: str = "postgres:4"
    places: tuple[str, ...] = (f.PLACE,)  # what the one place that is looked at is called, in turn
    planned: bool = False  # a mandate comes to its planned end, which mandates' books follow later


MAKERS = {"mandates": f.Mandates, "complaints": f.Complaints, "finance": f.Finance, "gateway": f.Gateway}
WITH_REPLICA = ("mandates", "complaints", "gateway")


class World:
    """All that is known of one configuration. States are made by it, and by it alone.

    Without `keeps` the real code runs for every step, also where what comes of it is known."""

    def __init__(self, config: Config, *, keeps: bool = True) -> None:
        self.config = config
        self.keeps = keeps
        self.messages, self.helds = Kept(), Kept()
        self.processes: list[Process] = []
        self.known: list[Known] = []
        self._outcomes: dict[Hashable, Outcome | None] = {}
        self._passing: dict[Hashable, tuple[tuple[str, str, int], ...]] = {}
        self.money: dict[Hashable, tuple[str, str] | None] = {}
        self.well: set[State] = set()  # from which all is known to come to rest
        self.books: dict[int, tuple[frozenset[str], str]] = {}
        made: list[Contents] = []
        for number, name in enumerate(config.processes):
            more = {"incarnation": config.gateway} if name == "gateway" else {}
            one = MAKERS[name](config.profile, config.errors[number], **more)  # type: ignore[operator]
            self.processes.append(one.process)
            made.append(f.bare(one.database) if name == "gateway" else f.migrated(one.service))
        self.known = [Known(one, self.messages, self.helds, keeps=keeps) for one in self.processes]
        heard = [i for i in range(len(made)) if i not in config.strangers]
        self.replicas = tuple(i for i in heard if config.processes[i] in WITH_REPLICA)
        self.initial = self._begin(made)
        self.replicas = tuple(i for i, name in enumerate(config.processes) if name in WITH_REPLICA)

    @property
    def run_for_real(self) -> int:
        """How many steps the real code has made."""
        return sum(known.run_for_real for known in self.known)

    # --- one process -------------------------------------------------------------------------------------------------

    def local(self, s: State, process: int, step: Step, *, freeze: bool = False) -> Outcome | None:
        """What comes of a step of one process and of the work that is due then; None when it would have to wait for a
        frozen transaction."""
        memory = s.memory if process == MANDATES else ()
        key = (s.contents[process], process, s.tick, step, freeze, memory, s.frozen[process])
        found = self._outcomes.get(key, MISSING)
        if found is MISSING or not self.keeps:
            found = self._outcomes[key] = self._with_work(s, process, step, memory, freeze)
        return found

    def _with_work(self, s: State, process: int, step: Step, memory: Memory, freeze: bool) -> Outcome | None:
        known, frozen, true = self.known[process], s.frozen[process], s.tick * TICK
        held = frozen.held if frozen else None
        if step == WORK:
            return known.step(s.contents[process], memory, held, true, WORK, freeze=False)
        first = known.step(s.contents[process], (), held, true, step, freeze=freeze)
        if first is None or first.refused or freeze or not self.processes[process].works:
            return first and first._replace(memory=memory)
        then = known.step(first.contents, memory, held, true, WORK, freeze=False)
        return then and then._replace(emitted=first.emitted + then.emitted, said=first.said)

    def commit(self, s: State, process: int) -> Outcome:
        """What comes of a frozen transaction's COMMIT."""
        frozen = s.frozen[process]
        assert frozen is not None
        return self.known[process].commit(s.contents[process], frozen.held)._replace(memory=s.memory)

    def pack(self, process: int, contents: Contents) -> int:
        """The number of a database's contents."""
        return self.known[process].pack(contents)

    def unpack(self, process: int, number: int) -> Contents:
        """The contents of a database by their number."""
        return self.known[process].unpack(number)

    def table(self, s: State, process: int, name: str) -> int:
        """The number of a table's rows as they are in this state."""
        return self.known[process].table(s.contents[process], name)

    def rows(self, s: State, process: int, name: str) -> list[dict[str, Any]]:
        """The rows of a table as they are in this state."""
        return self.known[process].rows(s.contents[process], name)

    def passing(self, s: State, process: int) -> tuple[tuple[str, str, int], ...]:
        """(holder, mandate, rank) of each lead grant by which an act at the place would pass at a process now."""
        held = self.known[process].view(self.table(s, process, "authority_state"), HELD.name)
        key = (process, self.table(s, process, "authority_grant"), held, s.tick)
        found = self._passing.get(key) if self.keeps else None
        if found is None:
            contents = self.unpack(process, s.contents[process])
            one, true = self.processes[process], s.tick * TICK
            grants = [g for place in self.config.places for g in one.passing(contents, true, place, f.AFFAIR, f.HANDLE)]
            found = tuple(sorted({(g.holder, g.mandate, self.rank(g.mandate)) for g in grants}))
            self._passing[key] = found
        return found

    def rank(self, mandate: str) -> int:
        """In which order the place passes from holder to holder; -1 for those that have no turn."""
        order = self.config.order
        return order.index(mandate) if mandate in order else -1

    # --- states ------------------------------------------------------------------------------------------------------

    def after(self, s: State, process: int, outcome: Outcome, **changes: Any) -> State:
        """The state when a process has made a step: its events are on their way. The same one when nothing changed."""
        same = outcome.contents == s.contents[process] and (process != MANDATES or outcome.memory == s.memory)
        if same and not outcome.emitted and not changes:
            return s
        contents = list(s.contents)
        contents[process] = outcome.contents
        if process == MANDATES and "memory" not in changes:
            changes["memory"] = outcome.memory
        log, channels = s.log, s.channels
        if outcome.emitted:
            log, channels = self._emit(log, changes.pop("channels", channels), outcome.emitted)
            s = s._replace(contents=tuple(contents), log=log, channels=channels, **changes)
            return self._to_itself(s, process)
        return s._replace(contents=tuple(contents), **changes)

    def _to_itself(self, s: State, process: int) -> State:
        """What a process says to itself comes at once: that it comes late is the same as that it was said late."""
        for place, channel in enumerate(s.channels):
            if (
                channel.process == process
                and channel.pending
                and channel.topic.startswith(self.processes[process].name)
            ):
                return self.delivered(s, place, self.local(s, process, ("hear", channel.pending[0])))
        return s

    def _emit(
        self, log: tuple[int, ...], channels: tuple[Channel, ...], emitted: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[Channel, ...]]:
        known = {(c.process, c.topic, c.key): c for c in channels}
        for number in emitted:
            message: Message = self.messages[number]
            if message.topic == TOPIC:
                log = (*log, number)
                continue
            for process, one in enumerate(self.processes):
                if one.inbound is not None and message.name in one.inbound.subscriptions:
                    place = (process, message.topic, message.key)
                    channel = known.get(place) or Channel(*place, None, ())
                    known[place] = channel._replace(pending=(*channel.pending, number))
        return log, tuple(sorted(known.values(), key=lambda c: c[:3]))

    def is_beat(self, number: int) -> bool:
        found: bool = self.messages[number].name == BEAT
        return found

    # --- the beginning ------------------------------------------------------------------------------------------------

    def _begin(self, made: list[Contents]) -> State:
        n = len(made)
        numbers = tuple(self.pack(i, c) for i, c in enumerate(made))
        c = self.config
        s = State(0, numbers, (), (), (0,) * n, (), (None,) * n, 0, None, (0,) * len(LEFT), ())
        for number in range(n):
            s = self.command(s, number, START)
        s = self.command(s, MANDATES, ("found",))
        for number, name in enumerate(c.processes):
            if name == "finance":
                s = self.command(s, number, ("budget", f.DEPT, 10 * f.PRICE))
        for _ in range(2):  # the first beat makes them join, the next one names them
            s = self.calm(self.command(s, MANDATES, ("beat",)))._replace(tick=s.tick + 1)
        s = self.calm(self.command(s, MANDATES, ("beat",)))
        for process, step in c.before:
            s = self.calm(self.command(s, process, step))
        for process, step in c.begins:
            s = self.command(s, process, step)
        left = (c.beats, c.restarts, c.freezes, c.lates, c.restores)
        # All have applied all of the log so far.
        done = min(a for a, name in zip(s.applied, c.processes, strict=True) if name in WITH_REPLICA)
        applied = tuple(max(0, a - done) for a in s.applied)
        s = s._replace(log=s.log[done:], applied=applied, left=left, commands=tuple(range(len(c.commands))))
        s = c.prefix(self, s) if c.prefix is not None else s
        return s._replace(left=left)

    def command(self, s: State, process: int, step: Step) -> State:
        """A step that must be made."""
        outcome = self.local(s, process, step)
        if outcome is None or outcome.refused:
            raise AssertionError(f"{step} of {self.config.processes[process]}: {outcome and outcome.refused}")
        return self.after(s, process, outcome)

    def calm(self, s: State) -> State:
        """Everything that is on its way has come, and every row that is due was carried out; no time has passed."""
        while True:
            before = s
            for process in self.replicas:
                for position in range(s.applied[process], len(s.log)):
                    applied = tuple(position + 1 if i == process else a for i, a in enumerate(s.applied))
                    s = self.command(s, process, ("apply", s.log[position]))._replace(applied=applied)
            for place, channel in enumerate(s.channels):
                if channel.pending:
                    s = self.delivered(s, place, self.local(s, channel.process, ("hear", channel.pending[0])))
                    break
            for process, one in enumerate(self.processes):
                if one.deadlines:
                    s = self.command(s, process, ("work",))
            if s == before:
                return s

    def delivered(self, s: State, place: int, outcome: Outcome | None) -> State:
        """The first event of a channel has been handled."""
        assert outcome is not None
        channel = s.channels[place]
        gone = channel._replace(last=channel.pending[0], pending=channel.pending[1:])
        channels = (*s.channels[:place], gone, *s.channels[place + 1 :])
        return self.after(s, channel.process, outcome, channels=channels)
