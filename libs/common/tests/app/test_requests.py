"""Nothing that callers send makes the app answer 500: bodies, queries, addresses, sizes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from .conftest import LIMIT, World, on_each, problem_of


async def test_a_field_that_is_not_valid_is_named_without_what_was_in_it(world: World) -> None:
    sent = {"title": "t", "amount": "13800000000x", "kind": "身份证321302199001011234"}
    response = await world.http.post("/cases/store", json=sent)
    body = problem_of(response, 422, "invalid_request")
    assert {e["field"] for e in body["errors"]} == {"body.amount", "body.kind"}
    assert "13800000000" not in response.text
    assert "321302199001011234" not in response.text


JSON = "application/json"
GOOD = b'{"title": "t", "amount": 1}'
BAD: list[tuple[str, bytes, str]] = [
    ("malformed", b'{"title": ', JSON),
    ("empty", b"", JSON),
    ("not an object", b"[1]", JSON),
    ("null", b"null", JSON),
    ("wrong type", GOOD, "text/plain"),
    ("form", b"title=t&amount=1", "application/x-www-form-urlencoded"),
    ("broken type", GOOD, ";;;///"),
    ("not utf-8", b'{"title": "\xff\xfe", "amount": 1}', JSON),
    ("utf-16", GOOD.decode().encode("utf-16"), "application/json; charset=utf-7"),
    ("raw nul", b'{"title": "a\x00b", "amount": 1}', JSON),
    ("escaped nul", b'{"title": "a\\u0000b", "amount": 1}', JSON),
    ("escaped nul in a key", b'{"a\\u0000": 1, "title": "t", "amount": 1}', JSON),
    ("half a pair", b'{"title": "\\ud83d", "amount": 1}', JSON),
    ("wrong halves", b'{"title": "\\uDC00\\uD800", "amount": 1}', JSON),
    ("beyond 64 bits", b'{"title": "t", "amount": 9223372036854775808}', JSON),
    ("below 64 bits", b'{"title": "t", "amount": -9223372036854775809}', JSON),
    ("endless digits", b'{"title": "t", "amount": ' + b"9" * 3000 + b"}", JSON),
    ("not a number", b'{"title": "t", "amount": 1, "ratio": NaN}', JSON),
    ("infinity", b'{"title": "t", "amount": 1, "ratio": -Infinity}', JSON),
    ("hidden infinity", b'{"title": "t", "amount": 1, "ratio": 1e999}', JSON),
    ("deep", b"[" * 2000 + b"]" * 2000, JSON),
    ("deep objects", b'{"a":' * 600 + b"1" + b"}" * 600, JSON),
]


@on_each
@pytest.mark.parametrize(("body", "kind"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
async def test_a_bad_body_is_the_callers_problem(world: World, body: bytes, kind: str) -> None:
    response = await world.http.post("/cases/store", content=body, headers={"Content-Type": kind})
    problem_of(response, 422, "invalid_request")


async def test_more_digits_than_python_reads_are_the_callers_problem(world: World) -> None:
    world.app.user_middleware[0].kwargs["problems"].max_body_bytes = 100_000
    body = b'{"title": "t", "amount": ' + b"9" * 5000 + b"}"
    response = await world.http.post("/cases/store", content=body, headers={"Content-Type": JSON})
    problem_of(response, 422, "invalid_request")


@on_each
@pytest.mark.parametrize(
    "body",
    [
        b'{"title": "\\\\u0000 is written out", "amount": 1}',
        '{"title": "表情😀", "amount": 9223372036854775807}'.encode(),
        b'{"title": "\\ud83d\\ude00 as a pair", "amount": -9223372036854775808}',
        b'{"title": "phone 13800000000138000000001", "amount": 1}',
        b'{"title": "NaN, Infinity, 1e999", "amount": 1}',
    ],
)
async def test_what_only_looks_bad_is_stored(world: World, body: bytes) -> None:
    response = await world.http.post("/cases/store", content=body, headers={"Content-Type": JSON})
    assert response.status_code == 200, response.text
    assert response.json()["title"] == json.loads(body)["title"]


@on_each
@pytest.mark.parametrize("address", ["/cases/lookup?n=1&t=%00", "/cases/a%00b", "/cases/lookup?n=1&t=a%00"])
async def test_a_nul_in_the_address_is_the_callers_problem(world: World, address: str) -> None:
    problem_of(await world.http.get(address), 422, "invalid_request")


@on_each
@pytest.mark.parametrize(
    "query",
    ["n=9223372036854775808", "n=" + "9" * 400, "n=-" + "9" * 30, "n=1e5", "n=x", "", "n=%ff", "n=1&n=x", "t=1"],
)
async def test_a_bad_query_is_the_callers_problem(world: World, query: str) -> None:
    problem_of(await world.http.get(f"/cases/lookup?{query}"), 422, "invalid_request")


@on_each
async def test_text_that_is_not_utf_8_in_the_address_does_no_harm(world: World) -> None:
    for address in ("/cases/lookup?n=1&t=%ff%fe", "/cases/lookup?n=1&t=%ed%a0%80", "/cases/%ff%fe"):
        assert (await world.http.get(address)).status_code == 200


async def test_a_body_too_large_is_refused_by_its_announcement(world: World) -> None:
    body = problem_of(await world.http.post("/cases/raw", content=b"x" * (LIMIT + 1)), 413, "request_too_large")
    assert body["params"] == {"limit": LIMIT}
    assert (await world.http.post("/cases/raw", content=b"x" * LIMIT)).json() == LIMIT


async def test_a_body_too_large_in_chunks_is_refused_before_all_of_it_is_read(world: World) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1024
            yield b"x" * 1024

    problem_of(await world.http.post("/cases/raw", content=chunks()), 413, "request_too_large")
    assert sent < 10 * 1024


async def test_a_body_in_chunks_arrives_whole(world: World) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for part in (GOOD[:5], b"", GOOD[5:]):
            yield part

    response = await world.http.post("/cases/store", content=chunks(), headers={"Content-Type": JSON})
    assert response.json()["title"] == "t"


@pytest.mark.parametrize("length", ["-1", "x", "9" * 30, "1.5", ""])
async def test_a_content_length_that_is_none_is_the_callers_problem(world: World, length: str) -> None:
    response = await world.http.post("/cases/raw", content=b"x", headers={"Content-Length": length})
    problem_of(response, 422, "invalid_request")


async def test_a_caller_who_leaves_before_the_body_is_there_is_not_answered(world: World) -> None:
    messages: list[Any] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/cases/store", "raw_path": b"/cases/store", "query_string": b"", "root_path": "",
        "headers": [(b"content-length", b"100"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1), "server": ("test", 80),
    }  # fmt: skip
    await world.app(scope, receive, send)
    assert sent == []
    assert world.value("http_request_seconds_count", method="POST", route="unmatched", status="499") == 1
