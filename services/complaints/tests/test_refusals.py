"""Every refusal of the API, with its stable code."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import AFFAIR, CENTRE, COMMUNITY, FIRM, GRID, NANGUAN, STREET, STREET_ORG, World

pytestmark = pytest.mark.either_database

REPORT = {"category": "01-02", "area": GRID, "channel": "wechat", "description": "垃圾"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"area": "999"}, "area_malformed"),
        ({"area": "32130200290a"}, "area_malformed"),
        ({"area": "000000"}, "area_malformed"),
        ({"area": "321302002911"}, "unknown_area"),
        ({"area": "110101"}, "unknown_area"),
        ({"area": "32"}, "unknown_area"),
        ({"category": "77-77"}, "unknown_category"),
        ({"channel": "pigeon"}, "unknown_channel"),
        ({"description": ""}, "invalid_request"),
        ({"description": "x\x00y"}, "invalid_request"),
        ({"description": "x" * 4001}, "invalid_request"),
        ({"contact": {"phone": "call me"}}, "invalid_request"),
        ({"address": "a\x00"}, "invalid_request"),
        ({"nobody": 1}, "invalid_request"),
        ({"area": 321302}, "invalid_request"),
    ],
)
async def test_a_report_that_cannot_be_taken_in_is_refused_by_its_code(
    world: World, change: dict[str, Any], code: str
) -> None:
    assert await world.refused("/cases", None, {**REPORT, **change}, caller="resident") == (422, code)
    assert await world.names() == []


@pytest.mark.parametrize("area", [GRID, NANGUAN, NANGUAN + "000", STREET, STREET + "000", "321302", "321302002907999"])
async def test_a_case_may_name_a_registered_area_a_grid_of_one_or_one_on_the_way_to_one(
    world: World, area: str
) -> None:
    await world.report(area=area)


async def test_text_that_is_no_text_is_refused(world: World) -> None:
    body = b'{"category":"01-02","area":"%s","channel":"web","description":"\\ud800"}' % GRID.encode()
    headers = {"Authorization": f"Bearer {world.token(COMMUNITY)}", "Content-Type": "application/json"}
    answer = await world.http.post("/cases", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_nobody_is_turned_away_before_any_area_was_heard(empty: World) -> None:
    await empty.report(area=GRID)
    assert await empty.refused("/cases", None, {**REPORT, "area": "110101"}, caller="resident") == (422, "unknown_area")


async def test_a_call_without_a_token_is_refused(world: World) -> None:
    for method, path in (("GET", "/cases"), ("POST", "/cases"), ("GET", "/categories"), ("GET", "/statistics")):
        answer = await world.http.request(method, path, json=REPORT if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_a_missing_power_is_refused_with_the_power_and_who_holds_it(world: World) -> None:
    case = await world.report()
    answer = await world.ask("POST", f"/cases/{case}/start", CENTRE)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_power")
    assert answer.json()["params"] == {
        "power": "complaints.case.handle",
        "affair": AFFAIR,
        "area": GRID,
        "org": CENTRE,
        "holder": COMMUNITY,
    }
    answer = await world.ask("POST", f"/cases/{case}/verification", FIRM, {"result": "passed"})
    assert (answer.json()["code"], answer.json()["params"]["holder"]) == ("missing_power", STREET_ORG)


async def test_residents_report_but_do_not_act_for_an_organisation(world: World) -> None:
    case = await world.report()
    assert await world.refused(f"/cases/{case}/start", None, caller="resident") == (403, "wrong_kind")
    assert await world.refused(f"/cases/{case}/start", COMMUNITY, caller="resident") == (403, "wrong_kind")


async def test_a_term_that_has_passed_is_refused_with_the_current_one(world: World) -> None:
    case = await world.report()
    await world.hand_over(case)
    answer = await world.ask("POST", f"/cases/{case}/start", FIRM, {"case_term": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "case_term_passed")
    assert answer.json()["params"] == {"case_term": 1, "current": 2, "responsible": FIRM}


async def test_a_power_in_transition_and_a_stale_replica_say_when_to_try_again(world: World) -> None:
    case = await world.report()
    await world.log.opened("s1", [world.lead_slot()])
    answer = await world.ask("POST", f"/cases/{case}/start", COMMUNITY)
    assert (answer.status_code, answer.json()["code"]) == (503, "power_in_transition")
    assert answer.headers["retry-after"] == "1"
    await world.log.dropped("s1")
    world.clock.advance(901)
    answer = await world.ask("POST", f"/cases/{case}/start", COMMUNITY)
    assert (answer.status_code, answer.json()["code"]) == (503, "replica_stale")


@pytest.mark.parametrize(
    ("path", "org", "body", "expected"),
    [
        ("start", COMMUNITY, {"case_term": "x"}, (422, "invalid_request")),
        ("start", COMMUNITY, {"case_term": 10**30}, (422, "invalid_request")),
        ("result", FIRM, {}, (403, "not_responsible")),
        ("verification", STREET_ORG, {"result": "passed"}, (409, "case_state")),
        ("verification", STREET_ORG, {"result": "maybe"}, (422, "invalid_request")),
        ("closure", STREET_ORG, {}, (409, "case_state")),
        ("closure", STREET_ORG, {"outcome": "invalid"}, (422, "invalid_request")),
        ("closure", STREET_ORG, {"outcome": "invalid", "reason": "out_of_scope"}, (422, "redirect_missing")),
        (
            "closure",
            STREET_ORG,
            {"outcome": "invalid", "reason": "out_of_scope", "redirect": "mars"},
            (422, "unknown_redirect"),
        ),
        ("handovers", COMMUNITY, {"to": "nobody-at-all"}, (422, "unknown_organisation")),
        ("handovers", COMMUNITY, {"to": FIRM, "affair": "no.such"}, (422, "unknown_affair")),
        ("handovers", COMMUNITY, {"to": COMMUNITY}, (422, "handover_to_self")),
        ("handovers", COMMUNITY, {"to": "a\x00b"}, (422, "invalid_request")),
        ("handovers", COMMUNITY, {}, (422, "invalid_request")),
        ("suspension", COMMUNITY, {"reason": "no mood"}, (422, "invalid_request")),
        ("resumption", COMMUNITY, {}, (409, "case_state")),
    ],
)
async def test_a_command_that_cannot_be_done_is_refused_by_its_code(
    world: World, path: str, org: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    case = await world.report()
    before = await world.case(case)
    assert await world.refused(f"/cases/{case}/{path}", org, body) == expected
    assert await world.case(case) == before


@pytest.mark.parametrize("path", ["/cases/nobody", "/cases/nobody/history", "/handovers/nobody", "/cases/é"])
async def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    answer = await world.ask("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "params",
    [
        {"cursor": "%%%"},
        {"cursor": "AA"},
        {"limit": 0},
        {"limit": 201},
        {"limit": "x"},
        {"area": "1"},
        {"state": "asleep"},
        {"affair": "a\x00"},
        {"responsible": "\x00"},
    ],
)
async def test_a_list_asked_for_in_a_wrong_way_is_refused(world: World, params: dict[str, Any]) -> None:
    answer = await world.ask("GET", "/cases", **params)
    assert answer.status_code == 422
    assert answer.json()["code"] in {"cursor_malformed", "invalid_request", "area_malformed"}


@pytest.mark.parametrize(
    "params", [{"level": 3}, {"since": "yesterday"}, {"until": "0001-01-01T00:00:00Z"}, {"area": "x"}]
)
async def test_figures_asked_for_in_a_wrong_way_are_refused(world: World, params: dict[str, Any]) -> None:
    assert (await world.ask("GET", "/statistics", **params)).status_code == 422


async def test_a_cursor_of_another_list_is_refused_by_the_history(world: World) -> None:
    case = await world.report()
    await world.report()
    page = await world.get("/cases", limit=1)
    answer = await world.ask("GET", f"/cases/{case}/history", cursor=page["next"])
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_malformed")
