"""Random schedules of the real code keep the rules. A seed that does not is printed; its story is told by
`python -m tests.leases.simulate SEED`. SUIZHUAN_TEST_SEED begins elsewhere than at 0."""

from __future__ import annotations

import os

import pytest

from .processes import simulated
from .simulate import run


@pytest.mark.parametrize(
    "schedules",
    [pytest.param(20), pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(7200)])],
)
def test_random_schedules_keep_the_rules(schedules: int) -> None:
    first, steps = int(os.environ.get("SUIZHUAN_TEST_SEED", "0")), 0
    with simulated():
        for seed in range(first, first + schedules):
            told = run(seed)
            steps += len(told.trace)
            assert told.broken is None, f"seed {seed}: python -m tests.leases.simulate {seed}\n{told.broken}"
    assert steps > 10 * schedules, steps


def test_the_same_seed_always_gives_the_same_schedule() -> None:
    with simulated():
        assert run(3).trace == run(3).trace
