"""Wakes the relay of another process when this one has committed events.

The NOTIFY goes over a connection of its own, after the commit: inside the business transaction it would take a lock
that all transactions share, and halve the write rate. One may be lost (the relay looks by itself now and then), so
nothing depends on it but how soon an event leaves.
"""

from __future__ import annotations

import asyncio

import structlog

from suizhuan.db import driver
from suizhuan.db.database import Database, is_transient
from suizhuan.kernel.clock import Clock

log = structlog.get_logger(__name__)

CHANNEL = "outbox"
TOGETHER_S = 0.005  # commits within this time are one NOTIFY


class Notifier:
    """For processes without a relay, on PostgreSQL."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.name = "notifier"
        self.database = database
        self.clock = clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something in the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with self.database.engine.connect() as plain:
                    conn = await plain.execution_options(isolation_level="AUTOCOMMIT")
                    while True:
                        await self._wake.wait()
                        self._wake.clear()
                        await driver.fetch(conn, f"NOTIFY {CHANNEL}")
                        await self.clock.sleep(TOGETHER_S)
            except Exception as error:  # whatever it is: without us every relay would wait until it looks by itself
                if is_transient(error):
                    log.warning("notify_waits_for_database", reason=type(error).__name__)
                else:
                    log.exception("notify_failed")
                self._wake.set()  # what was to be told is still to be told
                await self.clock.sleep(1.0)
