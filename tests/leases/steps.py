"""Every step that the world may make next: time, log, events, work, acts. What cannot be made now is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

from .store import INCARNATION
from .world import LEFT, MANDATES, START, Frozen, Outcome, State, World

BEATS, RESTARTS, FREEZES, LATES, RESTORES = range(len(LEFT))
Named = Iterator[tuple[str, State]]
Option = Callable[[], Named]


def steps(world: World, s: State) -> Named:
    """Every step from a state, with its name."""
    for option in options(world, s):
        yield from option()


def options(world: World, s: State) -> list[Option]:
    """What may happen next, each of it carried out only when it is asked for; it may turn out that it cannot now."""
    found: list[Option] = [partial(_tick, world, s)]
    if s.late is not None:
        found.append(partial(_late, world, s))
    found += [partial(_apply, world, s, process) for process in world.replicas if s.applied[process] < len(s.log)]
    for place, channel in enumerate(s.channels):
        if channel.pending:
            found.append(partial(_hear, world, s, place))
            if s.left[FREEZES] and world.config.processes[channel.process] == "complaints":
                found.append(partial(_move, world, s, place))
        if channel.last is not None:
            found.append(partial(_again, world, s, place))
    found += [partial(_work, world, s, process) for process, one in enumerate(world.processes) if one.deadlines]
    if s.left[BEATS]:
        found.append(partial(_beat, world, s))
    if s.left[RESTARTS] and s.memory:
        found.append(partial(_restart, world, s))
    found += [partial(_command, world, s, number) for number in s.commands]
    found += [partial(_thaw, world, s, process) for process, frozen in enumerate(s.frozen) if frozen is not None]
    if s.left[FREEZES]:
        found += [partial(_act, world, s, number) for number in range(len(world.config.acts))]
    if s.left[RESTORES] and "gateway" in world.config.processes:
        found.append(partial(_restore, world, s, world.config.processes.index("gateway")))
    return found


def is_repeat(option: Option) -> bool:
    """Whether it is an event that comes once more."""
    return isinstance(option, partial) and option.func is _again


def _less(s: State, which: int) -> dict[str, Any]:
    return {"left": tuple(n - (i == which) for i, n in enumerate(s.left))}


def _at(places: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*places[:place], value, *places[place + 1 :])


def _tick(world: World, s: State) -> Named:
    """Time passes, unless a database has to end a transaction first."""
    due = any(frozen is not None and frozen.until is not None and s.tick >= frozen.until for frozen in s.frozen)
    if s.tick - world.initial.tick < world.config.ticks and not due:
        yield "a tick", s._replace(tick=s.tick + 1)


def _late(_world: World, s: State) -> Named:
    """A relay that had frozen sends its beat once more."""
    assert s.late is not None
    there = max(s.applied)
    yield "the frozen relay's beat comes again", s._replace(log=(*s.log[:there], s.late, *s.log[there:]), late=None)


def _apply(world: World, s: State, process: int) -> Named:
    """A replica applies its next record. Relays keep the order within a lane, and lanes are led apart: so of those that
    are not in the log yet the first of any lane may be the next."""
    there, position = max(s.applied), s.applied[process]
    if position < there:
        yield from _applied(world, s, process, first=False)
        return
    for chosen in range(there, len(s.log)):
        lane = world.messages[s.log[chosen]].lane
        if all(world.messages[number].lane != lane for number in s.log[there:chosen]):
            rest = (*s.log[there:chosen], *s.log[chosen + 1 :])
            yield from _applied(world, s._replace(log=(*s.log[:there], s.log[chosen], *rest)), process, first=True)


def _applied(world: World, s: State, process: int, *, first: bool) -> Named:
    number = s.log[s.applied[process]]
    outcome = world.local(s, process, ("apply", number))
    if outcome is None:
        return
    name = f"{world.config.processes[process]} applies {world.messages[number].name}"
    after = world.after(s, process, outcome, applied=_at(s.applied, process, s.applied[process] + 1))
    yield name, after
    if first and s.left[LATES] and world.is_beat(number):
        yield f"{name}, whose relay has frozen", after._replace(late=number, **_less(s, LATES))


def _hear(world: World, s: State, place: int) -> Named:
    """The next event of an aggregate reaches who listens."""
    channel = s.channels[place]
    outcome = world.local(s, channel.process, ("hear", channel.pending[0]))
    if outcome is not None:
        name = f"{world.config.processes[channel.process]} hears {world.messages[channel.pending[0]].name}"
        yield name, world.delivered(s, place, outcome)


def _again(world: World, s: State, place: int) -> Named:
    """The last one comes once more."""
    channel = s.channels[place]
    assert channel.last is not None
    outcome = world.local(s, channel.process, ("hear", channel.last))
    if outcome is not None:
        name = f"{world.config.processes[channel.process]} hears {world.messages[channel.last].name} again"
        yield name, world.after(s, channel.process, outcome)


def _work(world: World, s: State, process: int) -> Named:
    """A service looks what is due."""
    outcome = world.local(s, process, ("work",))
    if outcome is not None:
        yield f"{world.config.processes[process]} looks what is due", world.after(s, process, outcome)


def _beat(world: World, s: State) -> Named:
    outcome = world.local(s, MANDATES, ("beat",))
    if outcome is not None and outcome.emitted:
        yield "mandates beats", world.after(s, MANDATES, outcome, **_less(s, BEATS))


def _restart(_world: World, s: State) -> Named:
    """What mandates had in memory is gone."""
    yield "mandates restarts", s._replace(memory=(), **_less(s, RESTARTS))


def _command(world: World, s: State, number: int) -> Named:
    process, step = world.config.commands[number]
    outcome = world.local(s, process, step)
    if outcome is not None and outcome.refused is None:
        left = tuple(c for c in s.commands if c != number)
        yield " ".join(map(str, step)), world.after(s, process, outcome, commands=left)


def _act(world: World, s: State, number: int) -> Named:
    """An act freezes before its COMMIT. One that does not freeze is no step of its own: whether it would pass is looked
    at in every state."""
    process, step, org = world.config.acts[number]
    if s.frozen[process] is not None or all(holder != org for holder, _, _ in world.passing(s, process)):
        return
    outcome = world.local(s, process, step, freeze=True)
    if outcome is not None and outcome.held is not None:
        under = next(mandate for holder, mandate, _ in world.passing(s, process) if holder == org)
        name = f"{org} acts at {world.config.processes[process]} and freezes"
        yield name, _frozen(world, s, process, outcome, under)


def _move(world: World, s: State, place: int) -> Named:
    """A consumer that moves a case freezes, too: it uses a power, the receiver's."""
    channel = s.channels[place]
    if s.frozen[channel.process] is not None:
        return
    outcome = world.local(s, channel.process, ("hear", channel.pending[0]), freeze=True)
    if outcome is None or outcome.held is None:
        return
    locked = {name.removeprefix("grant:") for name in world.helds[outcome.held].shared if name.startswith("grant:")}
    case = world.rows(s, channel.process, "complaint_case")[0]["mandate"]
    if under := next(iter(sorted(locked - {case})), None):
        name = f"{world.config.processes[channel.process]} moves a case and freezes"
        yield name, _frozen(world, s, channel.process, outcome, under)


