"""Waiting out a silent replica: S + 2ε + A on a monotonic clock after the broker took the record (authority §3).

That the broker took it is known from reading it back: mandates' own replica marks the switch. The readings live in
this process alone, so after a restart every wait begins anew; that it is over, once it is, stands in a row.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from mandates import store_switches as switches
from mandates.switching import STEP
from suizhuan.authority.records import OpenedView
from suizhuan.context import Context
from suizhuan.kernel.clock import Clock
from suizhuan.unit_of_work import Tx, UnitOfWork

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
IDLE_S = 5.0  # nothing is open: who hears of an opening is woken; this is for openings that another process heard


class SwitchWaits:
    """Notices when the wait of an open switch is over, and has the switch step."""

    def __init__(self, uow: UnitOfWork, wait: timedelta, clock: Clock) -> None:
        self.name = "switches"
        self.uow = uow
        self.wait = wait.total_seconds()
        self.clock = clock
        self._since: dict[str, float] = {}
        self._wake = asyncio.Event()

    async def on_opened(self, tx: Tx, opened: OpenedView) -> bool:
        """The replica's hook: the record has come back from the log. Mandates has no cases to prepare."""
        await switches.set_switch(tx.conn, opened.switch, on_log=True)
        self._wake.set()
        return False

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            try:
                pause = await self.look()
            except Exception as error:
                log.warning("switches_not_read", reason=type(error).__name__)
                pause = LOOK_EVERY_S
            try:
                await asyncio.wait_for(self._wake.wait(), timeout=pause)
            except TimeoutError:
                continue

    async def look(self) -> float:
        """Begin the waits that can begin, end those that are over; returns the seconds until the next is."""
        async with self.uow.database.read() as conn:
            found = await switches.open_switches(conn)
        now = self.clock.monotonic()
        self._since = {switch: self._since.get(switch, now) for switch, on_log in found.items() if on_log}
        left = LOOK_EVERY_S if found else IDLE_S
        for switch, since in self._since.items():
            remaining = since + self.wait - now
            if remaining <= 0:
                await self._over(switch)
            else:
                left = min(left, remaining)
        return left

    async def _over(self, switch: str) -> None:
        service = self.uow.registry.service
        async with self.uow.begin(Context.of_system(service), limited=False) as tx:
            if await switches.lease_over(tx.conn, switch):
                await tx.deadline(STEP, switch, tx.now)
