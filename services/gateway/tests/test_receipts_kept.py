"""Receipts are kept as long as the profile promises, and forgotten by themselves."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from gateway import store_hub, tables_hub, timers
from suizhuan.context import new_id
from suizhuan.deadlines import Deadlines
from suizhuan.kernel.clock import ManualClock
from suizhuan.service import Service

from .conftest import World

HOUR = 3600.0


async def note(service: Service, count: int) -> None:
    """Receipts of now."""
    what = {"hub": "hub-1", "purpose": "statistics", "how": "stream", "subscription": None, "service": "finance"}
    where = {"topic": "finance.entry", "partition": 0, "first_offset": 0, "last_offset": 0, "events": 1, "masked": 0}
    rows = [{"id": new_id(), **what, **where, "at": service.parts.clock.now()} for _ in range(count)]
    async with service.parts.database.write() as conn:
        await store_hub.note(conn, rows)


async def kept(service: Service) -> int:
    async with service.parts.database.read() as conn:
        return len((await conn.execute(select(tables_hub.receipt.c.id))).all())


async def carry_out(service: Service, clock: ManualClock) -> None:
    deadlines = Deadlines(service.parts.uow, service.deadlines, clock)
    while await deadlines.step() == 0.0:
        pass


async def test_receipts_are_forgotten_when_their_days_are_over_and_not_before(world: World) -> None:
    clock = ManualClock()
    gateway = world.gateway(clock=clock)
    days = timedelta(days=gateway.parts.profile.hub.receipts_days).total_seconds()
    await gateway.migrate()
    assert gateway.on_start is not None
    await gateway.on_start()
    await note(gateway, 2)
    clock.advance(24 * HOUR)
    await note(gateway, 3)
    await carry_out(gateway, clock)
    assert await kept(gateway) == 5
    clock.advance(days - 25 * HOUR)
    await carry_out(gateway, clock)
    assert await kept(gateway) == 5, "an hour too early"
    clock.advance(24 * HOUR)
    await carry_out(gateway, clock)
    assert await kept(gateway) == 3
    clock.advance(24 * HOUR)
    await carry_out(gateway, clock)
    assert await kept(gateway) == 0


async def test_many_receipts_are_forgotten_a_piece_at_a_time(world: World) -> None:
    clock = ManualClock()
    gateway = world.gateway(clock=clock)
    await gateway.migrate()
    assert gateway.on_start is not None
    await gateway.on_start()
    await note(gateway, timers.AT_ONCE + 1)
    clock.advance(timedelta(days=2000).total_seconds())
    await Deadlines(gateway.parts.uow, gateway.deadlines, clock).step()
    assert await kept(gateway) == 1
    await carry_out(gateway, clock)
    assert await kept(gateway) == 0


async def test_a_worker_begins_by_itself(world: World) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    await gateway.start()
    try:
        waiting = await Deadlines(gateway.parts.uow, gateway.deadlines, gateway.parts.clock).waiting()
    finally:
        await gateway.stop()
    assert waiting == 1
