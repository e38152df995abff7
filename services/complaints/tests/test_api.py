"""The API: reads, pages, personal data, concurrency, and every refusal with its stable code."""

from __future__ import annotations

from typing import Any

import pytest

from suizhuan.kernel.refusal import Refusal

from .conftest import (
    AFFAIR,
    CENTRE,
    COMMUNITY,
    FIRM,
    GRID,
    LEAD_MANDATE,
    NANGUAN,
    OTHER,
    PRICE,
    SANITATION,
    STREET,
    STREET_ORG,
    World,
    of,
)

REPORT = {"category": "01-02", "area": GRID, "channel": "wechat", "description": "垃圾"}
SECRETS = {
    "description": "楼道口堆满垃圾，王大爷摔倒了",
    "contact": {"name": "王大爷", "phone": "13812345678"},
    "address": "南关小区3号楼2单元501室",
}


# --- bad input, each with its code --------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("name", "key", "data"),
    [
        ("finance.hold.placed", "c", {"hold": "h"}),
        ("finance.tariff.set", AFFAIR, {"affair": AFFAIR, "price_fen": -5}),
        ("finance.tariff.set", AFFAIR, {"affair": AFFAIR, "price_fen": 1.5}),
        ("mandates.organisation.registered", "o", {"org": "o", "name": "o", "areas": ["12345"]}),
    ],
)
async def test_a_malformed_event_is_told_by_its_reason_and_changes_nothing(
    world: World, name: str, key: str, data: dict[str, Any]
) -> None:
    with pytest.raises(Refusal) as no:
        await world.hear(name, key, data)
    assert no.value.code in {"event_malformed", "amount_not_positive", "area_malformed"}


async def test_an_older_price_that_comes_late_does_not_replace_the_newer_one(world: World) -> None:
    await world.hear("finance.tariff.set", AFFAIR, {"affair": AFFAIR, "price_fen": 9_000})
    world.sequence = 0
    await world.hear("finance.tariff.set", AFFAIR, {"affair": AFFAIR, "price_fen": 1})
    assert (await world.case(await world.report()))["price_fen"] == 9_000


# --- commands -----------------------------------------------------------------------------------------------------


async def test_a_repeated_command_with_its_key_is_done_once(world: World) -> None:
    key = {"Idempotency-Key": "k1"}
    first = await world.post("/cases", None, REPORT, caller="resident", headers=key)
    again = await world.post("/cases", None, REPORT, caller="resident", headers=key)
    assert first == again
    assert await world.names() == ["case.reported", "case.routed"]


async def test_a_write_against_an_older_version_is_refused(world: World) -> None:
    case = await world.report()
    tag = (await world.ask("GET", f"/cases/{case}")).headers["etag"]
    assert tag == '"2"'
    stale = {"If-Match": '"1"'}
    assert await world.refused(f"/cases/{case}/start", COMMUNITY, headers=stale) == (412, "version_conflict")
    answer = await world.ask("POST", f"/cases/{case}/start", COMMUNITY, headers={"If-Match": tag})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')


# --- personal data ------------------------------------------------------------------------------------------------


async def test_personal_data_is_in_no_event_no_list_and_no_history(world: World) -> None:
    case = await world.report(**SECRETS)
    await world.finish(case)
    everything = "".join(str(e) for e in await world.events())
    everything += str(await world.case(case)) + str(await world.get(f"/cases/{case}/history"))
    everything += str(await world.get("/cases"))
    # None of these can turn up by chance in an id or a time, as the bare number of a door did.
    for secret in ("王大爷", "13812345678", "南关小区", "501室", "摔倒", "resident-None"):
        assert secret not in everything.replace("actor': 'resident-None", "")


async def test_personal_data_is_read_by_who_answers_for_the_case_and_the_read_is_an_event(world: World) -> None:
    case = await world.report(**SECRETS)
    await world.events()
    found = await world.get(f"/cases/{case}/private", COMMUNITY, purpose="contact")
    assert (found["contact_phone"], found["address"]) == ("13812345678", SECRETS["address"])
    (read,) = await world.events()
    assert read.name == "complaints.case.private_read"
    assert read.data == {
        "case": case,
        "case_term": 1,
        "power": "complaints.case.handle",
        "purpose": "contact",
    }
    assert (read.attributes["org"], read.attributes["mandate"]) == (COMMUNITY, LEAD_MANDATE)


async def test_personal_data_is_read_by_the_checker_and_by_nobody_else(world: World) -> None:
    case = await world.report(**SECRETS)
    assert (await world.get(f"/cases/{case}/private", STREET_ORG, purpose="verification"))["contact_name"] == "王大爷"
    for org in (FIRM, SANITATION, CENTRE):
        answer = await world.ask("GET", f"/cases/{case}/private", org, purpose="contact")
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_power")
        assert answer.json()["params"]["holder"] == COMMUNITY
    await world.hand_over(case)
    answer = await world.ask("GET", f"/cases/{case}/private", COMMUNITY, purpose="contact")
    assert answer.status_code == 403
    assert (await world.get(f"/cases/{case}/private", FIRM, purpose="site_visit"))["contact_name"] == "王大爷"


