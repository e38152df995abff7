"""The world of services, log and time as one state of plain data, and every step that can be made from it.

A state is small: numbers stand for the contents of databases, for messages and for frozen transactions, each kept once.
What a step does to one process is found by running the real code, once for each place it is made from (`World.local`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from suizhuan.authority.records import BEAT, TOPIC

from . import founding as f
from .processes import Done, Message, Process, Step, Waited
from .store import INCARNATION, Contents

TICK = 10.0  # seconds
MANDATES = 0
MISSING: Any = object()


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
    memory: tuple[tuple[str, float], ...]
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
    planned: bool = False  # a mandate comes to its planned end, which mandates' books follow later


MAKERS = {"mandates": f.Mandates, "complaints": f.Complaints, "finance": f.Finance, "gateway": f.Gateway}
WITH_REPLICA = ("mandates", "complaints", "gateway")


class Kept:
    """Each value once, by its number."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, value: Hashable) -> int:
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found

    def __getitem__(self, number: int) -> Any:
        return self.values[number]


class End(NamedTuple):
    """What a step has changed: tables by their place, and the rest of a `Done` by numbers."""

    changed: tuple[tuple[int, int], ...]
    emitted: tuple[int, ...]
    memory: tuple[tuple[str, float], ...]
    held: int | None
    said: Any
    refused: str | None


class Outcome(NamedTuple):
    """The same, made from a certain place: the contents that the database has then."""

    contents: int
    emitted: tuple[int, ...]
    memory: tuple[tuple[str, float], ...]
    held: int | None
    said: Any
    refused: str | None


