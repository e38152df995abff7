"""What those who run the app see of it: health, metrics, traces, headers, documents."""

from __future__ import annotations

import asyncio
import json
import re

import httpx
import pytest
from fastapi import FastAPI

from .conftest import PARENT, TRACE, World, problem_of


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


async def test_who_asks_may_leave_a_check_out_of_its_readiness(world: World) -> None:
    async def well() -> str | None:
        return None

    async def missing() -> str | None:
        return "stale"

    world.reasons.clear()
    world.reasons.update(database=well, authority=missing, work=missing)
    asked = await world.http.get("/health/ready?exclude=authority")
    assert asked.json()["missing"] == {"work": "stale"}
    asked = await world.http.get("/health/ready?exclude=authority&exclude=work&exclude=nothing")
    assert asked.json() == {"status": "ready", "checks": ["database"]}


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