def _frozen(world: World, s: State, process: int, outcome: Outcome, under: str) -> State:
    assert outcome.held is not None
    limited = world.helds[outcome.held].limited
    frozen = Frozen(outcome.held, under, world.rank(under), s.tick + 1 if limited else None)
    return s._replace(frozen=_at(s.frozen, process, frozen), **_less(s, FREEZES))


def _thaw(world: World, s: State, process: int) -> Named:
    """What becomes of a frozen transaction: it is lost with its process, or it commits."""
    who = world.config.processes[process]
    yield f"the frozen transaction of {who} is lost", thawed(s, process)
    yield f"{who} commits what was frozen", world.after(thawed(s, process), process, world.commit(s, process))


def thawed(s: State, process: int) -> State:
    return s._replace(frozen=_at(s.frozen, process, None))


def _restore(world: World, s: State, process: int) -> Named:
    """The database is the one of the beginning again, under a new incarnation, and the process begins anew. A frozen
    transaction is lost with the old one, and so may be what it had said and not yet handed to the log."""
    who = world.config.processes[process]
    backup = dict(world.unpack(process, world.initial.contents[process]))
    times = world.config.restores - s.left[RESTORES] + 1
    backup[INCARNATION] = ((f"{backup[INCARNATION][0][0]}{'+' * times}",),)
    contents = _at(s.contents, process, world.pack(process, tuple(backup.items())))
    applied = _at(s.applied, process, world.initial.applied[process])
    s = thawed(s._replace(contents=contents, applied=applied, **_less(s, RESTORES)), process)
    outcome = world.local(s, process, START)
    assert outcome is not None
    s = world.after(s, process, outcome)
    said = [place for place, channel in enumerate(s.channels) if channel.topic.startswith(f"{who}.")]
    for kept in product(*(range(len(s.channels[place].pending) + 1) for place in said)):
        channels = list(s.channels)
        for place, number in zip(said, kept, strict=True):
            channels[place] = channels[place]._replace(pending=channels[place].pending[:number])
        lost = sum(len(s.channels[place].pending) for place in said) - sum(kept)
        yield (
            f"{who} is restored" + (f", {lost} of its events are lost" if lost else ""),
            s._replace(channels=tuple(channels)),
        )
