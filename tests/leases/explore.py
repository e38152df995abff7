"""Every state of a small world, breadth first, and what must hold in each."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .rules import STUCK, at_rest, backwards, with_highest, wrong
from .steps import steps, thawed
from .world import MANDATES, TICK, State, World

PATIENCE = 20  # ticks in which everything on its way must have come to its end


@dataclass(frozen=True, slots=True)
class Broken:
    """What does not hold, and by which steps the world came there."""

    what: str
    why: str
    trace: tuple[str, ...]

    def __str__(self) -> str:
        way = "\n".join(f"  {number:3}  {step}" for number, step in enumerate(self.trace, 1))
        return f"{self.what}: {self.why}\n{way}"


@dataclass(slots=True)
class Explored:
    """What an exploration has come to."""

    config: str
    states: int = 0
    transitions: int = 0
    real: int = 0
    seconds: float = 0.0
    ends: int = 0
    broken: Broken | None = None

    def __str__(self) -> str:
        return (
            f"{self.config}: {self.states:,} states, {self.transitions:,} transitions, {self.ends:,} ends, "
            f"{self.real:,} steps of real code, {self.seconds:.1f} s"
        )


def explore(world: World, *, most: int = 2_000_000) -> Explored:
    """Look at every state that can be reached, until one breaks a rule. Errors: RuntimeError past `most` states."""
    begun = time.perf_counter()
    result = Explored(world.config.name)
    first = with_highest(world, world.initial)
    came: dict[State, tuple[State, str] | None] = {first: None}
    frontier, ends = [first], list[State]()
    while frontier and result.broken is None:
        following = []
        for s in frontier:
            if (broken := wrong(world, s)) is not None:
                result.broken = Broken(*broken, trace_to(came, s))
                break
            timeless = True
            for name, reached in steps(world, s):
                result.transitions += 1
                if name == "a tick":
                    timeless = False
                if reached is s:
                    continue
                after = with_highest(world, reached)
                if after not in came:
                    if (broken := backwards(world, s, after)) is not None:
                        came[after] = (s, name)
                        result.broken = Broken(*broken, trace_to(came, after))
                        break
                    came[after] = (s, name)
                    following.append(after)
            if timeless and s.tick - world.initial.tick >= world.config.ticks:
                ends.append(s)
            if len(came) > most:
                raise RuntimeError(f"{world.config.name}: more than {most:,} states, {world.run_for_real:,} real steps")
        frontier = following
    if result.broken is None:
        for end in ends:
            if (lasting := ends_well(world, end)) is not None:
                result.broken = Broken(*lasting, trace_to(came, end))
                break
    result.states, result.real, result.ends = len(came), world.run_for_real, len(ends)
    result.seconds = time.perf_counter() - begun
    return result


def trace_to(came: dict[State, tuple[State, str] | None], s: State) -> tuple[str, ...]:
    names: list[str] = []
    while (way := came[s]) is not None:
        tick = way[0].tick
        names.append(f"[{tick * TICK:g} s] {way[1]}")
        s = way[0]
    return tuple(reversed(names))


def ends_well(world: World, s: State) -> tuple[str, str] | None:
    """When what is on its way comes, and time passes, does all come to its end? None if so."""
    passed: list[State] = []
    for process, frozen in enumerate(s.frozen):
        if frozen is not None:
            s = world.after(thawed(s, process), process, world.commit(s, process))
    while s not in world.well:
        passed.append(s)
        try:
            s = world.calm(s)
        except AssertionError as error:
            return STUCK, str(error)
        if (broken := wrong(world, s)) is not None:
            return broken
        if (unfinished := at_rest(world, s)) is None:
            break
        if len(passed) > PATIENCE:
            return unfinished
        s = world.command(s._replace(tick=s.tick + 1), MANDATES, ("beat",))
    world.well.update(passed)
    return None
