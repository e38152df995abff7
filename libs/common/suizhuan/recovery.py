"""After a restore: a new incarnation is a new replica, and reads first what it has published itself (authority §5).

What the log holds of the own topics beyond the database's note of it (`published`) leaves the outbox where it waits
there, and is never appended again. What is not there either was made after the backup: its aggregates are locked until
`reconcile` has taken over what the log says. On the same incarnation nothing of this happens, and nobody waits.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import ahead
from suizhuan.cloudevents import Event, decode
from suizhuan.context import Context
from suizhuan.db.tables import authority_state, consumer_offset, incarnation, outbox, published
from suizhuan.decision import LANES
from suizhuan.kernel.refusal import Refusal
from suizhuan.outbox import BATCH, FRESH
from suizhuan.own_topics import OwnTopics
from suizhuan.ports.log import Log, LogReader, Record, TopicPartition
from suizhuan.unit_of_work import Tx, UnitOfWork

log = structlog.get_logger(__name__)

POLL_S = 1.0
CHUNK = 2000
# A relay notes what it has published batch by batch, and relays of other lanes go on meanwhile: what is in the outbox
# may lie as far before the note as they can all have in flight.
BEFORE = LANES * (BATCH + FRESH)

# Called with own events that the database has not made, in the transaction that notes them.
OnAhead = Callable[[Tx, Sequence[Event]], Awaitable[None]]


class Recovery:
    """Finds out for one service whether its database is a restored one, and what the log knows further."""

    def __init__(self, uow: UnitOfWork, broker: Log, own: OwnTopics) -> None:
        self.uow = uow
        self.database = uow.database
        self.service = uow.registry.service
        self.broker = broker
        self.own = own
        self.on_ahead: OnAhead | None = None

    async def noted(self) -> bool:
        """Whether this incarnation may go on. One that is new acts under no beat from now on: none names it yet."""
        async with self.database.read() as conn:
            present = await self.database.incarnation(conn)
            row = (await conn.execute(_ROW)).one_or_none()
        if row is not None and row.name == present:
            return bool(row.recovered)
        async with self.database.write() as conn:
            row = (await conn.execute(_ROW.with_for_update())).one_or_none()
            if row is None:
                # Nothing published, nothing read: it is not restored but new.
                new = not await _any(conn, published) and not await _any(conn, consumer_offset)
                values = {"id": 1, "name": present, "recovered": new, "mark": ""}
                await conn.execute(_insert(conn)(incarnation).on_conflict_do_nothing(), values)
                row = (await conn.execute(_ROW.with_for_update())).one()
            if row.name != present:
                await conn.execute(update(incarnation).values(name=present, recovered=False))
            elif row.recovered:
                return True
            log.warning("new_incarnation", was=row.name, present=present)
            replica = f"{self.service}:{present}"
            await conn.execute(update(authority_state).values(replica=replica, joined_at=None))
        return False

    async def ready(self) -> None:
        """Return when everything that the log knows further is noted. Errors: `LogReplaced`, `LogUnavailable`."""
        if await self.noted():
            return
        async with self._alone():
            if await self.noted():
                return
            found = await self._read()
            async with self.database.write() as conn:
                await conn.execute(update(incarnation).values(recovered=True))
                if not self.database.is_sqlite:
                    await conn.execute(text("ANALYZE log_ahead"))
        log.warning("recovered", events_ahead=found)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Of several processes one reads, before any of them publishes."""
        async with self.database.engine.connect() as plain:
            if self.database.is_sqlite:
                yield
                return
            conn = await plain.execution_options(isolation_level="AUTOCOMMIT")
            try:
                while not (await conn.execute(_TRY_LOCK)).scalar_one():
                    await self.uow.clock.sleep(POLL_S)
                yield
            finally:
                await conn.invalidate()  # its lock must not go back into the pool

    async def _read(self) -> int:
        ids = await self.own.ready()
        async with self.database.read() as conn:
            rows = await conn.execute(select(published))
            noted = {TopicPartition(row.topic, row.partition): row.last_offset for row in rows}
        tps = [tp for topic in ids for tp in await self.broker.partitions(topic)]
        ends = await self.broker.end_offsets(tps)
        start = {tp: max(0, noted.get(tp, -1) + 1 - BEFORE) for tp in tps}
        start = {tp: offset for tp, offset in start.items() if offset < ends[tp]}
        if not start:
            return 0
        found, before = 0, set[str]()
        reader = await self.broker.reader(start)
        try:
            async for records in to_the_end(reader, {tp: ends[tp] for tp in start}):
                found += await self._take(records, noted, ids, before)
        finally:
            await reader.close()
        return found

    async def _take(
        self,
        records: Mapping[TopicPartition, Sequence[Record]],
        noted: Mapping[TopicPartition, int],
        ids: Mapping[str, str],
        before: set[str],
    ) -> int:
        """Note one chunk, in a transaction that also says how far it was; returns how many events are new to us.

        `before` collects the ids of what lies before the note: a frozen leader may have appended it once more since."""
        events = [event for tp in sorted(records) for event in _readable(records[tp])]
        old = {e.id for e in events if e.offset <= noted.get(TopicPartition(e.topic, e.partition), -1)}
        before |= old
        async with self.uow.begin(Context.of_system(self.service), limited=False) as tx:
            known = before | await _leave_outbox(tx.conn, [event.id for event in events])
            new = [event for event in events if event.id not in known]
            await ahead.add(tx.conn, new, self.uow.registry.aggregates)
            await _note(tx.conn, records, ids)
            await _ids_above(tx.conn, max((event.outbox_id for event in events), default=0))
            if self.on_ahead is not None and new:
                await self.on_ahead(tx, new)
        return len(new)


