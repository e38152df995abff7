"""What webhooks cost where nothing is to be pushed, and that a worker forgets what it does no more."""

from __future__ import annotations

from typing import Any

import pytest

from suizhuan.kernel.clock import utc_text
from suizhuan.ports.log import LogReader
from suizhuan.service import Service
from suizhuan.testing import statements

from .conftest import World, until
from .story import Story
from .test_webhooks import Endpoint, Looks, Pushing, command, endpoint, gateway_of, subscribe

__all__ = ["endpoint"]
SINCE_NOW = {"from": "2100-01-01"}


async def begun(world: World, clock: Looks) -> tuple[Service, Pushing]:
    service = gateway_of(world, clock=clock)
    await service.migrate()
    worker = Pushing.start(service)
    await until(lambda: clock.looked == 1)
    return service, worker


def written(said: list[str]) -> list[str]:
    return [s for s in said if s.startswith(("INSERT", "UPDATE", "DELETE", "COMMIT"))]


async def test_without_a_subscription_a_look_is_one_statement_that_reads(world: World) -> None:
    clock = Looks()
    service, worker = await begun(world, clock)
    with statements(service.parts.database) as said:
        await clock.look(20)
        await worker.stop()
    assert written(said) == []
    assert len([s for s in said if s.startswith("SELECT")]) == 20


async def test_a_subscription_with_nothing_to_push_writes_only_its_lease(world: World, endpoint: Endpoint) -> None:
    clock = Looks()
    service, worker = await begun(world, clock)
    await subscribe(world, service, endpoint, **SINCE_NOW)
    with statements(service.parts.database) as said:
        await clock.look(60)
        await worker.stop()
    leases = [s for s in written(said) if s.startswith("UPDATE subscription SET leased_by")]
    assert 4 <= len(leases) <= 8, "taken, made longer each time a third of it has passed, given back"
    assert [s for s in written(said) if "cursor=" in s] == []


async def test_beats_are_passed_without_a_write_each(world: World, beginning: Story, endpoint: Endpoint) -> None:
    clock = Looks()
    service, worker = await begun(world, clock)
    handled = _handled(world)
    await subscribe(world, service, endpoint, types=["complaints.case.*"])
    with statements(service.parts.database) as said:
        await clock.look(1)
        for _ in range(5):
            beat = {"replicas": [], "sent_at": utc_text(beginning.now)}
            beginning.emit("mandates.authority.beat", beat, key="beat", topic="mandates.authority")
            await world.tell(beginning)
            await until(lambda: len(beginning.written) <= sum(handled), 30)
        await worker.stop()
    assert [s for s in written(said) if "cursor=" in s] == []


def _handled(world: World) -> list[int]:
    """How many records each reader of the log has handed out, once the next are asked for."""
    counts: list[int] = []
    opened = world.log.reader

    async def counted(places: Any) -> LogReader:
        reader = await opened(places)
        poll, number = reader.poll, len(counts)
        counts.append(0)
        got = 0

        async def polled(**how: Any) -> Any:
            nonlocal got
            counts[number] += got
            batch = await poll(**how)
            got = sum(map(len, batch.values()))
            return batch

        reader.poll = polled  # type: ignore[method-assign]
        return reader

    world.log.reader = counted  # type: ignore[method-assign]
    return counts


@pytest.mark.parametrize("how", ["end", "gone"])
async def test_a_worker_remembers_nothing_of_a_subscription_that_is_over(
    world: World, beginning: Story, endpoint: Endpoint, how: str
) -> None:
    clock = Looks()
    service, worker = await begun(world, clock)
    (webhooks,) = [part for part in service.extra if part.name == "webhooks"]
    made = await subscribe(world, service, endpoint, **({} if how == "gone" else SINCE_NOW))
    endpoint.status = 410 if how == "gone" else 204
    await clock.look(1)
    assert made["id"] in _remembered(webhooks)
    if how == "end":
        await command(world, service, made["id"], "end")
    await until(lambda: _forgotten(clock, webhooks, made["id"]), 30)
    await worker.stop()


async def _forgotten(clock: Looks, webhooks: Any, id_: str) -> bool:
    await clock.look(1)
    return id_ not in _remembered(webhooks)


def _remembered(webhooks: Any) -> str:
    return repr(vars(webhooks)) + repr(vars(webhooks.pusher))
