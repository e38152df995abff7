"""Nothing personal leaves: not in an event, not in a log line, not in a refusal; and every read is recorded."""

from __future__ import annotations

from datetime import date, datetime

import pytest
import structlog
from sqlalchemy import select
from structlog.testing import capture_logs

from suizhuan.db.tables import outbox

from .conftest import COMMUNITY, HOUR, NANGUAN, OTHER, XIANGLI, World, id_number

pytestmark = pytest.mark.either_database

NAME, PHONE, NOTE, CONSENT = "标记王建国", "13987654321", "标记退役医护", "GC-MARK-77"
NUMBER = id_number(date(2009, 9, 9), 777)
FILE, FILE_CONSENT, SHOWN = "FILE-MARK-88", "FC-MARK-88", "标记的热心人"
TITLE = "标记活动"
MARKS = (NAME, PHONE, NOTE, CONSENT, NUMBER, FILE, FILE_CONSENT, SHOWN, TITLE, "2009-09-09", "20090909")


async def everything(world: World) -> str:
    """A volunteer does all that there is to do, with data that can be told anywhere."""
    body = {
        "name": NAME,
        "id_number": NUMBER,
        "phone": PHONE,
        "area": NANGUAN,
        "skills": ["medicine"],
        "skill_note": NOTE,
        "guardian_consent": CONSENT,
    }
    volunteer = str((await world.post("/volunteers", "r:wang", body))["id"])
    await world.train(volunteer)
    await world.post("/volunteers/me/correction", "r:wang", {"name": NAME, "phone": PHONE, "skill_note": NOTE})
    shift = await world.shift(await world.activity(title=TITLE))
    await world.serve(shift, "r:wang", volunteer)
    award = await world.post(f"/volunteers/{volunteer}/awards", COMMUNITY, {"kind": "model-citizen"})
    await world.post(f"/awards/{award['id']}/consent", "r:wang", {"shown_as": SHOWN})
    number = (await world.post("/certificates", "r:wang", {"org": COMMUNITY}))["number"]
    await world.get(f"/certificates/{number}/document", "r:wang")
    offer = {"volunteer": volunteer, "file": FILE, "file_consent": FILE_CONSENT, "need": "escort", "area": NANGUAN}
    pairing = await world.post("/pairings", COMMUNITY, offer)
    await world.post(f"/pairings/{pairing['id']}/acceptance", "r:wang", {"consent": "VC-MARK-1"})
    await world.post(f"/pairings/{pairing['id']}/visits", "r:wang", {"finding": "all-well", "minutes": 5})
    await world.get(f"/pairings/{pairing['id']}", COMMUNITY, purpose="review")
    await world.get(f"/volunteers/{volunteer}/private", COMMUNITY, purpose="contact")
    await world.get("/volunteers/me/private", "r:wang")
    await world.refused("/volunteers", "r:li", body)
    await world.refused("/volunteers", "r:li", {**body, "id_number": NUMBER[:-1] + "?"})
    await world.later(HOUR)
    return volunteer


async def test_no_event_and_no_log_line_says_who_somebody_is(world: World) -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        await everything(world)
        await world.post("/volunteers/me/erasure", "r:wang")
    async with world.service.parts.database.read() as conn:
        rows = (await conn.execute(select(outbox))).all()
    assert len(rows) > 20
    said = [f"{row.key} {bytes(row.value).decode()} {row.headers}" for row in rows]
    assert "r:wang" in str(said)  # the ids are there: we do look where they would be
    for mark in (*MARKS, "VC-MARK-1"):
        assert not [one for one in said if mark in one], mark
        assert mark not in str(lines), mark


async def test_what_everybody_may_read_says_who_somebody_is_only_with_his_consent(world: World) -> None:
    volunteer = await everything(world)
    read = ""
    for path in ("/volunteers", f"/volunteers/{volunteer}", "/awards", "/pairings", "/shifts", "/teams"):
        answer = await world.ask("GET", path, COMMUNITY)
        read += answer.text
    for mark in MARKS:
        assert (mark in read) == (mark == SHOWN), mark


async def test_a_read_by_an_organisation_wants_a_power_and_a_purpose_and_is_an_event(world: World) -> None:
    volunteer = await everything(world)
    await world.events()
    path = f"/volunteers/{volunteer}/private"
    found = await world.get(path, COMMUNITY, purpose="emergency")
    assert (found["name"], found["phone"], found["id_number"], found["born"]) == (NAME, PHONE, NUMBER, "2009-09-09")
    (read,) = await world.events()
    assert read.data == {"volunteer": volunteer, "power": "volunteers.record.read", "purpose": "emergency"}
    assert (read.attributes["org"], read.attributes["mandate"]) == (COMMUNITY, "m-nanguan")
    for params in ({}, {"purpose": "curiosity"}):
        answer = await world.ask("GET", path, COMMUNITY, **params)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    answer = await world.ask("GET", path, OTHER, purpose="contact")
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_power")
    assert await world.events() == []


async def test_an_organiser_may_call_who_has_signed_up_and_nobody_else(world: World) -> None:
    """Also where the volunteer lives in another community."""
    volunteer = await world.register("r:wang", area=XIANGLI)
    path = f"/volunteers/{volunteer}/private"
    assert (await world.ask("GET", path, COMMUNITY, purpose="emergency")).json()["code"] == "missing_power"
    shift = await world.shift(await world.activity())
    await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang")
    await world.events()
    assert (await world.get(path, COMMUNITY, purpose="emergency"))["phone"] is not None
    (read,) = await world.events()
    assert (read.data["power"], read.attributes["mandate"]) == ("volunteers.activity.run", "m-nanguan")
    await world.post(f"/shifts/{shift['id']}/withdrawal", "r:wang")
    assert (await world.ask("GET", path, COMMUNITY, purpose="emergency")).json()["code"] == "missing_power"


async def test_everybody_sees_what_is_kept_of_him(world: World) -> None:
    volunteer = await everything(world)
    await world.events()
    found = await world.get("/volunteers/me/private", "r:wang")
    assert (found["name"], found["guardian_consent"], found["skill_note"]) == (NAME, CONSENT, NOTE)
    (read,) = await world.events()
    assert read.data == {"volunteer": volunteer, "power": "self", "purpose": "access"}


@pytest.mark.parametrize("number", [NUMBER[:-1] + "?", "标记王建国", NUMBER + "0"])
async def test_a_refusal_repeats_nothing_of_what_was_sent(world: World, number: str) -> None:
    body = world.registration(id_number=number, name=NAME, phone=PHONE)
    answer = await world.ask("POST", "/volunteers", "r:wang", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "id_number_wrong")
    for mark in (number, NAME, PHONE):
        assert mark not in answer.text
    answer = await world.ask("POST", "/volunteers", "r:wang", {**body, "phone": "标记", "name": ""})
    assert "标记" not in answer.text


async def test_the_hour_of_a_check_in_is_told_to_the_organiser_and_the_volunteer_alone(world: World) -> None:
    shift = await world.shift(await world.activity())
    volunteer = await world.register("r:wang")
    await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang")
    await world.at(datetime.fromisoformat(shift["starts_at"]))
    await world.post(f"/shifts/{shift['id']}/arrivals", COMMUNITY, {"volunteer": volunteer})
    seen = await world.ask("GET", f"/shifts/{shift['id']}", OTHER)
    assert volunteer not in seen.text
    (mine,) = (await world.get("/volunteers/me/service", "r:wang"))["items"]
    (theirs,) = (await world.get(f"/shifts/{shift['id']}/sign-ups"))["items"]
    assert mine["in_at"] == theirs["in_at"] == shift["starts_at"]
