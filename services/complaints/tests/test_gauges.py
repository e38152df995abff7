"""What complaints measures: open work, what is late, and movements that wait for money."""

from __future__ import annotations

from complaints import gauges

from .conftest import World


async def measured(world: World, name: str, **labels: str) -> float | None:
    parts = world.service.parts
    async with parts.database.read() as conn:
        await gauges.look(conn, parts.metrics, parts.clock.now())
    return parts.metrics.registry.get_sample_value(f"suizhuan_{name}", labels)


async def test_only_open_cases_are_counted_by_their_state_and_late_ones_apart(world: World) -> None:
    first, second = await world.report(), await world.report()
    assert await measured(world, "cases", state="dispatched") == 2
    await world.finish(first)
    assert await measured(world, "cases", state="dispatched") == 1
    assert await measured(world, "cases", state="verified") is None
    assert await measured(world, "cases_overdue") == 0
    await world.later(30 * 86_400)
    assert await measured(world, "cases_overdue") == 1
    await world.finish(second)
    assert (await measured(world, "cases_overdue"), await measured(world, "cases", state="dispatched")) == (0, 0)


async def test_a_handover_is_open_from_its_request_to_its_outcome_and_its_age_is_told(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    world.clock.advance(7)
    assert await measured(world, "sagas_open", saga="handover") == 1
    assert await measured(world, "saga_oldest_seconds", saga="handover") == 7
    await world.placed(asked["id"], case, asked["case_term"], asked["needed_fen"])
    assert await measured(world, "sagas_open", saga="handover") == 0
    assert await measured(world, "saga_oldest_seconds", saga="handover") == 0
    assert await measured(world, "handover_seconds_count", outcome="moved") == 1
    assert await measured(world, "handover_seconds_sum", outcome="moved") == 7


async def test_a_refused_handover_is_measured_once_also_when_finance_answers_late(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    await world.short(asked["id"], case, 1, 100)
    await world.placed(asked["id"], case, 1, asked["needed_fen"])
    assert await measured(world, "handover_seconds_count", outcome="refused") == 1
    assert await measured(world, "handover_seconds_count", outcome="moved") == 0


async def test_cases_of_a_switch_wait_for_their_holds(world: World) -> None:
    await world.report()
    await world.log.opened("s1", [world.lead_slot()])
    assert await measured(world, "sagas_open", saga="switch_cases") == 1
