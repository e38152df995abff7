"""What property measures: rent that has not come, repairs that want somebody, committees that nobody has filed."""

from __future__ import annotations

from property import gauges

from .conftest import COMMUNITY, FIRM, STREET_ORG, World

DAY = 86_400.0


async def measured(world: World, name: str, **labels: str) -> float | None:
    parts = world.service.parts
    async with parts.database.read() as conn:
        await gauges.look(conn, parts.metrics, parts.clock.now())
    return parts.metrics.registry.get_sample_value(f"suizhuan_{name}", labels)


async def test_rent_counts_from_its_bill_until_it_comes_or_is_withdrawn(world: World) -> None:
    lease = await world.lease(await world.premise(kind="shop"), starts_on="2026-02-01", due_day=1)
    assert await measured(world, "rents_unpaid") == 0
    await world.deadlines()
    assert (await measured(world, "rents_unpaid"), await measured(world, "rents_unpaid_fen")) == (2, 300_000)
    await world.post(f"/leases/{lease['id']}/payments", COMMUNITY, {"due": 2})
    assert (await measured(world, "rents_unpaid"), await measured(world, "rents_unpaid_fen")) == (1, 150_000)


async def test_open_repairs_are_counted_by_state_and_late_firms_apart(world: World) -> None:
    estate = await world.estate()
    await world.contract(estate)
    repairs = [(await world.repair(estate))["id"] for _ in range(2)]
    await world.post(f"/repairs/{repairs[0]}/answer", FIRM)
    assert await measured(world, "repairs", state="requested") == 1
    assert await measured(world, "repairs", state="answered") == 1
    assert await measured(world, "repairs", state="confirmed") is None
    assert await measured(world, "repairs_overdue") == 0
    world.clock.advance(2 * DAY)  # its row has not come up yet
    assert await measured(world, "repairs_overdue") == 1
    await world.later(0)
    assert await measured(world, "repairs_overdue") == 0
    assert await measured(world, "repairs", state="referred") == 1


async def test_a_committee_counts_from_the_day_it_is_late_until_it_is_filed(world: World) -> None:
    estate = await world.estate()
    owner = await world.owner(estate, 10_000, "a-1")
    meeting = (await world.meeting(estate, [owner], 3))["id"]
    await world.later(15 * DAY)
    await world.vote(meeting, "a-1", "for")
    await world.later(7 * DAY)
    assert await measured(world, "committees_unfiled") == 0
    await world.later(30 * DAY)
    assert await measured(world, "committees_unfiled") == 1
    await world.post(f"/meetings/{meeting}/filing", STREET_ORG, {"reference": "备 1"})
    assert await measured(world, "committees_unfiled") == 0
