"""Coverage, what is heard for it, and the codes of the profile."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from population import tables as t

from .conftest import COMMUNITY, DAY, FOREIGN, GRID, GRID_2, NANGUAN, OTHER, ROOT, STREET, World

pytestmark = pytest.mark.either_database

MANDATE = f"m-population.register-{NANGUAN}"


def activated(mandate: str = MANDATE, **more: Any) -> dict[str, Any]:
    return {
        "mandate": mandate,
        "affair": "population.register",
        "area": NANGUAN,
        "role": "lead",
        "holder": COMMUNITY,
        "staff_count": 2,
        "amount_fen": 120_000,
        **more,
    }


async def missing(world: World, area: str = ROOT) -> dict[str, list[str]]:
    page = await world.get("/coverage", area=area, limit=100)
    return {item["area"]: item["missing"] for item in page["items"]}


async def heard(world: World) -> list[dict[str, Any]]:
    async with world.service.parts.database.read() as conn:
        return [dict(row._mapping) for row in await conn.execute(select(t.mandate).order_by(t.mandate.c.mandate))]


async def test_a_grid_lacks_what_it_lacks_and_is_not_listed_when_it_lacks_nothing(world: World) -> None:
    assert await missing(world) == {grid: ["money", "records"] for grid in (GRID, GRID_2, FOREIGN)}
    await world.hear("mandates.mandate.activated", MANDATE, activated())
    assert await missing(world) == {GRID: ["records"], GRID_2: ["records"], FOREIGN: ["money", "records"]}
    await world.person()
    assert await missing(world, NANGUAN) == {GRID_2: ["records"]}
    await world.later(180 * DAY)
    assert await missing(world, NANGUAN) == {GRID: ["records"], GRID_2: ["records"]}
    await world.person()
    await world.hear("mandates.mandate.suspended", MANDATE, {"mandate": MANDATE, "reason": "x", "switch": "s"})
    assert (await missing(world, NANGUAN))[GRID] == ["money"]
    await world.log.revoke(MANDATE, COMMUNITY, "population.register", NANGUAN)
    page = await world.get("/coverage", area=GRID)
    assert page["items"][0]["missing"] == ["staff", "money"]
    assert page["items"][0]["responsible"] == "dept-civil-affairs"


async def test_a_mandate_without_staff_or_money_is_told(world: World) -> None:
    await world.person()
    await world.hear("mandates.mandate.activated", MANDATE, activated(staff_count=0, amount_fen=0))
    assert (await missing(world, GRID)) == {GRID: ["staff", "money"]}


async def test_a_building_is_judged_by_its_own_records(world: World) -> None:
    old = await world.building("旧楼")
    await world.later(181 * DAY)
    new = await world.building("新楼")
    await world.hear("mandates.mandate.activated", MANDATE, activated())
    page = await world.get("/coverage?level=building&limit=1")
    found = [item["building"] for item in page["items"]]
    while page["next"] is not None:
        page = await world.get(f"/coverage?level=building&limit=1&cursor={page['next']}")
        found += [item["building"] for item in page["items"]]
    assert found == [old["id"]]
    assert new["id"] not in found
    assert await world.not_got("/coverage?level=street") == (422, "invalid_request")


async def test_coverage_pages_to_the_end(world: World) -> None:
    found: list[str] = []
    cursor = ""
    while True:
        page = await world.get("/coverage", area=STREET, limit=1, cursor=cursor)
        found += [item["area"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert found == [GRID, GRID_2, FOREIGN]


async def test_what_is_heard_twice_late_or_of_others_changes_nothing(world: World) -> None:
    await world.hear("mandates.mandate.activated", MANDATE, activated(), sequence=5)
    once = await heard(world)
    await world.hear("mandates.mandate.activated", MANDATE, activated(), sequence=5)
    await world.hear("mandates.mandate.suspended", MANDATE, {"mandate": MANDATE}, sequence=3)
    await world.hear("mandates.mandate.activated", MANDATE, activated(amount_fen=1), sequence=4)
    await world.hear("mandates.mandate.activated", "m-x", activated("m-x", affair="env.green"), sequence=9)
    await world.hear("mandates.mandate.ended", "m-y", {"mandate": "m-y"}, sequence=9)
    assert await heard(world) == once
    await world.hear("mandates.mandate.ended", MANDATE, {"mandate": MANDATE}, sequence=6)
    assert [row["state"] for row in await heard(world)] == ["ended"]


async def test_everything_heard_from_the_beginning_makes_the_same_rows(world: World, empty: World) -> None:
    story: list[tuple[str, str, dict[str, Any], int]] = []
    for number, mandate in enumerate(("a", "b", "c")):
        story.append(("mandates.mandate.activated", mandate, activated(mandate), 1))
        story.append(("mandates.mandate.suspended", mandate, {"mandate": mandate}, 2))
        if number:
            story.append(("mandates.mandate.activated", mandate, activated(mandate, amount_fen=number), 3))
        if number > 1:
            story.append(("mandates.mandate.ended", mandate, {"mandate": mandate}, 4))
    for name, key, data, sequence in story:
        await world.hear(name, key, data, sequence=sequence)
    by_mandate_backwards = sorted(story, key=lambda one: one[1], reverse=True)
    for name, key, data, sequence in by_mandate_backwards:
        await empty.hear(name, key, data, sequence=sequence)
    assert await heard(world) == await heard(empty)
    assert [row["state"] for row in await heard(empty)] == ["suspended", "active", "ended"]


async def test_an_area_that_is_not_trimmed_is_a_malformed_event(world: World) -> None:
    import pytest

    from suizhuan.kernel.refusal import Refusal

    with pytest.raises(Refusal, match="event_malformed"):
        await world.hear("mandates.mandate.activated", "m", activated("m", area=NANGUAN + "000"))


async def test_the_codes_of_the_jurisdiction_are_shown(world: World) -> None:
    codes = await world.get("/codes", OTHER)
    assert len(codes["file_kinds"]) == 6
    assert codes["permit"]["lived_months"] == 6
    assert {p["code"] for p in codes["purposes"]} >= {"visit", "rights"}


async def test_gauges_show_what_waits(world: World) -> None:
    from population.gauges import look

    person = await world.person()
    body = {"person": person["id"], "kind": "destitute", "attributes": {"care": "scattered"}}
    await world.post("/files", COMMUNITY, body)
    world.clock.advance(31 * DAY)
    metrics = world.service.parts.metrics
    async with world.service.parts.database.read() as conn:
        await look(conn, metrics, world.clock.now())
    text = metrics.render().decode()
    assert 'suizhuan_visits_overdue{service="population"} 1.0' in text
    assert 'suizhuan_corrections_overdue{service="population"} 0.0' in text
    assert 'suizhuan_sagas_open{saga="import",service="population"} 0.0' in text or "suizhuan_sagas_open" in text
