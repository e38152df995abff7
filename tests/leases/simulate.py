"""Random schedules of larger worlds: `python -m tests.leases.simulate SEED` tells one, step by step.

The same steps, the same real code and the same rules as in the exploration, in worlds too large to be explored: more
replicas, more of everything that may go wrong, and which of it happens when is drawn from the seed.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, replace
from functools import cache

from . import founding as f
from .configs import ACTS, ASK, CASE
from .explore import Broken, ends_well
from .processes import simulated
from .rules import backwards, wrong
from .steps import BEATS, FREEZES, LATES, RESTARTS, options
from .world import MANDATES, TICK, Config, State, World

MOST_STEPS = 120
ERRORS = ((5.0, -5.0, -5.0, -5.0), (-5.0, 5.0, 5.0, 5.0), (0.0, 5.0, -5.0, 0.0))

POWER = Config(
    name="power",
    processes=("mandates", "gateway"),
    profile=f.SKEWED,
    commands=(
        (MANDATES, ("place", f.LEAD, f.COMMUNITY, f.NANGUAN)),
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
    order=(),
)
MONEY = Config(
    name="money",
    processes=("mandates", "complaints", "finance", "gateway"),
    profile=f.SKEWED,
    before=CASE,
    commands=(
        (MANDATES, ("place", f.LEAD, f.COMMUNITY, f.NANGUAN)),
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
    order=(),
)
WORLDS = (POWER, POWER, MONEY)


@dataclass(frozen=True, slots=True)
class Run:
    """One schedule: how it went, step by step, and what was broken, if anything."""

    seed: int
    trace: tuple[str, ...]
    broken: Broken | None


@cache
def world_of(kind: int, errors: int) -> World:
    """The world of a configuration and its clocks: what the real code does in it is kept from run to run."""
    config = WORLDS[kind]
    return World(replace(config, errors=ERRORS[errors][: len(config.processes)]))


def run(seed: int) -> Run:
    """Carry out one schedule. The same seed always gives the same one."""
    draw = random.Random(seed)
    world = world_of(seed % len(WORLDS), draw.randrange(len(ERRORS)))
    s, trace = world.initial, list[str]()
    left = list(s.left)
    for which in (BEATS, RESTARTS, FREEZES, LATES):
        left[which] = draw.randint(0, left[which])
    s = s._replace(left=tuple(left))
    patience = draw.choice((0.5, 0.8, 1.0))  # how readily time passes while something could happen
    for _ in range(MOST_STEPS):
        chosen = _choose(draw, world, s, patience)
        if chosen is None:
            break
        name, after = chosen
        trace.append(f"[{s.tick * TICK:g} s] {name}")
        broken = backwards(world, s, after) or wrong(world, after)
        if broken is not None:
            return Run(seed, tuple(trace), Broken(*broken, tuple(trace)))
        s = after
    broken = ends_well(world, s)
    return Run(seed, tuple(trace), Broken(*broken, tuple(trace)) if broken else None)


def _choose(draw: random.Random, world: World, s: State, patience: float) -> tuple[str, State] | None:
    """One of the steps that change anything, drawn without carrying out the others."""
    found = options(world, s)
    tick, others = found[0], found[1:]
    draw.shuffle(others)
    ways = [*others, tick] if draw.random() < patience else [tick, *others]
    for option in ways:
        reached = [(name, after) for name, after in option() if after != s]
        if reached:
            return draw.choice(reached)
    return None


def main(arguments: list[str]) -> int:
    """Tell the schedule of a seed."""
    if len(arguments) != 1 or not arguments[0].isdigit():
        print("usage: python -m tests.leases.simulate SEED")
        return 2
    with simulated():
        told = run(int(arguments[0]))
    for number, step in enumerate(told.trace, 1):
        print(f"{number:4}  {step}")
    print(f"{told.broken.what}: {told.broken.why}" if told.broken else "all rules were kept")
    return 1 if told.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
