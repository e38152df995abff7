"""Estates, premises, and the norm of community premises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.domain.norm import Coverage, wanted_dm2

from .conftest import CIVIL, COMMUNITY, GRID, GUANKOU, NANGUAN, OTHER_COMMUNITY, STREET, STREET_ORG, World, of, room

pytestmark = pytest.mark.either_database


async def test_an_estate_is_registered_under_a_power_and_says_so(world: World) -> None:
    estate = await world.post("/estates", STREET_ORG, {"area": GRID, "name": "南关小区", "households": 860})
    assert estate["version"] == 1
    (event,) = await world.events()
    assert event.name == "property.estate.registered"
    assert event.data == {"estate": estate["id"], "area": GRID, "name": "南关小区", "households": 860}
    about = {k: event.attributes[k] for k in ("mandate", "term", "org", "area", "sequence")}
    assert about == {"mandate": "m-estates-street", "term": "1", "org": STREET_ORG, "area": GRID, "sequence": "1"}
    assert await world.get(f"/estates/{estate['id']}") == estate


async def test_an_estate_is_corrected_at_the_version_that_was_seen(world: World) -> None:
    estate = await world.estate()
    path = f"/estates/{estate}/revision"
    after = await world.post(path, STREET_ORG, {"households": 900}, headers={"If-Match": '"1"'})
    assert (after["households"], after["name"], after["version"]) == (900, "南关小区", 2)
    seen = {"headers": {"If-Match": '"1"'}}
    assert await world.refused(path, STREET_ORG, {"households": 901}, **seen) == (412, "version_conflict")
    assert await world.names() == ["estate.registered", "estate.revised"]


async def test_a_place_that_is_not_registered_or_too_broad_is_refused(world: World) -> None:
    for area, code in (
        ("321302002908", "unknown_area"),
        ("330101", "unknown_area"),
        (STREET, "area_too_broad"),
        ("32130200290", "area_malformed"),
    ):
        body = {"area": area, "name": "x", "households": 1}
        assert await world.refused("/estates", STREET_ORG, body) == (422, code)
        assert await world.refused("/premises", COMMUNITY, room(area=area)) == (422, code)
    assert await world.events() == []


async def test_a_premise_keeps_its_papers_its_use_and_its_end(world: World) -> None:
    estate = await world.estate(area=GRID)
    premise = await world.premise(estate=estate, area=GRID, kind="air_defence", use="parking")
    path = f"/premises/{premise}"
    await world.post(f"{path}/papers", COMMUNITY, {"paper": "title", "reference": "宿人防权 1 号"})
    await world.post(f"{path}/papers", COMMUNITY, {"paper": "delegation", "reference": "宿人防委 2 号"})
    await world.post(f"{path}/use", COMMUNITY, {"use": "storage"})
    after = await world.post(f"{path}/withdrawal", COMMUNITY, {"reason": "requisitioned"})
    assert (after["title"], after["delegation"], after["use"]) == ("宿人防权 1 号", "宿人防委 2 号", "storage")
    assert (after["withdrawn_for"], after["version"]) == ("requisitioned", 5)
    for step, body in (
        ("papers", {"paper": "title", "reference": "x"}),
        ("use", {"use": "office"}),
        ("withdrawal", {"reason": "demolished"}),
    ):
        assert await world.refused(f"{path}/{step}", COMMUNITY, body) == (409, "premise_withdrawn")


async def test_a_premise_lies_in_its_estate(world: World) -> None:
    estate = await world.estate(area=GRID)
    assert await world.refused("/premises", COMMUNITY, room(estate=estate)) == (422, "outside_estate")
    assert await world.refused("/premises", COMMUNITY, room(estate="nowhere")) == (404, "not_found")


async def test_the_norm_is_counted_by_community_in_whole_square_decimetres(world: World) -> None:
    """14,401 households want 4,320.3 m²."""
    await world.estate(area=GRID, households=14_000)
    await world.estate(area=NANGUAN, households=401)
    await world.premise(size_dm2=8_000)
    other = await world.premise(size_dm2=4_050, use="office")
    await world.premise(kind="shop", size_dm2=50_000)
    await world.premise(by=OTHER_COMMUNITY, area=GUANKOU, size_dm2=1_000, use="office")
    page = await world.get("/premises/coverage", area=STREET)
    assert (page["m2_per_100_households"], page["activity_percent"]) == (30, 60)
    guankou, nanguan = page["items"]
    assert guankou == {
        "area": GUANKOU,
        "households": 0,
        "size_dm2": 1_000,
        "wanted_dm2": 0,
        "short_dm2": 0,
        "met": True,
        "activity_dm2": 0,
        "activity_met": False,
    }
    assert (nanguan["households"], nanguan["size_dm2"], nanguan["wanted_dm2"]) == (14_401, 12_050, 432_030)
    assert (nanguan["short_dm2"], nanguan["met"]) == (419_980, False)
    assert (nanguan["activity_dm2"], nanguan["activity_met"]) == (8_000, True)
    await world.post(f"/premises/{other}/withdrawal", COMMUNITY, {"reason": "demolished"})
    assert (await world.get("/premises/coverage", area=NANGUAN))["items"][0]["size_dm2"] == 8_000


async def test_the_norm_pages_by_community_to_the_end(world: World) -> None:
    await world.estate(area=GRID)
    await world.premise(by=OTHER_COMMUNITY, area=GUANKOU)
    found = await world.pages("/premises/coverage", limit=1, area=STREET)
    assert [item["area"] for item in found] == [GUANKOU, NANGUAN]


@given(st.integers(0, 10**7), st.integers(1, 1_000), st.integers(0, 10**9), st.integers(0, 10**9))
def test_what_is_short_is_exactly_what_would_meet_the_norm(
    households: int, norm: int, size: int, activity: int
) -> None:
    wanted = wanted_dm2(households, norm)
    assert wanted == households * norm  # m² for 100 households are dm² for each
    c = Coverage("x", households, size, min(activity, size), wanted, 60)
    assert c.met == (c.short_dm2 == 0)
    assert Coverage("x", households, size + c.short_dm2, 0, wanted, 60).met
    assert c.activity_met == (5 * c.activity_dm2 >= 3 * size)


async def test_lists_page_to_the_end_and_hold_what_was_asked_for(world: World) -> None:
    estates = [await world.estate(area=area) for area in (GRID, NANGUAN, GRID, NANGUAN, GRID)]
    assert [e["id"] for e in await world.pages("/estates", limit=2)] == estates[::-1]
    assert [e["id"] for e in await world.pages("/estates", limit=2, area=GRID)] == [estates[4], estates[2], estates[0]]
    rooms = [await world.premise(kind=kind) for kind in ("community", "shop", "community")]
    assert [p["id"] for p in await world.pages("/premises", limit=1)] == rooms[::-1]
    assert [p["id"] for p in await world.pages("/premises", limit=1, kind="shop")] == [rooms[1]]
    assert await world.pages("/premises", limit=1, estate=estates[0]) == []


async def test_a_repeat_under_the_same_key_registers_once(world: World) -> None:
    key = {"headers": {"Idempotency-Key": "k1"}}
    first = await world.post("/premises", COMMUNITY, room(), **key)
    again = await world.ask("POST", "/premises", COMMUNITY, room(), **key)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first, "true")
    assert await world.refused("/premises", COMMUNITY, room(size_dm2=1), **key) == (422, "idempotency_key_reused")
    assert len(of(await world.events(), "premise.registered")) == 1


async def test_who_holds_the_power_next_is_named(world: World) -> None:
    answer = await world.ask("POST", "/premises", OTHER_COMMUNITY, room())
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_power")
    assert answer.json()["params"]["holder"] == COMMUNITY
    assert (await world.ask("POST", "/premises", CIVIL, room())).json()["code"] == "missing_power"
