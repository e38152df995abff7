"""Stars by the profile, awards with consent, certificates that anybody can check."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from suizhuan.kernel.clock import ManualClock
from volunteers.domain.volunteer import credit, register, stars

from .conftest import COMMUNITY, NANGUAN, OTHER, World, made, of

pytestmark = pytest.mark.either_database

STEPS, QUICK = (100, 300, 600, 1000, 1500), (30, 60, 100, 200, 300)


@pytest.mark.parametrize(
    ("minutes", "steps", "reached"),
    [
        (0, STEPS, 0),
        (100 * 60 - 1, STEPS, 0),
        (100 * 60, STEPS, 1),
        (599 * 60 + 59, STEPS, 2),
        (1500 * 60, STEPS, 5),
        (10**6, STEPS, 5),
        (100 * 60, QUICK, 3),
        (30 * 60 - 1, QUICK, 0),
        (300 * 60, QUICK, 5),
    ],
)
def test_a_star_counts_from_the_very_minute_on(minutes: int, steps: tuple[int, ...], reached: int) -> None:
    assert stars(minutes, steps) == reached


def test_each_step_that_is_passed_at_once_is_a_star_of_its_own(clock: ManualClock) -> None:
    new = register(volunteer="v", area=NANGUAN, age_band="adult", skills=(), now=clock.now()).state
    change = credit(new, activity="a", shift="s", minutes=61 * 60, stars_h=QUICK)
    assert [type(fact).__name__ for fact in change.facts] == ["HoursCredited", "StarAwarded", "StarAwarded"]
    assert (change.state.star, change.state.version) == (2, 4)
    again = credit(change.state, activity="a", shift="t", minutes=1, stars_h=QUICK)
    assert [type(fact).__name__ for fact in again.facts] == ["HoursCredited"]
    slower = credit(change.state, activity="a", shift="t", minutes=1, stars_h=STEPS)
    assert slower.state.star == 2  # a star once awarded stays, also under another profile


@pytest.fixture
async def quick(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """A city whose stars come sooner."""
    profile = tmp_path / "quick.yaml"
    profile.write_text("extends: demonstration\nvolunteering: {stars_h: [1, 2, 4, 8, 16]}\n")
    world = made(database_url, tmp_path, clock, str(profile))
    await world.begin()
    await world.found()
    yield world
    await world.close()


async def test_hours_that_pass_a_step_are_a_star_and_an_event(quick: World) -> None:
    shift = await quick.shift(await quick.activity())
    volunteer = await quick.register("r:wang")
    await quick.serve(shift, "r:wang", volunteer, minutes=150)
    events = await quick.events()
    assert [e.data["star"] for e in of(events, "volunteer.star_awarded")] == [1, 2]
    (hours,) = of(events, "volunteer.hours_credited")
    assert hours.data == {
        "volunteer": volunteer,
        "activity": shift["activity"],
        "shift": shift["id"],
        "minutes": 150,
        "total_minutes": 150,
    }
    assert (hours.attributes["org"], hours.attributes["mandate"]) == (COMMUNITY, "m-nanguan")
    me = await quick.get("/volunteers/me", "r:wang")
    assert (me["star"], me["minutes"]) == (2, 150)
    assert (await quick.get("/words"))["stars_h"] == [1, 2, 4, 8, 16]


async def test_an_award_is_published_only_under_the_name_to_which_the_volunteer_consents(world: World) -> None:
    volunteer = await world.register("r:wang", trained=False)
    await world.register("r:li", trained=False)
    award = await world.post(f"/volunteers/{volunteer}/awards", COMMUNITY, {"kind": "star-of-respect"})
    assert award["state"] == "given"
    assert (await world.get("/awards", "r:li"))["items"] == []
    (mine,) = (await world.get("/volunteers/me/awards", "r:wang"))["items"]
    assert mine["id"] == award["id"]
    path = f"/awards/{award['id']}/consent"
    assert await world.refused(path, "r:li", {"shown_as": "我"}) == (403, "not_yours")
    assert (await world.post(path, "r:wang", {"shown_as": "热心的王大爷"}))["state"] == "published"
    (shown,) = (await world.get("/awards", "r:li"))["items"]
    assert (shown["shown_as"], shown["kind"], shown["giver"]) == ("热心的王大爷", "star-of-respect", COMMUNITY)
    assert "volunteer" not in shown
    assert (await world.post(path, "r:wang"))["state"] == "kept"
    assert (await world.get("/awards", "r:li"))["items"] == []


async def test_an_award_of_no_kind_and_one_for_nobody_are_refused(world: World) -> None:
    volunteer = await world.register("r:wang", trained=False)
    path = f"/volunteers/{volunteer}/awards"
    assert await world.refused(path, COMMUNITY, {"kind": "nobel"}) == (422, "unknown_word")
    assert await world.refused("/volunteers/nobody/awards", COMMUNITY, {"kind": "model-citizen"}) == (404, "not_found")
    assert await world.refused("/awards/nobody/consent", "r:wang") == (404, "not_found")


async def test_a_certificate_is_checked_by_its_number_without_a_token_and_tells_no_name(world: World) -> None:
    shift = await world.shift(await world.activity())
    volunteer = await world.register("r:wang", name="王建国")
    assert await world.refused("/certificates", "r:wang", {"org": COMMUNITY}) == (409, "nothing_to_certify")
    await world.serve(shift, "r:wang", volunteer)
    assert await world.refused("/certificates", "r:wang", {"org": OTHER}) == (409, "nothing_to_certify")
    issued = await world.post("/certificates", "r:wang", {"org": COMMUNITY})
    answer = await world.http.get(f"/certificates/{issued['number']}")
    assert answer.json() == issued
    assert sorted(issued) == ["issued_at", "issuer", "minutes", "number"]
    assert (issued["minutes"], issued["issuer"]) == (120, COMMUNITY)
    false = await world.http.get("/certificates/ABCDEFGH23456789")
    assert (false.status_code, false.json()["code"]) == (404, "not_found")


async def test_the_whole_certificate_is_for_the_volunteer_alone_and_its_read_is_recorded(world: World) -> None:
    shift = await world.shift(await world.activity())
    volunteer = await world.register("r:wang", name="王建国")
    await world.register("r:li", trained=False)
    await world.serve(shift, "r:wang", volunteer)
    number = (await world.post("/certificates", "r:wang", {"org": COMMUNITY}))["number"]
    await world.events()
    path = f"/certificates/{number}/document"
    whole = await world.get(path, "r:wang")
    assert (whole["name"], whole["number"], whole["issuer"]) == ("王建国", number, COMMUNITY)
    (read,) = await world.events()
    assert read.data == {"volunteer": volunteer, "power": "self", "purpose": "certificate"}
    assert (await world.ask("GET", path, "r:li")).json()["code"] == "not_yours"
    assert (await world.ask("GET", path, COMMUNITY)).json()["code"] == "wrong_kind"
    mine = await world.pages("/volunteers/me/certificates", "r:wang", limit=1)
    assert [one["number"] for one in mine] == [number]
