"""A subscription for an area goes on when that gets another code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import update

from gateway import tables_hub
from suizhuan.kernel.clock import utc_text
from suizhuan.service import Service
from suizhuan.testing import AuthorityLog

from .conftest import World, until
from .story import NANGUAN, RENUMBERED, Story
from .test_webhooks import Endpoint, Looks, Pushing, endpoint, gateway_of, look, noted, subscribe

__all__ = ["endpoint"]
CASES = ["complaints.case.*"]


async def renumbered(service: Service) -> None:
    """南关社区 gets another code."""
    await AuthorityLog(service.parts).rekey([{"old": NANGUAN, "new": RENUMBERED}])


async def settled_later(service: Service) -> None:
    """As a row that a command wrote with the old code meanwhile."""
    async with service.parts.database.write() as conn:
        await conn.execute(update(tables_hub.subscription).values(area=RENUMBERED))


@pytest.mark.parametrize("how", [renumbered, settled_later])
async def test_a_running_webhook_follows_its_area_to_another_code(
    world: World, beginning: Story, endpoint: Endpoint, how: Callable[[Service], Awaitable[None]]
) -> None:
    clock = Looks()
    gateway = gateway_of(world, clock=clock)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint, types=CASES, area=NANGUAN)
    worker = Pushing.start(gateway)
    await until(lambda: clock.looked == 1)
    await clock.look(1)
    beginning.case("started", {}, "c1")
    await world.tell(beginning)
    await noted(world, gateway, made["id"], 1)
    await how(gateway)
    after = beginning.case("handled", {}, "c1", area=RENUMBERED)
    await world.tell(beginning)

    async def pushed() -> bool:
        await clock.look(1)
        beat = {"replicas": [], "sent_at": utc_text(beginning.now)}
        beginning.emit("mandates.authority.beat", beat, key="beat", topic="mandates.authority")
        await world.tell(beginning)
        return after.id in endpoint.ids

    await until(pushed, 30)
    await noted(world, gateway, made["id"], 2)
    await worker.stop()
    assert (await look(world, gateway, made["id"]))["area"] == RENUMBERED


async def test_what_is_said_under_a_code_that_was_given_up_is_pushed_to_who_asked_for_its_area(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    """Services hear of another code one after the other, and a webhook may be behind."""
    gateway = gateway_of(world)
    await gateway.migrate()
    await subscribe(world, gateway, endpoint, types=CASES, area=NANGUAN)
    before = beginning.case("started", {}, "c1")
    await renumbered(gateway)
    late = beginning.case("handled", {}, "c1")
    after = beginning.case("verified", {}, "c1", area=RENUMBERED)
    await world.tell(beginning)
    worker = Pushing.start(gateway)
    await until(lambda: len(endpoint.ids) >= 3, 30)
    await worker.stop()
    assert endpoint.ids == [before.id, late.id, after.id]


async def test_who_asks_by_a_code_that_was_given_up_gets_what_is_said_by_the_one_of_today(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    """A hub's list of codes may be of last year."""
    gateway = gateway_of(world)
    await gateway.migrate()
    await renumbered(gateway)
    await subscribe(world, gateway, endpoint, types=CASES, area=NANGUAN)
    said = beginning.case("started", {}, "c1", area=RENUMBERED)
    await world.tell(beginning)
    worker = Pushing.start(gateway)
    await until(lambda: endpoint.ids, 30)
    await worker.stop()
    assert endpoint.ids == [said.id]
