"""Every no of the app is a problem, in the caller's language, and a caller without a token is asked for one."""

from __future__ import annotations

import logging

import pytest

from .conftest import PARENT, TRACE, World, problem_of


async def test_a_refusal_is_a_problem_in_chinese_unless_english_is_asked_for(world: World) -> None:
    chinese = await world.http.get("/cases/refuse/case_closed")
    body = problem_of(chinese, 409, "case_closed")
    assert (body["title"], body["next"]) == ("诉求 c1 已办结", "由 org-1 重开")
    assert chinese.headers["content-language"] == "zh"
    assert chinese.headers["vary"] == "Accept-Language"
    english = await world.http.get("/cases/refuse/case_closed", headers={"Accept-Language": "fr, en-GB;q=0.8,zh;q=.1"})
    assert problem_of(english, 409, "case_closed")["detail"] == "Case c1 is closed; org-1 can reopen it"
    assert english.headers["content-language"] == "en"
    assert world.value("refusals_total", code="case_closed") == 2


@pytest.mark.parametrize(
    ("accept", "language"),
    [("en", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en;q=0.5,zh;q=0.6", "zh"), ("", "zh"), ("*", "zh"),
     ("en;q=0", "zh"), ("en;q=x", "zh"), (";;,,=", "zh"), ("EN-us", "en"), ("en;q=nan", "zh"),
     ("fr", "zh"), ("en;q=9", "zh")],
)  # fmt: skip
async def test_the_language_is_the_one_preferred(world: World, accept: str, language: str) -> None:
    response = await world.http.get("/nowhere", headers={"Accept-Language": accept})
    assert response.headers["content-language"] == language


@pytest.mark.parametrize("code", ["unavailable", "rate_limited"])
async def test_come_back_later_says_when(world: World, code: str) -> None:
    assert (await world.http.get(f"/cases/refuse/{code}")).headers["retry-after"] == "3"


async def test_a_code_that_is_in_no_catalogue_is_our_mistake(world: World) -> None:
    response = await world.http.get("/cases/refuse/no_such_code")
    assert response.status_code == 500


async def test_an_unknown_path_and_a_wrong_method_are_problems(world: World) -> None:
    problem_of(await world.http.get("/nowhere"), 404, "not_found")
    response = await world.http.delete("/cases/me")
    problem_of(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET"


async def test_a_surprise_is_answered_with_its_trace_and_logged_once_under_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    response = await world.http.get("/cases/crash", headers={"traceparent": PARENT})
    body = problem_of(response, 500, "internal")
    assert body["trace_id"] == TRACE
    assert "secret" not in response.text
    assert [(r.getMessage(), r.exc_info is not None) for r in caplog.records if r.levelno >= logging.ERROR] == [
        ("internal error", True)
    ]
    assert world.value("internal_errors_total") == 1
    assert world.value("http_request_seconds_count", method="GET", route="/cases/crash", status="500") == 1


async def test_an_answer_that_fails_half_way_is_broken_off_not_completed(world: World) -> None:
    with pytest.raises(RuntimeError, match="in the middle"):
        await world.http.get("/cases/half")


async def test_without_a_token_a_caller_is_asked_for_one(world: World) -> None:
    response = await world.http.get("/cases/me")
    problem_of(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"
    for wrong in ("Basic eDp5", "Bearer", "Bearer ", "Bearer a b", "nonsense", "bearer \xff"):
        bad = await world.http.get("/cases/me", headers={"Authorization": wrong.encode("latin-1")})
        problem_of(bad, 401, "unauthenticated")


async def test_with_a_token_the_caller_is_known(world: World) -> None:
    sent = {"Authorization": f"Bearer {world.issuer.token()}"}
    assert (await world.http.get("/cases/me", headers=sent)).json() == "staff-1"
    assert (await world.http.get("/cases/anyone", headers=sent)).json() == "staff-1"


async def test_where_a_token_is_optional_none_will_do_but_a_wrong_one_will_not(world: World) -> None:
    assert (await world.http.get("/cases/anyone")).json() == "nobody"
    problem_of(await world.http.get("/cases/anyone", headers={"Authorization": "Bearer x"}), 401, "unauthenticated")
