"""Random schedules of larger worlds: `python -m tests.leases.simulate power SEED` tells one, step by step.

The same steps, the same real code and the same rules as in the exploration, in worlds too large to be explored: more
time, more of everything that may go wrong, and which of it happens when is drawn from the seed. Most schedules are of
worlds in which one thing is under way, so that what the real code does in them is soon known; every 100th is of one in
which everything that an organisation may command happens at any time.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache

from . import founding as f
from .configs import ACTIVATE, ACTS, ASK, CASE, PAIR, WITH_CASE
from .explore import Broken, ends_well
from .processes import simulated
from .rules import backwards, wrong
from .steps import is_repeat, options
from .world import MANDATES, TICK, Config, State, World

MOST_STEPS = 120
MOST_AGAIN = 6  # how often in one schedule an event comes once more
AHEAD, BEHIND = (5.0, -5.0, -5.0, -5.0), (-5.0, 5.0, 5.0, 5.0)  # the clock of mandates, by all that ±ε allows

SWITCH = Config(
    name="switch",
    processes=PAIR,
    profile=f.SKEWED,
    begins=(ACTIVATE,),
    commands=((MANDATES, ("end", f.LEAD)),),
    acts=ACTS,
    ticks=6,
    beats=2,
    restarts=1,
    freezes=2,
    lates=1,
    order=(),
)
JOINS = replace(SWITCH, name="joins", commands=(), strangers=(1,))
RESTORED = replace(SWITCH, name="restored", commands=(), restores=1)
HANDOVER = Config(
    name="handover",
    processes=WITH_CASE,
    profile=f.SKEWED,
    before=CASE,
    begins=(ACTIVATE,),
    commands=(ASK,),
    ticks=5,
    beats=3,
    restarts=1,
    freezes=1,
    lates=1,
    order=(),
)
RECEIVER_ENDS = replace(HANDOVER, name="receiver ends", begins=((MANDATES, ("end", f.ASSIST)),))
POWER = Config(
    name="power",
    processes=PAIR,
    profile=f.SKEWED,
    commands=(
        ACTIVATE,
        (MANDATES, ("place", f.WIDER, f.OTHER, f.STREET)),
        (MANDATES, ("end", f.LEAD)),
        (MANDATES, ("end", f.WIDER)),
    ),
    acts=(*ACTS, (1, ("act", f.OTHER), f.OTHER)),
    ticks=9,
    beats=6,
    restarts=2,
    freezes=3,
    lates=1,
    restores=1,
    order=(),
)
MONEY = Config(
    name="money",
    processes=("mandates", "complaints", "finance", "gateway"),
    profile=f.SKEWED,
    before=CASE,
    commands=(
        ACTIVATE,
        (MANDATES, ("end", f.LEAD)),
        (MANDATES, ("end", f.ASSIST)),
        ASK,
        (1, ("hand_over", f.COMMUNITY, f.FIRM)),
        (1, ("give_back", f.FIRM)),
    ),
    acts=((3, ("act", f.DEPT), f.DEPT), (3, ("act", f.COMMUNITY), f.COMMUNITY)),
    ticks=8,
    beats=5,
    restarts=1,
    freezes=2,
    lates=1,
    restores=1,
    order=(),
)
WORLDS = {
    "power": (POWER, (SWITCH, RESTORED, JOINS)),
    "cases": (MONEY, (HANDOVER, RECEIVER_ENDS)),
}
ONE_IN = 100  # schedules is one of the large world
FOLLOWED = 4  # one in so many is followed until all has come to rest


@dataclass(frozen=True, slots=True)
class Run:
    """One schedule: how it went, step by step, what went wrong in it, and what was broken, if anything."""

    seed: int
    world: World
    trace: tuple[str, ...]
    hazards: Counter[str]
    end: State
    broken: Broken | None


@cache
def world_of(config: Config, errors: tuple[float, ...]) -> World:
    """The world of a configuration and its clocks: what the real code does in it is kept from run to run."""
    return World(replace(config, errors=errors[: len(config.processes)]))


def config_of(kind: str, seed: int) -> Config:
    """The configuration of a seed."""
    large, small = WORLDS[kind]
    return small[seed % len(small)] if seed % ONE_IN else large


def run(kind: str, seed: int, world: World | None = None) -> Run:
    """Carry out one schedule. The same seed always gives the same one, whatever `world` knows already."""
    draw = random.Random(seed)
    errors = draw.choice((AHEAD, BEHIND))
    world = world or world_of(config_of(kind, seed), errors)
    s, trace = world.initial, list[str]()
    left = tuple(draw.randint(0, most) for most in s.left)
    s = s._replace(left=left)
    schedule = Schedule(draw, world, draw.choice((0.5, 0.8, 1.0)))
    broken: tuple[str, str] | None = None
    for _ in range(MOST_STEPS):
        chosen = schedule.choose(s)
        if chosen is None:
            break
        name, after = chosen
        trace.append(f"[{s.tick * TICK:g} s] {name}")
        schedule.note(s, name, after)
        broken = backwards(world, s, after) or wrong(world, after)
        s = after
        if broken is not None:
            break
    if broken is None and seed % FOLLOWED == 0:
        broken = ends_well(world, s)
    told = tuple(trace)
    return Run(seed, world, told, schedule.hazards, s, Broken(*broken, told) if broken else None)


# What a step is called, and the hazard that it is.
NAMED = {
    "a tick": "time passes",
    " again": "an event comes twice",
    "the frozen relay's beat": "a beat comes late",
    "acts at": "an act freezes before its commit",
    "moves a case and freezes": "a consumer freezes before its commit",
    "commits what was frozen": "a frozen transaction commits",
    "is lost": "a frozen transaction is lost",
    "mandates restarts": "mandates restarts in mid-switch",
    "replica.joined": "a replica joins",
    "is restored": "a replica is restored",
}
DELAYED, DROPPED, OPEN_AGAIN = "time passes over what is on its way", "a replica is dropped", "a switch is dropped"
HAZARDS = (*NAMED.values(), DELAYED, DROPPED, OPEN_AGAIN)


@dataclass(slots=True)
class Schedule:
    """What happens next is drawn. `patience`: how readily time passes only when nothing else can happen."""

    draw: random.Random
    world: World
    patience: float
    again: int = MOST_AGAIN
    hazards: Counter[str] = field(default_factory=Counter)

    def choose(self, s: State) -> tuple[str, State] | None:
        """One of the steps, drawn without carrying out the others; an event that comes again may change nothing, all
        others do."""
        found = options(self.world, s)
        repeats = [option for option in found if is_repeat(option)]
        tick, others = found[0], [option for option in found[1:] if not is_repeat(option)]
        if repeats and self.again and self.draw.random() < 0.15:
            self.again -= 1
            for step in self.draw.choice(repeats)():
                return step
        self.draw.shuffle(others)
        for option in [*others, tick] if self.draw.random() < self.patience else [tick, *others]:
            reached = [(name, after) for name, after in option() if after != s]
            if reached:
                return self.draw.choice(reached)
        return None

    def note(self, s: State, name: str, after: State) -> None:
        """Count what went wrong in a step."""
        self.hazards.update(hazard for words, hazard in NAMED.items() if words in name)
        if name == "a tick" and (min(s.applied) < len(s.log) or any(c.pending for c in s.channels)):
            self.hazards[DELAYED] += 1
        if self._count(after, "replica", "listed", 0) > self._count(s, "replica", "listed", 0):
            self.hazards[DROPPED] += 1
        if self._count(after, "switch", "state", "dropped") > self._count(s, "switch", "state", "dropped"):
            self.hazards[OPEN_AGAIN] += 1

    def _count(self, s: State, table: str, column: str, value: object) -> int:
        return sum(row[column] == value for row in self.world.rows(s, MANDATES, table))


def main(arguments: list[str]) -> int:
    """Tell the schedule of a seed."""
    if len(arguments) != 2 or arguments[0] not in WORLDS or not arguments[1].isdigit():
        print(f"usage: python -m tests.leases.simulate {'|'.join(WORLDS)} SEED")
        return 2
    with simulated():
        told = run(arguments[0], int(arguments[1]))
    for number, step in enumerate(told.trace, 1):
        print(f"{number:4}  {step}")
    print(f"{told.broken.what}: {told.broken.why}" if told.broken else "all rules were kept")
    return 1 if told.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
