"""One batch of records in one transaction: who was heard before, who is parked, handlers, effects, offsets.

All or nothing. The first attempt takes the batch as a whole; when something in it fails, the second gives every event
a savepoint of its own, so that a dead one takes only its own effects along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

import structlog
from opentelemetry.trace import SpanKind

from suizhuan import arrivals as arrive
from suizhuan import deadletter, inbox_rows, offsets
from suizhuan.ahead import is_locked
from suizhuan.cloudevents import Event, envelope
from suizhuan.context import Context
from suizhuan.db.database import is_transient
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import Record, TopicPartition
from suizhuan.tracing import span_from_traceparent
from suizhuan.unit_of_work import Tx, UnitOfWork

log = structlog.get_logger(__name__)

Batch = Mapping[TopicPartition, Sequence[Record]]


class Target(Protocol):
    """What a consumer feeds: `Inbound`, or the authority replica."""

    def wants(self, event: Event) -> bool: ...

    async def handle(self, tx: Tx, event: Event) -> None: ...

    def together(self, event: Event) -> object | None:
        """What takes this event together with its neighbours; None: it is handled by itself."""
        ...

    async def handle_together(self, tx: Tx, events: Sequence[Event]) -> None:
        """Neighbours in the log, in order, for which `together` said the same."""
        ...


@dataclass(slots=True)
class Outcome:
    """What became of a batch."""

    handled: int = 0
    dead: list[str] = field(default_factory=list)  # codes


class Handling:
    """Carries batches of one group through transactions."""

    def __init__(
        self, group: str, target: Target, uow: UnitOfWork, *, parks: bool = True, uses_inbox: bool = True
    ) -> None:
        self.group = group
        self.target = target
        self.uow = uow
        self.parks = parks
        self.uses_inbox = uses_inbox

    async def whole(self, batch: Batch, topic_ids: Mapping[str, str]) -> Outcome:
        """The batch at once. Errors: those of any handler, `OffsetMoved`; then nothing has happened."""
        outcome = Outcome()
        async with self._transaction() as tx:
            expected, new = await self._arrived(tx, batch)
            outcome.handled = len(new)
            for handler, run in groupby(new, key=self.target.together):
                if handler is None:
                    for event in run:
                        await self._by_itself(tx, event)
                else:
                    await self._together(tx, list(run))
            await offsets.move(tx.conn, self.group, expected, _ends(batch), topic_ids)
        self._count(new)
        if new:
            waited = self.uow.clock.now() - min(event.time for event in new)
            self.uow.metrics.effect_seconds.labels(group=self.group).observe(max(0.0, waited.total_seconds()))
        return outcome

    async def one_by_one(self, batch: Batch, topic_ids: Mapping[str, str], judge: Callable[[Outcome], None]) -> Outcome:
        """Each event in a savepoint; what cannot be handled becomes a dead letter and parks its key.

        Errors: what is transient, `OffsetMoved`; then nothing has happened."""
        outcome = Outcome()
        async with self._transaction() as tx:
            expected = await self._expected(tx, batch)
            parked = await self._parked(tx, batch)
            for record in _in_order(batch):
                if (record.topic, record.key) in parked:
                    await self.bury(tx, record, deadletter.PARKED, "parked", "an earlier event of this key is dead")
                    continue
                code = await self.attempt(tx, record)
                if code is None:
                    outcome.handled += 1
                else:
                    outcome.dead.append(code)
                    parked.add((record.topic, record.key))
            judge(outcome)  # may raise: then none of it has happened
            await offsets.move(tx.conn, self.group, expected, _ends(batch), topic_ids)
        return outcome

    async def attempt(self, tx: Tx, record: Record) -> str | None:
        """Handle one record in a savepoint; the code under which it was buried, None when it was handled."""
        mark = tx.mark()
        try:
            async with tx.conn.begin_nested():
                await self.once(tx, envelope(record))
        except Exception as error:
            if is_transient(error) or is_locked(error):
                raise
            tx.back_to(mark)
            code, reason = why(error)
            log.error("event_dead", group=self.group, topic=record.topic, offset=record.offset, code=code)
            if code == "handler_failed":
                log.exception("handler_failed", group=self.group)
            await self.bury(tx, record, deadletter.DEAD, code, reason)
            return code
        return None

    async def once(self, tx: Tx, event: Event) -> bool:
        """Handle one event inside `tx`, unless it was handled before (then False). Errors: the handler's."""
        if not self.target.wants(event) or not await self._first_times(tx, [event]):
            return False
        if self.target.together(event) is None:
            await self._by_itself(tx, event)
        else:
            await self._together(tx, [event])
        self._count([event])
        return True

    async def bury(self, tx: Tx, record: Record, state: str, code: str, reason: str) -> None:
        """Keep a record as a dead letter, or as one that waits behind a dead one."""
        await deadletter.put(tx.conn, self.group, record, state=state, code=code, reason=reason, now=tx.now)
        self.uow.metrics.dead_letters_total.labels(group=self.group, state=state).inc()

    def _transaction(self) -> AbstractAsyncContextManager[Tx]:
        return self.uow.begin(Context.of_system(self.uow.registry.service), limited=False)

    async def _arrived(self, tx: Tx, batch: Batch) -> tuple[dict[TopicPartition, int], list[Event]]:
        """Where the database is, and what is to be handled: wanted, not parked, not heard before."""
        if not self.uow.database.is_sqlite:
            events = [event for event in map(envelope, _in_order(batch)) if self.target.wants(event)]
            ids = [event.id for event in events] if self.uses_inbox else []
            arrivals = await arrive.note(tx.conn, self.group, batch, ids, tx.now)
            if arrivals.new is not None:
                self._not_past(batch, arrivals.expected)
                new = self._without_repeats(events, arrivals.new) if self.uses_inbox else events
                return arrivals.expected, new
        expected = await self._expected(tx, batch)
        unparked = await self._unparked(tx, batch)
        return expected, await self._first_times(tx, [e for e in unparked if self.target.wants(e)])

    async def _expected(self, tx: Tx, batch: Batch) -> dict[TopicPartition, int]:
        known = await offsets.load(tx.conn, self.group, batch)
        self._not_past(batch, known)
        return known

    def _not_past(self, batch: Batch, known: Mapping[TopicPartition, int]) -> None:
        """The database must not be past the beginning of the batch (a log may have gaps)."""
        for tp, records in batch.items():
            if known[tp] > records[0].offset:
                raise offsets.OffsetMoved(f"{self.group} {tp}: at {known[tp]}, the batch begins at {records[0].offset}")

    async def _parked(self, tx: Tx, batch: Batch) -> set[tuple[str, bytes]]:
        if not self.parks:
            return set()
        topics = sorted({tp.topic for tp in batch})
        if not await deadletter.parked_keys(tx.conn, self.group, topics):
            return set()
        # Somebody may be redriving one of them right now; then we wait, and look again.
        await deadletter.share(tx.conn, self.group)
        return await deadletter.parked_keys(tx.conn, self.group, topics)

    async def _unparked(self, tx: Tx, batch: Batch) -> list[Event]:
        parked = await self._parked(tx, batch)
        events = []
        for record in _in_order(batch):
            if parked and (record.topic, record.key) in parked:
                await self.bury(tx, record, deadletter.PARKED, "parked", "an earlier event of this key is dead")
            else:
                events.append(envelope(record))
        return events

    async def _first_times(self, tx: Tx, events: Sequence[Event]) -> list[Event]:
        """Those that this group has not handled before, each once."""
        if not self.uses_inbox or not events:
            return list(events)
        return self._without_repeats(events, await inbox_rows.add(tx.conn, self.group, [e.id for e in events], tx.now))

    def _without_repeats(self, events: Sequence[Event], left: set[str]) -> list[Event]:
        """Those of these ids, each once."""
        new = []
        for event in events:
            if event.id in left:
                left.discard(event.id)
                new.append(event)
        repeats = len(events) - len(new)
        if repeats:
            self.uow.metrics.consumer_duplicates_total.labels(group=self.group).inc(repeats)
        return new

    async def _by_itself(self, tx: Tx, event: Event) -> None:
        outer, counts = tx.context, tx._counts
        tx.context, tx._counts = Context.of_event(self.uow.registry.service, event), {}
        parent = event.attribute("traceparent")
        name = f"{self.group} {event.name}"
        try:
            with span_from_traceparent(self.uow.tracing.tracer, name, parent, kind=SpanKind.CONSUMER):
                await self.target.handle(tx, event)
        finally:
            tx.context, tx._counts = outer, counts

    async def _together(self, tx: Tx, events: Sequence[Event]) -> None:
        """One span for all, linked to the trace of each."""
        if not self.uow.tracing.enabled:
            await self.target.handle_together(tx, events)
            return
        links = sorted({t for e in events if (t := e.attribute("traceparent"))})
        name = f"{self.group} {events[0].topic}"
        about = {"events": len(events)}
        tracer = self.uow.tracing.tracer
        with span_from_traceparent(tracer, name, None, links=links, kind=SpanKind.CONSUMER, attributes=about):
            await self.target.handle_together(tx, events)

    def _count(self, events: Sequence[Event]) -> None:
        for name, count in Counter(event.name for event in events).items():
            self.uow.metrics.consumer_events_total.labels(group=self.group, type=name).inc(count)


def why(error: Exception) -> tuple[str, str]:
    """(code, reason) of what a handler raised; of an unforeseen error only its type, for messages can hold data."""
    if isinstance(error, Refusal):
        return error.code, str(error.params)
    return "handler_failed", type(error).__name__


def _in_order(batch: Batch) -> Iterator[Record]:
    for tp in sorted(batch):
        yield from batch[tp]


def _ends(batch: Batch) -> dict[TopicPartition, int]:
    return {tp: records[-1].offset + 1 for tp, records in batch.items()}
