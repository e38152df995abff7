"""The name of an endpoint is looked up before each batch: whoever answers for it holds up nobody else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest

from gateway import lookups
from gateway.endpoints import vetted
from suizhuan.kernel.refusal import Refusal

from .conftest import World, client, until
from .story import Story
from .test_hub import hub
from .test_webhooks import PURPOSE, Pushing, look

pytestmark = pytest.mark.either_database

STALLS = "stalls.example"


class Dns:
    """The system's resolver, but for names whose server does not answer until it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = Event()

    def __call__(self, host: str, *about: Any, **how: Any) -> Any:
        self.asked.append(host)
        if host.endswith(STALLS):
            self.answers.wait(60)
            return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("8.8.8.8", 0))]
        return socket.getaddrinfo(host, *about, **how)


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dns]:
    made = Dns()
    monkeypatch.setattr(lookups, "getaddrinfo", made)
    yield made
    made.answers.set()


async def refused(host: str) -> object:
    with pytest.raises(Refusal, match="endpoint_refused") as caught:
        await vetted(f"https://{host}/", inside=(), within=0.05)
    return caught.value.params["reason"]


async def test_names_that_nobody_answers_for_are_given_up_in_time_and_hold_up_nobody_else(dns: Dns) -> None:
    async with asyncio.timeout(30):
        same = await asyncio.gather(*(refused(STALLS) for _ in range(100)))
        others = await asyncio.gather(*(refused(f"{number}.{STALLS}") for number in range(50)))
        assert {*same, *others} == {"host not found in time"}
        assert dns.asked.count(STALLS) == 1, "what is under way is waited for, not begun anew"
        assert await vetted("https://8.8.8.8/", inside=()) == "8.8.8.8"
        assert await asyncio.to_thread(str, "others' threads are free")
        dns.answers.set()
        assert await vetted(f"https://{STALLS}/", inside=()) == "8.8.8.8"


async def test_the_look_up_counts_in_the_time_that_an_endpoint_is_given(
    world: World, beginning: Story, dns: Dns
) -> None:
    gateway = world.gateway(webhook_inside=(STALLS,), webhook_timeout=0.3)
    await gateway.migrate()
    async with client(gateway) as http:
        body = {"url": f"https://{STALLS}/", "from": "2020-01-01"}
        made = (await http.post("/subscriptions", headers=hub(world, PURPOSE), json=body)).json()
    worker = Pushing.start(world.gateway(webhook_timeout=0.3))  # to which it is no host of its own

    async def why() -> bool:
        return bool((await look(world, gateway, made["id"]))["why"] == "host not found in time")

    await until(why, 30)
    await worker.stop()


async def test_a_url_without_a_host_that_can_be_a_name_is_refused_by_its_code(world: World, beginning: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    async with client(gateway) as http:
        for url in ("https://a..example/", f"https://{'a' * 64}.example/", "https://[::1"):
            answer = await http.post("/subscriptions", headers=hub(world, PURPOSE), json={"url": url})
            assert (answer.status_code, answer.json()["code"]) == (422, "endpoint_refused")
