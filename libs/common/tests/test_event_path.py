"""Commit → outbox → relay → log → consumer → effect: nothing lost, nothing twice, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.cloudevents import Event, decode
from suizhuan.consumer import Consumer, ConsumerStopped
from suizhuan.context import Context
from suizhuan.db.tables import consumer_offset, dead_letter, inbox, outbox, published
from suizhuan.inbox import Inbound, View
from suizhuan.kernel.clock import SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.offsets import LogReplaced
from suizhuan.ports.log import Appended, LogUnavailable, NewRecord, Record, TopicPartition, TopicSpec
from suizhuan.relay import Relay
from suizhuan.testing import record
from suizhuan.unit_of_work import Tx

from .conftest import Counted, Demo

TOPIC = "demo.thing"


class CountedView(View):
    thing: str
    number: int


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    made = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    await made.ensure_topics([TopicSpec(TOPIC), TopicSpec("demo.replica")])
    yield made
    await made.close()


def relay(demo: Demo, log: EmbeddedLog) -> Relay:
    return Relay("demo", demo.database, log, list(demo.registry.topics.values()), SystemClock(), demo.metrics)


async def count(demo: Demo, numbers: Sequence[int], thing: str = "t", cause: str | None = None) -> None:
    async with demo.uow.begin(Context("staff:1", "org", "c1", cause=cause)) as tx:
        for number in numbers:
            tx.emit(Counted(thing=thing, number=number), key=thing, sequence=number)


async def publish(demo: Demo, log: EmbeddedLog) -> int:
    made = relay(demo, log)
    async with demo.database.engine.connect() as plain:
        conn = plain if demo.database.is_sqlite else await plain.execution_options(isolation_level="AUTOCOMMIT")
        taken = await made.publish_once(conn)
    if made._producer is not None:
        await made._producer.close()
    return taken


async def everything(log: EmbeddedLog) -> list[Record]:
    tps = await log.partitions(TOPIC)
    wanted = sum((await log.end_offsets(tps)).values())
    reader = await log.reader({tp: 0 for tp in tps})
    found: list[Record] = []
    while len(found) < wanted:
        for records in (await reader.poll(timeout=1, max_records=100)).values():
            found.extend(records)
    await reader.close()
    return found


async def test_what_was_committed_is_published_in_order_with_its_attributes(demo: Demo, log: EmbeddedLog) -> None:
    await count(demo, [1, 2])
    await count(demo, [3])
    assert await publish(demo, log) == 3
    events = [decode(r) for r in await everything(log)]
    assert [e.data["number"] for e in events] == [1, 2, 3]
    assert [e.outbox_id for e in events] == sorted(e.outbox_id for e in events)
    assert {e.attribute("actor") for e in events} == {"staff:1"}
    assert all(e.attribute("authorityoffset") == "-1" for e in events)
    async with demo.database.read() as conn:
        assert (await conn.execute(select(outbox))).all() == []
        (row,) = (await conn.execute(select(published))).all()
    assert row.last_offset == 2


async def test_a_transaction_that_fails_publishes_nothing(demo: Demo, log: EmbeddedLog) -> None:
    with pytest.raises(ZeroDivisionError):
        async with demo.uow.begin(Context("staff:1", None, "c1")) as tx:
            tx.emit(Counted(thing="t", number=1), key="t", sequence=1)
            raise ZeroDivisionError
    assert await publish(demo, log) == 0


async def test_a_log_that_is_away_loses_nothing(demo: Demo, log: EmbeddedLog) -> None:
    await count(demo, [1])
    made = relay(demo, log)

    class Away:
        async def append(self, records: Sequence[NewRecord]) -> Appended:
            place = TopicPartition(records[0].topic, records[0].partition)
            return Appended([None] * len(records), {place: LogUnavailable("away")})

        async def close(self) -> None: ...

    made._producer = Away()
    async with demo.database.engine.connect() as plain:
        conn = plain if demo.database.is_sqlite else await plain.execution_options(isolation_level="AUTOCOMMIT")
        with pytest.raises(LogUnavailable):
            await made.publish_once(conn)
    assert await publish(demo, log) == 1


async def test_a_late_commit_with_a_lower_id_is_not_skipped(demo: Demo, log: EmbeddedLog) -> None:
    """The trap of every cursor: ids are drawn before they commit."""
    if demo.database.is_sqlite:
        pytest.skip("SQLite has one writer: commits come in the order of ids")
    row = {"lane": 0, "topic": TOPIC, "partition": 0, "key": "t", "value": b"{}", "headers": "", "authority_offset": 0}
    async with demo.database.engine.connect() as slow:
        transaction = await slow.begin()
        await slow.execute(insert(outbox).values(event_id="late", created_at=demo.clock.now(), **row))
        await count(demo, [1])
        assert await publish(demo, log) == 1
        await transaction.commit()
    assert await publish(demo, log) == 1


async def test_only_acknowledged_rows_are_deleted(demo: Demo, log: EmbeddedLog) -> None:
    await count(demo, [1], thing="a")
    await count(demo, [1], thing="b")
    made = relay(demo, log)
    real = await log.producer("x")

    class Half:
        async def append(self, records: Sequence[NewRecord]) -> Appended:
            first = await real.append(records[:1])
            place = TopicPartition(records[1].topic, records[1].partition)
            return Appended([*first.offsets, None], {place: LogUnavailable("away")})

        async def close(self) -> None: ...

    made._producer = Half()
    async with demo.database.engine.connect() as plain:
        conn = plain if demo.database.is_sqlite else await plain.execution_options(isolation_level="AUTOCOMMIT")
        assert await made.publish_once(conn) == 1
    async with demo.database.read() as conn:
        (left,) = (await conn.execute(select(outbox.c.key))).scalars().all()
    assert left == "b"
    assert await publish(demo, log) == 1
    assert sorted(decode(r).key for r in await everything(log)) == ["a", "b"]


async def test_what_the_same_cause_emits_twice_is_the_same_event() -> None:
    first = Context("service:x", None, "c", cause="cause-1")
    assert first.event_id("demo.thing.counted.v1", 0) == first.event_id("demo.thing.counted.v1", 0)
    assert first.event_id("demo.thing.counted.v1", 0) != first.event_id("demo.thing.counted.v1", 1)
    assert Context("staff:1", None, "c").event_id("x", 0) != Context("staff:1", None, "c").event_id("x", 0)


# --- the consumer -------------------------------------------------------------------------------------------------


class Effects:
    """A consumer's own table stands for its projection: one row per effect."""

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.fails: Callable[[Event], Awaitable[None]] | None = None
        self.inbound = Inbound("reader")
        self.inbound.on(TOPIC, "demo.thing.counted", CountedView)(self.handle)

    async def handle(self, tx: Tx, event: Event, view: CountedView) -> None:
        if self.fails is not None:
            await self.fails(event)
        await tx.conn.execute(
            text("INSERT INTO effect (thing, number) VALUES (:thing, :number)"),
            {"thing": view.thing, "number": view.number},
        )

    async def rows(self) -> list[tuple[str, int]]:
        async with self.demo.database.read() as conn:
            rows = await conn.execute(text("SELECT thing, number FROM effect ORDER BY thing, number"))
            return [(row.thing, row.number) for row in rows]


