"""Volunteers: registering, correcting, going; teams and training."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from suizhuan.db.tables import idempotency
from volunteers import tables as t

from .conftest import COMMUNITY, HOUR, NANGUAN, OTHER, XIANGLI, World, id_number

pytestmark = pytest.mark.either_database

DAY = 24 * HOUR


async def rows(world: World, table: Any) -> list[dict[str, Any]]:
    async with world.service.parts.database.read() as conn:
        return [dict(row._mapping) for row in await conn.execute(select(table))]


async def test_a_resident_registers_and_is_known_by_coarse_words(world: World) -> None:
    made = await world.register("r:wang", trained=False, skills=["law", "arts", "law"], area=NANGUAN + "001")
    me = await world.get("/volunteers/me", "r:wang")
    assert (me["id"], me["area"], me["age_band"], me["skills"]) == (made, NANGUAN, "adult", ["arts", "law"])
    (event,) = await world.events()
    assert event.data == {"volunteer": made, "area": NANGUAN, "age_band": "adult", "skills": ["arts", "law"]}
    (kept,) = await rows(world, t.private)
    assert (kept["subject"], kept["born"], kept["name"]) == ("r:wang", date(1990, 5, 1), "志愿者1")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id_number": "110105194912310021"}, (422, "id_number_wrong")),
        ({"id_number": "王"}, (422, "id_number_wrong")),
        ({"id_number": id_number(date(2012, 3, 3))}, (422, "too_young")),  # 14 tomorrow
        ({"id_number": id_number(date(2012, 3, 2))}, (422, "guardian_missing")),  # 14 today
        ({"id_number": id_number(date(2008, 3, 3))}, (422, "guardian_missing")),  # 18 tomorrow
        ({"skills": ["flying"]}, (422, "unknown_word")),
        ({"area": "999"}, (422, "area_malformed")),
        ({"area": "110101"}, (422, "unknown_area")),
        ({"area": "321302002911"}, (422, "unknown_area")),
        ({"phone": "call me"}, (422, "invalid_request")),
        ({"name": ""}, (422, "invalid_request")),
        ({"name": "a\x00b"}, (422, "invalid_request")),
        ({"guardian_consent": "her word"}, (422, "invalid_request")),
        ({"age": 20}, (422, "invalid_request")),
        ({"skills": "law"}, (422, "invalid_request")),
    ],
)
async def test_a_registration_that_cannot_be_is_refused_by_its_code(
    world: World, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert await world.refused("/volunteers", "r:wang", world.registration(**change)) == expected
    assert await world.names() == []
    assert await rows(world, t.private) == []


async def test_a_minor_registers_with_a_guardian_and_grows_up(world: World) -> None:
    number = id_number(date(2008, 3, 4))
    body = world.registration(id_number=number, guardian_consent="GC-2026-7")
    made = await world.post("/volunteers", "r:wang", body)
    assert made["age_band"] == "minor"
    await world.events()
    await world.later(1.5 * DAY)  # 3 March, 21:00 in Shanghai
    assert (await world.get("/volunteers/me", "r:wang"))["age_band"] == "minor"
    await world.later(3.1 * HOUR)
    assert (await world.get("/volunteers/me", "r:wang"))["age_band"] == "adult"
    (grown,) = await world.events()
    assert (grown.name, grown.data["age_band"]) == ("volunteers.volunteer.aged", "adult")


async def test_a_published_id_passes_and_an_elder_is_senior(world: World) -> None:
    made = await world.post("/volunteers", "r:wang", world.registration(id_number="11010519491231002x"))
    assert made["age_band"] == "senior"


async def test_nobody_registers_twice_also_at_once(world: World) -> None:
    number = id_number(date(1990, 1, 1))
    bodies = [world.registration(id_number=number) for _ in range(4)]
    answers = await asyncio.gather(*(world.ask("POST", "/volunteers", f"r:{i}", b) for i, b in enumerate(bodies)))
    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"already_registered"}
    winner = next(f"r:{i}" for i, a in enumerate(answers) if a.status_code == 201)
    assert await world.refused("/volunteers", winner, world.registration()) == (409, "already_registered")
    assert len(await world.events()) == 1


async def test_staff_do_not_register_in_the_name_of_an_organisation(world: World) -> None:
    assert await world.refused("/volunteers", COMMUNITY, world.registration()) == (403, "wrong_kind")


async def test_a_correction_changes_what_is_said_and_tells_which_fields(world: World) -> None:
    await world.register("r:wang", trained=False, skills=["law"])
    await world.events()
    path = "/volunteers/me/correction"
    after = await world.post(path, "r:wang", {"phone": "13811112222", "area": XIANGLI})
    assert (after["area"], after["skills"], after["version"]) == (XIANGLI, ["law"], 2)
    (event,) = await world.events()
    assert (event.name, event.data["fields"]) == ("volunteers.volunteer.corrected", ["area", "phone"])
    (kept,) = await rows(world, t.private)
    assert (kept["phone"], kept["name"]) == ("13811112222", "志愿者1")
    born = id_number(date(1950, 1, 1))
    assert (await world.post(path, "r:wang", {"id_number": born}))["age_band"] == "senior"
    assert await world.refused(path, "r:wang") == (422, "nothing_to_correct")
    assert await world.refused(path, "r:wang", {"skills": ["flying"]}) == (422, "unknown_word")
    child = {"id_number": id_number(date(2015, 1, 1))}
    assert await world.refused(path, "r:wang", child) == (422, "too_young")
    await world.register("r:li", id_number=id_number(date(1970, 1, 1)), trained=False)
    other = {"id_number": id_number(date(1970, 1, 1))}
    assert await world.refused(path, "r:wang", other) == (409, "already_registered")


async def test_erasure_takes_everything_personal_and_leaves_the_hours_without_a_name(world: World) -> None:
    made = await world.activity()
    volunteer = await world.register("r:wang", skills=["law"])
    served = await world.shift(made, ends_at=world.moment(26))
    to_come = await world.shift(made, starts_at=world.moment(27))
    team = await world.post("/teams", COMMUNITY, {"title": "司法", "kind": "judicial", "area": NANGUAN})
    await world.post(f"/teams/{team['id']}/membership", "r:wang")
    await world.serve(served, "r:wang", volunteer)
    await world.post(f"/shifts/{to_come['id']}/sign-up", "r:wang", headers={"Idempotency-Key": "k1"})
    award = await world.post(f"/volunteers/{volunteer}/awards", COMMUNITY, {"kind": "model-citizen"})
    await world.post(f"/awards/{award['id']}/consent", "r:wang", {"shown_as": "王大爷"})
    offer = {"volunteer": volunteer, "file": "F-001", "file_consent": "C-001", "need": "company", "area": NANGUAN}
    pairing = await world.post("/pairings", COMMUNITY, offer)
    certificate = await world.post("/certificates", "r:wang", {"org": COMMUNITY})
    await world.events()

    gone = await world.post("/volunteers/me/erasure", "r:wang")
    assert (gone["state"], gone["minutes"], gone["skills"]) == ("erased", 120, [])
    assert {e.name.removeprefix("volunteers.") for e in await world.events()} == {
        "volunteer.erased",
        "team.left",
        "shift.sign_up_withdrawn",
        "pairing.ended",
    }
    assert await rows(world, t.private) == await rows(world, t.award_private) == await rows(world, t.members) == []
    assert await rows(world, t.pairing_private) == await rows(world, idempotency) == []
    assert (await world.get("/awards"))["items"] == []
    assert (await world.get(f"/shifts/{to_come['id']}"))["taken"] == 0
    (ended,) = (await world.get("/pairings"))["items"]
    assert (ended["id"], ended["state"], ended["reason"]) == (pairing["id"], "ended", "erased")
    genuine = await world.http.get(f"/certificates/{certificate['number']}")
    assert genuine.json()["minutes"] == 120
    assert (await world.ask("GET", "/volunteers/me", "r:wang")).json()["code"] == "not_registered"
    answer = await world.ask("GET", f"/volunteers/{volunteer}/private", COMMUNITY, purpose="contact")
    assert (answer.status_code, answer.json()["code"]) == (409, "volunteer_erased")
    back = await world.register("r:wang", trained=False)
    assert back != volunteer
    assert (await world.get("/volunteers/me", "r:wang"))["minutes"] == 0


async def test_nobody_goes_in_the_midst_of_service_and_hours_confirmed_later_count_without_a_name(
    world: World,
) -> None:
    shift = await world.shift(await world.activity())
    volunteer = await world.register("r:wang")
    await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang")
    await world.at(datetime.fromisoformat(shift["starts_at"]))
    await world.post(f"/shifts/{shift['id']}/arrivals", COMMUNITY, {"volunteer": volunteer})
    assert await world.refused("/volunteers/me/erasure", "r:wang") == (409, "service_under_way")
    await world.later(HOUR)
    await world.post(f"/shifts/{shift['id']}/departures", COMMUNITY, {"volunteer": volunteer})
    await world.post("/volunteers/me/erasure", "r:wang")
    await world.post(f"/shifts/{shift['id']}/confirmations", COMMUNITY, {"volunteer": volunteer})
    assert (await world.get(f"/volunteers/{volunteer}"))["minutes"] == 60


# --- teams ------------------------------------------------------------------------------------------------------------


async def test_teams_are_formed_by_kind_and_by_project_and_joined_freely(world: World) -> None:
    kind = await world.post("/teams", COMMUNITY, {"title": "环卫", "kind": "sanitation", "area": NANGUAN})
    body = {"title": "清河", "kind": "sanitation", "project": "clean-river-2026", "area": NANGUAN}
    project = await world.post("/teams", COMMUNITY, body)
    found = await world.pages("/teams", "r:wang", kind="sanitation")
    assert [team["id"] for team in found] == [project["id"], kind["id"]]
    assert [team["id"] for team in await world.pages("/teams", project="clean-river-2026")] == [project["id"]]
    await world.register("r:wang", trained=False)
    await world.events()
    for _ in range(2):
        joined = await world.post(f"/teams/{kind['id']}/membership", "r:wang")
    assert joined["members"] == 1
    for _ in range(2):
        left = await world.post(f"/teams/{kind['id']}/departure", "r:wang")
    assert left["members"] == 0
    assert await world.names() == ["team.joined", "team.left"]


async def test_a_dissolved_team_can_be_left_but_not_joined(world: World) -> None:
    team = await world.post("/teams", COMMUNITY, {"title": "环卫", "kind": "sanitation", "area": NANGUAN})
    for who in ("r:wang", "r:li"):
        await world.register(who, trained=False)
    await world.post(f"/teams/{team['id']}/membership", "r:wang")
    assert await world.refused(f"/teams/{team['id']}/dissolution", OTHER) == (403, "not_organiser")
    assert (await world.post(f"/teams/{team['id']}/dissolution", COMMUNITY))["state"] == "dissolved"
    assert await world.refused(f"/teams/{team['id']}/dissolution", COMMUNITY) == (409, "team_dissolved")
    assert await world.refused(f"/teams/{team['id']}/membership", "r:li") == (409, "team_dissolved")
    assert (await world.post(f"/teams/{team['id']}/departure", "r:wang"))["members"] == 0


# --- training ---------------------------------------------------------------------------------------------------------


async def test_attendance_counts_for_as_long_as_the_profile_says_and_once(world: World) -> None:
    volunteer = await world.register("r:wang", trained=False)
    course = await world.course(training="first-aid")
    body = {"volunteer": volunteer}
    await world.events()
    first = await world.post(f"/courses/{course['id']}/attendance", COMMUNITY, body)
    assert await world.post(f"/courses/{course['id']}/attendance", COMMUNITY, body) == first
    ends, until = (datetime.fromisoformat(text) for text in (course["ends_at"], first["valid_until"]))
    assert (until - ends).days == 365
    (event,) = await world.events()
    assert (event.key, event.data["training"]) == (volunteer, "first-aid")
    (mine,) = (await world.get("/volunteers/me/training", "r:wang"))["items"]
    assert mine["valid_until"] == first["valid_until"]
    later = await world.course(training="first-aid", ends_at=world.moment(3))
    await world.post(f"/courses/{later['id']}/attendance", COMMUNITY, body)
    (mine,) = (await world.get("/volunteers/me/training", "r:wang"))["items"]
    assert mine["course"] == later["id"]


async def test_who_attended_is_noted_once_the_course_has_begun_and_by_who_gives_it(world: World) -> None:
    volunteer = await world.register("r:wang", trained=False)
    course = await world.course(starts_at=world.moment(1), ends_at=world.moment(2))
    path, body = f"/courses/{course['id']}/attendance", {"volunteer": volunteer}
    assert await world.refused(path, COMMUNITY, body) == (409, "not_begun")
    assert await world.refused(path, OTHER, body) == (403, "not_organiser")
    assert await world.refused(path, COMMUNITY, {"volunteer": "nobody"}) == (404, "not_found")
    await world.later(HOUR)
    assert await world.refused(f"/courses/{course['id']}/cancellation", COMMUNITY) == (409, "course_begun")
    await world.post(path, COMMUNITY, body)


async def test_a_course_that_is_called_off_trains_nobody(world: World) -> None:
    volunteer = await world.register("r:wang", trained=False)
    course = await world.course(starts_at=world.moment(1), ends_at=world.moment(2))
    assert await world.refused(f"/courses/{course['id']}/cancellation", OTHER) == (403, "not_organiser")
    assert (await world.post(f"/courses/{course['id']}/cancellation", COMMUNITY))["state"] == "cancelled"
    assert await world.refused(f"/courses/{course['id']}/cancellation", COMMUNITY) == (409, "course_cancelled")
    await world.later(HOUR)
    body = {"volunteer": volunteer}
    assert await world.refused(f"/courses/{course['id']}/attendance", COMMUNITY, body) == (409, "course_cancelled")


async def test_a_course_of_nothing_known_or_of_no_length_is_refused(world: World) -> None:
    body = {"title": "x", "training": "flying", "area": NANGUAN, "starts_at": world.moment(1)}
    assert await world.refused("/courses", COMMUNITY, {**body, "ends_at": world.moment(2)}) == (422, "unknown_word")
    body["training"] = "health"
    assert await world.refused("/courses", COMMUNITY, {**body, "ends_at": world.moment(1)}) == (422, "times_wrong")
