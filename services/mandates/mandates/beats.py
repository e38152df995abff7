"""The beat: says every interval that mandates is alive and which replicas it knows (authority §1)."""

from __future__ import annotations

from datetime import timedelta

import structlog

from mandates import store_switches as switches
from mandates.domain.facts import Beat
from suizhuan.authority.records import BEAT_KEY
from suizhuan.context import Context
from suizhuan.kernel.clock import Clock
from suizhuan.unit_of_work import Tx, UnitOfWork

log = structlog.get_logger(__name__)

SOON = timedelta(milliseconds=20)


async def beat(tx: Tx, at_least_apart: timedelta) -> bool:
    """Make a beat, unless one was made within `at_least_apart`: of several processes one makes it."""
    sequence = await switches.take_beat(tx.conn, tx.now, tx.now - at_least_apart)
    if sequence is None:
        return False
    named = await switches.name_replicas(tx.conn, tx.now)
    tx.emit(Beat(replicas=named, sent_at=tx.now), key=BEAT_KEY, sequence=sequence)
    return True


class Beats:
    """Makes a beat every interval; a database that is down is waited for."""

    def __init__(self, uow: UnitOfWork, interval: timedelta, clock: Clock) -> None:
        self.name = "beats"
        self.uow = uow
        self.interval = interval
        self.clock = clock

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                pause = await self.step()
            except Exception as error:
                log.warning("beat_failed", reason=type(error).__name__)
                pause = self.interval / 2
            await self.clock.sleep(pause.total_seconds())

    async def step(self) -> timedelta:
        """Make the beat if it is due; returns until when to wait."""
        async with self.uow.database.read() as conn:
            last = await switches.last_beat(conn)
        if last is not None:
            left = last + self.interval - self.clock.now()
            if timedelta() < left <= self.interval:
                return left
        async with self.uow.begin(Context.of_system(self.uow.registry.service), limited=False) as tx:
            await beat(tx, self.interval)
        return self.interval
