"""People: the register, its masks, and what identifies somebody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from suizhuan.testing import told_of

from .conftest import COMMUNITY, FOREIGN, GRID, GRID_2, NANGUAN, OTHER, World, id_number, of

pytestmark = pytest.mark.either_database


async def test_a_person_is_registered_coarsely_and_shown_masked(world: World) -> None:
    made = await world.person(name="欧阳明月", id_number="11010519491231002X")
    assert made["name"] == "欧*"
    assert made["id_number"] == "**************002X"
    assert (made["sex"], made["birth_from"], made["state"]) == ("female", 1945, "present")
    (event,) = await world.events()
    assert event.data == {
        "person": made["id"],
        "grid": GRID,
        "building": None,
        "dwelling": None,
        "household": None,
        "sex": "female",
        "birth_from": 1945,
        "registration": "registered",
    }
    assert event.attributes["mandate"] == f"m-population.register-{NANGUAN}"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("440524188001010015", "id_checksum"),
        ("44052418800101001", "id_length"),
        ("440524 88001010014", "id_format"),
        ("44052418800101001X", "id_checksum"),
        (id_number(1, born="20991231"), "id_date"),
        (id_number(1, born="19900230"), "id_date"),
        (id_number(1, place="999999"), "id_place"),
    ],
)
async def test_an_id_that_is_none_is_refused_with_what_is_wrong(world: World, number: str, reason: str) -> None:
    answer = await world.ask("POST", "/people", COMMUNITY, world.someone(id_number=number))
    assert (answer.status_code, answer.json()["code"]) == (422, "id_malformed")
    assert answer.json()["params"] == {"reason": reason}
    assert number not in answer.text


async def test_nobody_is_registered_twice_and_only_the_community_is_told(world: World) -> None:
    await world.person(id_number="440524188001010014")
    answer = await world.ask("POST", "/people", OTHER, world.someone(grid=FOREIGN, id_number="440524188001010014"))
    assert (answer.status_code, answer.json()["code"]) == (409, "person_known")
    assert answer.json()["params"] == {"area": NANGUAN}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"registration": "martian"}, "unknown_code"),
        ({"details": {"shoe-size": "42"}}, "unknown_code"),
        ({"details": {"employment": "pirate"}}, "unknown_code"),
        ({"name": ""}, "invalid_request"),
        ({"name": "x\ny"}, "invalid_request"),
        ({"phone": "call me"}, "invalid_request"),
        ({"id_number": ""}, "invalid_request"),
        ({"more": 1}, "invalid_request"),
    ],
)
async def test_a_person_that_cannot_be_is_refused(world: World, change: dict[str, Any], code: str) -> None:
    assert await world.refused("/people", COMMUNITY, world.someone(**change)) == (422, code)
    assert await world.names() == []


async def test_personal_data_are_read_under_a_power_for_a_purpose_and_the_read_is_told(world: World) -> None:
    made = await world.person(name="欧阳明月", phone="13812345678")
    path = f"/people/{made['id']}/private"
    await world.events()
    read = await world.get(path, purpose="visit")
    assert (read["name"], read["phone"], read["details"]) == ("欧阳明月", "13812345678", {"employment": "retired"})
    assert read["birth_date"] == "2000-01-01"
    (event,) = await world.events()
    assert event.name == "population.person.private_read"
    assert event.data == {
        "person": made["id"],
        "power": "population.person.read",
        "purpose": "visit",
        "fields": ["name", "id_number", "birth_date", "phone", "employment"],
    }
    assert await world.not_got(path, OTHER, purpose="visit") == (403, "missing_power")
    assert await world.not_got(path, purpose="curiosity") == (422, "unknown_code")
    assert await world.not_got(path) == (422, "invalid_request")
    assert await world.not_got(path, None, caller="resident", purpose="visit") == (403, "wrong_kind")
    assert await world.names() == []


async def test_an_unmasked_list_tells_of_every_person_on_it(world: World) -> None:
    made = [await world.person() for _ in range(3)]
    await world.events()
    first = await world.get("/people/private", area=NANGUAN, purpose="relief", limit=2)
    rest = await world.get("/people/private", area=NANGUAN, purpose="relief", limit=2, cursor=first["next"])
    names = [item["name"] for item in first["items"] + rest["items"]]
    assert (names, rest["next"]) == (["张三1", "张三2", "张三3"], None)
    assert [e.key for e in of(await world.events(), "person.private_read")] == [p["id"] for p in made]
    assert await world.not_got("/people/private", OTHER, area=NANGUAN, purpose="relief") == (403, "missing_power")
    assert await world.not_got("/people/private", area=NANGUAN, purpose="none") == (422, "unknown_code")


async def test_an_exact_id_is_found_only_with_power_and_purpose(world: World) -> None:
    made = await world.person(id_number="440524188001010014")
    body = {"area": NANGUAN, "id_number": "440524188001010014", "purpose": "verification"}
    await world.events()
    assert (await world.post("/people/search", COMMUNITY, body))["person"] == made["id"]
    assert await world.names() == ["person.private_read"]
    assert await world.refused("/people/search", OTHER, body) == (403, "missing_power")
    assert await world.refused("/people/search", OTHER, {**body, "area": FOREIGN}) == (404, "not_found")
    nobody = {**body, "id_number": id_number(999)}
    assert await world.refused("/people/search", COMMUNITY, nobody) == (404, "not_found")
    assert await world.refused("/people/search", OTHER, nobody) == (403, "missing_power")
    assert await world.refused("/people/search", COMMUNITY, {**body, "purpose": "x"}) == (422, "unknown_code")
    assert await world.names() == []


async def test_what_is_held_is_put_right_at_the_version_that_was_seen(world: World) -> None:
    made = await world.person()
    path = f"/people/{made['id']}/data"
    body = {
        "name": "李四",
        "id_number": id_number(501, born="19991231"),
        "registration": "floating",
        "details": {},
    }
    await world.events()
    changed = await world.post(path, COMMUNITY, body, headers={"If-Match": '"1"'})
    assert (changed["name"], changed["sex"], changed["birth_from"]) == ("李*", "male", 1995)
    (event,) = await world.events()
    assert event.data["fields"] == ["birth_date", "employment", "id_number", "name", "phone", "registration"]
    assert await world.refused(path, COMMUNITY, body, headers={"If-Match": '"1"'}) == (412, "version_conflict")
    await world.post(path, COMMUNITY, body)
    assert await world.names() == []
    other = await world.person()
    assert await world.refused(f"/people/{other['id']}/data", COMMUNITY, body) == (409, "person_known")


async def test_a_person_moves_under_the_power_over_both_places(world: World) -> None:
    made = await world.person()
    path = f"/people/{made['id']}/home"
    moved = await world.post(path, COMMUNITY, {"grid": GRID_2})
    assert moved["grid"] == GRID_2
    assert await world.refused(path, COMMUNITY, {"grid": FOREIGN}) == (403, "missing_power")
    assert await world.refused(path, OTHER, {"grid": FOREIGN}) == (403, "missing_power")
    (event,) = of(await world.events(), "person.moved")
    assert (event.data["from_grid"], event.data["grid"]) == (GRID, GRID_2)


async def test_who_has_left_is_not_changed_any_more(world: World) -> None:
    made = await world.person()
    await world.post(f"/people/{made['id']}/departure", COMMUNITY, {"reason": "moved"})
    departed = (409, "person_departed")
    assert await world.refused(f"/people/{made['id']}/departure", COMMUNITY, {"reason": "moved"}) == departed
    assert await world.refused(f"/people/{made['id']}/home", COMMUNITY, {"grid": GRID_2}) == departed
    body = {k: v for k, v in world.someone().items() if k != "grid"}
    assert await world.refused(f"/people/{made['id']}/data", COMMUNITY, body) == departed
    assert (await world.get("/people", area=GRID))["items"] == []
    assert len((await world.get("/people", area=GRID, state="departed"))["items"]) == 1
    assert await world.not_got("/people", state="elsewhere") == (422, "invalid_request")
    reason = await world.refused(f"/people/{(await world.person())['id']}/departure", COMMUNITY, {"reason": "bored"})
    assert reason == (422, "unknown_code")


async def test_lists_page_to_the_end_by_area_building_household_and_registration(world: World) -> None:
    building = await world.building()
    flat = await world.post(f"/buildings/{building['id']}/dwellings", COMMUNITY, {"room": "101"})
    household = await world.household(dwelling=flat["id"])
    for index in range(7):
        inside = {"dwelling": flat["id"], "household": household["id"]} if index % 2 else {}
        await world.person(registration="floating" if index % 3 else "registered", **inside)
    for _ in range(3):
        await world.person(grid=GRID_2)

    async def every(**query: Any) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            page = await world.get("/people", limit=2, cursor=cursor, **query)
            found += [item["id"] for item in page["items"]]
            if page["next"] is None:
                return found
            cursor = page["next"]

    assert len(set(await every(area=NANGUAN))) == 10
    assert len(set(await every(area=GRID))) == 7
    assert len(set(await every(area=NANGUAN, building=building["id"]))) == 3
    assert len(set(await every(area=NANGUAN, household=household["id"], building=building["id"]))) == 3
    assert len(set(await every(area=NANGUAN, registration="floating"))) == 4
    assert len(set(await every(area=NANGUAN, building=building["id"], registration="floating"))) == 2
    assert await every(area=FOREIGN) == []
    assert await world.not_got("/people", cursor="%%%") == (422, "cursor_malformed")
    assert await world.not_got("/people", cursor="YQ") == (422, "cursor_malformed")


async def test_a_repeat_under_the_same_key_registers_nobody_twice(world: World) -> None:
    body = world.someone()
    first = await world.ask("POST", "/people", COMMUNITY, body, headers={"Idempotency-Key": "k1"})
    again = await world.ask("POST", "/people", COMMUNITY, body, headers={"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert await world.names() == ["person.registered"]
    other = await world.refused("/people", COMMUNITY, world.someone(), headers={"Idempotency-Key": "k1"})
    assert other == (422, "idempotency_key_reused")


async def test_nothing_that_is_published_names_anybody(world: World) -> None:
    secrets = {"name": "欧阳标记", "id_number": id_number(777), "phone": "13899990000"}
    made = await world.person(**secrets)
    await world.get(f"/people/{made['id']}/private", purpose="visit")
    await world.post(f"/people/{made['id']}/home", COMMUNITY, {"grid": GRID_2})
    said = json.dumps([[e.data, e.attributes] for e in await world.events()], ensure_ascii=False)
    assert told_of(said, (*secrets.values(), "欧阳", id_number(777)[-4:], "2000-01-01", "20000101")) == []