@pytest.fixture
async def effects(demo: Demo) -> Effects:
    async with demo.database.write() as conn:
        await conn.execute(text("CREATE TABLE effect (thing text, number integer)"))
    return Effects(demo)


async def append(log: EmbeddedLog, *records: Record) -> None:
    producer = await log.producer("test")
    await producer.append([NewRecord(r.topic, r.partition, r.key, r.value, r.headers) for r in records])
    await producer.close()


def counted(
    number: int, *, thing: str = "t", event_id: str | None = None, type_: str = "demo.thing.counted.v1"
) -> Record:
    clock = SystemClock()
    data = {"thing": thing, "number": number, "added_later": True}
    return record(type_, data, key=thing, time=clock.now(), topic=TOPIC, event_id=event_id, sequence=number)


async def consume_until(
    demo: Demo, log: EmbeddedLog, effects: Effects, done: Callable[[], Awaitable[bool]], **options: bool
) -> Consumer:
    consumer = Consumer("reader", [TOPIC], effects.inbound, log, demo.uow, SystemClock(), **options)
    task = asyncio.create_task(consumer.run())

    async def wait() -> None:
        while not await done():
            if task.done():
                task.result()
            await asyncio.sleep(0.01)

    try:
        await asyncio.wait_for(wait(), timeout=20)
    finally:
        consumer.drain()
        await asyncio.gather(task, return_exceptions=True)
    return consumer


