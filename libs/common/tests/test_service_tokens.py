"""A service's own identity: got once, kept while it holds, never a reason to hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from suizhuan.kernel.clock import ManualClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.service_tokens import ServiceTokens

from .issuers import client


class Endpoint:
    """A token endpoint that counts; it is down on demand."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: object = None
        self.down = False
        self.authorization = ""
        self.form = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        request = Request(scope, receive)
        self.authorization, self.form = request.headers["authorization"], await request.body()
        answer = self.answer or {"access_token": f"t{self.asked}", "expires_in": 100}
        await JSONResponse(answer, 503 if self.down else 200)(scope, receive, send)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
async def tokens(endpoint: Endpoint, clock: ManualClock) -> AsyncIterator[ServiceTokens]:
    async with client(id_example=endpoint) as http:
        yield service_tokens(http, clock)


def service_tokens(http: httpx.AsyncClient, clock: ManualClock) -> ServiceTokens:
    return ServiceTokens(
        token_url="http://id.example/token", client_id="finance", client_secret="s:e+c%r", http=http, clock=clock
    )


async def test_many_who_wait_ask_once(tokens: ServiceTokens, endpoint: Endpoint) -> None:
    assert set(await asyncio.gather(*(tokens.token() for _ in range(20)))) == {"t1"}
    assert await tokens.headers() == {"Authorization": "Bearer t1"}
    assert endpoint.asked == 1
    assert endpoint.form == b"grant_type=client_credentials"


async def test_a_token_is_renewed_before_it_ends(tokens: ServiceTokens, endpoint: Endpoint, clock: ManualClock) -> None:
    await tokens.token()
    clock.advance(79)
    assert await tokens.token() == "t1"
    clock.advance(2)
    assert await tokens.token() == "t2"


async def test_a_token_in_force_outlives_its_issuer_being_down(
    tokens: ServiceTokens, endpoint: Endpoint, clock: ManualClock
) -> None:
    await tokens.token()
    endpoint.down = True
    clock.advance(85)
    assert [await tokens.token() for _ in range(5)] == ["t1"] * 5
    assert endpoint.asked == 2  # not once for each who asked
    clock.advance(15)
    with pytest.raises(Refusal, match="unavailable"):
        await tokens.token()
    endpoint.down = False
    assert await tokens.token() == "t4"


@pytest.mark.parametrize(
    "answer",
    [[], {}, {"access_token": 7}, {"access_token": "x", "expires_in": "soon"}, {"access_token": "x", "expires_in": -1}],
)
async def test_an_answer_that_is_no_token_is_unavailable(
    tokens: ServiceTokens, endpoint: Endpoint, answer: object
) -> None:
    endpoint.answer = answer or {"nothing": 1}
    with pytest.raises(Refusal) as caught:
        await tokens.token()
    assert caught.value.code == "unavailable"
    assert caught.value.__suppress_context__
