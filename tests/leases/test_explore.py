"""Every interleaving of small worlds keeps the rules, and each seeded bug breaks one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from .configs import CONFIGS
from .explore import explore
from .mutants import MUTANTS, Mutant
from .processes import simulated
from .world import Config, World

# Fewer than these would mean that hardly anything was explored.
FEWEST = {"early end": 1_000, "the receiver's mandate ends": 30_000, "switch and handover": 30_000}

Tell = Callable[[str, object], None]


@pytest.fixture(autouse=True)
def ids() -> Iterator[None]:
    with simulated():
        yield


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_every_interleaving_of_a_small_world_keeps_the_rules(config: Config, record_property: Tell) -> None:
    explored = explore(World(config))
    record_property("told", str(explored))
    assert explored.broken is None, str(explored.broken)
    assert explored.states >= FEWEST.get(config.name, 200), explored
    assert explored.ends > 0 and explored.real > 50, explored


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_seeded_bug_is_found(mutant: Mutant, record_property: Tell) -> None:
    with ExitStack() as stack:
        mutant.plant(stack)
        explored = explore(World(mutant.world))
    assert explored.broken is not None, f"{mutant.name} was not found: {mutant.why}; {explored}"
    print(f"\n{mutant.name}: {mutant.why}\n{explored}\n{explored.broken}")
    record_property("told", f"{mutant.name}: {explored.broken.what}, after {len(explored.broken.trace)} steps")
    assert explored.broken.what in mutant.found, explored.broken


def test_there_are_twelve_seeded_bugs_and_each_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 12
