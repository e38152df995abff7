"""The traps of an outbox on PostgreSQL, each sprung by a naive relay and passed by ours."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import lead
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.cloudevents import Event, decode, pack
from suizhuan.consumer import Consumer
from suizhuan.db.tables import outbox
from suizhuan.decision import LANES, lane_of
from suizhuan.inbox import Inbound
from suizhuan.kernel.clock import SystemClock, utc_text
from suizhuan.outbox import Outbox
from suizhuan.ports.log import Appended, NewRecord, Record
from suizhuan.relay import Relay
from suizhuan.testing_databases import Databases
from suizhuan.unit_of_work import Tx

from . import naive
from .conftest import Demo
from .test_event_path import TOPIC, CountedView, count, everything


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.real)])
def databases(postgres_databases: Databases) -> Databases:
    """SQLite has one writer: there none of this can happen."""
    return postgres_databases


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    made = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    yield made
    await made.close()


@asynccontextmanager
async def leading(demo: Demo, log: EmbeddedLog) -> AsyncIterator[tuple[Relay, AsyncConnection]]:
    """Our relay, and the connection on which it leads."""
    relay = Relay("demo", demo.database, log, list(demo.registry.topics.values()), SystemClock(), demo.metrics)
    async with relay._leading() as conn:
        yield relay, conn
    if relay._producer is not None:
        await relay._producer.close()


async def put(conn: AsyncConnection, event: str, *, key: str = "t", demo: Demo) -> None:
    """A row as the unit of work appends it."""
    await conn.execute(insert(outbox).values(row(event, key, demo)))


def row(event: str, key: str, demo: Demo) -> dict[str, Any]:
    now = demo.clock.now()
    packed = pack(
        {"id": event, "source": "demo", "type": "demo.thing.counted.v1", "time": utc_text(now), "sequence": 1}
    )
    value = b'{"thing": "t", "number": 1}'
    return {
        "event_id": event,
        "lane": 0,
        "topic": TOPIC,
        "partition": 0,
        "key": key,
        "value": value,
        "headers": packed,
        "authority_offset": -1,
        "created_at": now,
    }


async def published(log: EmbeddedLog) -> list[str]:
    return [decode(record).id for record in await everything(log)]


async def test_a_cursor_skips_a_commit_that_comes_late(demo: Demo, log: EmbeddedLog) -> None:
    cursor, seen = naive.CursorRelay(), []
    async with leading(demo, log) as (relay, conn), demo.database.engine.connect() as slow:
        late = await slow.begin()
        await put(slow, "late", demo=demo)
        async with demo.database.write() as other:
            await put(other, "first", key="u", demo=demo)
        seen += await cursor.take(conn)
        await relay.publish_once(conn)
        await late.commit()
        seen += await cursor.take(conn)
        await relay.publish_once(conn)
    assert seen == ["first"]
    assert sorted(await published(log)) == ["first", "late"]


async def test_a_gate_on_open_transactions_stalls_behind_one_that_has_nothing_to_do_with_it(
    demo: Demo, log: EmbeddedLog
) -> None:
    async with leading(demo, log) as (relay, conn), demo.database.engine.connect() as unrelated:
        await unrelated.begin()
        await unrelated.execute(text("SELECT txid_current()"))
        async with demo.database.write() as other:
            await put(other, "e", demo=demo)
        assert await naive.gated(conn) == []
        assert await relay.publish_once(conn) == 1


async def test_the_order_of_transactions_is_not_the_order_of_an_aggregate(demo: Demo, log: EmbeddedLog) -> None:
    async with leading(demo, log) as (relay, conn), demo.database.engine.connect() as early:
        transaction = await early.begin()
        await early.execute(text("SELECT txid_current()"))  # begins first, and comes to the aggregate second
        async with demo.database.write() as other:
            await put(other, "one", demo=demo)
        await put(early, "two", demo=demo)
        await transaction.commit()
        assert await naive.in_order_of_transactions(conn) == ["two", "one"]
        await relay.publish_once(conn)
    assert await published(log) == ["one", "two"]


async def test_an_identity_drawn_before_its_transaction_has_a_number_slips_through_a_gate(
    demo: Demo, log: EmbeddedLog
) -> None:
    cursor, seen = naive.CursorRelay(gated=True), []
    drawn = text("SELECT nextval(pg_get_serial_sequence('outbox', 'id'))")
    async with leading(demo, log) as (relay, conn), demo.database.engine.connect() as slow:
        while True:  # one in 32, and the first after a checkpoint, is written to the WAL and numbers its transaction
            transaction = await slow.begin()
            id_ = (await slow.execute(drawn)).scalar_one()
            if (await slow.execute(text("SELECT txid_current_if_assigned() IS NULL"))).scalar_one():
                break
            await transaction.commit()
        async with demo.database.write() as other:
            await put(other, "first", key="u", demo=demo)
        async with asyncio.timeout(200):
            while not seen:  # the gate waits for the transactions of everybody else's tests, too
                seen += await cursor.take(conn)
                await conn.execute(text("SELECT pg_sleep(0.01)"))
        await relay.publish_once(conn)
        columns = {**row("late", "t", demo), "id": id_}
        overriding = text(
            "INSERT INTO outbox (id, event_id, lane, topic, partition, key, value, headers, authority_offset,"
            " created_at) OVERRIDING SYSTEM VALUE VALUES (:id, :event_id, :lane, :topic, :partition, :key, :value,"
            " :headers, :authority_offset, :created_at)"
        )
        await slow.execute(overriding, columns)
        await transaction.commit()
        seen += await cursor.take(conn)
        await relay.publish_once(conn)
    assert seen == ["first"]
    assert sorted(await published(log)) == ["first", "late"]


async def test_deleting_up_to_the_highest_id_deletes_what_was_never_published(demo: Demo, log: EmbeddedLog) -> None:
    async with leading(demo, log) as (relay, conn), demo.database.engine.connect() as slow:
        late = await slow.begin()
        await put(slow, "late", demo=demo)
        async with demo.database.write() as other:
            await put(other, "first", key="u", demo=demo)
        batch = await relay.outbox.fetch(conn)
        await late.commit()
        async with demo.database.engine.connect() as trial:
            await naive.forget_up_to(trial, batch.ids[-1])
            assert (await trial.execute(select(outbox.c.event_id))).all() == []
            await trial.rollback()
        await relay._settle(conn, batch, await relay._send(batch))
        assert list((await conn.execute(select(outbox.c.event_id))).scalars()) == ["late"]


async def test_workers_that_skip_each_others_rows_reorder_an_aggregate(demo: Demo, log: EmbeddedLog) -> None:
    async with demo.database.write() as conn:
        await put(conn, "one", demo=demo)
        await put(conn, "two", demo=demo)
    order = []
    async with demo.database.engine.connect() as slow, demo.database.engine.connect() as quick:
        held = await naive.one_nobody_else_has(slow)
        order.append(await naive.one_nobody_else_has(quick))  # it is through before the slow one has sent
        order.append(held)
    assert order == ["two", "one"]
    async with leading(demo, log), demo.database.engine.connect() as plain:
        assert not await lead.take(await plain.execution_options(isolation_level="AUTOCOMMIT"), range(LANES))


async def test_of_two_relays_that_share_the_lanes_each_leads_its_own(demo: Demo, log: EmbeddedLog) -> None:
    topics = list(demo.registry.topics.values())
    both = [Relay("demo", demo.database, log, topics, SystemClock(), demo.metrics, number=i, of=2) for i in range(2)]
    assert sorted(both[0].lanes + both[1].lanes) == list(range(LANES))
    async with both[0]._leading(), both[1]._leading(), demo.database.engine.connect() as plain:
        conn = await plain.execution_options(isolation_level="AUTOCOMMIT")
        assert not await lead.take(conn, range(LANES))  # another number of relays never leads beside them
        held = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        assert (await conn.execute(held)).scalar_one() == 0


async def test_records_of_a_topic_that_is_one_order_lie_in_one_lane_and_pass_no_backlog(
    demo: Demo, log: EmbeddedLog
) -> None:
    """A lane for each key, as aggregates have it, lets a beat overtake the opening that another relay still holds."""
    keys = [f"switch-{n}:opened" for n in range(50)] + ["beat"]
    assert len({zlib.crc32(key.encode()) % LANES for key in keys}) > 1  # the naive way
    assert len({lane_of("demo.order", 1, key) for key in keys}) == 1
    assert len({lane_of(TOPIC, 3, key) for key in keys}) > 1
    outbox_of_one_order = Outbox(demo.database, range(LANES), {TOPIC: 1})
    outbox_of_aggregates = Outbox(demo.database, range(LANES), {TOPIC: 3})
    async with demo.database.write() as other:
        await put(other, "opened", key="switch:opened", demo=demo)
        await put(other, "beat", key="beat", demo=demo)
    async with leading(demo, log) as (_, conn):
        assert len(await outbox_of_aggregates.fetch_fresh(conn, 0)) == 2
        assert len(await outbox_of_one_order.fetch_fresh(conn, 0)) == 0


async def test_a_row_in_flight_is_not_fetched_again(demo: Demo, log: EmbeddedLog) -> None:
    async with demo.database.write() as conn:
        await put(conn, "one", demo=demo)
    async with leading(demo, log) as (relay, conn):
        flying = await relay.outbox.fetch(conn)
        async with demo.database.write() as other:
            await put(other, "two", demo=demo)
        assert await naive.the_oldest(conn) == ["one", "two"]
        behind = await relay.outbox.fetch(conn, without=[flying])
        assert [decode(_as_read(r)).id for r in behind.records] == ["two"]


async def test_a_late_commit_between_ids_in_flight_comes_with_a_later_fetch(demo: Demo, log: EmbeddedLog) -> None:
    async with leading(demo, log) as (relay, conn), demo.database.engine.connect() as slow:
        async with demo.database.write() as other:
            await put(other, "one", demo=demo)
        late = await slow.begin()
        await put(slow, "late", key="u", demo=demo)
        async with demo.database.write() as other:
            await put(other, "two", demo=demo)
        flying = await relay.outbox.fetch(conn)
        await late.commit()
        assert len(await relay.outbox.fetch(conn, without=[flying])) == 0
        await relay._settle(conn, flying, await relay._send(flying))
        assert await relay.publish_once(conn) == 1
    assert sorted(await published(log)) == ["late", "one", "two"]


async def test_a_frozen_leaders_late_batch_changes_nothing_for_who_applies_it(demo: Demo, log: EmbeddedLog) -> None:
    await count(demo, [1, 2])
    async with leading(demo, log) as (frozen, conn):
        late = await frozen.outbox.fetch(conn)  # and here it freezes, its session is ended
    await count(demo, [3])
    async with leading(demo, log) as (relay, conn):
        while await relay.publish_once(conn):
            continue
    await frozen._send(late)  # thawed
    assert frozen._producer is not None
    await frozen._producer.close()
    records = await everything(log)
    naive_state = [decode(r).data["number"] for r in records][-1]
    assert naive_state == 2  # who applies what comes last has gone back in time
    assert await applied(demo, log) == [1, 2, 3]


async def applied(demo: Demo, log: EmbeddedLog) -> list[int]:
    """What a consumer of ours applies of the whole topic, in its order."""
    seen: list[int] = []
    inbound = Inbound("demo")

    @inbound.on(TOPIC, "demo.thing.counted", CountedView)
    async def counted(_tx: Tx, _event: Event, view: CountedView) -> None:
        seen.append(view.number)

    consumer = Consumer("demo", inbound.topics, inbound, log, demo.uow, SystemClock())
    consumer._topic_ids[TOPIC] = await log.topic_id(TOPIC)
    batch: dict[Any, list[Record]] = {}
    for record in await everything(log):
        batch.setdefault(record.tp, []).append(record)
    await consumer._handle(batch)
    return seen


def _as_read(record: Any) -> Record:
    return Record(record.topic, record.partition, 0, record.key, record.value, record.headers)


async def test_after_an_outage_fresh_aggregates_do_not_queue_behind_the_backlog(demo: Demo, log: EmbeddedLog) -> None:
    many = [row(f"old-{n}", f"k{n % 7}", demo) for n in range(6000)]
    async with demo.database.write() as conn:
        await conn.execute(insert(outbox), many)
    async with leading(demo, log) as (relay, conn):
        await conn.execute(text("UPDATE outbox SET created_at = :old"), {"old": demo.clock.now().replace(year=2020)})
        first = await relay._next(conn, [])
        assert (first.main, len(first)) == (2000, 2000)
        async with demo.database.write() as other:
            await put(other, "fresh-1", key="new", demo=demo)
            await put(other, "fresh-2", key="new", demo=demo)
            await put(other, "of-the-backlog", key="k3", demo=demo)
        ahead = await relay._next(conn, [first])
        assert [decode(_as_read(r)).id for r in ahead.records[ahead.main :]] == ["fresh-1"]
        again = await relay._next(conn, [first, ahead])
        assert again.ids[again.main :] == []  # its follower waits until it is gone, and so does a backlog's aggregate
        for batch in (first, ahead):
            await relay._settle(conn, batch, await relay._send(batch))
        while await relay.publish_once(conn):
            continue
    order = await published(log)
    assert len(order) == len(set(order)) == 6003
    assert order.index("fresh-1") < order.index("fresh-2")
    assert order.index("old-5994") < order.index("of-the-backlog")


class Taking:
    """A log that takes everything at once."""

    async def append(self, records: Sequence[NewRecord]) -> Appended:
        return Appended(list(range(len(records))))

    async def close(self) -> None: ...


async def test_a_million_events_leave_an_outbox_of_less_than_100_mb(demo: Demo, log: EmbeddedLog) -> None:
    """They come in 50 waves of 20,000, of half a kilobyte each: half a gigabyte if nothing were cleared away."""
    wave = text(
        "INSERT INTO outbox (event_id, lane, topic, partition, key, value, headers, authority_offset, created_at)"
        " SELECT :wave || '-' || n, n % 8, :topic, 0, 'k' || n, decode(repeat('ab', 200), 'hex'), :packed, 0, now()"
        " FROM generate_series(1, 20000) AS n"
    )
    size = text("SELECT pg_total_relation_size('outbox')")
    largest = 0
    async with leading(demo, log) as (relay, conn):
        relay._producer = Taking()
        await conn.execute(text("SET idle_session_timeout = 0"))  # we are silent while we write a wave
        packed = row("e", "k", demo)["headers"]
        for number in range(50):
            async with demo.database.write() as other:
                await other.execute(wave, {"wave": str(number), "topic": TOPIC, "packed": packed})
            await relay._publish(conn, await relay._next(conn, []))
            assert await relay.publish_once(conn) == 0
            assert relay._vacuuming is not None
            await relay._vacuuming
            largest = max(largest, (await conn.execute(size)).scalar_one())
    assert largest < 100_000_000, f"{largest:,} bytes"
