"""After a restore: the database takes over what its own log knows further, or takes it back; an event says so.

Events are taken over in the order in which they were written (their outbox ids), each transaction as a whole. What a
consumed event had led to is led to once more: the handler runs again on that event, at the time of the first time, and
must say what the log says; what had not reached the log yet is said now. Anything else, above all what people did, is
taken over fact by fact. Where that cannot be done nothing is changed, and all from there on stays locked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from suizhuan import ahead, areas, deadletter, offsets
from suizhuan.cloudevents import Event, decode
from suizhuan.context import Context
from suizhuan.db.tables import dead_letter, log_ahead
from suizhuan.handling import Handling
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import Log, Record, TopicPartition, UnknownTopic
from suizhuan.recovery import to_the_end
from suizhuan.unit_of_work import Tx, UnitOfWork

# Writes into the database what one of the service's own events says.
Taker = Callable[[Tx, Event], Awaitable[None]]
# Told how many of how many events are taken over.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReconciled:
    """After a restore somebody took over what the log knew further (`adopt`), or took one fact of it back (`reverse`).

    `events` were dealt with, `left` are still locked; `at` is the event at which it had to stop, `why` the reason."""

    action: str
    reason: str
    events: int
    left: int
    at: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class Adoption:
    """How a service takes over its own events, by their names.

    `again`: handlers depend on nothing but this database, so what they did is done once more and compared; its
    consumers begin only when everything is taken over, since what they decide upon is behind until then."""

    facts: Mapping[str, Taker] = field(default_factory=dict)
    reverses: Mapping[str, Taker] = field(default_factory=dict)  # takes over and takes back
    again: bool = False
    # Of what the backup does not know: what of it the log never said, above all what identifies people.
    unsaid: Mapping[str, str] = field(default_factory=dict)


class Differs(Exception):
    """What is to be taken over cannot be had, or is not what the log says."""

    def __init__(self, event: Event, why: str) -> None:
        super().__init__(f"{event.topic}[{event.partition}]@{event.offset} {event.name} {event.id}: {why}")
        self.event = event
        self.why = why


class Reconciler:
    """Reconciles one service with its log."""

    def __init__(self, uow: UnitOfWork, broker: Log, handling: Handling, topics: Sequence[str], how: Adoption) -> None:
        self.uow = uow
        self.broker = broker
        self.handling = handling
        self.topics = list(topics)  # that its handlers listen to
        self.how = how
        self.taken: Counter[str] = Counter()  # how many events of each name were taken over since this process began

    async def adopt(self, context: Context, reason: str, progress: Progress | None = None) -> LogReconciled:
        """Take over everything that is locked, as far as it goes. Errors: `LogUnavailable`."""
        events = await self._locked()
        caused = {cause for event in events if (cause := event.attribute("causationid"))}
        causes = await self._causes(caused) if self.how.again and caused else {}
        done, stopped = 0, None
        for one in _transactions(events):
            try:
                await self._take_over(one, causes.get(one[0].attribute("causationid") or ""))
            except Differs as error:
                stopped = error
                break
            done += len(one)
            self.taken.update(event.name for event in one)
            if progress is not None:
                progress(done, len(events))
        return await self._tell(context, "adopt", reason, done, len(events) - done, stopped)

    async def reverse(self, context: Context, topic: str, key: str, reason: str) -> LogReconciled:
        """Take back what the log says of one aggregate. Errors: `not_found`, `cannot_reverse`, `LogUnavailable`."""
        every = await self._locked()
        events = [event for event in every if (event.topic, event.key) == (topic, key)]
        if not events:
            raise Refusal("not_found", what="aggregate", id=f"{topic} {key}"[:120])
        for event in events:
            if event.name not in self.how.reverses or event.attribute("causationid") is not None:
                raise Refusal("cannot_reverse", event=event.name, key=key[:80])
        async with self.uow.begin(context, limited=False) as tx:
            await ahead.unlock(tx.conn, [event.id for event in events])
            for event in events:
                await self.how.reverses[event.name](tx, event)
        return await self._tell(context, "reverse", reason, len(events), len(every) - len(events), None)

    async def _take_over(self, events: Sequence[Event], cause: Event | None) -> None:
        system = Context.of_system(self.uow.registry.service)
        async with self.uow.begin(system, limited=False) as tx:
            await ahead.unlock(tx.conn, [event.id for event in events])
            if cause is not None:
                tx.now, tx.decision.replays = events[0].time, True
                await self._once_more(tx, events, cause)
                return
            for event in events:
                taker = self.how.facts.get(event.name)
                if taker is None:
                    raise Differs(event, "nothing takes it over, and its cause is not on the log")
                try:
                    await taker(tx, event)
                except (Refusal, ValueError, IntegrityError) as error:
                    raise Differs(event, f"{type(error).__name__}: {error}"[:300]) from error
            # A fact says the codes of its day, which the replica of the grants may have left behind by now.
            await tx.deadline(areas.SETTLE, "adopted", tx.now)

    async def _once_more(self, tx: Tx, events: Sequence[Event], cause: Event) -> None:
        await self.handling.once(tx, cause)
        said = {p.event_id: p for p in tx.decision.pending}
        for event in events:
            again = said.get(event.id)
            if again is None:
                raise Differs(event, f"{cause.name} {cause.id} does not lead to it again")
            if (again.topic, again.key) != (event.topic, event.key) or not _says(json.loads(again.value), event.data):
                raise Differs(event, f"{cause.name} {cause.id} leads to something else: {again.value.decode()[:200]}")

    async def _tell(
        self, context: Context, action: str, reason: str, events: int, left: int, stopped: Differs | None
    ) -> LogReconciled:
        fact = LogReconciled(
            action=action,
            reason=reason,
            events=events,
            left=left,
            at=stopped.event.id if stopped else None,
            why=str(stopped)[:500] if stopped else None,
        )
        if events or stopped is not None:
            async with self.uow.begin(context, limited=False) as tx:
                tx.emit(fact, key=context.correlation_id, sequence=1)
        return fact

    async def _locked(self) -> list[Event]:
        """The events that lock, read from the log, in the order in which they were written."""
        async with self.uow.database.read() as conn:
            rows = await ahead.locked_events(conn)
        wanted = {row.event_id for row in rows}
        spans: dict[TopicPartition, tuple[int, int]] = {}
        for row in rows:
            tp = TopicPartition(row.topic, row.partition)
            low, high = spans.get(tp, (row.offset, row.offset))
            spans[tp] = (min(low, row.offset), max(high, row.offset))
        start = {tp: low for tp, (low, _) in spans.items()}
        found = await self._read(start, {tp: high + 1 for tp, (_, high) in spans.items()}, wanted)
        return sorted(found.values(), key=lambda event: event.outbox_id)

    async def _causes(self, wanted: set[str]) -> dict[str, Event]:
        """Consumed events by id: from where this database is, which the one that is lost had read on; or dead ones."""
        tps = []
        for topic in self.topics:
            try:
                tps += await self.broker.partitions(topic)
            except UnknownTopic:
                continue
        ends = await self.broker.end_offsets(tps)
        async with self.uow.database.read() as conn:
            start = await offsets.load(conn, self.handling.group, tps)
            dead = (await conn.execute(select(dead_letter).where(dead_letter.c.consumer == self.handling.group))).all()
        found = await self._read(start, ends, wanted)
        for event in map(_decoded, map(deadletter.to_record, dead)):
            if event is not None and event.id in wanted:
                found.setdefault(event.id, event)
        return found

    async def _read(
        self, start: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int], wanted: set[str]
    ) -> dict[str, Event]:
        """Of these ranges the events that are wanted, each as it came first."""
        found: dict[str, Event] = {}
        start = {tp: offset for tp, offset in start.items() if offset < ends[tp]}
        if not start:
            return found
        reader = await self.broker.reader(start)
        try:
            async for records in to_the_end(reader, {tp: ends[tp] for tp in start}):
                for event in (_decoded(r) for rs in records.values() for r in rs):
                    if event is not None and event.id in wanted:
                        found.setdefault(event.id, event)
        finally:
            await reader.close()
        return found


def _decoded(record: Record) -> Event | None:
    try:
        return decode(record)
    except Refusal:
        return None


def _says(again: dict[str, Any], told: dict[str, Any]) -> bool:
    """Whether it is the same fact; a later release may say more of it."""
    return all(name in again and again[name] == value for name, value in told.items())


def _transactions(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Neighbours of one cause belong together; what has no cause is by itself."""
    for _, group in groupby(events, key=lambda event: event.attribute("causationid") or event.id):
        yield list(group)


async def held_still(uow: UnitOfWork) -> str | None:
    """Why consumers may not begin: something is locked; None when nothing is."""
    async with uow.database.read() as conn:
        row = (await conn.execute(select(log_ahead.c.topic).where(log_ahead.c.locked).limit(1))).first()
    return f"{row.topic}: 落后于日志，待核对 / behind the log, to be reconciled" if row is not None else None