def effects_are(effects: Effects, expected: int) -> Callable[[], Awaitable[bool]]:
    async def done() -> bool:
        return len(await effects.rows()) >= expected

    return done


def position_is(demo: Demo, expected: int) -> Callable[[], Awaitable[bool]]:
    async def done() -> bool:
        async with demo.database.read() as conn:
            rows = (await conn.execute(select(consumer_offset.c.next_offset))).scalars().all()
        return sum(rows) >= expected

    return done


async def test_a_redelivered_event_changes_nothing(demo: Demo, log: EmbeddedLog, effects: Effects) -> None:
    await append(log, counted(1, event_id="e1"), counted(1, event_id="e1"), counted(2, event_id="e2"))
    await consume_until(demo, log, effects, position_is(demo, 3))
    assert await effects.rows() == [("t", 1), ("t", 2)]


async def test_a_restarted_consumer_goes_on_where_the_database_says(
    demo: Demo, log: EmbeddedLog, effects: Effects
) -> None:
    await append(log, counted(1))
    await consume_until(demo, log, effects, position_is(demo, 1))
    await append(log, counted(2))
    async with demo.database.write() as conn:
        await conn.execute(inbox.delete())  # so that only the offset keeps the first from coming again
    await consume_until(demo, log, effects, position_is(demo, 2))
    assert await effects.rows() == [("t", 1), ("t", 2)]


async def test_a_poisoned_event_parks_its_key_and_the_others_flow(
    demo: Demo, log: EmbeddedLog, effects: Effects
) -> None:
    bad = counted(1, thing="bad")
    malformed = Record(bad.topic, bad.partition, 0, bad.key, b"not json", bad.headers)
    await append(log, malformed, counted(2, thing="bad"), counted(1, thing="good"))
    await consume_until(demo, log, effects, position_is(demo, 3))
    assert await effects.rows() == [("good", 1)]
    async with demo.database.read() as conn:
        rows = (await conn.execute(select(dead_letter).order_by(dead_letter.c.id))).all()
    assert [(r.state, r.code) for r in rows] == [("dead", "event_malformed"), ("parked", "parked")]
    await append(log, counted(3, thing="bad"))  # also later ones of the key wait
    await consume_until(demo, log, effects, position_is(demo, 4))
    assert await effects.rows() == [("good", 1)]


async def test_an_unknown_version_is_dead_lettered_and_a_later_one_is_tolerated(
    demo: Demo, log: EmbeddedLog, effects: Effects
) -> None:
    await append(
        log,
        counted(1, thing="a", type_="demo.thing.counted.v0"),
        counted(1, thing="b", type_="demo.thing.counted.v7"),
        counted(1, thing="c", type_="demo.thing.never_heard_of.v1"),
    )
    await consume_until(demo, log, effects, position_is(demo, 3))
    assert await effects.rows() == [("b", 1)]
    async with demo.database.read() as conn:
        codes = (await conn.execute(select(dead_letter.c.code))).scalars().all()
    assert codes == ["event_unknown_version"]


