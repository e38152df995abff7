"""An app with routes that show what callers may meet, on SQLite unless a test asks for each database."""

from __future__ import annotations

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

from ..issuers import Issuer, city, client

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


@dataclass(repr=False)
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
