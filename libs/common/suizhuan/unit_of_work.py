"""One transaction of a service: state, events and the check of power, all or nothing.

Two kinds. A **command** (`UnitOfWork.decide`) reads, decides and hands over what is to be written; all of it is carried
out by one statement that also checks the acts and that what was read still stands (`suizhuan.guard`); if it does not,
the command decides anew. What works on many rows, as consumers do (`UnitOfWork.begin`), locks and writes as it goes.
In either kind the unit of work alone commits.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import guard
from suizhuan.authority.book import Book
from suizhuan.context import Context
from suizhuan.db.database import Database, is_transient
from suizhuan.decision import Decision, Outdated
from suizhuan.events import EventRegistry
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import CLOCK_OFF, Timing
from suizhuan.metrics import Children, Metrics
from suizhuan.tracing import Tracing
from suizhuan.tx import Authority, NeedsLocks, Tx

__all__ = ["Authority", "Tx", "UnitOfWork"]

T = TypeVar("T")
TRIES = 8
BUSY = "database busy"


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
        tracing: Tracing | None = None,
    ) -> None:
        self.database = database
        self.registry = registry
        self.clock = clock
        self.timing = timing
        self.metrics = metrics
        self._emitted = Children(metrics.events_emitted_total)
        self.tracing = tracing or Tracing(registry.service)
        self.book = Book()
        self.on_outbox: list[Callable[[], None]] = []
        self.on_deadline: list[Callable[[], None]] = []

    async def decide(self, context: Context, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Carry out a command: `work` reads and decides, one statement writes. Returns what `work` returned.

        `work` may be called again when what it read has changed meanwhile, or the database was busy; it must have no
        effects but through its Tx. Errors: the refusals of `work` and of its acts; `unavailable`.
        """
        looked_again = False
        for left in reversed(range(TRIES)):
            try:
                return await self._decide(context, work)
            except NeedsLocks:
                async with self.begin(context) as tx:
                    return await work(tx)
            except Refusal as no:
                # Either the clock is off, or this process stood still between its clock and the beat: look once more.
                if no.code != CLOCK_OFF or looked_again or not left:
                    raise
                looked_again = True
            except Outdated as error:
                if not left:
                    raise Refusal("unavailable", reason="contention", retry_after=1) from error
            except SQLAlchemyError as error:
                if not is_transient(error):
                    raise
                if not left:
                    raise Refusal("unavailable", reason="database", retry_after=1) from error
        raise AssertionError

    async def _decide(self, context: Context, work: Callable[[Tx], Awaitable[T]]) -> T:
        async with self.database.deciding() as conn:
            if self.book.stale or self.database.is_sqlite:
                await self.book.follow(conn)
            seen = self.book.sequence
            tx = Tx(conn, context, self.clock.now(), self.timing, self.registry, self.book)
            try:
                answer = await work(tx)
                decision = tx.decided()
                if not decision.empty:
                    sequence = await self._commit(conn, decision)
                    self.book.stale = self.book.stale or sequence != self.book.sequence
            except (Refusal, Outdated) as no:
                # Refused by what we remember: that counts only if the database knows nothing newer.
                if not conn.invalidated:
                    await self.book.follow(conn)
                if self.book.sequence != seen:
                    raise Outdated(str(no)) from no
                raise
        self._happened(tx)
        return answer

    async def _commit(self, conn: AsyncConnection, decision: Decision) -> int:
        try:
            return await guard.commit(self.database, conn, decision, self.clock, self.timing)
        except DBAPIError as error:
            if error.connection_invalidated:  # nobody knows whether it was carried out: that is for the caller to ask
                raise Refusal("unavailable", reason="database", retry_after=1) from error
            raise

    @asynccontextmanager
    async def begin(self, context: Context, *, limited: bool = True) -> AsyncIterator[Tx]:
        """A transaction that locks and writes as it goes; commits when the block ends, rolls back when it raises.

        `limited` sets the time limits that bound an act (A) from the beginning; consumers, which may work long, pass
        False: if they use a power, the limits count from its last check on. Errors: whatever the block raises;
        `unavailable` when the database cannot be reached.
        """
        try:
            async with self.database.write() as conn:
                if limited:
                    await self.database.limit(conn)
                tx = Tx(conn, context, self.clock.now(), self.timing, self.registry)
                yield tx
                decision = tx.decided()
                if not limited and self._uses_power(decision):
                    await self.database.limit(conn)
                if not decision.empty:
                    await guard.commit(self.database, conn, decision, self.clock, self.timing)
        except SQLAlchemyError as error:
            if limited and is_transient(error):
                # Without its connection nobody knows what became of it; else it was rolled back: try again.
                lost = not isinstance(error, DBAPIError) or error.connection_invalidated
                reason = "database" if lost else BUSY
                raise Refusal("unavailable", reason=reason, retry_after=1) from error
            raise
        self._happened(tx)

    @staticmethod
    def _uses_power(decision: Decision) -> bool:
        return bool(decision.acts)

    def _happened(self, tx: Tx) -> None:
        for pending in tx.decision.pending:
            self._emitted[pending.type,].inc()
        for record in tx.measures:
            record(self.metrics)
        if tx.decision.pending:
            for wake in self.on_outbox:
                wake()
        if tx.deadlines_touched:
            for wake in self.on_deadline:
                wake()
