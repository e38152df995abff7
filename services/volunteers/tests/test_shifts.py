"""Shifts: who may serve, how often and how long, and what it comes to."""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Any

import pytest

from .conftest import COMMUNITY, HOUR, NANGUAN, OTHER, World, id_number, of


async def signed(world: World, who: str = "r:wang", **more: Any) -> tuple[dict[str, Any], str]:
    """A shift from 9 to 13 the next day, and a volunteer who has signed up for it."""
    shift = await world.shift(await world.activity(**more))
    volunteer = await world.register(who)
    await world.post(f"/shifts/{shift['id']}/sign-up", who)
    return shift, volunteer


async def test_training_comes_before_service_and_has_to_last_until_its_end(world: World) -> None:
    shift = await world.shift(await world.activity(training=["first-aid"]))
    volunteer = await world.register("r:wang", trained=False)
    path = f"/shifts/{shift['id']}/sign-up"
    answer = await world.ask("POST", path, "r:wang")
    assert (answer.status_code, answer.json()["code"]) == (409, "training_missing")
    assert answer.json()["params"]["training"] == ["first-aid", "orientation"]
    await world.train(volunteer)
    assert (await world.ask("POST", path, "r:wang")).json()["params"]["training"] == ["first-aid"]
    await world.train(volunteer, "first-aid")
    assert (await world.post(path, "r:wang"))["state"] == "signed"


async def test_training_that_runs_out_before_the_shift_is_over_is_none(world: World) -> None:
    await world.register("r:wang")
    days = 730 * 24
    made = await world.activity(starts_at=world.moment(days - 2), ends_at=world.moment(days + 2))
    short = await world.shift(made, ends_at=world.moment(days))
    long = await world.shift(made)
    assert await world.refused(f"/shifts/{long['id']}/sign-up", "r:wang") == (409, "training_missing")
    assert (await world.post(f"/shifts/{short['id']}/sign-up", "r:wang"))["state"] == "signed"


async def test_age_counts_on_the_day_of_the_shift_and_the_refusal_does_not_say_it(world: World) -> None:
    made = await world.activity(min_age=18, max_age=60)
    shift = await world.shift(made)  # on 3 March 2026
    young, old = id_number(date(2008, 3, 4)), id_number(date(1965, 3, 3))
    for who, number in (("r:young", young), ("r:old", old)):
        await world.register(who, id_number=number, guardian_consent="GC-1")
        answer = await world.ask("POST", f"/shifts/{shift['id']}/sign-up", who)
        assert (answer.status_code, answer.json()["code"]) == (409, "age_unfit")
        assert answer.json()["params"] == {"min_age": 18, "max_age": 60}
    for who, born in (("r:just", date(2008, 3, 3)), ("r:still", date(1965, 3, 4))):
        await world.register(who, id_number=id_number(born, 7), guardian_consent="GC-1")
        assert (await world.post(f"/shifts/{shift['id']}/sign-up", who))["state"] == "signed"


async def test_all_the_skills_that_are_needed_are_there(world: World) -> None:
    shift = await world.shift(await world.activity(skills=["law", "medicine"]))
    await world.register("r:lawyer", skills=["law"])
    await world.register("r:both", skills=["medicine", "law", "arts"])
    assert await world.refused(f"/shifts/{shift['id']}/sign-up", "r:lawyer") == (409, "skills_missing")
    assert (await world.post(f"/shifts/{shift['id']}/sign-up", "r:both"))["state"] == "signed"


