"""Webhooks: each active subscription is one worker's at a time, by a lease in its row; the worker has a task for it.

Where nothing is to be pushed, a look costs one statement that reads. A lease lasts as long as the task's worker looks:
when that dies, another has the subscription after `store_hub.LEASE`.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from gateway import store_hub
from gateway.domain.subscription import ACTIVE
from gateway.pushing import Pusher
from suizhuan.db.database import Database, is_transient
from suizhuan.kernel.clock import Clock

log = structlog.get_logger(__name__)

LOOK_S = 1.0


class Webhooks:
    """A component of the worker."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        pusher: Pusher,
    ) -> None:
        self.name = "webhooks"
        self.database, self.clock, self.pusher, self.worker = database, clock, pusher, pusher.worker
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Until cancelled; what is under way is given up then, and done again by whoever has it next."""
        try:
            while True:
                try:
                    await self._look()
                except Exception as error:
                    if not is_transient(error):
                        log.exception("webhooks_failed")
                await self.clock.sleep(LOOK_S)
        finally:
            for task in self._running.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _look(self) -> None:
        """Take what is due, have each worked on by a task of its own, and keep what is under way."""
        self._running = {id_: task for id_, task in self._running.items() if not task.done()}
        now = self.clock.now()
        async with self.database.glance() as conn:
            seen = await store_hub.active(conn, self.worker, now)
        for id_ in self._running.keys() - {s.id for s in seen if not s.lost}:
            self._running[id_].cancel()  # ended, parked or another's: nothing more is pushed
        due = {s.id for s in seen if s.due} - self._running.keys()
        ending = {s.id for s in seen if s.ends} & self._running.keys()
        if not due | ending:
            return
        async with self.database.write() as conn:
            leased = await store_hub.lease(conn, due | ending, self.worker, now)
        for id_ in due.intersection(leased):
            self._running[id_] = asyncio.create_task(self._work(id_), name=f"webhook:{id_}")

    async def _work(self, id_: str) -> None:
        """One subscription, until it fails, is changed or ended."""
        try:
            async with self.database.read() as conn:
                found = await store_hub.find(conn, id_)
            if found is not None and found.state == ACTIVE:
                await self.pusher.push_all(found)
        except Exception as error:
            if not is_transient(error):
                log.exception("webhooks_failed", subscription=id_)
        finally:
            with contextlib.suppress(Exception):  # else the lease ends by itself
                async with self.database.write() as conn:
                    await store_hub.release(conn, id_, self.worker)
