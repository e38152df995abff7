"""What the gateway measures: the subscriptions of hubs, what they were handed, and audits that nobody asked for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from gateway import gauges, store_hub
from gateway.audit_runner import Audits
from gateway.domain.subscription import ACTIVE, PARKED, Subscription
from suizhuan.kernel.clock import SystemClock
from suizhuan.service import Service

from .conftest import World, client, until
from .story import BANK, COMMUNITY, Story
from .test_composed import all_well

pytestmark = pytest.mark.either_database
NOW = SystemClock().now()


def value(service: Service, name: str, **labels: str) -> float | None:
    return service.parts.metrics.registry.get_sample_value(f"suizhuan_{name}", labels)


async def add(service: Service, id_: str, hub: str, state: str, delivered: int, failing_s: float | None) -> None:
    since = NOW - timedelta(seconds=failing_s) if failing_s is not None else None
    made = Subscription(
        id_, hub, "p", "https://hub.test", ("*",), None, None, state, "", 1, NOW, since, delivered=delivered
    )
    async with service.parts.database.write() as conn:
        await store_hub.add(conn, made)


async def test_subscriptions_are_told_by_hub_and_state_and_since_when_an_endpoint_fails(world: World) -> None:
    gateway = world.gateway(all_well())
    await gateway.migrate()
    await add(gateway, "a", "hub-1", ACTIVE, 3, None)
    await add(gateway, "b", "hub-1", ACTIVE, 4, 90)
    await add(gateway, "c", "hub-1", PARKED, 5, 9000)
    await add(gateway, "d", "hub-2", "ended", 6, None)
    async with gateway.parts.database.read() as conn:
        await gauges.look(conn, gateway.parts.metrics, NOW)
    assert value(gateway, "subscriptions", hub="hub-1", state="active") == 2
    assert value(gateway, "subscriptions", hub="hub-1", state="parked") == 1
    assert value(gateway, "subscription_failing_seconds", hub="hub-1") == 90, "who is parked is told of apart"
    assert value(gateway, "subscription_delivered_events", hub="hub-1") == 12
    assert value(gateway, "subscriptions", hub="hub-2", state="parked") == 0
    assert value(gateway, "subscription_failing_seconds", hub="hub-2") == 0


async def test_what_a_hub_reads_is_counted(world: World, story: Story) -> None:
    gateway = world.gateway(all_well())
    await gateway.migrate()
    async with client(gateway) as http:
        await http.get("/audit", headers=world.headers("hub"))
    assert (value(gateway, "hub_handed_total", how="read") or 0) > 0


async def test_the_auditor_runs_by_itself_and_tells_when_it_did_and_what_it_found(world: World, story: Story) -> None:
    gateway = world.gateway(all_well(), audit_every=0.05)
    audits = next(one for one in gateway.extra if isinstance(one, Audits))
    story.entry("theft", [(COMMUNITY, BANK, None, 5)])
    await world.tell(story)
    await gateway.migrate()
    assert value(gateway, "audit_timestamp_seconds") == 0, "never yet"
    running = asyncio.create_task(audits.run())

    async def found() -> bool:
        return value(gateway, "audit_violations", guarantee="G5") == 1

    await until(found)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (value(gateway, "audit_timestamp_seconds") or 0) >= NOW.timestamp()
    assert (value(gateway, "audit_seconds_count") or 0) >= 1
