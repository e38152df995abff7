"""Areas that get other codes: everything of property's that lies there has the new code in the same act."""

from __future__ import annotations

import pytest

from property.tables_base import Base
from suizhuan.testing_world import rows, said_of

from .conftest import COMMUNITY, FIRM, GRID, NANGUAN, STREET, STREET_ORG, World

pytestmark = pytest.mark.either_database
NEW = STREET + "911"
RENUMBERED = [{"old": NANGUAN, "new": NEW}]


async def test_all_that_lies_there_follows_and_power_with_it(world: World) -> None:
    estate, premise = await world.estate(), await world.premise()
    lease = await world.lease(premise)
    await world.contract(estate)
    repair = await world.repair(estate)
    owner = await world.owner(estate, 9_000)
    await world.meeting(estate, [owner], 5)
    assert {"estate.area", "premise.area", "lease.area", "repair.area"} <= await said_of(world.service, NANGUAN)
    await world.events()
    await world.log.rekey(RENUMBERED)
    assert await said_of(world.service, NANGUAN) == set()
    assert (await world.get(f"/estates/{estate}", STREET_ORG))["area"] == NEW
    assert (await world.get(f"/leases/{lease['id']}", COMMUNITY))["area"].startswith(NEW)
    assert await world.names() == []
    await world.post(f"/repairs/{repair['id']}/answer", FIRM, {})
    new_estate = {"name": "新小区", "households": 1}
    assert await world.refused("/estates", STREET_ORG, {"area": GRID, **new_estate}) == (422, "unknown_area")


async def test_the_record_once_more_and_a_neighbour_who_is_late_change_nothing(world: World) -> None:
    await world.estate()
    await world.log.rekey(RENUMBERED)
    before = [await rows(world.service, table) for table in Base.metadata.sorted_tables]
    await world.log.again()
    await world.later(30)
    await world.organisation(COMMUNITY, "community", [NANGUAN], sequence=0)
    assert [await rows(world.service, table) for table in Base.metadata.sorted_tables] == before
