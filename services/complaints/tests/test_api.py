"""The API: lists and their pages, figures, repeated and outdated commands, and its document."""

from __future__ import annotations

import pytest

from .conftest import AFFAIR, COMMUNITY, FIRM, GRID, NANGUAN, OTHER, PRICE, STREET, STREET_ORG, World, of

REPORT = {"category": "01-02", "area": GRID, "channel": "wechat", "description": "垃圾"}


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


@pytest.mark.parametrize("key", ["", " "])
async def test_an_empty_idempotency_key_is_no_key(world: World, key: str) -> None:
    """All who send an empty one would be taken for repeats of each other, whatever they ask."""
    body = {"category": "01-02", "area": GRID, "channel": "wechat", "description": "x"}
    answer = await world.ask("POST", "/cases", None, body, caller="resident", headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert (await world.get("/cases"))["items"] == []


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
