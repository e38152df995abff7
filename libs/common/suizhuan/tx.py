"""What a handler holds while it decides: reads, acts, events, deadlines, changes of rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import areas, deadlines
from suizhuan.authority import grants as granted
from suizhuan.authority import locks
from suizhuan.authority.book import Book
from suizhuan.context import Context
from suizhuan.db import at_once
from suizhuan.db.statements import Statement, Upsert, Values, Write
from suizhuan.decision import Decision, Outdated, Pending
from suizhuan.events import EventRegistry
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Act, Beat, Grant, Timing, check_act, check_beat, holding, route
from suizhuan.metrics import Metrics
from suizhuan.tracing import current_traceparent


@dataclass(frozen=True, slots=True)
class Authority:
    """Under which mandate and term an event happened (G6)."""

    mandate: str
    term: int

    @staticmethod
    def of(grant: Grant) -> Authority:
        return Authority(grant.mandate, grant.term)


class NeedsLocks(Exception):
    """A command has found that it must lock what it reads: it is carried out again, in a transaction that locks."""


@dataclass(slots=True)
class Tx:
    """What a handler holds. Everything it does is part of one transaction.

    With a `book` this is a command: it reads without locks, and its writes wait for the last statement."""

    conn: AsyncConnection
    context: Context
    now: datetime
    timing: Timing
    registry: EventRegistry
    book: Book | None = None
    decision: Decision = field(default_factory=Decision)
    deadlines_touched: bool = False
    measures: list[Callable[[Metrics], None]] = field(default_factory=list)  # carried out once it has committed
    _deadlines: dict[tuple[str, str], Write] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _gathered: list[Write] | None = None  # inside `at_once`
    _beat: tuple[str, Beat] | None = None
    _codes: areas.Codes | None = None

    @property
    def locks(self) -> bool:
        """Whether what is read to be changed is to be locked: not by a command, which looks again when it writes."""
        return self.book is None

    def require_locks(self) -> None:
        """What follows works on rows of others: it needs a transaction that locks. Errors: `NeedsLocks`."""
        if not self.locks:
            raise NeedsLocks

    async def write(
        self, statement: Statement | Upsert, rows: Values | Sequence[Values], *, decides: bool = False
    ) -> None:
        """Change rows by a statement that is a constant of its module, once for each of `rows`.

        A command hands it over for its last statement; others carry it out now. `decides`: it must find its row (an
        aggregate at the version that was read). Errors: `Outdated`, now or then."""
        many = [rows] if isinstance(rows, Mapping) else list(rows)
        waiting = self.decision.writes if self.book is not None else self._gathered
        if waiting is not None:
            waiting += [Write(statement, row, decides) for row in many]
            return
        if not many:
            return
        if len(many) == 1 and self.conn.dialect.name != "sqlite":
            if not await at_once.carry_out(self.conn, [Write(statement, many[0], decides)]):
                raise Outdated("the aggregate was changed by somebody else")
            return
        ready = statement.on(self.conn.dialect.name) if isinstance(statement, Upsert) else statement
        done = await self.conn.execute(ready, many[0] if len(many) == 1 else many)
        if decides and len(many) == 1 and done.rowcount != 1:
            raise Outdated("the aggregate was changed by somebody else")

    @asynccontextmanager
    async def at_once(self) -> AsyncIterator[None]:
        """What is written inside is carried out at its end, on PostgreSQL by one statement: inside nothing may be read
        that was written there, and no row written twice. Errors: `Outdated`."""
        if not self.locks or self._gathered is not None or self.conn.dialect.name == "sqlite":
            yield
            return
        gathered = self._gathered = []
        try:
            yield
        finally:
            self._gathered = None
        if gathered and not await at_once.carry_out(self.conn, gathered):
            raise Outdated("the aggregate was changed by somebody else")

    async def newest_beat(self) -> tuple[str, Beat]:
        """(the replica, the newest beat it holds), read once a transaction: the last statement judges by it anew."""
        if self._beat is None:
            self._beat = await granted.newest_beat(self.conn)
        return self._beat

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
        self.decision.pending.append(
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
        Errors: `missing_power`, `term_passed`, `power_in_transition`, `area_given_up`, `replica_stale`, `clock_off`.
        """
        acting = org or self.context.org or ""
        if self.book is not None:
            early = self.book.holding(acting, power, affair, place, self.now)
            if early is not None and early.yields(place, self.now, self.timing.handover_gap) is None:
                return await self.act_under(early, power, place)
        found = await self.covering(affair, place)
        grant = holding(found, acting, power, affair, place, self.now)
        lead = route(found, affair, place, self.now)
        holder = lead.holder if lead else None
        if grant is None:
            await self._check_code(place)
            raise Refusal(
                "missing_power", power=power, affair=affair, area=place, org=acting or self.context.actor, holder=holder
            )
        return await self.act_under(grant, power, place, holder=holder)

    async def act_under(self, grant: Grant, power: str, place: str, *, holder: str | None = None) -> Grant:
        """Like `act`, under a grant that is already known (a receiver's, a case's)."""
        act = Act(power, grant.affair, place, grant.holder, grant.mandate, grant.term)
        if self.locks:
            replica, beat = await self.newest_beat()
            check_beat(beat, replica, self.now, self.timing)
        try:
            check_act(act, grant, self.now, self.timing, holder=holder)
        except Refusal:
            await self._check_code(place)
            raise
        self.decision.acts.append(act)
        return grant

    async def _check_code(self, place: str) -> None:
        """Of whatever is refused: a grant does not know what has become of a code since. Errors: `area_given_up`."""
        if (now := (await self.codes()).now(place)) != place:
            raise Refusal("area_given_up", area=place, now=now)

    async def act_locked(self, grant: Grant, power: str, place: str, *, holder: str | None = None) -> Grant:
        """Like `act_under`, with the grant locked from here on: for consumers, which decide in mid-transaction
        whether somebody may receive a duty, and say so by an event instead of failing."""
        fresh: Grant | None = None
        if self.locks:
            fresh = await granted.share(self.conn, grant.mandate)
        return await self.act_under(fresh or grant, power, place, holder=holder)

    async def pin(self, grant: Grant) -> None:
        """The grant stands as it is until this transaction has ended, whoever may act under it."""
        if self.locks:
            await locks.share(self.conn, [grant.mandate])
        else:
            self.decision.pins.append(grant)

    async def covering(self, affair: str, place: str) -> list[Grant]:
        """Every live grant for `affair` whose area contains `place`."""
        if self.book is not None:
            return self.book.covering(affair, place)
        return await granted.covering(self.conn, affair, place)

    async def codes(self) -> areas.Codes:
        """What codes of areas have become; read once a transaction, by a command from memory."""
        if self.book is not None:
            return self.book.codes
        if self._codes is None:
            self._codes = await areas.codes(self.conn)
        return self._codes

    def forget_codes(self) -> None:
        """They have changed in this transaction: whoever asks again reads them anew."""
        self._codes = None

    async def grant(self, mandate: str) -> Grant | None:
        """The grant of one mandate, live or not."""
        if self.book is not None:
            return self.book.by_mandate(mandate)
        return await granted.by_mandate(self.conn, mandate)

    async def deadline(self, kind: str, ref: str, due_at: datetime, **data: object) -> None:
        """Have `kind` happen for `ref` at `due_at`; replaces an earlier one of the same name."""
        row = {"kind": kind, "ref": ref, "due_at": due_at, "data": data}
        await self._at_last(kind, ref, Write(deadlines.PUT, row))
        self.deadlines_touched = True

    async def cancel_deadline(self, kind: str, ref: str) -> None:
        """Forget it, if there is one."""
        await self._at_last(kind, ref, Write(deadlines.CANCEL, {"b_kind": kind, "b_ref": ref}))

    async def _at_last(self, kind: str, ref: str, write: Write) -> None:
        if self.book is not None:
            self._deadlines[kind, ref] = write  # of several for one deadline only the last counts
        else:
            await self.write(write.statement, write.values)

    def decided(self) -> Decision:
        """All that is left for the last statement."""
        self.decision.writes += self._deadlines.values()
        # First what decides: a write that stands before it would stay where it finds no row.
        self.decision.writes.sort(key=lambda write: not write.decides)
        self._deadlines = {}
        return self.decision

    def measure(self, record: Callable[[Metrics], None]) -> None:
        """Have `record` called with the service's metrics, if and when this transaction has committed."""
        self.measures.append(record)

    def afterwards(self, call: Callable[[], None]) -> None:
        """Have `call` made, if and when this transaction has committed."""
        self.measures.append(lambda _metrics: call())

    def mark(self) -> tuple[int, ...]:
        """Where we are, for `back_to`."""
        return tuple(map(len, self._kept))

    def back_to(self, mark: tuple[int, ...]) -> None:
        """Forget the events, acts and measures since `mark`: their savepoint was rolled back."""
        for kept, size in zip(self._kept, mark, strict=True):
            del kept[size:]

    @property
    def _kept(self) -> tuple[list[Any], ...]:
        return self.decision.pending, self.decision.acts, self.decision.pins, self.measures
