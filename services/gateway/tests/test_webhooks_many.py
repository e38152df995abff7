"""How many subscriptions a hub may have, and that those which have ended cost nothing."""

from __future__ import annotations

import asyncio

import httpx
from sqlalchemy import text

from gateway import store_hub
from suizhuan.testing import statements

from .conftest import World, client
from .story import Story
from .test_hub import hub
from .test_webhooks import PURPOSE, Endpoint, command, endpoint, gateway_of, subscribe

__all__ = ["endpoint"]


async def test_a_hub_has_only_so_many_subscriptions(world: World, beginning: Story, endpoint: Endpoint) -> None:
    gateway = gateway_of(world, max_subscriptions=2)
    await gateway.migrate()
    first = await subscribe(world, gateway, endpoint)
    await subscribe(world, gateway, endpoint)
    async with client(gateway) as http:

        async def one_more(subject: str) -> httpx.Response:
            return await http.post("/subscriptions", headers=hub(world, PURPOSE, subject), json={"url": endpoint.url})

        refused = await one_more("hub-1")
        assert (refused.status_code, refused.json()["code"]) == (409, "too_many_subscriptions")
        assert (await one_more("hub-2")).status_code == 201
        await command(world, gateway, first["id"], "end")
        assert (await one_more("hub-1")).status_code == 201


async def test_of_many_that_are_asked_for_at_once_a_hub_gets_no_more_either(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    gateway = gateway_of(world, max_subscriptions=2)
    await gateway.migrate()
    async with client(gateway) as http:

        async def one_more(_: int) -> httpx.Response:
            return await http.post("/subscriptions", headers=hub(world, PURPOSE), json={"url": endpoint.url})

        answers = await asyncio.gather(*map(one_more, range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 6


async def test_one_too_many_is_refused_before_its_name_is_looked_up_and_a_repeat_gets_its_answer_again(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    gateway = gateway_of(world, max_subscriptions=1)
    await gateway.migrate()
    once = {**hub(world, PURPOSE), "Idempotency-Key": "once"}
    async with client(gateway) as http:
        first = await http.post("/subscriptions", headers=once, json={"url": endpoint.url})
        other = await http.post("/subscriptions", headers=hub(world, PURPOSE), json={"url": "https://10.0.0.1/"})
        again = await http.post("/subscriptions", headers=once, json={"url": endpoint.url})
    assert (other.status_code, other.json()["code"]) == (409, "too_many_subscriptions")
    assert (again.status_code, again.json()) == (201, first.json())


async def test_what_a_worker_asks_every_second_is_answered_by_an_index(world: World, beginning: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    database = gateway.parts.database
    async with database.write() as conn:
        with statements(database) as said:
            await store_hub.active(conn, "worker", gateway.parts.clock.now())
        if not database.is_sqlite:
            await conn.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await conn.execute(text(f"EXPLAIN {'QUERY PLAN' * database.is_sqlite} {said[-1]}"))
        assert "subscription_active" in str(plan.all())