class World:
    """All that is known of one configuration. States are made by it, and by it alone."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.processes: list[Process] = []
        self.contents, self.messages, self.helds, self.rowsets = Kept(), Kept(), Kept(), Kept()
        self.run_for_real = 0
        self._outcomes: dict[Hashable, Outcome | None] = {}
        self._ways: dict[Hashable, dict[tuple[int, ...], dict[tuple[int, ...], End | None]]] = {}
        self._passing: dict[Hashable, tuple[tuple[str, str, int], ...]] = {}
        self.newest: dict[Hashable, int] = {}
        self.judged: dict[Hashable, tuple[str, str] | None] = {}
        self.books: dict[int, tuple[frozenset[str], str]] = {}
        self._rows: dict[tuple[int, str, int], list[dict[str, Any]]] = {}
        made: list[Contents] = []
        for number, name in enumerate(config.processes):
            more = {"incarnation": config.gateway} if name == "gateway" else {}
            one = MAKERS[name](config.profile, config.errors[number], **more)  # type: ignore[operator]
            self.processes.append(one.process)
            made.append(f.bare(one.database) if name == "gateway" else f.migrated(one.service))
        self.tables = [(*p.database.tables(), INCARNATION) for p in self.processes]
        self.places = [{name: i for i, name in enumerate(names)} for names in self.tables]
        known = [i for i in range(len(made)) if i not in config.strangers]
        self.replicas = tuple(i for i in known if config.processes[i] in WITH_REPLICA)
        self.initial = self._begin(made)
        self.replicas = tuple(i for i, name in enumerate(config.processes) if name in WITH_REPLICA)

    # --- one process -------------------------------------------------------------------------------------------------

    def local(self, s: State, process: int, step: Step, *, freeze: bool = False) -> Outcome | None:
        """What comes of a step of one process; None when it would have to wait for a frozen transaction.

        The real code runs once for each difference that it looks at: a step that came to its end by reading some tables
        comes to the same end wherever these tables hold the same."""
        memory = s.memory if process == MANDATES else ()
        frozen = s.frozen[process]
        about = (process, memory, frozen.held if frozen else None, s.tick, step, freeze)
        key = (s.contents[process], about)
        if key in self._outcomes:
            return self._outcomes[key]
        vector: tuple[int, ...] = self.contents[s.contents[process]]
        ways = self._ways.setdefault(about, {})
        for reads, ends in ways.items():
            end = ends.get(tuple(vector[i] for i in reads), MISSING)
            if end is not MISSING:
                break
        else:
            reads, end = self._run(s, process, step, freeze)
            ways.setdefault(reads, {})[tuple(vector[i] for i in reads)] = end
        outcome = self._outcomes[key] = None if end is None else self._apply(vector, end)
        return outcome

    def _run(self, s: State, process: int, step: Step, freeze: bool) -> tuple[tuple[int, ...], End | None]:
        """(tables that the step has read, what it has changed)."""
        self.run_for_real += 1
        one, frozen = self.processes[process], s.frozen[process]
        held = (self.helds[frozen.held],) if frozen else ()
        told = (step[0], self.messages[step[1]]) if step[0] in ("hear", "apply") else step
        memory = s.memory if process == MANDATES else ()
        before = self.unpack(process, s.contents[process])
        try:
            end: End | None = self._end(
                process, one.run(before, memory, held, s.tick * TICK, told, freeze=freeze), before
            )
        except Waited:
            end = None
        names = self.tables[process]
        return tuple(i for i, name in enumerate(names) if name in one.database.reads), end

    def commit(self, s: State, process: int) -> Outcome:
        """What comes of a frozen transaction's COMMIT."""
        frozen = s.frozen[process]
        assert frozen is not None
        before = self.unpack(process, s.contents[process])
        done = self.processes[process].commit(before, self.helds[frozen.held])
        end = self._end(process, done, before)
        return self._apply(self.contents[s.contents[process]], end._replace(memory=s.memory))

    def _end(self, process: int, done: Done, before: Contents) -> End:
        was, now = dict(before), dict(done.contents)
        changed = tuple(
            (i, self.rowsets.number(now.get(name, ())))
            for i, name in enumerate(self.tables[process])
            if was.get(name, ()) != now.get(name, ())
        )
        emitted = tuple(self.messages.number(m) for m in done.emitted)
        held = self.helds.number(done.held) if done.held is not None else None
        return End(changed, emitted, done.memory, held, done.said, done.refused)

    def _apply(self, vector: tuple[int, ...], end: End) -> Outcome:
        after = list(vector)
        for i, rows in end.changed:
            after[i] = rows
        return Outcome(self.contents.number(tuple(after)), *end[1:])

    def pack(self, process: int, contents: Contents) -> int:
        """The number of a database's contents."""
        found = dict(contents)
        return self.contents.number(tuple(self.rowsets.number(found.get(name, ())) for name in self.tables[process]))

    def unpack(self, process: int, number: int) -> Contents:
        """The contents of a database by their number."""
        vector = self.contents[number]
        found = ((name, self.rowsets[rows]) for name, rows in zip(self.tables[process], vector, strict=True))
        return tuple((name, rows) for name, rows in found if rows)

    def table(self, s: State, process: int, name: str) -> int:
        """The number of a table's rows as they are in this state."""
        return int(self.contents[s.contents[process]][self.places[process][name]])

    def rows(self, s: State, process: int, name: str) -> list[dict[str, Any]]:
        """The rows of a table as they are in this state."""
        key = (process, name, self.table(s, process, name))
        found = self._rows.get(key)
        if found is None:
            columns = self.processes[process].database.columns(name)
            found = self._rows[key] = [dict(zip(columns, row, strict=True)) for row in self.rowsets[key[2]]]
        return found

    def passing(self, s: State, process: int) -> tuple[tuple[str, str, int], ...]:
        """(holder, mandate, rank) of each lead grant by which an act at the place would pass at a process now."""
        key = (process, self.table(s, process, "authority_grant"), self.table(s, process, "authority_state"), s.tick)
        found = self._passing.get(key)
        if found is None:
            contents = self.unpack(process, s.contents[process])
            grants = self.processes[process].passing(contents, s.tick * TICK, f.PLACE, f.AFFAIR, f.HANDLE)
            found = tuple(sorted((g.holder, g.mandate, self.rank(g.mandate)) for g in grants))
            self._passing[key] = found
        return found

    def rank(self, mandate: str) -> int:
        """In which order the place passes from holder to holder; -1 for those that have no turn."""
        order = self.config.order
        return order.index(mandate) if mandate in order else -1

    # --- states ------------------------------------------------------------------------------------------------------

    def after(self, s: State, process: int, outcome: Outcome, **changes: Any) -> State:
        """The state when a process has made a step: its events are on their way."""
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