async def mark_restored(conn: AsyncConnection) -> None:
    """This database was restored by a means that its incarnation does not show: it is a new one from now on."""
    values = {"id": 1, "name": "", "recovered": False, "mark": secrets.token_hex(4)}
    query = _insert(conn)(incarnation)
    await conn.execute(query.on_conflict_do_update(index_elements=["id"], set_={"mark": values["mark"]}), values)


async def to_the_end(
    reader: LogReader, ends: Mapping[TopicPartition, int]
) -> AsyncIterator[dict[TopicPartition, list[Record]]]:
    """Batches until each partition has been read up to its end."""
    while any(reader.position(tp) < end for tp, end in ends.items()):
        if batch := await reader.poll(timeout=POLL_S, max_records=CHUNK):
            yield batch


def _readable(records: Sequence[Record]) -> list[Event]:
    events = []
    for record in records:
        try:
            events.append(decode(record))
        except Refusal as refusal:  # not one of ours: we publish only what can be read
            log.warning("foreign_record", topic=record.topic, offset=record.offset, code=refusal.code)
    return events


async def _leave_outbox(conn: AsyncConnection, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(ids), ahead.MANY):
        query = delete(outbox).where(outbox.c.event_id.in_(ids[start : start + ahead.MANY]))
        found |= set((await conn.execute(query.returning(outbox.c.event_id))).scalars())
    return found


async def _note(
    conn: AsyncConnection, records: Mapping[TopicPartition, Sequence[Record]], ids: Mapping[str, str]
) -> None:
    for tp in sorted(records):
        query = _insert(conn)(published).values(
            topic=tp.topic, partition=tp.partition, last_offset=records[tp][-1].offset, topic_id=ids[tp.topic]
        )
        newer = published.c.last_offset < query.excluded.last_offset
        changed = {"last_offset": query.excluded.last_offset, "topic_id": query.excluded.topic_id}
        await conn.execute(
            query.on_conflict_do_update(index_elements=["topic", "partition"], set_=changed, where=newer)
        )


async def _ids_above(conn: AsyncConnection, highest: int) -> None:
    """What is written from now on comes after everything that was ever published, by the id of its outbox row, too."""
    if highest <= 0:
        return
    if conn.dialect.name != "sqlite":
        await conn.execute(_IDS_ABOVE, {"highest": highest})
        return
    moved = await conn.execute(
        text("UPDATE sqlite_sequence SET seq = max(seq, :highest) WHERE name = 'outbox'"), {"highest": highest}
    )
    if not moved.rowcount:
        await conn.execute(
            text("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', :highest)"), {"highest": highest}
        )


def _insert(conn: AsyncConnection) -> Any:
    return sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert


async def _any(conn: AsyncConnection, table: Any) -> bool:
    return (await conn.execute(select(table).limit(1))).first() is not None


_ROW = select(incarnation).where(incarnation.c.id == 1)
_TRY_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended('recovery', 0))")
_IDS_ABOVE = text(
    "SELECT setval(s.name, greatest(CAST(:highest AS bigint), nextval(s.name)))"
    " FROM (SELECT CAST(pg_get_serial_sequence('outbox', 'id') AS regclass) AS name) AS s"
)
