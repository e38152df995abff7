"""One transaction of a service: state, events and the check of power, all or nothing.

Handlers read and write through `tx.conn`, call `tx.emit` and `tx.act`, and return; the unit of work alone
commits. Its last statement checks the acts and appends the events together (`suizhuan.guard`), so that what
stands in the outbox was allowed at the moment it was committed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import deadlines, guard
from suizhuan.authority import grants as granted
from suizhuan.authority import locks
from suizhuan.context import Context
from suizhuan.db.database import Database, is_transient
from suizhuan.events import EventRegistry
from suizhuan.guard import Pending
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Act, Grant, Timing, check_act, check_beat
from suizhuan.metrics import Metrics
from suizhuan.tracing import Tracing, current_traceparent


@dataclass(frozen=True, slots=True)
class Authority:
    """Under which mandate and term an event happened (G6)."""

    mandate: str
    term: int

    @staticmethod
    def of(grant: Grant) -> Authority:
        return Authority(grant.mandate, grant.term)


@dataclass(slots=True)
class Tx:
    """What a handler holds. Everything it does is part of one transaction."""

    conn: AsyncConnection
    context: Context
    now: datetime
    timing: Timing
    registry: EventRegistry
    pending: list[Pending] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    deadlines_touched: bool = False
    _counts: dict[str, int] = field(default_factory=dict)

    def emit(
        self,
        fact: object,
        *,
        key: str,
        sequence: int,
        area: str | None = None,
        authority: Authority | None = None,
        org: str | None = None,
    ) -> str:
        """Publish `fact` as an event of aggregate `key`, whose version is now `sequence`; returns the event's id.

        Lock or version-bump the aggregate first: then the order of the outbox is the order of the aggregate.
        """
        event = self.registry.of(fact)
        index = self._counts.get(event.name, 0)
        self._counts[event.name] = index + 1
        event_id = self.context.event_id(event.type, index)
        self.pending.append(
            Pending.of(
                event,
                fact,
                event_id=event_id,
                key=key,
                time=self.now,
                source=self.registry.service,
                sequence=sequence,
                area=area,
                actor=self.context.actor,
                org=org or self.context.org,
                mandate=authority.mandate if authority else None,
                term=authority.term if authority else None,
                correlation=self.context.correlation_id,
                causation=self.context.causation_id,
                traceparent=current_traceparent() or self.context.traceparent,
            )
        )
        return event_id

    async def act(self, power: str, affair: str, place: str, org: str | None = None) -> Grant:
        """`org` (by default the caller's) uses `power` for `affair` at `place`, or is refused.

        Refused early here; decided again, under the locks, in the transaction's last statement.
        Errors: `missing_power`, `term_passed`, `power_in_transition`, `replica_stale`, `clock_off`.
        """
        acting = org or self.context.org or ""
        grant, lead = await granted.held_by(self.conn, acting, power, affair, place, self.now)
        holder = lead.holder if lead else None
        if grant is None:
            raise Refusal(
                "missing_power", power=power, affair=affair, area=place, org=acting or self.context.actor, holder=holder
            )
        return await self.act_under(grant, power, place, holder=holder)

    async def act_under(self, grant: Grant, power: str, place: str, *, holder: str | None = None) -> Grant:
        """Like `act`, under a grant that is already known (a receiver's, a case's)."""
        act = Act(power, grant.affair, place, grant.holder, grant.mandate, grant.term)
        replica, beat = await granted.newest_beat(self.conn)
        check_beat(beat, replica, self.now, self.timing)
        check_act(act, grant, self.now, self.timing, holder=holder)
        self.acts.append(act)
        return grant

    async def act_locked(self, grant: Grant, power: str, place: str, *, holder: str | None = None) -> Grant:
        """Like `act_under`, with the grant locked from here on: for consumers, which decide in mid-transaction
        whether somebody may receive a duty, and say so by an event instead of failing."""
        await locks.share(self.conn, [grant.mandate])
        fresh = await granted.by_mandate(self.conn, grant.mandate, lock=True)
        return await self.act_under(fresh or grant, power, place, holder=holder)

    async def deadline(self, kind: str, ref: str, due_at: datetime, **data: object) -> None:
        """Have `kind` happen for `ref` at `due_at`; replaces an earlier one of the same name."""
        await deadlines.put(self.conn, kind, ref, due_at, data)
        self.deadlines_touched = True

    async def cancel_deadline(self, kind: str, ref: str) -> None:
        await deadlines.cancel(self.conn, kind, ref)


class UnitOfWork:
    """Makes transactions for one service."""

    def __init__(
        self,
        database: Database,
        registry: EventRegistry,
        clock: Clock,
        timing: Timing,
        metrics: Metrics,
        *,
        limits: ActLimits | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.database = database
        self.registry = registry
        self.clock = clock
        self.timing = timing
        self.metrics = metrics
        self.tracing = tracing or Tracing(registry.service)
        self.limits = limits or ActLimits.within(timing.max_act)
        self.on_outbox: list[Callable[[], None]] = []
        self.on_deadline: list[Callable[[], None]] = []

    @asynccontextmanager
    async def begin(self, context: Context, *, limited: bool = True) -> AsyncIterator[Tx]:
        """A transaction; commits when the block ends, rolls back when it raises.

        `limited` sets the time limits that bound an act (A); consumers, which may work long and act under no
        power, pass False. Errors: whatever the block raises; `unavailable` when the database cannot be reached.
        """
        try:
            async with self.database.write() as conn:
                if limited and not self.database.is_sqlite:
                    await conn.execute(text(self.limits.sql))
                tx = Tx(conn, context, self.clock.now(), self.timing, self.registry)
                yield tx
                await guard.commit(self.database, tx.conn, tx.acts, tx.pending, self.clock, self.timing)
        except DBAPIError as error:
            if limited and is_transient(error):
                raise Refusal("unavailable", reason="database", retry_after=1) from error
            raise
        for pending in tx.pending:
            self.metrics.events_emitted_total.labels(type=pending.type).inc()
        if tx.pending:
            for wake in self.on_outbox:
                wake()
        if tx.deadlines_touched:
            for wake in self.on_deadline:
                wake()


@dataclass(frozen=True, slots=True)
class ActLimits:
    """PostgreSQL's limits for one act: what can still pass between its last check and its commit stays under A."""

    lock_ms: int
    statement_ms: int
    idle_ms: int

    @staticmethod
    def within(max_act: timedelta) -> ActLimits:
        """A is the sum of a lock wait, the statement and the idle time before COMMIT."""
        share = int(max_act.total_seconds() * 1000) // 5
        return ActLimits(lock_ms=share, statement_ms=2 * share, idle_ms=2 * share)

    @property
    def sql(self) -> str:
        return (
            f"SELECT set_config('lock_timeout','{self.lock_ms}',true),"
            f"set_config('statement_timeout','{self.statement_ms}',true),"
            f"set_config('idle_in_transaction_session_timeout','{self.idle_ms}',true)"
        )
