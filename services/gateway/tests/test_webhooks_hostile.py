"""Endpoints that are not to be trusted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from gateway.delivering import TOGETHER
from gateway.endpoints import vetted
from suizhuan.kernel.refusal import Refusal

from .conftest import World, client, until
from .story import Story
from .test_hub import hub
from .test_stream import streamed
from .test_webhooks import PURPOSE, Endpoint, Looks, Pushing, endpoint, gateway_of, look, subscribe

pytestmark = pytest.mark.either_database

__all__ = ["endpoint"]


@dataclass
class Hostile:
    """An endpoint as nobody should have one. `how`: says 200 and goes on for ever, or says a byte now and then."""

    how: str = ""
    port: int = 0
    taken: int = 0
    sent: int = 0
    connections: dict[str, set[int]] = field(default_factory=dict)  # by path, the ports that we came from

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        self.taken += 1
        self.connections.setdefault(scope["path"], set()).add(scope["client"][1])
        await send({"type": "http.response.start", "status": 204 if not self.how else 200, "headers": []})
        part = b"x" * (65_536 if self.how == "endless" else 1)
        mine, leaving = 0, asyncio.ensure_future(receive())
        while self.how and not leaving.done() and mine < 64 * 2**20:
            await send({"type": "http.response.body", "body": part, "more_body": True})
            self.sent, mine = self.sent + len(part), mine + len(part)
            if self.how == "slow":
                await asyncio.sleep(0.05)
            else:
                await asyncio.sleep(0)
        leaving.cancel()
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    made = Hostile()
    server = uvicorn.Server(uvicorn.Config(made, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    made.port = server.servers[0].sockets[0].getsockname()[1]
    yield made
    made.how = ""
    server.should_exit = True
    await serving


async def subscribed(world: World, service: object, hostile: Hostile, path: str, **body: object) -> str:
    async with client(service) as http:  # type: ignore[arg-type]
        given = {"url": f"http://127.0.0.1:{hostile.port}{path}", "from": "2020-01-01", **body}
        answer = await http.post("/subscriptions", headers=hub(world, PURPOSE), json=given)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_an_answer_without_end_takes_no_room_and_counts_by_its_status(
    world: World, beginning: Story, hostile: Hostile
) -> None:
    hostile.how = "endless"
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribed(world, gateway, hostile, "/endless")
    worker = Pushing.start(gateway)
    wanted = streamed(beginning)

    async def delivered() -> bool:
        return bool((await look(world, gateway, made))["delivered"] == len(wanted))

    await until(delivered, 30)
    await worker.stop()
    assert hostile.sent < len(wanted) * 16 * 2**20, "of each no more than what the sockets hold"


async def test_an_endpoint_that_answers_drop_by_drop_is_given_up_in_time(
    world: World, beginning: Story, hostile: Hostile
) -> None:
    hostile.how = "slow"
    gateway = world.gateway(webhook_inside=("127.0.0.1",), webhook_timeout=0.5)
    await gateway.migrate()
    made = await subscribed(world, gateway, hostile, "/slow")
    worker = Pushing.start(gateway)

    async def why() -> bool:
        return bool((await look(world, gateway, made))["why"] == "timeout")

    await until(why, 30)
    await worker.stop()


async def test_no_two_subscriptions_share_a_connection(world: World, beginning: Story, hostile: Hostile) -> None:
    """Two names may lead to one address: a connection that was made for the one proves nothing of the other."""
    gateway = gateway_of(world)
    await gateway.migrate()
    worker = Pushing.start(gateway)
    for path in ("/one", "/other"):
        made = await subscribed(world, gateway, hostile, path, types=["mandates.organisation.*"])

        async def delivered(id_: str = made) -> bool:
            return bool((await look(world, gateway, id_))["delivered"])

        await until(delivered, 30)
    await worker.stop()
    assert hostile.connections["/one"].isdisjoint(hostile.connections["/other"])


async def test_an_endpoint_that_takes_nothing_gets_a_few_events_each_time_and_not_all_of_them(
    world: World, story: Story, endpoint: Endpoint
) -> None:
    clock = Looks()
    gateway = gateway_of(world, clock=clock)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    endpoint.status = 500
    worker = Pushing.start(gateway)

    async def tried() -> bool:
        return bool((await look(world, gateway, made["id"]))["attempts"])

    await until(tried, 30)
    await worker.stop()
    assert 1 <= endpoint.refused <= TOGETHER


async def test_an_error_of_our_own_is_shown_and_tried_ever_more_rarely(
    world: World, beginning: Story, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)

    def broken(*_: object) -> bytes:
        raise RuntimeError("nobody thought of that")

    monkeypatch.setattr("gateway.delivering.encoded", broken)
    worker = Pushing.start(gateway)

    async def shown() -> bool:
        found = await look(world, gateway, made["id"])
        return bool(found["why"] == "internal" and found["next_at"])

    await until(shown, 30)
    await worker.stop()


@pytest.mark.parametrize(
    "address",
    [
        "[::127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fec0::1]",
        "[ff02::1]",
        "224.0.0.1",
        "100.64.0.1",
    ],
)
async def test_an_inner_address_in_another_dress_is_refused(address: str) -> None:
    with pytest.raises(Refusal, match="endpoint_refused"):
        await vetted(f"https://{address}/x", inside=())


@pytest.mark.parametrize("address", ["8.8.8.8", "[2001:4860:4860::8888]"])
async def test_an_address_of_the_internet_is_taken(address: str) -> None:
    assert await vetted(f"https://{address}/x", inside=()) == address.strip("[]")
