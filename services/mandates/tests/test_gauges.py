"""What mandates measures: duties, those without money, and what waits."""

from __future__ import annotations

from mandates import gauges

from .conftest import OTHERS, World


async def measured(world: World, name: str, **labels: str) -> float:
    parts = world.parts
    async with parts.database.read() as conn:
        await gauges.look(conn, parts.metrics, parts.clock.now())
    return parts.metrics.registry.get_sample_value(f"suizhuan_{name}", labels) or 0.0


async def test_a_mandate_counts_in_the_state_it_is_in(world: World) -> None:
    active, unfunded = await measured(world, "mandates", state="active"), await measured(world, "mandates_unfunded")
    await world.propose()
    assert await measured(world, "mandates", state="proposed") == 1
    await world.activate()
    assert await measured(world, "mandates", state="active") == active + 1
    assert await measured(world, "mandates_unfunded") == unfunded > 0  # the roots


async def test_an_admitted_mandate_waits_for_money_since_its_admission(world: World) -> None:
    world.money = False
    mandate = (await world.propose())["id"]
    world.clock.advance(100)  # as a proposal
    await world.beat()
    before = await measured(world, "sagas_open", saga="funding")
    answer = await world.post(f"/mandates/{mandate}/admission", {"decision": "admit"}, "street-xiangli")
    assert answer.status_code == 200, answer.text
    world.clock.advance(9)
    assert await measured(world, "sagas_open", saga="funding") == before + 1
    assert await measured(world, "saga_oldest_seconds", saga="funding") == 9
    await world.carry()  # finance is short
    assert await measured(world, "sagas_open", saga="funding") == before


async def test_a_switch_is_open_until_every_replica_has_answered(world: World) -> None:
    done = await measured(world, "switch_seconds_count", outcome="done")
    world.silent.add(OTHERS[0])
    await world.activate()
    world.clock.advance(3)
    assert await measured(world, "sagas_open", saga="switch") == 1
    assert await measured(world, "saga_oldest_seconds", saga="switch") == 3
    (opened,) = (await world.get("/switches", state="open")).json()["items"]
    await world.acknowledge(opened["id"], OTHERS[0])
    await world.carry()
    assert await measured(world, "sagas_open", saga="switch") == 0
    assert await measured(world, "switch_seconds_count", outcome="done") == done + 1
