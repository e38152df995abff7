"""How often an event asks PostgreSQL: a handover and a switch wait for each of these round trips."""

from __future__ import annotations

import pytest

from suizhuan.testing import statements
from suizhuan.testing_databases import Databases

from .conftest import COMMUNITY, FIRM, HANDLE, LEAD_MANDATE, World


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.real)])
def databases(postgres_databases: Databases) -> Databases:
    """SQLite is in the process: it has no round trips."""
    return postgres_databases


async def test_what_moves_a_case_is_written_at_once(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    with statements(world.service.parts.database) as said:
        await world.placed(asked["id"], case, asked["case_term"], asked["needed_fen"])
    # the case under its grant's lock, the handover, the beat, the giver's grant, those that cover the place, the
    # receiver's grant; what is written; the limits of an act; the guard
    written = ["WITH", "WITH", "SELECT", "WITH", "COMMIT"]
    assert [word.split(" ")[0] for word in said] == ["BEGIN", "WITH", *["SELECT"] * 4, *written]


async def test_a_replica_opens_a_switch_of_one_slot_with_six_statements(world: World) -> None:
    with statements(world.service.parts.database) as said:
        await world.log.opened("s-1", [world.lead_slot()])
    # the state, the grants that yield; all that is written; whose cases, the cases; the guard
    assert len(said) == 8, said  # with BEGIN and COMMIT
    written = next(sql for sql in said if "UPDATE authority_state" in sql)
    assert written.count("UPDATE authority_grant") == 2  # the slot's holder and the root's
    assert "open_switch" in written, written


async def test_it_ends_a_switch_with_five_statements_and_looks_at_its_cases_with_three(world: World) -> None:
    slot = world.lead_slot()
    await world.log.opened("s-1", [slot])
    new = world.log.holding("m-new", FIRM, slot["affair"], slot["area"], [HANDLE])
    old = {**new, "mandate": LEAD_MANDATE, "holder": COMMUNITY}
    with statements(world.service.parts.database) as said:
        await world.log.done("s-1", [{**slot, "old": old, "new": new}])
    # the state, the grants that change, what had been opened, the grants inside; all that is written
    assert [word.split(" ")[0] for word in said[:6]] == ["BEGIN", "SELECT", "WITH", "SELECT", "SELECT", "WITH"], said
    assert len(said) == 10, said  # what was prepared, whose cases, the cases; with COMMIT
