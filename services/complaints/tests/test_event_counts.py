"""How often an event asks PostgreSQL: a handover and a switch wait for each of these round trips."""

from __future__ import annotations

import pytest

from suizhuan.testing import statements

from .conftest import World


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.real)])
def database_url(postgres_database: str) -> str:
    """SQLite is in the process: it has no round trips."""
    return postgres_database


async def test_what_moves_a_case_is_written_at_once(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    with statements(world.service.parts.database) as said:
        await world.placed(asked["id"], case, asked["case_term"], asked["needed_fen"])
    # the case under its grant's lock, the handover, the beat, the giver's grant, those that cover the place, the
    # receiver's grant; what is written; the limits of an act; the guard
    written = ["WITH", "WITH", "SELECT", "WITH", "COMMIT"]
    assert [word.split(" ")[0] for word in said] == ["BEGIN", "WITH", *["SELECT"] * 4, *written]


async def test_a_replica_opens_a_switch_of_one_slot_with_seven_statements(world: World) -> None:
    with statements(world.service.parts.database) as said:
        await world.log.opened("s-1", [world.lead_slot()])
    yielding = [word for word in said if word.startswith("UPDATE authority_grant")]
    # the state, the grants that yield, the switch; whose cases, the cases; the state; the guard
    assert len(said) - len(yielding) == 9, said  # with BEGIN and COMMIT
    assert len(yielding) == 2  # the slot's holder and the root's