async def test_a_handler_that_fails_takes_only_its_own_effects_along(
    demo: Demo, log: EmbeddedLog, effects: Effects
) -> None:
    async def fail(event: Event) -> None:
        if event.data["number"] == 2:
            raise ValueError("a bug")

    effects.fails = fail
    await append(log, counted(1, thing="a"), counted(2, thing="b"), counted(3, thing="c"))
    await consume_until(demo, log, effects, position_is(demo, 3))
    assert await effects.rows() == [("a", 1), ("c", 3)]


async def test_transient_trouble_is_waited_out(demo: Demo, log: EmbeddedLog, effects: Effects) -> None:
    left = 3

    async def fail(event: Event) -> None:
        nonlocal left
        if left:
            left -= 1
            raise TimeoutError

    effects.fails = fail
    await append(log, counted(1))
    await consume_until(demo, log, effects, effects_are(effects, 1))
    assert await effects.rows() == [("t", 1)]
    async with demo.database.read() as conn:
        assert (await conn.execute(select(dead_letter))).all() == []


async def test_a_consumer_that_may_not_skip_stops_and_says_why(demo: Demo, log: EmbeddedLog, effects: Effects) -> None:
    async def fail(event: Event) -> None:
        raise Refusal("event_malformed", reason="planted")

    effects.fails = fail
    await append(log, counted(1))
    with pytest.raises(ConsumerStopped, match="planted"):
        await consume_until(demo, log, effects, effects_are(effects, 1), stops=True)


async def test_a_topic_that_is_not_there_yet_is_not_waited_for_and_is_read_from_its_beginning_later(
    demo: Demo, log: EmbeddedLog, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suizhuan.consumer.LOOK_FOR_MISSING_S", 0.05)
    monkeypatch.setattr("suizhuan.consumer.POLL_S", 0.05)
    await append(log, counted(1))
    reader = Consumer("reader", ["demo.later", TOPIC], effects.inbound, log, demo.uow, SystemClock())
    task = asyncio.create_task(reader.run())
    try:
        async with asyncio.timeout(20):
            while await effects.rows() != [("t", 1)]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert reader.problem is None
            await log.ensure_topics([TopicSpec("demo.later")])
            await append(log, counted(2, thing="u")._replace(topic="demo.later"))
            while await effects.rows() != [("t", 1), ("u", 2)]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    finally:
        reader.drain()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_zombie_that_was_overtaken_changes_nothing(demo: Demo, log: EmbeddedLog, effects: Effects) -> None:
    """Compare-and-set: what another member has handled meanwhile is not handled again."""
    await append(log, counted(1))
    await consume_until(demo, log, effects, position_is(demo, 1))
    zombie = Consumer("reader", [TOPIC], effects.inbound, log, demo.uow, SystemClock(), uses_inbox=False)
    await zombie._verified()
    (again,) = await everything(log)
    with pytest.raises(Exception, match="at 1, the batch begins at 0"):
        await zombie._handle({again.tp: [again]})
    assert await effects.rows() == [("t", 1)]


async def test_a_log_shorter_than_the_database_stops_the_consumer(
    demo: Demo, log: EmbeddedLog, effects: Effects, tmp_path: Path
) -> None:
    await append(log, counted(1))
    await consume_until(demo, log, effects, position_is(demo, 1))
    other = EmbeddedLog(tmp_path / "other.db", clock=SystemClock())
    await other.ensure_topics([TopicSpec(TOPIC)])
    with pytest.raises(LogReplaced):
        await consume_until(demo, other, effects, effects_are(effects, 2))
    await other.close()


async def test_the_relay_wakes_up_and_the_consumer_follows(demo: Demo, log: EmbeddedLog, effects: Effects) -> None:
    made = relay(demo, log)
    demo.uow.on_outbox.append(made.wake)
    task = asyncio.create_task(made.run())
    for number in range(1, 21):
        await count(demo, [number])
    await consume_until(demo, log, effects, effects_are(effects, 20))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await effects.rows() == [("t", n) for n in range(1, 21)]
