"""Beats (authority §1): whom they name, and that several processes make one an interval."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from mandates.beats import Beats
from mandates.bootstrap import bootstrap
from suizhuan.authority import grants as granted
from suizhuan.seed import Seed
from suizhuan.testing import published

from .conftest import OTHERS, World


def process(world: World) -> Beats:
    """The beats of one more process."""
    interval = timedelta(seconds=world.parts.profile.authority.beat_interval_s)
    return Beats(world.parts.uow, interval, world.clock)


async def beats(world: World) -> int:
    return len([e for e in await published(world.parts) if e.name == "mandates.authority.beat"])


async def test_of_several_processes_one_makes_the_beat(world: World) -> None:
    workers = [process(world) for _ in range(4)]
    for _ in range(3):
        world.clock.advance(0.4)
        await asyncio.gather(*(worker.step() for worker in workers))
        assert await beats(world) == 1


async def test_a_process_sleeps_until_the_next_beat_is_due(world: World) -> None:
    worker = process(world)
    world.clock.advance(0.4)
    assert await worker.step() == timedelta(seconds=0.4)
    world.clock.advance(0.1)
    assert await worker.step() == timedelta(seconds=0.3)
    assert await beats(world) == 1


async def test_a_clock_that_was_set_back_does_not_stop_the_beats(world: World) -> None:
    world.clock.advance(0.4)
    await process(world).step()
    world.clock.advance(-3600)
    await process(world).step()
    assert await beats(world) == 2


async def test_a_replica_that_joins_is_named_at_once(world: World) -> None:
    await world.hear("gateway.replica.joined.v1", {"replica": "gateway:postgres:1", "service": "gateway"})
    world.clock.advance(0.03)  # far less than an interval
    await world.carry()
    assert world.last("authority.beat")["replicas"][0] == OTHERS[0]
    assert "gateway:postgres:1" in world.last("authority.beat")["replicas"]


async def test_a_newer_replica_of_a_service_takes_the_place_of_the_older(world: World) -> None:
    await world.join("complaints:postgres:2")
    named = world.last("authority.beat")["replicas"]
    assert "complaints:postgres:2" in named
    assert OTHERS[0] not in named


async def test_mandates_has_a_replica_like_everybody(empty: World, small_seed: Seed) -> None:
    await bootstrap(empty.service, small_seed)
    await empty.carry()
    await empty.beat()
    await empty.beat()
    async with empty.parts.database.read() as conn:
        me, beat = await granted.newest_beat(conn)
    assert me in beat.replicas
    assert me.startswith("mandates:")
