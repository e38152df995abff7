"""一对一帮扶: both consent, and neither learns more than is needed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from volunteers import tables as t
from volunteers.inbound import declared

from .conftest import COMMUNITY, NANGUAN, OTHER, STREET, TOPICS, World, of

pytestmark = pytest.mark.either_database

FILE, CONSENT = "F-2026-0007", "C-2026-0007"


async def offered(world: World, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    volunteer = await world.register("r:wang", trained=False)
    body = {"volunteer": volunteer, "file": FILE, "file_consent": CONSENT, "need": "escort", "area": NANGUAN, **more}
    return body, await world.post("/pairings", COMMUNITY, body)


async def active(world: World) -> dict[str, Any]:
    _, pairing = await offered(world)
    return await world.post(f"/pairings/{pairing['id']}/acceptance", "r:wang", {"consent": "V-1"})


async def test_the_volunteer_learns_a_need_and_a_community_and_nothing_else(world: World) -> None:
    body, pairing = await offered(world)
    (mine,) = (await world.get("/pairings", "r:wang"))["items"]
    assert (mine["need"], mine["area"], mine["state"]) == ("escort", NANGUAN, "offered")
    assert FILE not in str(mine) and CONSENT not in str(mine)
    for who in ("r:wang", OTHER):
        answer = await world.ask("GET", f"/pairings/{pairing['id']}", who, purpose="review")
        assert answer.status_code == 403
        assert FILE not in answer.text
    events = await world.events()
    assert not [e for e in events if FILE in str(e) or CONSENT in str(e)]
    assert of(events, "pairing.arranged")[0].data == {
        "pairing": pairing["id"],
        "volunteer": body["volunteer"],
        "org": COMMUNITY,
        "need": "escort",
        "area": NANGUAN,
    }


async def test_the_case_worker_sees_the_file_for_a_purpose_and_the_read_is_recorded(world: World) -> None:
    pairing = await active(world)
    await world.events()
    whole = await world.get(f"/pairings/{pairing['id']}", COMMUNITY, purpose="review")
    assert (whole["file"], whole["file_consent"], whole["volunteer_consent"]) == (FILE, CONSENT, "V-1")
    (read,) = await world.events()
    assert read.data == {"pairing": pairing["id"], "power": "volunteers.pairing.arrange", "purpose": "review"}
    for params in ({}, {"purpose": "curiosity"}):
        answer = await world.ask("GET", f"/pairings/{pairing['id']}", COMMUNITY, **params)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_nobody_is_assigned_the_volunteer_accepts_or_declines(world: World) -> None:
    _, pairing = await offered(world)
    await world.register("r:li", trained=False)
    path = f"/pairings/{pairing['id']}"
    assert await world.refused(f"{path}/acceptance", "r:li", {"consent": "V-1"}) == (403, "not_yours")
    assert await world.refused(f"{path}/acceptance", COMMUNITY, {"consent": "V-1"}) == (403, "wrong_kind")
    visit = {"finding": "all-well", "minutes": 60}
    assert await world.refused(f"{path}/visits", "r:wang", visit) == (409, "pairing_state")
    gone = await world.post(f"{path}/end", "r:wang", {"by": "volunteer"})
    assert (gone["state"], gone["reason"]) == ("ended", "declined")
    assert await world.refused(f"{path}/acceptance", "r:wang", {"consent": "V-1"}) == (409, "pairing_state")


async def test_visits_are_noted_in_words_of_the_profile_and_seen_by_both(world: World) -> None:
    pairing = await active(world)
    path = f"/pairings/{pairing['id']}/visits"
    for finding in ("all-well", "nobody-home", "needs-help"):
        await world.post(path, "r:wang", {"finding": finding, "minutes": 45})
    assert await world.refused(path, "r:wang", {"finding": "she cried", "minutes": 1}) == (422, "invalid_request")
    assert await world.refused(path, "r:wang", {"finding": "lonely", "minutes": 1}) == (422, "unknown_word")
    for who in ("r:wang", COMMUNITY):
        found = await world.pages(path, who)
        assert [one["finding"] for one in found] == ["needs-help", "nobody-home", "all-well"]
    await world.register("r:li", trained=False)
    for who in ("r:li", OTHER):
        assert (await world.ask("GET", path, who)).json()["code"] == "not_yours"


@pytest.mark.parametrize(("who", "by"), [("r:wang", "volunteer"), (COMMUNITY, "person"), (COMMUNITY, "case_worker")])
async def test_either_side_ends_it_and_whose_file_it_was_is_forgotten(world: World, who: str, by: str) -> None:
    pairing = await active(world)
    for _ in range(2):
        ended = await world.post(f"/pairings/{pairing['id']}/end", who, {"by": by})
    assert (ended["state"], ended["reason"]) == ("ended", by)
    assert len(of(await world.events(), "pairing.ended")) == 1
    async with world.service.parts.database.read() as conn:
        assert (await conn.execute(select(t.pairing_private))).all() == []
    visit = {"finding": "all-well", "minutes": 1}
    assert await world.refused(f"/pairings/{pairing['id']}/visits", "r:wang", visit) == (409, "pairing_state")


async def test_nobody_ends_it_in_the_name_of_the_other_side(world: World) -> None:
    pairing = await active(world)
    path = f"/pairings/{pairing['id']}/end"
    assert await world.refused(path, "r:wang", {"by": "person"}) == (403, "wrong_side")
    assert await world.refused(path, COMMUNITY, {"by": "volunteer"}) == (403, "wrong_side")
    assert await world.refused(path, OTHER, {"by": "person"}) == (403, "missing_power")
    await world.register("r:li", trained=False)
    assert await world.refused(path, "r:li", {"by": "volunteer"}) == (403, "not_yours")


async def test_when_population_closes_the_file_its_pairings_end(world: World) -> None:
    pairing = await active(world)
    await world.events()
    for _ in range(2):
        await world.hear("population.file.closed", FILE, {"file": FILE})
    assert await world.names() == ["pairing.ended"]
    (ended,) = (await world.get("/pairings", "r:wang"))["items"]
    assert (ended["id"], ended["state"], ended["reason"]) == (pairing["id"], "ended", "file_closed")


async def test_a_file_that_was_closed_before_is_not_paired(world: World) -> None:
    await world.hear("population.file.closed", FILE, {"file": FILE})
    volunteer = await world.register("r:wang", trained=False)
    body = {"volunteer": volunteer, "file": FILE, "file_consent": CONSENT, "need": "escort", "area": NANGUAN}
    assert await world.refused("/pairings", COMMUNITY, body) == (409, "file_closed")


def test_population_is_heard_only_where_there_is_one() -> None:
    without = [topic for topic in TOPICS if topic != "population.file"]
    assert "population.file.closed" in declared(TOPICS).subscriptions
    assert declared(without).topics == without


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"area": NANGUAN + "001"}, (422, "area_not_community")),
        ({"area": STREET}, (403, "missing_power")),
        ({"area": "321302002909"}, (403, "missing_power")),
        ({"need": "money"}, (422, "unknown_word")),
        ({"volunteer": "nobody"}, (404, "not_found")),
        ({"file": "王大爷"}, (422, "invalid_request")),
        ({"file_consent": ""}, (422, "invalid_request")),
        ({"name": "王大爷"}, (422, "invalid_request")),
    ],
)
async def test_a_pairing_that_cannot_be_is_refused_by_its_code(
    world: World, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    volunteer = await world.register("r:wang", trained=False)
    body = {"volunteer": volunteer, "file": FILE, "file_consent": CONSENT, "need": "escort", "area": NANGUAN, **change}
    assert await world.refused("/pairings", COMMUNITY, body) == expected


async def test_a_file_that_is_known_is_not_said_again(world: World) -> None:
    pairing = await active(world)
    body = {"file": FILE, "file_consent": CONSENT}
    assert await world.refused(f"/pairings/{pairing['id']}/link", COMMUNITY, body) == (409, "pairing_linked")
