"""Webhooks: signed after Standard Webhooks, at least once, each aggregate in order, parked when nobody answers."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.endpoints import checked, vetted
from suizhuan.kernel.clock import ManualClock, SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.service import Service

from .conftest import World, client, until
from .story import Story, true_history
from .test_hub import hub
from .test_stream import streamed

PURPOSE = "city-operations"


@dataclass
class Endpoint:
    """A hub's own HTTP server. `status` is what it answers; what it took with a success it keeps."""

    port: int = 0
    status: int = 204
    secrets: list[str] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    forged: int = 0
    fail_once: set[str] = field(default_factory=set)  # ids that are refused the first time

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/suizhuan"

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.taken]

    async def answer(self, request: Request) -> Response:
        body = await request.body()
        for secret in self.secrets:
            try:
                Webhook(secret).verify(body, dict(request.headers))
                break
            except WebhookVerificationError:
                continue
        else:
            self.forged += 1
            return Response(status_code=401)
        event = json.loads(body)
        assert request.headers["webhook-id"] == event["id"]
        if not 200 <= self.status < 300 or event["id"] in self.fail_once:
            self.fail_once.discard(event["id"])
            self.refused += 1
            return Response(status_code=self.status if self.status >= 300 else 503)
        self.taken.append(event)
        return Response(status_code=self.status)


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    made = Endpoint()
    app = Starlette(routes=[Route("/suizhuan", made.answer, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    made.port = server.servers[0].sockets[0].getsockname()[1]
    yield made
    server.should_exit = True
    await serving


def gateway_of(world: World, **more: Any) -> Service:
    return world.gateway(webhook_inside=("127.0.0.1",), webhook_timeout=15.0, **more)


@dataclass
class Pushing:
    """A worker of the gateway that pushes."""

    service: Service
    task: asyncio.Task[None]

    @staticmethod
    def start(service: Service) -> Pushing:
        (webhooks,) = [part for part in service.extra if part.name == "webhooks"]
        return Pushing(service, asyncio.create_task(webhooks.run()))

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Looks(ManualClock):
    """A worker's clock: it looks again only when the test lets it, a second later each time."""

    def __init__(self) -> None:
        super().__init__(SystemClock().now())
        self.allowed = 0
        self.looked = 0
        self._more = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.looked += 1
        while self.looked > self.allowed:
            self._more.clear()
            await self._more.wait()
        self.advance(seconds)

    async def look(self, times: int) -> None:
        before = self.looked
        self.allowed = before + times - 1
        self._more.set()
        await until(lambda: self.looked >= before + times)


async def subscribe(world: World, service: Service, endpoint: Endpoint, **body: Any) -> dict[str, Any]:
    async with client(service) as http:
        given = {"url": endpoint.url, "from": "2020-01-01", **body}
        answer = await http.post("/subscriptions", headers=hub(world, PURPOSE), json=given)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    endpoint.secrets.append(found["secret"])
    return found


async def look(world: World, service: Service, id_: str) -> dict[str, Any]:
    async with client(service) as http:
        listed = (await http.get("/subscriptions", headers=hub(world, PURPOSE))).json()["items"]
    return next(item for item in listed if item["id"] == id_)


async def noted(world: World, service: Service, id_: str, events: int) -> None:
    """Waits until so many are noted as delivered: a worker that stops before pushes them again."""

    async def there() -> bool:
        return bool((await look(world, service, id_))["delivered"] >= events)

    await until(there, 30)


async def command(world: World, service: Service, id_: str, what: str, **more: Any) -> httpx.Response:
    async with client(service) as http:
        return await http.post(f"/subscriptions/{id_}/{what}", headers=more.get("headers") or hub(world, PURPOSE))


def in_order(events: list[dict[str, Any]]) -> bool:
    """Of each aggregate, repeats left out, the sequences count up."""
    seen: set[str] = set()
    last: dict[tuple[str, str], int] = defaultdict(int)
    for event in events:
        if event["id"] in seen:
            continue
        seen.add(event["id"])
        key = (event["place"]["topic"], event["subject"])
        if int(event["sequence"]) < last[key]:
            return False
        last[key] = int(event["sequence"])
    return True


async def test_everything_is_pushed_signed_and_each_aggregate_in_its_order(
    world: World, story: Story, endpoint: Endpoint
) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    worker = Pushing.start(gateway)
    wanted = streamed(story)
    await noted(world, gateway, made["id"], len(wanted))
    await worker.stop()
    assert sorted(endpoint.ids) == sorted(wanted)
    assert in_order(endpoint.taken)
    assert endpoint.forged == 0


async def test_only_what_was_asked_for_is_pushed(world: World, story: Story, endpoint: Endpoint) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    await subscribe(world, gateway, endpoint, types=["complaints.case.closed"])
    worker = Pushing.start(gateway)
    closed = [w.id for w in story.written if w.name == "complaints.case.closed"]
    await until(lambda: len(endpoint.taken) >= len(closed), 30)
    await worker.stop()
    assert sorted(endpoint.ids) == sorted(closed)


async def test_an_endpoint_that_fails_now_and_then_misses_nothing_and_keeps_its_order(
    world: World, story: Story, endpoint: Endpoint
) -> None:
    clock = Looks()
    gateway = gateway_of(world, clock=clock)
    await gateway.migrate()
    await subscribe(world, gateway, endpoint)
    wanted = streamed(story)
    endpoint.fail_once = set(wanted[::16])
    failing = len(endpoint.fail_once)
    worker = Pushing.start(gateway)
    await until(lambda: clock.looked == 1)

    async def all_there() -> bool:
        await clock.look(1)
        return set(endpoint.ids) >= set(wanted)

    await until(all_there, 60)
    await worker.stop()
    assert endpoint.refused >= failing
    assert in_order(endpoint.taken)


async def test_an_endpoint_that_stays_dead_is_parked_and_goes_on_where_it_stopped(
    world: World, story: Story, endpoint: Endpoint
) -> None:
    gateway = gateway_of(world, webhook_dead_after=0.5)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    endpoint.status = 500
    worker = Pushing.start(gateway)

    async def parked() -> bool:
        return (await look(world, gateway, made["id"]))["state"] == "parked"

    await until(parked, 30)
    shown = await look(world, gateway, made["id"])
    assert shown["why"] == "status 500"
    assert shown["failing_since"] is not None
    assert shown["attempts"] >= 2
    endpoint.status = 204
    assert (await command(world, gateway, made["id"], "resume")).json()["state"] == "active"
    await until(lambda: set(endpoint.ids) >= set(streamed(story)), 30)
    await worker.stop()
    assert in_order(endpoint.taken)


async def test_an_endpoint_that_says_it_is_gone_is_parked_at_once(
    world: World, story: Story, endpoint: Endpoint
) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    endpoint.status = 410
    worker = Pushing.start(gateway)

    async def parked() -> bool:
        return (await look(world, gateway, made["id"]))["state"] == "parked"

    await until(parked, 30)
    await worker.stop()


async def test_of_two_workers_one_pushes_and_the_other_goes_on_when_it_has_died(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    one, other = gateway_of(world, worker_id="one"), gateway_of(world, worker_id="other")
    await one.migrate()
    made = await subscribe(world, one, endpoint)
    first, second = Pushing.start(one), Pushing.start(other)
    begun = streamed(beginning)
    await noted(world, one, made["id"], len(begun))
    await first.stop()
    whole = true_history()
    whole.written = whole.written[len(beginning.written) :]
    await world.append(*whole.written)
    rest = streamed(whole)
    await until(lambda: set(endpoint.ids) >= set(rest), 60)
    await second.stop()
    assert len(endpoint.taken) == len(begun) + len(rest)  # neither pushed what the other had
    assert in_order(endpoint.taken)


async def test_a_new_secret_is_used_at_once_and_an_ended_subscription_no_more(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    renewed = (await command(world, gateway, made["id"], "secret")).json()
    assert renewed["secret"] != made["secret"]
    endpoint.secrets = [renewed["secret"]]
    worker = Pushing.start(gateway)
    await until(lambda: len(endpoint.taken) >= len(streamed(beginning)), 30)
    assert endpoint.forged == 0
    assert (await command(world, gateway, made["id"], "end")).json()["state"] == "ended"
    assert (await command(world, gateway, made["id"], "resume")).json()["code"] == "subscription_ended"
    assert (await command(world, gateway, made["id"], "secret")).json()["code"] == "subscription_ended"
    await worker.stop()


async def test_a_subscription_is_its_hubs_own(world: World, beginning: Story, endpoint: Endpoint) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    for what in ("resume", "secret", "end"):
        answer = await command(world, gateway, made["id"], what, headers=hub(world, PURPOSE, "hub-2"))
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        answer = await command(world, gateway, made["id"], what, headers=world.headers("staff", "dept-sanitation"))
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_kind")
    async with client(gateway) as http:
        body = {"url": endpoint.url}
        staff = await http.post("/subscriptions", headers=world.headers("staff", "dept-sanitation"), json=body)
        assert staff.json()["code"] == "wrong_kind"
        assert (await http.post("/subscriptions", headers=hub(world, None), json=body)).json()[
            "code"
        ] == "purpose_unknown"


@pytest.mark.parametrize(
    "url",
    [
        "http://hub.example.org/x",
        "ftp://hub.example.org",
        "https://user:pass@hub.example.org",
        "https://hub.example.org/#here",
        "https://hub.example.org:99999/",
        "https:///x",
        "https://hub.example.org/a b",
        "https://hub..example.org/",
        f"https://{'a' * 64}.example.org/",
        "https://[::1",
        "https://[::1]x/",
        "x" * 600,
    ],
)
def test_an_address_that_is_no_plain_https_is_refused(url: str) -> None:
    with pytest.raises(Refusal, match="endpoint_refused"):
        checked(url, inside=())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "[::1]", "192.168.0.9"])
async def test_nothing_is_pushed_into_our_own_network(host: str) -> None:
    with pytest.raises(Refusal, match="endpoint_refused"):
        await vetted(f"https://{host}/x", inside=())


async def test_an_address_that_is_allowed_by_name_is_not_looked_up() -> None:
    assert await vetted("http://127.0.0.1:1/x", inside=("127.0.0.1",)) is None


async def test_webhooks_leave_receipts(world: World, beginning: Story, endpoint: Endpoint) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    worker = Pushing.start(gateway)
    wanted = streamed(beginning)
    await until(lambda: len(endpoint.taken) >= len(wanted), 30)
    await worker.stop()
    async with client(gateway) as http:
        found = (await http.get("/receipts?limit=200", headers=hub(world, PURPOSE))).json()["items"]
    assert sum(r["events"] for r in found) == len(wanted)
    assert {(r["how"], r["subscription"]) for r in found} == {("webhook", made["id"])}