async def test_an_activity_of_a_team_is_for_its_members(world: World) -> None:
    team = await world.post("/teams", COMMUNITY, {"title": "司法", "kind": "judicial", "area": NANGUAN})
    shift = await world.shift(await world.activity(team=team["id"]))
    await world.register("r:wang")
    assert await world.refused(f"/shifts/{shift['id']}/sign-up", "r:wang") == (409, "not_in_team")
    await world.post(f"/teams/{team['id']}/membership", "r:wang")
    assert (await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang"))["state"] == "signed"


async def test_there_are_never_more_than_the_places_also_at_once(world: World) -> None:
    shift = await world.shift(await world.activity(), capacity=3)
    crowd = [f"r:{i}" for i in range(8)]
    for who in crowd:
        await world.register(who)
    await world.events()
    answers = await asyncio.gather(*(world.ask("POST", f"/shifts/{shift['id']}/sign-up", who) for who in crowd))
    codes = sorted((a.status_code, a.json().get("code")) for a in answers if a.status_code != 200)
    assert [a.status_code for a in answers].count(200) == 3
    assert codes == [(409, "shift_full")] * 5
    assert (await world.get(f"/shifts/{shift['id']}"))["taken"] == 3
    assert len(of(await world.events(), "shift.signed_up")) == 3


async def test_two_shifts_at_one_time_are_refused_also_at_once(world: World) -> None:
    made = await world.activity()
    shifts = [await world.shift(made) for _ in range(3)]
    await world.register("r:wang")
    answers = await asyncio.gather(*(world.ask("POST", f"/shifts/{s['id']}/sign-up", "r:wang") for s in shifts))
    assert [a.status_code for a in answers].count(200) == 1
    assert {a.json()["code"] for a in answers if a.status_code != 200} == {"two_at_once"}


async def test_shifts_that_only_touch_are_no_two_at_once(world: World) -> None:
    made = await world.activity()
    for begins, ends in ((24, 26), (26, 28)):
        shift = await world.shift(made, starts_at=world.moment(begins), ends_at=world.moment(ends))
        if begins == 24:
            await world.register("r:wang")
        assert (await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang"))["state"] == "signed"


async def test_a_place_that_is_given_up_is_free_for_another_and_for_oneself(world: World) -> None:
    shift = await world.shift(await world.activity(), capacity=1)
    await world.register("r:wang")
    await world.register("r:li")
    path = f"/shifts/{shift['id']}"
    await world.post(f"{path}/sign-up", "r:wang")
    assert await world.refused(f"{path}/sign-up", "r:wang") == (409, "signed_up_already")
    assert await world.refused(f"{path}/sign-up", "r:li") == (409, "shift_full")
    assert (await world.post(f"{path}/withdrawal", "r:wang"))["state"] == "withdrawn"
    assert await world.refused(f"{path}/withdrawal", "r:wang") == (409, "sign_up_state")
    assert await world.refused(f"{path}/withdrawal", "r:li") == (404, "not_signed_up")
    await world.post(f"{path}/sign-up", "r:li")
    await world.post(f"{path}/withdrawal", "r:li")
    assert (await world.post(f"{path}/sign-up", "r:wang"))["state"] == "signed"
    assert (await world.get(path))["taken"] == 1


async def test_minutes_run_from_check_in_to_check_out_and_never_beyond_the_shift(world: World) -> None:
    shift, volunteer = await signed(world)
    code = {"code": await world.code(shift["id"])}
    start = datetime.fromisoformat(shift["starts_at"])
    await world.later((start - world.clock.now()).total_seconds() - 31 * 60)
    assert await world.refused(f"/shifts/{shift['id']}/check-in", "r:wang", code) == (409, "not_the_time")
    await world.later(60)
    assert (await world.post(f"/shifts/{shift['id']}/check-in", "r:wang", code))["state"] == "in"
    await world.later(30 * 60 + 6 * HOUR)  # two hours longer than the shift
    done = await world.post(f"/shifts/{shift['id']}/check-out", "r:wang", code)
    assert (done["state"], done["minutes"]) == ("out", 240)
    await world.post(f"/shifts/{shift['id']}/confirmations", COMMUNITY, {"volunteer": volunteer})
    assert (await world.get("/volunteers/me", "r:wang"))["minutes"] == 240


async def test_a_part_of_a_minute_is_none(world: World) -> None:
    shift, _ = await signed(world)
    code = {"code": await world.code(shift["id"])}
    await world.at(datetime.fromisoformat(shift["starts_at"]))
    await world.later(90)
    await world.post(f"/shifts/{shift['id']}/check-in", "r:wang", code)
    await world.later(10 * 60 + 59)
    assert (await world.post(f"/shifts/{shift['id']}/check-out", "r:wang", code))["minutes"] == 10


async def test_only_who_is_there_knows_the_code_in_any_case_of_letters(world: World) -> None:
    shift, _ = await signed(world)
    await world.at(datetime.fromisoformat(shift["starts_at"]))
    path = f"/shifts/{shift['id']}/check-in"
    assert await world.refused(path, "r:wang", {"code": "WRONG"}) == (403, "wrong_code")
    assert await world.refused(path, "r:wang", {"code": "签到"}) == (403, "wrong_code")
    code = await world.code(shift["id"])
    assert (await world.post(path, "r:wang", {"code": f" {code.lower()} "}))["state"] == "in"
    assert await world.refused(f"/shifts/{shift['id']}/check-out", "r:wang", {"code": "WRONG"}) == (403, "wrong_code")


async def test_the_organiser_checks_in_and_out_who_has_no_telephone(world: World) -> None:
    shift, volunteer = await signed(world)
    await world.at(datetime.fromisoformat(shift["starts_at"]))
    who = {"volunteer": volunteer}
    await world.events()
    assert (await world.post(f"/shifts/{shift['id']}/arrivals", COMMUNITY, who))["state"] == "in"
    await world.later(HOUR)
    assert (await world.post(f"/shifts/{shift['id']}/departures", COMMUNITY, who))["minutes"] == 60
    events = await world.events()
    assert [e.data.get("by") for e in events] == [None, "organiser", "organiser"]
    assert of(events, "activity.begun")[0].key == shift["activity"]


async def test_nobody_is_in_two_places(world: World) -> None:
    made = await world.activity()
    first = await world.shift(made, ends_at=world.moment(26))
    second = await world.shift(made, starts_at=world.moment(26))
    volunteer = await world.register("r:wang")
    for shift in (first, second):
        await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang")
    codes = [{"code": await world.code(s["id"])} for s in (first, second)]
    await world.at(datetime.fromisoformat(first["starts_at"]))
    await world.post(f"/shifts/{first['id']}/check-in", "r:wang", codes[0])
    await world.later(1.75 * HOUR)
    early = await world.refused(f"/shifts/{second['id']}/check-in", "r:wang", codes[1])
    assert early == (409, "checked_in_elsewhere")
    await world.later(0.25 * HOUR)  # the first is over; who forgot to check out may still serve in the second
    await world.post(f"/shifts/{second['id']}/check-in", "r:wang", codes[1])
    await world.later(2 * HOUR)
    for shift, code in zip((first, second), codes, strict=True):
        await world.post(f"/shifts/{shift['id']}/check-out", "r:wang", code)
        await world.post(f"/shifts/{shift['id']}/confirmations", COMMUNITY, {"volunteer": volunteer})
    assert (await world.get("/volunteers/me", "r:wang"))["minutes"] == 240  # four hours by the clock, and no more


async def test_the_organiser_stands_for_the_minutes_or_for_fewer_and_never_for_more(world: World) -> None:
    shift, volunteer = await signed(world)
    who = {"volunteer": volunteer}
    path = f"/shifts/{shift['id']}/confirmations"
    assert await world.refused(path, COMMUNITY, who) == (409, "sign_up_state")
    await world.at(datetime.fromisoformat(shift["starts_at"]))
    await world.post(f"/shifts/{shift['id']}/arrivals", COMMUNITY, who)
    await world.later(HOUR)
    await world.post(f"/shifts/{shift['id']}/departures", COMMUNITY, who)
    assert await world.refused(path, COMMUNITY, {**who, "minutes": 61}) == (422, "above_counted")
    assert (await world.post(path, COMMUNITY, {**who, "minutes": 45}))["confirmed_minutes"] == 45
    assert await world.refused(path, COMMUNITY, who) == (409, "sign_up_state")
    assert (await world.get("/volunteers/me", "r:wang"))["minutes"] == 45


async def test_confirmed_minutes_are_put_right_on_request_and_the_sum_follows(world: World) -> None:
    shift, volunteer = await signed(world)
    who = {"volunteer": volunteer}
    path = f"/shifts/{shift['id']}/corrections"
    await world.at(datetime.fromisoformat(shift["starts_at"]))
    await world.post(f"/shifts/{shift['id']}/arrivals", COMMUNITY, who)
    await world.later(HOUR)
    await world.post(f"/shifts/{shift['id']}/departures", COMMUNITY, who)
    assert await world.refused(path, COMMUNITY, {**who, "minutes": 1}) == (409, "sign_up_state")
    await world.post(f"/shifts/{shift['id']}/confirmations", COMMUNITY, {**who, "minutes": 20})
    await world.events()
    for minutes, difference in ((60, 40), (50, -10)):
        assert (await world.post(path, COMMUNITY, {**who, "minutes": minutes}))["confirmed_minutes"] == minutes
        assert (await world.get("/volunteers/me", "r:wang"))["minutes"] == minutes
        hours, corrected = await world.events()
        assert (hours.data["minutes"], hours.data["total_minutes"]) == (difference, minutes)
        assert (corrected.name, corrected.data["minutes"]) == ("volunteers.shift.service_corrected", minutes)
    assert await world.refused(path, COMMUNITY, {**who, "minutes": 61}) == (422, "above_counted")
    assert await world.refused(path, COMMUNITY, {**who, "minutes": 50}) == (422, "nothing_to_correct")


async def test_nobody_confirms_his_own_service(world: World) -> None:
    """Whoever signs in with one identity as a resident and as a member of staff."""
    shift, volunteer = await signed(world)
    await world.at(datetime.fromisoformat(shift["starts_at"]))
    who = {"volunteer": volunteer}
    await world.post(f"/shifts/{shift['id']}/arrivals", COMMUNITY, who)
    await world.post(f"/shifts/{shift['id']}/departures", COMMUNITY, who)
    bearer = {"Authorization": f"Bearer {world.token(COMMUNITY, subject='r:wang')}"}
    answer = await world.http.post(f"/shifts/{shift['id']}/confirmations", headers=bearer, json=who)
    assert (answer.status_code, answer.json()["code"]) == (403, "self_confirmation")


async def test_who_did_not_come_is_noted_when_it_is_over(world: World) -> None:
    shift, volunteer = await signed(world)
    path, body = f"/shifts/{shift['id']}/confirmations", {"volunteer": volunteer, "outcome": "absent"}
    assert await world.refused(path, COMMUNITY, body) == (409, "not_over")
    await world.at(datetime.fromisoformat(shift["ends_at"]))
    assert (await world.post(path, COMMUNITY, body))["state"] == "absent"
    assert await world.refused(f"/shifts/{shift['id']}/sign-up", "r:wang") == (409, "shift_over")
    assert (await world.get("/volunteers/me", "r:wang"))["minutes"] == 0


async def test_a_cancelled_shift_takes_nobody_in(world: World) -> None:
    shift, _ = await signed(world)
    await world.post(f"/activities/{shift['activity']}/cancellation", COMMUNITY)
    assert await world.refused(f"/shifts/{shift['id']}/sign-up", "r:wang") == (409, "activity_state")


async def test_only_the_organiser_sees_who_comes_and_the_code(world: World) -> None:
    shift, volunteer = await signed(world)
    (place,) = await world.pages(f"/shifts/{shift['id']}/sign-ups")
    assert place["volunteer"] == volunteer
    for path in (f"/shifts/{shift['id']}/sign-ups", f"/shifts/{shift['id']}/code"):
        answer = await world.ask("GET", path, OTHER)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_organiser")
        assert (await world.ask("GET", path, "r:wang")).json()["code"] == "wrong_kind"


@pytest.mark.parametrize("what", ["sign-up", "check-in", "check-out", "withdrawal"])
async def test_who_is_not_registered_is_told_so(world: World, what: str) -> None:
    shift = await world.shift(await world.activity())
    body = {"code": "X"} if what.startswith("check") else {}
    assert await world.refused(f"/shifts/{shift['id']}/{what}", "r:nobody", body) == (404, "not_registered")
