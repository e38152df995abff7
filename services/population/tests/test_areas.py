"""Areas, buildings, dwellings and households."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import COMMUNITY, GRID, GRID_2, NANGUAN, OTHER, OWNER, ROOT, STREET, XIANGLI, World, of

pytestmark = pytest.mark.either_database

NAMES = {"name": "新网格", "name_en": "New grid"}


async def test_a_grid_is_registered_under_its_community_and_announced(world: World) -> None:
    made = await world.post("/areas", COMMUNITY, {"area": NANGUAN + "003", **NAMES})
    assert (made["kind"], made["version"]) == ("grid", 1)
    (event,) = await world.events()
    assert (event.name, event.key) == ("population.area.registered", NANGUAN + "003")
    assert event.data == {"area": NANGUAN + "003", "kind": "grid", "name": "新网格", "name_en": "New grid"}
    assert event.attributes["mandate"] == f"m-gov.divisions-{NANGUAN}"


async def test_a_community_numbers_its_own_grids_and_the_owner_the_rest(world: World) -> None:
    await world.post("/areas", COMMUNITY, {"area": NANGUAN + "004", **NAMES})
    await world.post("/areas", OWNER, {"area": STREET + "911", **NAMES})
    assert await world.refused("/areas", OWNER, {"area": NANGUAN + "005", **NAMES}) == (403, "missing_power")
    assert await world.refused("/areas", COMMUNITY, {"area": XIANGLI + "004", **NAMES}) == (403, "missing_power")


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        ("12345", (422, "area_malformed")),
        ("110101", (422, "area_outside")),
        ("32", (422, "area_outside")),
        (NANGUAN, (409, "area_known")),
        (STREET + "555001", (422, "parent_unknown")),
    ],
)
async def test_an_area_that_cannot_be_is_refused(world: World, area: str, expected: tuple[int, str]) -> None:
    assert await world.refused("/areas", OWNER, {"area": area, **NAMES}) == expected
    assert await world.names() == []


async def test_a_trailing_community_of_zeros_is_its_street(world: World) -> None:
    assert await world.refused("/areas", OWNER, {"area": STREET + "000", **NAMES}) == (409, "area_known")


async def test_an_area_is_renamed_only_at_the_version_that_was_seen(world: World) -> None:
    path = f"/areas/{GRID}/names"
    renamed = await world.post(path, COMMUNITY, NAMES, headers={"If-Match": '"1"'})
    assert (renamed["name"], renamed["version"]) == ("新网格", 2)
    assert await world.refused(path, COMMUNITY, NAMES, headers={"If-Match": '"1"'}) == (412, "version_conflict")
    assert await world.names() == ["area.renamed"]
    again = await world.post(path, COMMUNITY, NAMES)
    assert (again["version"], await world.names()) == (2, [])


async def test_areas_page_to_the_end(world: World) -> None:
    found: list[str] = []
    cursor = ""
    while True:
        page = await world.get("/areas", area=ROOT, limit=2, cursor=cursor)
        found += [item["area"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert found == sorted(found)
    assert len(found) == len(set(found)) == 7
    grids = await world.get(f"/areas?area={NANGUAN}&kind=grid")
    assert [item["area"] for item in grids["items"]] == [GRID, GRID_2]


async def test_a_building_stands_in_one_grid_under_a_name_of_its_own(world: World) -> None:
    made = await world.building()
    assert await world.refused("/buildings", COMMUNITY, {"grid": GRID, "name": "3号楼"}) == (409, "building_known")
    await world.building(grid=GRID_2)
    dwelling = await world.post(f"/buildings/{made['id']}/dwellings", COMMUNITY, {"unit": "2", "room": "501"})
    assert dwelling["grid"] == GRID
    double = await world.refused(f"/buildings/{made['id']}/dwellings", COMMUNITY, {"unit": "2", "room": "501"})
    assert double == (409, "dwelling_known")
    assert await world.names() == ["building.registered", "building.registered", "dwelling.registered"]
    listed = await world.get(f"/buildings/{made['id']}/dwellings")
    assert [(d["unit"], d["room"]) for d in listed["items"]] == [("2", "501")]
    assert [b["grid"] for b in (await world.get("/buildings", area=NANGUAN))["items"]] == [GRID, GRID_2]
    assert (await world.get(f"/buildings/{made['id']}"))["version"] == 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"grid": NANGUAN, "name": "x"}, (422, "not_a_grid")),
        ({"grid": NANGUAN + "777", "name": "x"}, (422, "unknown_area")),
        ({"grid": XIANGLI + "001", "name": "x"}, (403, "missing_power")),
        ({"grid": GRID, "name": "x\x00"}, (422, "invalid_request")),
        ({"grid": GRID, "name": " x"}, (422, "invalid_request")),
        ({"grid": GRID, "name": "x", "floors": 0}, (422, "invalid_request")),
        ({"grid": GRID, "name": "x", "more": 1}, (422, "invalid_request")),
    ],
)
async def test_a_building_that_cannot_be_is_refused(
    world: World, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert await world.refused("/buildings", COMMUNITY, body) == expected


async def test_a_household_lives_in_its_grid_and_one_of_its_people_is_its_head(world: World) -> None:
    household = await world.household()
    assert await world.refused("/households", COMMUNITY, {"grid": GRID, "number": "H1"}) == (409, "household_known")
    person = await world.person(household=household["id"])
    stranger = await world.person()
    path = f"/households/{household['id']}/head"
    assert await world.refused(path, COMMUNITY, {"person": stranger["id"]}) == (409, "not_a_member")
    named = await world.post(path, COMMUNITY, {"person": person["id"]})
    assert (named["head"], named["version"]) == (person["id"], 2)
    await world.events()
    await world.post(path, COMMUNITY, {"person": person["id"]})
    assert await world.names() == []
    await world.post(f"/people/{person['id']}/departure", COMMUNITY, {"reason": "died"})
    events = await world.events()
    assert of(events, "household.head_named")[0].data["person"] is None
    assert (await world.get(f"/households/{household['id']}"))["head"] is None
    assert [h["number"] for h in (await world.get("/households", area=GRID))["items"]] == ["H1"]


async def test_a_dwelling_or_household_of_another_grid_is_not_a_home_here(world: World) -> None:
    building = await world.building(grid=GRID_2)
    dwelling = await world.post(f"/buildings/{building['id']}/dwellings", COMMUNITY, {"room": "1"})
    body = {"grid": GRID, "number": "H9", "dwelling": dwelling["id"]}
    assert await world.refused("/households", COMMUNITY, body) == (422, "elsewhere")
    assert await world.refused("/households", COMMUNITY, {**body, "dwelling": "nowhere"}) == (404, "not_found")
    household = await world.household(grid=GRID_2)
    assert await world.refused("/people", COMMUNITY, world.someone(household=household["id"])) == (422, "elsewhere")


async def test_of_two_who_register_the_same_building_one_is_told(world: World) -> None:
    import asyncio

    body = {"grid": GRID, "name": "同名楼"}
    answers = await asyncio.gather(*(world.ask("POST", "/buildings", COMMUNITY, body) for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"building_known"}
    assert await world.names() == ["building.registered"]


async def test_another_community_registers_nothing_here(world: World) -> None:
    building = await world.building()
    for path, body in (
        ("/buildings", {"grid": GRID, "name": "y"}),
        (f"/buildings/{building['id']}/dwellings", {"room": "1"}),
        ("/households", {"grid": GRID, "number": "H2"}),
        ("/people", world.someone()),
    ):
        assert await world.refused(path, OTHER, body) == (403, "missing_power"), path
