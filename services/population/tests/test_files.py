"""Classified files: opened, visited, reminded of, closed; and residence permits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import COMMUNITY, DAY, GRID, GRID_2, NANGUAN, OTHER, World, of

pytestmark = pytest.mark.either_database

DISABLED = {"kind": "disabled", "attributes": {"type": "limbs", "grade": "g2"}}
SIX = {
    "minimum-living": {"category": "a"},
    "medical-relief": {"ground": "major-illness"},
    "preferential": {"kind": "veteran"},
    "destitute": {"care": "scattered"},
    "disabled": {"type": "sight", "grade": "g1"},
    "child": {"kind": "orphan"},
}


async def opened(world: World, **more: Any) -> dict[str, Any]:
    person = await world.person()
    return await world.post("/files", COMMUNITY, {"person": person["id"], **DISABLED, **more})


@pytest.mark.parametrize("kind", SIX)
async def test_each_of_the_six_kinds_is_kept_with_what_it_asks_for(world: World, kind: str) -> None:
    made = await opened(world, kind=kind, attributes=SIX[kind], officer="staff-nanguan-01")
    assert (made["kind"], made["state"], made["version"]) == (kind, "open", 1)
    event = of(await world.events(), "file.opened")[0]
    assert set(event.data) == {"file", "kind", "grid", "due_at"}
    read = await world.get(f"/files/{made['id']}/private", purpose="relief")
    assert read["attributes"] == SIX[kind]
    (told,) = await world.events()
    assert told.data == {"file": made["id"], "power": "population.file.visit", "purpose": "relief"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"kind": "lonely"}, (422, "unknown_code")),
        ({"attributes": {"type": "limbs"}}, (422, "attribute_missing")),
        ({"attributes": {"type": "limbs", "grade": "g9"}}, (422, "unknown_code")),
        ({"attributes": {"type": "limbs", "grade": "g1", "note": "x"}}, (422, "unknown_code")),
        ({"kind": "child", "attributes": {"kind": "orphan"}}, (422, "officer_missing")),
        ({"person": "nobody"}, (404, "not_found")),
        ({"more": 1}, (422, "invalid_request")),
    ],
)
async def test_a_file_that_cannot_be_is_refused(
    world: World, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    person = await world.person()
    await world.events()
    assert await world.refused("/files", COMMUNITY, {"person": person["id"], **DISABLED, **change}) == expected
    assert await world.names() == []


async def test_one_open_file_of_a_kind_for_a_person(world: World) -> None:
    made = await opened(world)
    body = {"person": made["person"], **DISABLED}
    assert await world.refused("/files", COMMUNITY, body) == (409, "file_known")
    await world.post(f"/files/{made['id']}/closure", COMMUNITY, {"reason": "no-longer-eligible"})
    await world.post("/files", COMMUNITY, body)


async def test_a_visit_that_is_overdue_is_told_again_and_again_until_somebody_was_seen(world: World) -> None:
    made = await opened(world)
    await world.events()
    await world.later(90 * DAY)
    (event,) = await world.events()
    assert (event.name, event.data["times"]) == ("population.file.visit_overdue", 1)
    assert event.data["grid"] == GRID
    await world.deadlines()
    assert await world.names() == []
    await world.later(7 * DAY)
    assert [e.data["times"] for e in await world.events()] == [2]
    await world.post(f"/files/{made['id']}/visits", COMMUNITY, {"outcome": "absent"})
    await world.later(7 * DAY)
    assert [e.data["times"] for e in of(await world.events(), "file.visit_overdue")] == [3]
    seen = await world.post(f"/files/{made['id']}/visits", COMMUNITY, {"outcome": "seen"})
    assert seen["reminded"] == 0
    await world.later(89 * DAY)
    assert await world.names() == ["file.visited"]
    await world.later(DAY)
    assert [e.data["times"] for e in await world.events()] == [1]
    visits = await world.get(f"/files/{made['id']}/visits", limit=1)
    assert [v["outcome"] for v in visits["items"]] == ["seen"]
    rest = await world.get(f"/files/{made['id']}/visits", cursor=visits["next"])
    assert [v["outcome"] for v in rest["items"]] == ["absent"]
    assert await world.not_got(f"/files/{made['id']}/visits", cursor="YWJj") == (422, "cursor_malformed")


async def test_a_closed_file_is_left_alone_and_says_nothing_any_more(world: World) -> None:
    made = await opened(world)
    closed = await world.post(f"/files/{made['id']}/closure", COMMUNITY, {"reason": "mistaken"})
    assert (closed["state"], closed["ending"]) == ("closed", "mistaken")
    (event,) = of(await world.events(), "file.closed")
    assert event.data == {"file": made["id"], "reason": "mistaken"}
    gone = (409, "file_closed")
    assert await world.refused(f"/files/{made['id']}/closure", COMMUNITY, {"reason": "mistaken"}) == gone
    assert await world.refused(f"/files/{made['id']}/visits", COMMUNITY, {"outcome": "seen"}) == gone
    assert await world.not_got(f"/files/{made['id']}/private", purpose="visit") == gone
    await world.later(200 * DAY)
    assert await world.names() == []
    assert (await world.get("/files", area=NANGUAN))["items"] == []
    assert len((await world.get("/files", area=NANGUAN, state="closed"))["items"]) == 1


async def test_a_file_goes_with_its_person_and_ends_with_his_departure(world: World) -> None:
    made = await opened(world)
    await world.post(f"/people/{made['person']}/home", COMMUNITY, {"grid": GRID_2})
    assert (await world.get(f"/files/{made['id']}"))["grid"] == GRID_2
    await world.post(f"/people/{made['person']}/departure", COMMUNITY, {"reason": "died"})
    assert (await world.get(f"/files/{made['id']}"))["state"] == "closed"
    assert await world.refused("/files", COMMUNITY, {"person": made["person"], **DISABLED}) == (409, "person_departed")
    await world.events()
    await world.later(100 * DAY)
    assert "file.visit_overdue" not in await world.names()


async def test_files_are_changed_only_at_the_version_that_was_seen_and_listed_by_kind(world: World) -> None:
    made = [await opened(world) for _ in range(3)]
    old = {"If-Match": '"7"'}
    path = f"/files/{made[0]['id']}"
    assert await world.refused(f"{path}/visits", COMMUNITY, {"outcome": "seen"}, headers=old) == (
        412,
        "version_conflict",
    )
    found: list[str] = []
    cursor = ""
    while True:
        page = (await world.ask("GET", f"/files?area={NANGUAN}&limit=2&cursor={cursor}")).json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert found == sorted(item["id"] for item in made)
    none = await world.ask("GET", f"/files?area={NANGUAN}&kind=child")
    assert none.json()["items"] == []
    assert await world.not_got(f"/files?area={NANGUAN}&kind=nope") == (422, "unknown_code")
    assert await world.not_got(f"/files?area={NANGUAN}&state=nope") == (422, "invalid_request")
    assert await world.not_got("/files", OTHER, area=NANGUAN) == (403, "missing_power")


# --- residence permits ---------------------------------------------------------------------------------------------


async def migrant(world: World) -> str:
    return str((await world.person(registration="floating"))["id"])


async def test_a_permit_is_applied_for_issued_reminded_of_endorsed_and_lapses(world: World) -> None:
    person = await migrant(world)
    body = {"person": person, "ground": "job", "lived_since": "2025-09-02"}
    made = await world.post("/permits", COMMUNITY, body)
    assert (made["state"], made["valid_until"]) == ("applied", None)
    assert await world.refused("/permits", COMMUNITY, body) == (409, "permit_known")
    await world.later(15 * DAY)
    path = f"/permits/{made['id']}"
    assert await world.refused(f"{path}/endorsement", COMMUNITY, {}) == (409, "permit_state")
    issued = await world.post(f"{path}/issue", COMMUNITY, {})
    assert issued["state"] == "issued"
    assert await world.refused(f"{path}/issue", COMMUNITY, {}) == (409, "permit_state")
    assert await world.refused(f"{path}/endorsement", COMMUNITY, {}) == (409, "endorsed_already")
    assert [n for n in await world.names() if n.startswith("permit")] == [
        "permit.applied",
        "permit.overdue",
        "permit.issued",
    ]
    await world.later(335 * DAY)
    assert await world.names() == ["permit.endorsement_due"]
    endorsed = await world.post(f"{path}/endorsement", COMMUNITY, {})
    assert endorsed["valid_until"] > issued["valid_until"]
    await world.later(365 * DAY)
    await world.later(30 * DAY)
    assert await world.names() == ["permit.endorsed", "permit.endorsement_due", "permit.lapsed"]
    assert (await world.get(path))["state"] == "lapsed"
    await world.later(10 * DAY)
    again = await world.post(f"{path}/endorsement", COMMUNITY, {})
    assert again["state"] == "issued"
    await world.post(f"/people/{person}/departure", COMMUNITY, {"reason": "moved"})
    assert (await world.get(path))["state"] == "cancelled"
    assert (await world.get(f"/permits?area={NANGUAN}&state=cancelled"))["items"][0]["id"] == made["id"]
    assert await world.not_got(f"/permits?area={NANGUAN}&state=none") == (422, "invalid_request")
    await world.later(800 * DAY)
    assert [n for n in await world.names() if n.startswith("permit")] == ["permit.endorsed", "permit.cancelled"]


async def test_who_has_not_lived_here_long_enough_is_told_from_when_on(world: World) -> None:
    person = await migrant(world)
    body = {"person": person, "ground": "home", "lived_since": "2025-09-30"}
    answer = await world.ask("POST", "/permits", COMMUNITY, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "permit_too_early")
    assert answer.json()["params"]["first"] == "2026-03-30"
    assert await world.refused("/permits", COMMUNITY, {**body, "ground": "love"}) == (422, "unknown_code")
    assert await world.refused("/permits", COMMUNITY, {**body, "lived_since": "x"}) == (422, "invalid_request")
    await world.later(28 * DAY)
    await world.post("/permits", COMMUNITY, body)


async def test_who_is_registered_here_needs_no_permit_and_loses_the_one_he_had(world: World) -> None:
    registered = (await world.person())["id"]
    body = {"person": registered, "ground": "job", "lived_since": "2020-01-01"}
    assert await world.refused("/permits", COMMUNITY, body) == (409, "not_a_migrant")
    given = world.someone(registration="floating")
    person = (await world.post("/people", COMMUNITY, given))["id"]
    permit = await world.post("/permits", COMMUNITY, {**body, "person": person})
    data = {k: v for k, v in given.items() if k != "grid"} | {"registration": "registered"}
    await world.post(f"/people/{person}/data", COMMUNITY, data)
    assert (await world.get(f"/permits/{permit['id']}"))["state"] == "cancelled"


async def test_no_event_about_files_and_permits_names_its_person(world: World) -> None:
    made = await opened(world)
    person = await migrant(world)
    await world.events()
    await world.post("/permits", COMMUNITY, {"person": person, "ground": "job", "lived_since": "2020-01-01"})
    await world.post(f"/files/{made['id']}/visits", COMMUNITY, {"outcome": "needs-help"})
    await world.get(f"/files/{made['id']}/private", purpose="visit")
    await world.later(120 * DAY)
    said = json.dumps([[e.data, e.key] for e in await world.events()])
    assert made["person"] not in said
    assert person not in said
    assert "limbs" not in said
