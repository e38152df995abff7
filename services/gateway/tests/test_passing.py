"""Commands are passed on as they are, with the caller's own token, and nothing escapes."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from gateway.domain.paths import upstream_path
from suizhuan.kernel.refusal import Refusal

from .conftest import World, client


async def echo(request: Request) -> Response:
    body = await request.body()
    seen = {
        "method": request.method,
        "path": request.url.path,
        "raw": request.scope["raw_path"].decode(),
        "query": request.url.query,
        "headers": {k: v for k, v in request.headers.items()},
        "body": body.decode("latin-1"),
    }
    headers = {"ETag": '"3"', "Connection": "x-secret", "X-Secret": "1", "Set-Cookie": "a=b", "X-Own": "kept"}
    return JSONResponse(seen, 201, headers)


async def elsewhere(_: Request) -> Response:
    return RedirectResponse("/cases/7?x=1", 307)


def upstream() -> httpx.ASGITransport:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]
    routes = [Route("/moved", elsewhere), Route("/{path:path}", echo, methods=methods)]
    return httpx.ASGITransport(app=Starlette(routes=routes))


class Broken(httpx.AsyncBaseTransport):
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self.error


class Endless(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async def parts() -> Any:
            while True:
                yield b"x" * 1000

        return httpx.Response(200, content=parts())


async def test_a_command_arrives_as_it_was_sent(world: World) -> None:
    gateway = world.gateway({"complaints": upstream()})
    headers = {
        "Authorization": "Bearer the-callers-own",
        "Idempotency-Key": "k1",
        "If-Match": '"2"',
        "Accept-Language": "en",
        "X-Request-Id": "r-1",
        "Traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }
    async with client(gateway) as http:
        answer = await http.post("/complaints/cases/1/handovers?a=1&a=%20b", json={"to": "x"}, headers=headers)
    assert answer.status_code == 201
    seen = answer.json()
    assert (seen["method"], seen["path"], seen["query"]) == ("POST", "/cases/1/handovers", "a=1&a=%20b")
    assert json.loads(seen["body"]) == {"to": "x"}
    for name in ("authorization", "idempotency-key", "if-match", "accept-language", "x-request-id"):
        assert seen["headers"][name] == {k.lower(): v for k, v in headers.items()}[name]
    assert seen["headers"]["traceparent"].split("-")[1] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert seen["headers"]["traceparent"] != headers["Traceparent"]  # the gateway's own span is in between
    assert answer.headers["etag"] == '"3"'
    assert answer.headers["x-own"] == "kept"


async def test_the_gateway_adds_no_right_and_says_nothing_about_where_a_call_came_from(world: World) -> None:
    gateway = world.gateway({"finance": upstream()})
    spoofed = {"X-Forwarded-For": "10.0.0.1", "Forwarded": "for=1", "Cookie": "s=1", "Host": "evil.example"}
    async with client(gateway) as http:
        seen = (await http.get("/finance/accounts", headers=spoofed)).json()["headers"]
    assert "authorization" not in seen
    assert not {"x-forwarded-for", "forwarded", "cookie"} & set(seen)
    assert seen["host"] != "evil.example"


async def test_hop_by_hop_headers_stop_here_in_both_directions(world: World) -> None:
    gateway = world.gateway({"finance": upstream()})
    sent = {
        "Connection": "x-mine, keep-alive",
        "X-Mine": "1",
        "TE": "trailers",
        "Upgrade": "h2c",
        "Proxy-Authorization": "x",
    }
    async with client(gateway) as http:
        answer = await http.get("/finance/x", headers=sent)
    seen = answer.json()["headers"]
    assert not {"x-mine", "te", "upgrade", "proxy-authorization"} & set(seen)
    assert not {"x-secret", "set-cookie"} & set(answer.headers)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_is_passed_on(world: World, method: str) -> None:
    gateway = world.gateway({"mandates": upstream()})
    async with client(gateway) as http:
        answer = await http.request(method, "/mandates/mandates/m1")
    assert answer.json()["method"] == method


async def test_a_service_that_knows_its_prefix_may_have_a_resource_of_the_same_name(world: World) -> None:
    app = FastAPI()
    app.root_path = "/mandates"

    @app.get("/mandates/{mandate}")
    async def mandate(mandate: str) -> dict[str, str]:
        return {"id": mandate}

    @app.get("/list/")
    async def listed() -> list[str]:
        return []

    gateway = world.gateway({"mandates": httpx.ASGITransport(app=app)})
    async with client(gateway) as http:
        assert (await http.get("/mandates/mandates/m1")).json() == {"id": "m1"}
        assert "/mandates/openapi.json" in (await http.get("/mandates/docs")).text
        assert (await http.get("/mandates/openapi.json")).json()["servers"] == [{"url": "/mandates"}]
        assert (await http.get("/mandates/list")).headers["location"] == "/mandates/list/"


async def test_documents_are_passed_on_and_operations_are_not(world: World) -> None:
    gateway = world.gateway({"complaints": upstream()})
    async with client(gateway) as http:
        assert (await http.get("/complaints/docs")).json()["path"] == "/docs"
        assert (await http.get("/complaints/openapi.json")).json()["path"] == "/openapi.json"
        for path in ("metrics", "health/live", "health/ready", "%6detrics", "METRICS", "health"):
            answer = await http.get(f"/complaints/{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_passed_on")


async def test_a_redirect_stays_under_the_gateway(world: World) -> None:
    gateway = world.gateway({"complaints": upstream()})
    async with client(gateway) as http:
        answer = await http.get("/complaints/moved")
    assert (answer.status_code, answer.headers["location"]) == (307, "/complaints/cases/7?x=1")


@pytest.mark.parametrize(
    "path",
    [
        "/complaints/../metrics",
        "/complaints/a/../../x",
        "/complaints/%2e%2e/metrics",
        "/complaints/%252e%252e/metrics",
        "/complaints/.%2e/x",
        "/complaints/..;/metrics",
        "/complaints/a%2fb",
        "/complaints/a%5cb",
        "/complaints/a%255cb",
        "/complaints//evil.example/x",
        "/complaints/a//b",
        "/complaints/./x",
        "/complaints/a%00b",
        "/complaints/a%0d%0ab",
        "/complaints/complaints/metrics",
        "/complaints/%63omplaints/metrics",
        "/complaints/a\\b",
        "/complaints/a b",
        "/complaintsx/a",
        "//evil.example/complaints/a",
    ],
)
def test_no_trick_with_the_path_gets_out(path: str) -> None:
    with pytest.raises(Refusal) as refused:
        upstream_path("complaints", path.encode())
    assert refused.value.code in ("path_refused", "not_passed_on")


@pytest.mark.parametrize(
    ("path", "passed"),
    [
        ("/complaints", "/"),
        ("/complaints/", "/"),
        ("/complaints/cases", "/cases"),
        ("/complaints/cases/", "/cases/"),
        ("/complaints/cases/a%3Ab", "/cases/a%3Ab"),
        ("/complaints/cases/100%25", "/cases/100%25"),
        ("/complaints/%E8%AF%89%E6%B1%82", "/%E8%AF%89%E6%B1%82"),
        ("/complaints/a...b/.well-known", "/a...b/.well-known"),
    ],
)
def test_ordinary_paths_are_passed_on_letter_for_letter(path: str, passed: str) -> None:
    assert upstream_path("complaints", path.encode()) == passed.encode()


def test_under_a_prefix_of_our_own_the_prefix_is_not_passed_on() -> None:
    assert upstream_path("complaints", b"/city/complaints/cases", "/city") == b"/cases"


async def test_a_service_that_is_down_is_named(world: World) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gateway = world.gateway(upstreams={"finance": f"http://127.0.0.1:{port}"})
    async with client(gateway) as http:
        answer = await http.get("/finance/accounts", headers={"Accept-Language": "en"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "service_down"
    assert answer.json()["params"]["service"] == "finance"
    assert answer.json()["params"]["may_have_been_done"] is False
    assert int(answer.headers["retry-after"]) >= 1


async def test_after_a_time_out_nobody_claims_that_nothing_was_done(world: World) -> None:
    gateway = world.gateway({"finance": Broken(httpx.ReadTimeout("slow"))})
    async with client(gateway) as http:
        answer = await http.post("/finance/entries", json={})
    assert answer.status_code == 503
    assert answer.json()["params"]["may_have_been_done"] is True


async def test_the_others_go_on_while_one_is_down(world: World) -> None:
    gateway = world.gateway({"finance": Broken(httpx.ConnectError("down")), "complaints": upstream()})
    async with client(gateway) as http:
        both = await asyncio.gather(http.get("/finance/x"), http.get("/complaints/x"))
    assert [a.status_code for a in both] == [503, 201]


async def test_a_body_too_large_is_not_passed_on(world: World) -> None:
    gateway = world.gateway({"finance": upstream()}, max_body_bytes=2000)
    async with client(gateway) as http:
        answer = await http.post("/finance/x", content=b"x" * 2001)
    assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")


async def test_an_answer_without_end_is_broken_off(world: World) -> None:
    gateway = world.gateway({"finance": Endless()}, max_answer_bytes=10_000)
    async with client(gateway) as http:
        with pytest.raises(httpx.StreamError):
            await http.get("/finance/x")


async def test_an_unknown_service_is_not_found(world: World) -> None:
    gateway = world.gateway()
    async with client(gateway) as http:
        answer = await http.get("/population/people")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_services_do_not_hide_the_gateways_own_paths(world: World) -> None:
    gateway = world.gateway({"complaints": upstream()})
    async with client(gateway) as http:
        assert (await http.get("/health/live")).json() == {"status": "live"}
        paths = (await http.get("/openapi.json")).json()["paths"]
    assert {"/communities/{area}", "/cases/{case_id}/chain", "/events", "/audit"} <= set(paths)
