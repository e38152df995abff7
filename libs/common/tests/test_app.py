"""The app of a service as its callers meet it: every no is a problem, nothing they send makes it answer 500."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, Field
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, insert
from starlette.requests import Request
from starlette.responses import StreamingResponse

from suizhuan.app import create_app
from suizhuan.db.database import Database
from suizhuan.errors import ErrorCatalogue, ErrorSpec
from suizhuan.identity import Caller, OptionalCaller, TokenVerifier
from suizhuan.kernel.clock import ManualClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.metrics import Metrics
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.tracing import Tracing, current_traceparent

from .issuers import Issuer, city, client

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = PARENT[3:35]
LIMIT = 4096
CATALOGUE = ErrorCatalogue(
    {
        "case_closed": ErrorSpec(
            409, "诉求 {case} 已办结", "Case {case} is closed", "由 {org} 重开", "{org} can reopen it"
        )
    }
)
rows = Table("row", MetaData(), Column("n", BigInteger), Column("t", Text))


class Thing(BaseModel):
    title: str
    amount: int
    ratio: float = 1.0
    kind: Annotated[str, Field(pattern="^[a-z]+$")] = "a"


def demo_router(database: Database) -> APIRouter:
    router = APIRouter(prefix="/cases", tags=["cases"])

    @router.get("/refuse/{code}")
    async def refuse(code: str) -> None:
        raise Refusal(code, case="c1", org="org-1", reason="because", retry_after=2.5)

    @router.get("/crash")
    async def crash() -> None:
        raise RuntimeError("secret of 13800000000")

    @router.get("/half")
    async def half() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("in the middle")

        return StreamingResponse(parts())

    @router.get("/me")
    async def me(identity: Caller) -> str:
        return identity.subject

    @router.get("/anyone")
    async def anyone(identity: OptionalCaller) -> str:
        return identity.subject if identity else "nobody"

    @router.get("/trace")
    async def trace() -> str | None:
        return current_traceparent()

    @router.post("/store")
    async def store(thing: Thing) -> Thing:
        await _store(database, thing.amount, thing.title)
        return thing

    @router.get("/lookup")
    async def lookup(n: int, t: Annotated[str, Query(max_length=100)] = "") -> None:
        await _store(database, n, t)

    @router.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @router.get("/{case}")
    async def one(case: str) -> str:
        return case

    return router


async def _store(database: Database, n: int, t: str) -> None:
    async with database.write() as conn:
        await conn.execute(insert(rows).values(n=n, t=t))


@dataclass
class World:
    app: FastAPI
    http: httpx.AsyncClient
    issuer: Issuer
    metrics: Metrics
    spans: InMemorySpanExporter
    reasons: dict[str, Callable[[], Awaitable[str | None]]]

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"suizhuan_{name}", labels)


@pytest.fixture
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite, except where a test asks for each database by `on_each`."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/test.db"
    return str(request.getfixturevalue("postgres_database"))


on_each = pytest.mark.parametrize(
    "store_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.real)], indirect=True
)


@pytest.fixture
async def world(clock: ManualClock, store_url: str, tmp_path: Path) -> AsyncIterator[World]:
    database = Database(store_url)
    async with database.engine.begin() as conn:
        await conn.run_sync(rows.metadata.create_all)
    issuer = Issuer(clock)
    metrics = Metrics(CollectorRegistry(), "complaints")
    spans = InMemorySpanExporter()
    tracing = Tracing("complaints", exporter=spans)
    reasons: dict[str, Callable[[], Awaitable[str | None]]] = {}
    async with client(id_city_example=issuer) as issuer_http:
        verifier = TokenVerifier([city()], clock=clock, http=issuer_http)
        app = create_app(
            service="complaints",
            title="Complaints 诉求",
            version="1.2.3",
            routers=[demo_router(database)],
            catalogue=CATALOGUE,
            verifier=verifier,
            readiness=reasons,
            settings=load_settings(ServiceSettings, "complaints", data_dir=tmp_path, max_body_bytes=LIMIT),
            metrics=metrics,
            tracing=tracing,
        )
        # raise_app_exceptions stays on: an exception that leaves the app fails the test
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            yield World(app, http, issuer, metrics, spans, reasons)
        await verifier.close()
    tracing.close()
    await database.close()


def problem_of(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"] == f"urn:suizhuan:problem:{code}"
    assert re.fullmatch("[0-9a-f]{32}", body["trace_id"])
    assert response.headers["x-content-type-options"] == "nosniff"
    return body


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


async def test_it_lives_and_says_what_is_missing_before_it_is_ready(world: World) -> None:
    async def well() -> str | None:
        return None

    async def missing() -> str | None:
        return "42 records behind"

    async def broken() -> str | None:
        raise ConnectionRefusedError("no route to 13800000000")

    assert (await world.http.get("/health/live")).json() == {"status": "live"}
    world.reasons["database"] = well
    assert (await world.http.get("/health/ready")).json() == {"status": "ready", "checks": ["database"]}
    world.reasons.update(authority=missing, log=broken)
    response = await world.http.get("/health/ready", headers={"Accept-Language": "en"})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json()["missing"] == {
        "authority": "42 records behind",
        "log": "ConnectionRefusedError: no route to #",
    }
    assert response.json()["title"].startswith("Not available now: authority: 42 records behind; log:")


async def test_a_readiness_check_that_hangs_is_a_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suizhuan.app.CHECK_TIMEOUT_S", 0.05)

    async def hangs() -> str | None:
        await asyncio.Event().wait()
        return None

    world.reasons["log"] = hangs
    assert (await world.http.get("/health/ready")).json()["missing"] == {"log": "no answer within 0.05 s"}


async def test_metrics_are_the_services_own_and_by_route_not_by_path(world: World) -> None:
    for case in ("c1", "c2"):
        await world.http.get(f"/cases/{case}")
    await world.http.get("/nowhere/c3")
    page = await world.http.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    assert re.search(r'suizhuan_http_request_seconds_count\{[^}]*route="/cases/\{case\}"[^}]*\} 2\.0', page.text), (
        page.text
    )
    assert 'route="unmatched"' in page.text
    assert "c1" not in page.text
    assert "c3" not in page.text
    samples = [line for line in page.text.splitlines() if line and not line.startswith("#")]
    assert all('service="complaints"' in line for line in samples)
    assert world.value("http_requests_in_flight") == 0


async def test_a_request_is_a_span_of_the_callers_trace(world: World) -> None:
    response = await world.http.get("/cases/trace", headers={"traceparent": PARENT, "X-Request-Id": "r-1"})
    (span,) = world.spans.get_finished_spans()
    assert (span.name, f"{span.context.trace_id:032x}") == ("GET /cases/trace", TRACE)
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 200
    assert response.json() == response.headers["traceparent"] == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert response.headers["x-request-id"] == "r-1"


async def test_a_request_without_a_trace_starts_one_and_a_strange_request_id_is_not_sent_back(world: World) -> None:
    response = await world.http.get("/cases/trace", headers={"X-Request-Id": "<script>"})
    assert response.headers["x-request-id"] == response.headers["traceparent"][3:35]


async def test_health_and_metrics_leave_no_spans(world: World) -> None:
    for path in ("/health/live", "/metrics", "/health/ready"):
        await world.http.get(path)
    assert world.spans.get_finished_spans() == ()


async def test_every_answer_carries_the_security_headers(world: World) -> None:
    for path in ("/cases/c1", "/nowhere", "/docs"):
        headers = (await world.http.get(path)).headers
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("prefix", ["", "/complaints"])
async def test_the_docs_need_no_internet_and_work_under_a_prefix(world: World, prefix: str) -> None:
    app = world.app
    if prefix:
        app = FastAPI()
        app.mount(prefix, world.app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        first = await http.get(f"{prefix}/")
        assert (first.status_code, first.headers["location"]) == (307, f"{prefix}/docs")
        html = (await http.get(first.headers["location"])).text
        found = re.findall(r'(?:src|href|spec-url)="([^"]+)"|url: \'([^\']+)\'', html)
        addresses = [a or b for a, b in found if not (a or b).startswith("data:")]
        assert any(a.endswith("/openapi.json") for a in addresses)
        for address in addresses:
            assert address.startswith(f"{prefix}/"), address
            assert (await http.get(address)).status_code == 200, address
        schema = (await http.get(f"{prefix}/openapi.json")).json()
        assert [s["url"] for s in schema.get("servers", [])] == ([prefix] if prefix else [])


async def test_a_mounted_service_measures_and_traces_as_if_it_stood_alone(world: World) -> None:
    outer = FastAPI()
    outer.mount("/complaints", world.app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://test") as http:
        assert (await http.get("/complaints/cases/c1")).json() == "c1"
        await http.get("/complaints/health/live")
        problem_of(await http.get("/complaints/nowhere"), 404, "not_found")
    assert world.value("http_request_seconds_count", method="GET", route="/cases/{case}", status="200") == 1
    assert len(world.spans.get_finished_spans()) == 2


async def test_openapi_tells_the_problems_of_every_operation_by_one_schema(world: World) -> None:
    schema = (await world.http.get("/openapi.json")).json()
    assert "HTTPValidationError" not in json.dumps(schema)
    assert schema["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    assert "`case_closed`" in schema["components"]["responses"]["Problem409"]["description"]
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert {"500", "503", "default"} <= set(operation["responses"]), (method, path)
    me = schema["paths"]["/cases/me"]["get"]
    assert me["security"] == [{"HTTPBearer": []}]
    assert me["responses"]["401"] == {"$ref": "#/components/responses/Problem401"}
    store = schema["paths"]["/cases/store"]["post"]["responses"]
    assert {"413", "422"} <= set(store)
    for name in re.findall(r'"#/components/(\w+/\w+)"', json.dumps(schema)):
        kind, item = name.split("/")
        assert item in schema["components"][kind], name
