"""The route of a command answers as FastAPI alone would, whatever is sent."""

from __future__ import annotations

import json
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request, Response
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, Field

from suizhuan.app import create_app
from suizhuan.command_route import CommandRoute, Plain
from suizhuan.commands import CommandDep
from suizhuan.errors import COMMON
from suizhuan.identity import TokenVerifier, caller
from suizhuan.kernel.clock import ManualClock
from suizhuan.metrics import Metrics
from suizhuan.settings import IssuerSettings, ServiceSettings, load_settings

from .issuers import CITY, Issuer

Number = Annotated[str, Path(max_length=5)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str = Field(max_length=5)
    amount: int = 1


async def plain(request: Request, command: CommandDep, case: Number, body: Body) -> Response:
    return Response(f"{request.method} {case} {body.title} {body.amount} {command.identity.subject} {command.key}")


async def asks_more(command: CommandDep, body: Body, page: Annotated[int, Query()] = 0) -> Response:
    return Response(f"{command.identity.subject} {body.title} {page}")


def app_of(route: type[APIRoute], verifier: TokenVerifier) -> FastAPI:
    router = APIRouter(route_class=route, dependencies=[Depends(caller)])
    router.post("/cases/{case}/start")(plain)
    router.post("/cases")(asks_more)
    app = create_app(
        service="demo",
        title="Demo",
        routers=[router],
        catalogue=COMMON,
        verifier=verifier,
        readiness={},
        settings=load_settings(ServiceSettings, "demo"),
        metrics=Metrics(CollectorRegistry(), "demo"),
    )
    app.state.uow = None
    return app


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer(ManualClock())


@pytest.fixture(scope="module")
def both(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> list[FastAPI]:
    """The same endpoints, by FastAPI alone and by our route."""
    keys = tmp_path_factory.mktemp("issuer") / "jwks.json"
    keys.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in issuer.keys]}))
    verifier = TokenVerifier([IssuerSettings(issuer=CITY, jwks_file=keys)], clock=issuer.clock)
    return [app_of(route, verifier) for route in (APIRoute, CommandRoute)]


JSON = {"Content-Type": "application/json"}
CASES: list[tuple[str, dict[str, str], bytes]] = [
    ("/cases/1/start", JSON, b'{"title": "a"}'),
    ("/cases/1/start", JSON | {"Idempotency-Key": "k"}, b'{"title": "a", "amount": 2}'),
    ("/cases/1/start", JSON | {"If-Match": "nonsense"}, b'{"title": "a"}'),
    ("/cases/1/start", JSON | {"Idempotency-Key": "k" * 201}, b'{"title": "a"}'),
    ("/cases/1/start", {"Content-Type": "application/json; charset=utf-8"}, b'{"title": "a"}'),
    ("/cases/1/start", {"Content-Type": "application/problem+json"}, b'{"title": "a"}'),
    ("/cases/1/start", {"Content-Type": "text/plain"}, b'{"title": "a"}'),
    ("/cases/1/start", {}, b'{"title": "a"}'),
    ("/cases/1/start", JSON, b""),
    ("/cases/1/start", JSON, b"{"),
    ("/cases/1/start", JSON, b"[]"),
    ("/cases/1/start", JSON, b"null"),
    ("/cases/1/start", JSON, b"{}"),
    ("/cases/1/start", JSON, b'{"title": "too long", "amount": "x", "unknown": 1}'),
    ("/cases/1/start", JSON, b'{"title": "a", "amount": "7"}'),
    ("/cases/1/start", JSON, b'{"title": "a", "amount": 1.5}'),
    ("/cases/1/start", JSON, b'{"title": "a", "title": "b"}'),
    ("/cases/1/start", JSON, '{"title": "街道"}'.encode()),
    ("/cases/123456/start", JSON, b'{"title": "a"}'),
    ("/cases/1%2F2/start", JSON, b'{"title": "a"}'),
    ("/cases?page=3", JSON, b'{"title": "a"}'),
    ("/cases?page=x", JSON, b'{"title": "a"}'),
]


@pytest.mark.parametrize(("path", "headers", "body"), CASES)
@pytest.mark.parametrize("signed_in", [True, False])
async def test_every_request_is_answered_as_by_fastapi_alone(
    path: str, headers: dict[str, str], body: bytes, issuer: Issuer, both: list[FastAPI], *, signed_in: bool
) -> None:
    token = {"Authorization": f"Bearer {issuer.token()}"} if signed_in else {}
    answers = []
    for app in both:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://demo") as http:
            answer = await http.post(path, headers={**headers, **token}, content=body)
        answers.append((answer.status_code, answer.headers.get("content-type"), without_trace(answer)))
    assert answers[0] == answers[1]


def without_trace(answer: httpx.Response) -> Any:
    if "json" not in answer.headers.get("content-type", ""):
        return answer.content
    document = answer.json()
    document.pop("trace_id")
    return document


def test_an_endpoint_that_asks_for_more_is_left_to_fastapi() -> None:
    assert Plain.of(asks_more, frozenset()) is None
    assert Plain.of(plain, frozenset({"case"})) is not None
    assert Plain.of(plain, frozenset()) is None  # the part of the path is something else then
