"""A subscription that cannot be carried out stands still, says by which code, and goes on when that is mended."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from gateway import store_hub, tables_hub
from gateway.domain import cursor
from suizhuan.kernel.clock import SystemClock
from suizhuan.service import Service

from .conftest import World, client, until
from .story import Story
from .test_hub import hub
from .test_stream import streamed
from .test_webhooks import PURPOSE, Endpoint, Looks, Pushing, command, endpoint, gateway_of, look, subscribe

pytestmark = pytest.mark.either_database

__all__ = ["endpoint"]
# As a snapshot gave it before the log was lost and another took its place.
BEYOND = cursor.encode({("complaints.case", 0): 1_000_000})


async def changed(service: Service, id_: str, **values: Any) -> None:
    async with service.parts.database.write() as conn:
        mine = update(tables_hub.subscription).where(tables_hub.subscription.c.id == id_)
        await conn.execute(mine.values(**values))


async def parked(world: World, service: Service, id_: str) -> dict[str, Any]:
    async def there() -> dict[str, Any]:
        found = await look(world, service, id_)
        return found if found["state"] == "parked" else {}

    found: dict[str, Any] = await until(there, 30)
    return found


async def test_a_purpose_of_no_catalogue_is_parked_at_once_and_goes_on_when_it_is_resumed(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    await changed(gateway, made["id"], purpose="of last year")
    worker = Pushing.start(gateway)
    shown = await parked(world, gateway, made["id"])
    assert (shown["why"], shown["next_at"], endpoint.taken) == ("purpose_unknown", None, [])
    resumed = (await command(world, gateway, made["id"], "resume")).json()  # its hub's token names one of today
    assert (resumed["state"], resumed["why"], resumed["purpose"]) == ("active", None, PURPOSE)
    await until(lambda: set(endpoint.ids) >= set(streamed(beginning)), 30)
    await worker.stop()


async def test_a_cursor_that_is_refused_is_shown_and_goes_on_by_itself_where_another_worker_takes_it(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    """A worker of before an update does not know the topics of after it."""
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    await changed(gateway, made["id"], cursor=BEYOND)
    worker = Pushing.start(gateway)

    async def tried() -> dict[str, Any]:
        found = await look(world, gateway, made["id"])
        return found if found["attempts"] >= 2 else {}

    shown = await until(tried, 30)
    assert (shown["state"], shown["why"], shown["next_at"] is None) == ("active", "cursor_malformed", False)
    await changed(gateway, made["id"], cursor=cursor.encode({}))
    await until(lambda: set(endpoint.ids) >= set(streamed(beginning)), 30)
    await worker.stop()


async def test_a_cursor_that_stays_refused_is_parked_like_an_endpoint_that_stays_dead(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    gateway = gateway_of(world, webhook_dead_after=0.5)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    await changed(gateway, made["id"], cursor=BEYOND)
    worker = Pushing.start(gateway)
    assert (await parked(world, gateway, made["id"]))["why"] == "cursor_malformed"
    await worker.stop()


async def test_what_a_worker_finds_wrong_does_not_park_what_was_changed_since_it_was_read(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    await changed(gateway, made["id"], purpose="of last year")
    async with gateway.parts.database.read() as conn:
        read = await store_hub.find(conn, made["id"])
    assert read is not None
    await command(world, gateway, made["id"], "resume")
    (webhooks,) = [part for part in gateway.extra if part.name == "webhooks"]
    await webhooks.pusher.push_all(read)
    shown = await look(world, gateway, made["id"])
    assert (shown["state"], shown["why"], shown["purpose"]) == ("active", None, PURPOSE)


async def test_a_cursor_of_another_log_is_refused_at_once(world: World, beginning: Story, endpoint: Endpoint) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    async with client(gateway) as http:
        body = {"url": endpoint.url, "cursor": BEYOND}
        answer = await http.post("/subscriptions", headers=hub(world, PURPOSE), json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_malformed")


async def test_what_is_not_for_an_endpoint_does_not_make_it_a_good_one(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    """Else one that never answers would never be parked, as long as there are events that it does not want."""
    clock = Looks()
    gateway = gateway_of(world, clock=clock)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint, types=["complaints.case.*"])
    await changed(gateway, made["id"], failing_since=clock.now(), attempts=3)
    worker = Pushing.start(gateway)

    async def moved() -> dict[str, Any]:
        await clock.look(1)
        beginning.emit("mandates.affair.listed", {"affair": "of no interest"}, key="of no interest")
        await world.tell(beginning)
        found = await look(world, gateway, made["id"])
        return found if found["cursor"] != made["cursor"] else {}

    shown = await until(moved, 30)
    await worker.stop()
    assert (shown["attempts"], shown["failing_since"] is None) == (3, False)


async def test_to_resume_what_is_at_work_changes_nothing_but_its_purpose(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    """Else an endpoint that never answers would never be parked, as long as its hub resumes it."""
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    failing = {"failing_since": SystemClock().now(), "attempts": 3, "why": "timeout"}
    await changed(gateway, made["id"], **failing)
    before = await look(world, gateway, made["id"])
    assert (await command(world, gateway, made["id"], "resume")).json() == before
    other = await command(world, gateway, made["id"], "resume", headers=hub(world, "statistics"))
    assert (other.json()["purpose"], other.json()["attempts"]) == ("statistics", 0)
