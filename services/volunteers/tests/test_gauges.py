"""What volunteers measures."""

from __future__ import annotations

from volunteers import gauges

from .conftest import World


async def measured(world: World, name: str, **labels: str) -> float | None:
    parts = world.service.parts
    async with parts.database.read() as conn:
        await gauges.look(conn, parts.metrics, parts.clock.now())
    return parts.metrics.registry.get_sample_value(f"suizhuan_{name}", labels)


async def test_volunteers_are_counted_as_long_as_they_are_registered(world: World) -> None:
    for who in ("r:wang", "r:li"):
        await world.register(who, trained=False)
    assert await measured(world, "volunteers") == 2
    await world.post("/volunteers/me/erasure", "r:wang")
    assert await measured(world, "volunteers") == 1


async def test_an_activity_waits_for_its_money_from_its_plan_to_the_answer_and_its_age_is_told(world: World) -> None:
    made = await world.activity(held=False)
    world.clock.advance(7)
    assert await measured(world, "sagas_open", saga="activity_funding") == 1
    assert await measured(world, "saga_oldest_seconds", saga="activity_funding") == 7
    assert await measured(world, "activities", state="planned") == 1
    await world.bill("held", made["bill"], mandate=made["mandate"], amount_fen=20_000)
    assert await measured(world, "sagas_open", saga="activity_funding") == 0
    assert await measured(world, "saga_oldest_seconds", saga="activity_funding") == 0
    assert await measured(world, "activities", state="open") == 1
