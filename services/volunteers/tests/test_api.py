"""The API as such: bad input, pages, concurrency, repeats."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .conftest import COMMUNITY, NANGUAN, OTHER, STREET, XIANGLI, World

pytestmark = pytest.mark.either_database

LISTS = ("/volunteers", "/teams", "/activities", "/shifts", "/courses", "/awards", "/pairings")


@pytest.mark.parametrize(
    "path",
    [
        "/volunteers/nobody",
        "/volunteers/nobody/private?purpose=contact",
        "/teams/nobody",
        "/activities/nobody",
        "/shifts/nobody",
        "/shifts/nobody/code",
        "/shifts/nobody/sign-ups",
        "/courses/nobody",
        "/pairings/nobody?purpose=review",
        "/pairings/nobody/visits",
        "/certificates/nobody",
        "/activities/é",
        "/nowhere",
        "/activities/" + "x" * 100,
    ],
)
async def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    answer = await world.ask("GET", path, **dict([path.partition("?")[2].split("=")] if "?" in path else []))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("params", [{"cursor": "%%%"}, {"cursor": "AA"}, {"limit": 0}, {"limit": 201}, {"limit": "x"}])
async def test_a_list_asked_for_in_a_wrong_way_is_refused(world: World, path: str, params: dict[str, Any]) -> None:
    answer = await world.ask("GET", path, **params)
    assert answer.status_code == 422
    assert answer.json()["code"] in {"cursor_malformed", "invalid_request"}


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/teams", {"area": "1"}),
        ("/teams", {"kind": "a\x00"}),
        ("/activities", {"state": "asleep"}),
        ("/activities", {"org": "\x00"}),
        ("/volunteers", {"state": "x" * 30}),
    ],
)
async def test_a_filter_that_is_none_is_refused(world: World, path: str, params: dict[str, Any]) -> None:
    answer = await world.ask("GET", path, **params)
    assert answer.status_code == 422
    assert answer.json()["code"] in {"area_malformed", "invalid_request"}


async def test_every_list_is_read_to_its_end_page_by_page(world: World) -> None:
    made = await world.activity()
    await world.activity(by=OTHER, area=XIANGLI)
    volunteer = ""
    for number in range(5):
        volunteer = await world.register(f"r:{number}")
        await world.activity(planned_fen=0)
        await world.post("/teams", COMMUNITY, {"title": f"{number}", "kind": "judicial", "area": NANGUAN})
        shift = await world.shift(made)
        offer = {"volunteer": volunteer, "file": f"F-{number}0", "file_consent": "C-1", "need": "company"}
        await world.post("/pairings", COMMUNITY, {**offer, "area": NANGUAN})
        award = await world.post(f"/volunteers/{volunteer}/awards", COMMUNITY, {"kind": "model-citizen"})
        await world.post(f"/awards/{award['id']}/consent", f"r:{number}", {"shown_as": f"{number}"})
    for path, many in (("/volunteers", 5), ("/teams", 5), ("/activities", 7), ("/shifts", 5), ("/courses", 5)):
        found = await world.pages(path)
        ids = [one["id"] for one in found]
        assert (len(set(ids)), ids) == (many, sorted(ids, reverse=True))
        assert await world.pages(path, limit=200) == found
    for path in ("/awards", "/pairings"):
        assert len(await world.pages(path)) == 5
    assert len(await world.pages("/activities", area=NANGUAN)) == 6
    assert len(await world.pages("/activities", area=STREET, org=OTHER)) == 1
    assert [one["title"] for one in await world.pages("/teams")] == ["4", "3", "2", "1", "0"]
    for number in range(5):
        await world.post(f"/shifts/{shift['id']}/sign-up", f"r:{number}")
    assert len(await world.pages(f"/shifts/{shift['id']}/sign-ups")) == 5


async def test_a_repeated_command_with_its_key_is_done_once(world: World) -> None:
    key = {"Idempotency-Key": "k1"}
    body = world.activity_body()
    first = await world.post("/activities", COMMUNITY, body, headers=key)
    assert await world.post("/activities", COMMUNITY, body, headers=key) == first
    assert await world.names() == ["activity.planned", "bill.cost_planned"]
    assert await world.refused("/activities", COMMUNITY, {**body, "title": "x"}, headers=key) == (
        422,
        "idempotency_key_reused",
    )
    await world.register("r:wang")
    shift = await world.shift(await world.activity())
    path = f"/shifts/{shift['id']}/sign-up"
    answers = await asyncio.gather(*(world.ask("POST", path, "r:wang", headers=key) for _ in range(3)))
    assert {a.status_code for a in answers} == {200}
    assert (await world.get(f"/shifts/{shift['id']}"))["taken"] == 1


async def test_personal_answers_are_not_kept_for_a_repeat(world: World) -> None:
    await world.register("r:wang", name="王建国", trained=False)
    key = {"Idempotency-Key": "k1"}
    for _ in range(2):
        answer = await world.ask("GET", "/volunteers/me/private", "r:wang", headers=key)
        assert answer.json()["name"] == "王建国"
    assert await world.names() == ["volunteer.registered", "volunteer.record_read", "volunteer.record_read"]


async def test_a_write_against_an_older_version_is_refused(world: World) -> None:
    made = await world.activity(dangerous=True, min_age=18)
    tag = (await world.ask("GET", f"/activities/{made['id']}")).headers["etag"]
    assert tag == '"2"'
    path, body = f"/activities/{made['id']}/insurance", {"insurance": "P-001"}
    assert await world.refused(path, COMMUNITY, body, headers={"If-Match": '"1"'}) == (412, "version_conflict")
    answer = await world.ask("POST", path, COMMUNITY, body, headers={"If-Match": tag})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')
    stale = {"If-Match": '"9"'}
    await world.register("r:wang", trained=False)
    for where, who, what in (
        ("/volunteers/me/correction", "r:wang", {"phone": "13900000000"}),
        ("/volunteers/me/erasure", "r:wang", {}),
        (f"/activities/{made['id']}/cancellation", COMMUNITY, {}),
    ):
        assert await world.refused(where, who, what, headers=stale) == (412, "version_conflict")


async def test_commands_at_once_on_one_activity_are_each_done_or_refused(world: World) -> None:
    made = await world.activity(dangerous=True, min_age=18)
    path = f"/activities/{made['id']}"
    commands = [("insurance", {"insurance": f"P-00{i}"}) for i in range(4)] + [("cancellation", {})] * 2
    answers = await asyncio.gather(*(world.ask("POST", f"{path}/{name}", COMMUNITY, body) for name, body in commands))
    assert {a.status_code for a in answers} <= {200, 409}
    done = sum(a.status_code == 200 for a in answers)
    after = await world.get(path)
    assert (after["state"], after["version"]) == ("cancelled", 2 + done)


RUBBISH: list[object] = [None, [], "x", 1, {"x": 1}, {"volunteer": 1}, {"code": None}, {"planned_fen": "1"}]


@pytest.mark.parametrize("body", RUBBISH, ids=str)
async def test_rubbish_is_refused_with_a_code_by_every_command(world: World, body: object) -> None:
    for route in world.service.app.routes:
        path, methods = getattr(route, "path", ""), getattr(route, "methods", None) or set()
        if "POST" not in methods or path.startswith(("/dead-letters", "/reconciliation")):
            continue
        for name in ("volunteer_id", "team_id", "activity_id", "shift_id", "course_id", "award_id", "pairing_id"):
            path = path.replace("{" + name + "}", "nobody")
        for who in (COMMUNITY, "r:wang"):
            bearer = {"Authorization": f"Bearer {world.token(COMMUNITY)}"} if who == COMMUNITY else None
            headers = bearer or {"Authorization": f"Bearer {world.token(None, kind='resident', subject=who)}"}
            answer = await world.http.post(path, headers=headers, json=body)
            assert 400 <= answer.status_code < 500, (path, answer.status_code)
            assert answer.json()["code"] != "internal"
    assert await world.names() == []


@pytest.mark.parametrize(
    ("name", "key", "data"),
    [
        ("finance.bill.held", "volunteers:b", {"service": "volunteers"}),
        ("finance.bill.refused", "volunteers:b", {"service": "volunteers", "bill": "b"}),
        ("finance.bill.paid", "volunteers:b", {"service": "volunteers", "bill": "b", "amount_fen": -1}),
        ("mandates.mandate.ended", "m", {"mandate": "m"}),
        ("mandates.organisation.registered", "o", {"org": "o", "name": "o", "areas": ["12345"]}),
        ("population.file.closed", "f", {}),
    ],
)
async def test_a_malformed_event_is_told_by_its_reason(world: World, name: str, key: str, data: dict[str, Any]) -> None:
    from suizhuan.kernel.refusal import Refusal

    with pytest.raises(Refusal) as no:
        await world.hear(name, key, data)
    assert no.value.code in {"event_malformed", "area_malformed"}


async def test_the_documents_of_the_api_are_made_with_examples(world: World) -> None:
    document = (await world.http.get("/openapi.json")).json()
    assert "清洁家园" in str(document["components"]["schemas"]["ActivityIn"])
    assert all("summary" in one for path in document["paths"].values() for one in path.values())