async def test_personal_data_is_not_read_without_a_purpose(world: World) -> None:
    case = await world.report(**SECRETS)
    for params in ({}, {"purpose": "curiosity"}):
        answer = await world.ask("GET", f"/cases/{case}/private", COMMUNITY, **params)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


# --- lists and figures --------------------------------------------------------------------------------------------


async def test_cases_are_listed_newest_first_by_page_and_filter(world: World) -> None:
    cases = [await world.report(area=area) for area in (GRID, STREET, NANGUAN)]
    other = await world.report(category="01-03")
    await world.hand_over(cases[0])
    first = await world.get("/cases", limit=3)
    assert [c["id"] for c in first["items"]] == [other, cases[2], cases[1]]
    second = await world.get("/cases", limit=3, cursor=first["next"])
    assert ([c["id"] for c in second["items"]], second["next"]) == ([cases[0]], None)
    for params, expected in (
        ({"area": NANGUAN}, [other, cases[2], cases[0]]),
        ({"area": NANGUAN + "000"}, [other, cases[2], cases[0]]),
        ({"affair": OTHER}, [other]),
        ({"responsible": FIRM}, [cases[0]]),
        ({"state": "closed"}, []),
        ({"area": NANGUAN, "responsible": COMMUNITY, "state": "dispatched"}, [cases[2]]),
    ):
        assert [c["id"] for c in (await world.get("/cases", **params))["items"]] == expected, params


async def test_categories_come_with_their_limits_and_prices(world: World) -> None:
    found = await world.get("/categories")
    rubbish = next(c for c in found["items"] if c["code"] == "01-02")
    assert (rubbish["affair"], rubbish["limit"], rubbish["price_fen"]) == (AFFAIR, "4 WH", PRICE)
    assert {c["code"] for c in found["channels"]} >= {"hotline", "wechat"}
    assert next(r for r in found["out_of_scope"] if r["code"] == "police")["phone"] == "110"


async def test_figures_count_what_was_accepted_filed_due_closed_and_on_time(world: World) -> None:
    on_time, late, invalid, open_ = [await world.report() for _ in range(4)]
    elsewhere = await world.report(area=STREET)
    await world.finish(on_time)
    await world.post(f"/cases/{on_time}/closure", STREET_ORG)
    body = {"outcome": "invalid", "reason": "out_of_scope", "redirect": "police"}
    await world.post(f"/cases/{invalid}/closure", STREET_ORG, body)
    await world.later(8 * 3600)
    await world.finish(late)
    await world.post(f"/cases/{late}/closure", STREET_ORG)
    await world.report(category="01-03", area=NANGUAN)  # not due yet
    assert open_ != elsewhere
    found = await world.get("/statistics")
    assert found["items"] == [
        {
            "area": STREET,
            "accepted": 1,
            "filed": 1,
            "due": 1,
            "closed": 0,
            "on_time": 0,
            "closed_percent": "0.00",
            "on_time_percent": "0.00",
        },
        {
            "area": NANGUAN,
            "accepted": 5,
            "filed": 4,
            "due": 3,
            "closed": 2,
            "on_time": 1,
            "closed_percent": "66.67",
            "on_time_percent": "33.33",
        },
    ]
    page = await world.get("/statistics", limit=1)
    rest = await world.get("/statistics", limit=1, cursor=page["next"])
    assert [i["area"] for i in page["items"] + rest["items"]] == [STREET, NANGUAN]
    (whole,) = (await world.get("/statistics", level=6, area="321302"))["items"]
    assert (whole["area"], whole["accepted"], whole["due"]) == ("321302", 6, 4)
    assert (await world.get("/statistics", since="2026-03-02T08:00:00Z"))["items"][0]["accepted"] == 1


async def test_the_documents_name_every_path_and_every_refusal(world: World) -> None:
    document = (await world.http.get("/openapi.json")).json()
    assert {
        "/cases",
        "/cases/{case_id}",
        "/cases/{case_id}/history",
        "/cases/{case_id}/private",
        "/cases/{case_id}/start",
        "/cases/{case_id}/result",
        "/cases/{case_id}/verification",
        "/cases/{case_id}/closure",
        "/cases/{case_id}/extension",
        "/cases/{case_id}/suspension",
        "/cases/{case_id}/resumption",
        "/cases/{case_id}/handovers",
        "/cases/{case_id}/return",
        "/handovers/{handover_id}",
        "/categories",
        "/statistics",
    } <= set(document["paths"])
    assert of(await world.events(), "case.reported") == []


@pytest.mark.parametrize("key", ["", " "])
async def test_an_empty_idempotency_key_is_no_key(world: World, key: str) -> None:
    """All who send an empty one would be taken for repeats of each other, whatever they ask."""
    body = {"category": "01-02", "area": GRID, "channel": "wechat", "description": "x"}
    answer = await world.ask("POST", "/cases", None, body, caller="resident", headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert (await world.get("/cases"))["items"] == []
