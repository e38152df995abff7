"""Random schedules of the real code keep the rules. A seed that does not is printed; its story is told by
`python -m tests.leases.simulate KIND SEED`. SUIZHUAN_TEST_SEED begins elsewhere than at 0."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from .processes import simulated
from .simulate import HAZARDS, WORLDS, Run, run, world_of
from .world import World

SCHEDULES = {"power": 5_000, "cases": 5_000}  # 10,000 in all
# What is left to the worlds of the other kind: without a case no consumer uses a power, and where there is one
# a replica is seldom restored.
ELSEWHERE = {
    "power": {"a consumer freezes before its commit"},
    "cases": {"a replica is restored"},
}


@pytest.fixture(autouse=True)
def ids() -> Iterator[None]:
    with simulated():
        yield


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """What is known of the worlds is much, and nobody needs it afterwards."""
    yield
    world_of.cache_clear()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", list(WORLDS))
def test_ten_thousand_random_schedules_keep_the_rules(
    kind: str, record_property: Callable[[str, object], None]
) -> None:
    first, steps, hazards = int(os.environ.get("SUIZHUAN_TEST_SEED", "0")), 0, Counter[str]()
    for seed in range(first, first + SCHEDULES[kind]):
        told = run(kind, seed)
        steps += len(told.trace)
        hazards.update(told.hazards)
        assert told.broken is None, f"python -m tests.leases.simulate {kind} {seed}\n{told.broken}"
    often = ", ".join(f"{hazard} {number:,}" for hazard, number in hazards.most_common())
    record_property("told", f"{SCHEDULES[kind]:,} schedules of {kind}, {steps:,} steps: {often}")
    assert sum(SCHEDULES.values()) >= 10_000
    seldom = {hazard for hazard in HAZARDS if hazards[hazard] < 10} - ELSEWHERE[kind]
    assert not seldom, {hazard: hazards[hazard] for hazard in seldom}


@pytest.mark.parametrize("kind", list(WORLDS))
def test_what_is_known_already_is_what_the_real_code_does(kind: str) -> None:
    """A schedule in a world that keeps what came of a step is the same as in one where the real code runs each time."""
    for seed in range(8):
        kept = run(kind, seed)
        anew = run(kind, seed, World(kept.world.config, keeps=False))
        assert kept.trace == anew.trace
        assert _databases(kept) == _databases(anew)
        assert kept.hazards == anew.hazards


def _databases(told: Run) -> list[object]:
    return [told.world.unpack(process, number) for process, number in enumerate(told.end.contents)]
