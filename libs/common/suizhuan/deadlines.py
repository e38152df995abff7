"""What has to happen at a time is a row; a loop carries the due ones out, each in a transaction of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import bindparam, delete, func, select

from suizhuan.context import Context, derived_id
from suizhuan.db.database import is_transient
from suizhuan.db.statements import upsert
from suizhuan.db.tables import deadline
from suizhuan.kernel.clock import Clock, utc_text
from suizhuan.kernel.refusal import Refusal

if TYPE_CHECKING:
    from suizhuan.unit_of_work import Tx, UnitOfWork

log = structlog.get_logger(__name__)

# (tx, ref, data): must itself find out whether it still applies: the world may have moved on since.
DeadlineHandler = Callable[["Tx", str, dict[str, Any]], Awaitable[None]]

# How often rows are looked for of which nobody has told us. SQLite has one process, and whoever writes one wakes us.
UNASKED_S, UNASKED_SQLITE_S = 5.0, 15.0

# Written, or moved when it is there; forgotten, if there is one.
PUT = upsert(deadline, "kind", "ref")
CANCEL = delete(deadline).where(deadline.c.kind == bindparam("b_kind"), deadline.c.ref == bindparam("b_ref"))


class Deadlines:
    """Carries out due rows, oldest first. Sleeps until the next is due or a new one is written.

    Several processes may run it: a row is taken with a lock, and goes in the transaction that carries it out.
    A handler that fails leaves its row; it is tried again after a pause that grows, the others go on.
    """

    def __init__(self, uow: UnitOfWork, handlers: Mapping[str, DeadlineHandler], clock: Clock) -> None:
        self.name = "deadlines"
        self.uow = uow
        self.handlers = dict(handlers)
        self.clock = clock
        self._wake = asyncio.Event()
        self._failing: dict[tuple[str, str], tuple[float, float]] = {}  # key -> (not before, pause)
        self._unasked = UNASKED_SQLITE_S if uow.database.is_sqlite else UNASKED_S
        uow.on_deadline.append(self._wake.set)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._wake.clear()
            try:
                pause = await self.step()
            except Exception as error:  # a database that is away is waited for; nothing else may end us either
                if is_transient(error):
                    log.warning("deadlines_wait", reason=type(error).__name__)
                else:
                    log.exception("deadlines_failed")
                pause = 1.0
            if pause > 0:
                try:
                    await asyncio.wait_for(self._wake.wait(), timeout=min(pause, self._unasked))
                except TimeoutError:
                    continue  # time to look again

    async def step(self) -> float:
        """Carry out one due row; returns the seconds until the next is due (0: at once)."""
        now = self.clock.now()
        async with self.uow.database.glance() as conn:
            rows = (
                await conn.execute(
                    select(deadline.c.kind, deadline.c.ref, deadline.c.due_at)
                    .where(deadline.c.kind.in_(self.handlers))
                    .order_by(deadline.c.due_at)
                    .limit(100)
                )
            ).all()
        overdue = [row for row in rows if row.due_at <= now]
        self.uow.metrics.deadlines_overdue.set(len(overdue))
        monotonic = self.clock.monotonic()
        for row in overdue:
            not_before, _ = self._failing.get((row.kind, row.ref), (0.0, 0.0))
            if not_before <= monotonic:
                await self._carry_out(row.kind, row.ref, row.due_at)
                return 0.0
        if overdue:
            return 0.2
        return max(0.0, (rows[0].due_at - now).total_seconds()) if rows else self._unasked

    async def _carry_out(self, kind: str, ref: str, due_at: datetime) -> None:
        cause = derived_id(f"{self.uow.registry.service}:{kind}:{ref}", utc_text(due_at))
        try:
            async with self.uow.begin(Context.of_system(self.uow.registry.service, cause), limited=False) as tx:
                taken = select(deadline).where(
                    deadline.c.kind == kind, deadline.c.ref == ref, deadline.c.due_at == due_at
                )
                row = (await tx.conn.execute(taken.with_for_update(skip_locked=True))).one_or_none()
                if row is None:
                    return  # done by another process, or moved
                await tx.cancel_deadline(kind, ref)
                await self.handlers[kind](tx, ref, row.data)
        except Exception as error:
            _, pause = self._failing.get((kind, ref), (0.0, 0.5))
            pause = min(pause * 2, 60.0)
            self._failing[(kind, ref)] = (self.clock.monotonic() + pause, pause)
            code = error.code if isinstance(error, Refusal) else type(error).__name__
            log.warning("deadline_failed", kind=kind, ref=ref, code=code, again_in_s=pause)
        else:
            self._failing.pop((kind, ref), None)
            self.uow.metrics.deadlines_total.labels(kind=kind).inc()

    async def waiting(self) -> int:
        """How many rows there are."""
        async with self.uow.database.read() as conn:
            return int((await conn.execute(select(func.count()).select_from(deadline))).scalar_one())
