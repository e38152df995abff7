"""Every interleaving of small worlds keeps the rules, and each seeded bug breaks one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from .configs import CONFIGS
from .explore import explore
from .mutants import MUTANTS, Mutant
from .processes import simulated
from .world import Config, World

# Worlds too large for every run: `make check-full`. How long each takes is not measured yet.
SLOW = {
    "activation",
    "late beat",
    "restart",
    "early end",
    "on SQLite",
    "one behind the other",
    "one joins",
    "switch and handover",
    "the receiver's mandate ends",
}
# Fewer than these would mean that hardly anything was explored.
FEWEST = {"early end": 1_000, "the receiver's mandate ends": 3_000, "switch and handover": 800}


@pytest.fixture(autouse=True)
def ids() -> Iterator[None]:
    with simulated():
        yield


def _world(config: Config) -> object:
    slow = [pytest.mark.slow, pytest.mark.timeout(3600)] if config.name in SLOW else []
    return pytest.param(config, id=config.name, marks=slow)


@pytest.mark.parametrize("config", [_world(config) for config in CONFIGS])
def test_every_interleaving_of_a_small_world_keeps_the_rules(config: Config) -> None:
    explored = explore(World(config))
    print(f"\n{explored}")
    assert explored.broken is None, str(explored.broken)
    assert explored.states >= FEWEST.get(config.name, 200), explored
    assert explored.ends > 0 and explored.real > 50, explored


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_seeded_bug_is_found(mutant: Mutant) -> None:
    with ExitStack() as stack:
        mutant.plant(stack)
        explored = explore(World(mutant.world))
    assert explored.broken is not None, f"{mutant.name} was not found: {mutant.why}; {explored}"
    print(f"\n{mutant.name}: {mutant.why}\n{explored}\n{explored.broken}")
    assert explored.broken.what in mutant.found, explored.broken


def test_there_are_twelve_seeded_bugs_and_each_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 12
