"""A database restored from a backup: nothing is published twice, and what the log knows further is locked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from suizhuan import ahead
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.cloudevents import Event, decode
from suizhuan.consumer import Consumer
from suizhuan.context import Context
from suizhuan.db.tables import inbox, log_ahead, outbox
from suizhuan.decision import Decision
from suizhuan.guard_statement import carry_out
from suizhuan.inbox import Inbound, View
from suizhuan.kernel.clock import ManualClock, SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.own_topics import OwnTopics
from suizhuan.ports.log import Log, NewRecord, TopicPartition, TopicSpec
from suizhuan.recovery import Recovery, mark_restored
from suizhuan.relay import Relay
from suizhuan.testing import AuthorityLog, record
from suizhuan.unit_of_work import Tx

from .conftest import Counted, Demo, make_demo

Backup = Callable[[str], Awaitable[str]]
SAID = "demo.thing"


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    made = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    yield made
    await made.close()


def url(demo: Demo) -> str:
    return demo.database.url.render_as_string(hide_password=False)


def recovery(demo: Demo, log: Log) -> Recovery:
    own = OwnTopics(demo.database, log, list(demo.registry.topics.values()), SystemClock())
    return Recovery(demo.uow, log, own)


async def count(demo: Demo, thing: str, *numbers: int, cause: str | None = None) -> None:
    async with demo.uow.begin(Context("staff:1", "org", "c1", cause=cause)) as tx:
        for number in numbers:
            tx.emit(Counted(thing=thing, number=number), key=thing, sequence=number)


async def publish(demo: Demo, log: Log) -> int:
    """One batch; returns how many events the log took."""
    relay = Relay("demo", demo.database, log, list(demo.registry.topics.values()), SystemClock(), demo.metrics)
    async with demo.database.engine.connect() as plain:
        conn = plain if demo.database.is_sqlite else await plain.execution_options(isolation_level="AUTOCOMMIT")
        taken = await relay.publish_once(conn)
    if relay._producer is not None:
        await relay._producer.close()
    return taken


async def on_log(log: Log) -> list[Event]:
    tps = await log.partitions(SAID)
    wanted = sum((await log.end_offsets(tps)).values())
    reader = await log.reader({tp: 0 for tp in tps})
    found: list[Event] = []
    while len(found) < wanted:
        for records in (await reader.poll(timeout=1, max_records=100)).values():
            found += [decode(r) for r in records]
    await reader.close()
    return found


async def waiting(demo: Demo) -> list[str]:
    async with demo.database.read() as conn:
        return list((await conn.execute(select(outbox.c.key).order_by(outbox.c.id))).scalars())


async def locked(demo: Demo) -> set[str]:
    async with demo.database.read() as conn:
        return {row.key for row in await ahead.aggregates(conn)}


@pytest.fixture
async def restored(demo: Demo, log: EmbeddedLog, backup: Backup, clock: ManualClock) -> AsyncIterator[Demo]:
    """Backed up with `a` published and `b` waiting; then `b` was published, and `c` and more of `a` were made."""
    assert not await recovery(demo, log).noted() or True
    await count(demo, "a", 1)
    await publish(demo, log)
    await count(demo, "b", 1)
    copy = await backup(url(demo))
    await demo.database.engine.dispose()  # the backup has cut its connections
    await count(demo, "a", 2, 3)
    await count(demo, "c", 1, cause="why")
    assert await publish(demo, log) == 4
    made = make_demo(copy, clock)
    yield made
    await made.database.close()


async def test_what_was_published_since_the_backup_is_not_published_again(restored: Demo, log: EmbeddedLog) -> None:
    assert await waiting(restored) == ["b"]
    await recovery(restored, log).ready()
    assert await waiting(restored) == []
    assert await publish(restored, log) == 0
    assert sorted(e.key for e in await on_log(log)) == ["a", "a", "a", "b", "c"]


async def test_aggregates_that_the_log_knows_further_are_locked_and_the_others_are_not(
    restored: Demo, log: EmbeddedLog
) -> None:
    await recovery(restored, log).ready()
    assert await locked(restored) == {"a", "c"}
    for thing in ("a", "c"):
        with pytest.raises(Refusal) as refused:
            await count(restored, thing, 9)
        assert (refused.value.code, refused.value.params) == (
            "aggregate_behind_log",
            {"topic": SAID, "key": thing},
        )
    with pytest.raises(Refusal, match="aggregate_behind_log"):
        await restored.uow.decide(Context("staff:1", "org", "c1"), counts("a"))
    await count(restored, "b", 2)
    await restored.uow.decide(Context("staff:1", "org", "c1"), counts("d"))
    assert await waiting(restored) == ["b", "d"]


def counts(thing: str) -> Callable[[Tx], Awaitable[None]]:
    async def work(tx: Tx) -> None:
        tx.emit(Counted(thing=thing, number=9), key=thing, sequence=9)

    return work


async def test_what_the_same_cause_leads_to_again_is_not_appended_again(restored: Demo, log: EmbeddedLog) -> None:
    await recovery(restored, log).ready()
    async with restored.database.write() as conn:
        await ahead.unlock(conn, [row.event_id for row in await ahead.locked_events(conn)])
    await count(restored, "c", 1, 2, cause="why")
    assert await publish(restored, log) == 1  # of two: the second is news
    assert [e.data["number"] for e in await on_log(log) if e.key == "c"] == [1, 2]


async def test_new_events_come_after_all_that_was_published_by_their_outbox_id_too(
    restored: Demo, log: EmbeddedLog
) -> None:
    highest = max(e.outbox_id for e in await on_log(log))
    await recovery(restored, log).ready()
    await count(restored, "d", 1)
    await publish(restored, log)
    (new,) = [e for e in await on_log(log) if e.key == "d"]
    assert new.outbox_id > highest


async def test_an_interrupted_recovery_is_taken_up_where_it_was(restored: Demo, log: EmbeddedLog) -> None:
    broken = recovery(restored, log)
    taken = broken._take

    async def breaks(*given: object) -> int:
        await taken(*given)  # type: ignore[arg-type]
        raise ConnectionError("the process ends here")

    broken._take = breaks  # type: ignore[assignment, method-assign]
    with pytest.raises(ConnectionError):
        await broken.ready()
    again = recovery(restored, log)
    assert not await again.noted()
    await again.ready()
    assert await again.noted()
    assert await locked(restored) == {"a", "c"}
    assert await publish(restored, log) == 0


async def test_what_a_frozen_leader_has_appended_once_more_is_no_news(
    demo: Demo, log: EmbeddedLog, backup: Backup, clock: ManualClock
) -> None:
    await count(demo, "a", 1)
    await publish(demo, log)
    (first,) = await on_log(log)
    reader = await log.reader({TopicPartition(SAID, first.partition): 0})
    (records,) = (await reader.poll(timeout=5, max_records=10)).values()
    await reader.close()
    r = records[0]
    producer = await log.producer("frozen")
    await producer.append([NewRecord(r.topic, r.partition, r.key, r.value, r.headers)])
    made = make_demo(await backup(url(demo)), clock)
    await recovery(made, log).ready()
    assert await locked(made) == set()
    await made.database.close()


async def test_on_the_same_incarnation_nobody_waits_for_the_log(demo: Demo, another: Callable[[], Demo]) -> None:
    away = KafkaLog("127.0.0.1:1")
    assert await recovery(demo, away).noted()  # new: nothing was ever published
    await count(demo, "a", 1)
    second = another()
    assert await recovery(second, away).noted()
    await asyncio.wait_for(recovery(second, away).ready(), 5)
    await second.database.close()
    await away.close()


async def test_a_restore_that_does_not_show_is_marked_by_hand(demo: Demo, log: EmbeddedLog) -> None:
    made = recovery(demo, log)
    await made.ready()
    async with demo.database.write() as conn:
        before = await demo.database.incarnation(conn)
        await mark_restored(conn)
        assert await demo.database.incarnation(conn) != before
    assert not await made.noted()
    await made.ready()
    assert await made.noted()


async def test_a_restored_replica_acts_under_no_beat_of_the_old_one(
    demo: Demo, log: EmbeddedLog, backup: Backup, clock: ManualClock
) -> None:
    """It had acknowledged an opening since its backup: by the beat it holds, and the grant as it stands there, the
    holder could go on acting where the power has moved meanwhile."""
    await recovery(demo, log).ready()
    told = AuthorityLog(demo)
    await told.grant("m1", "org", "affair", "32", ["p"])
    copy = await backup(url(demo))
    await demo.database.engine.dispose()  # the backup has cut its connections
    slot = {"affair": "affair", "area": "32", "role": "lead"}
    await told.opened("s1", [slot])  # acknowledged by the replica that is lost
    made = make_demo(copy, clock)

    async def act(tx: Tx) -> None:
        await tx.act("p", "affair", "32")

    if made.database.is_sqlite:  # the naive one goes on as if nothing had happened
        await made.uow.decide(Context("staff:1", "org", "c1"), act)
    else:  # which the last statement itself sees, also in a process that ran on through the restore
        with pytest.raises(Refusal, match="replica_stale"):
            await made.uow.decide(Context("staff:1", "org", "c1"), act)
        async with made.database.deciding() as conn:
            assert not (await carry_out(conn, await decided(made, act), clock.now(), made.uow.timing)).ok
    assert not await recovery(made, log).noted()
    with pytest.raises(Refusal, match="replica_stale"):
        await made.uow.decide(Context("staff:1", "org", "c1"), act)
    again = AuthorityLog(made, sequence=told.sequence - 1)
    await again.opened("s1", [slot])
    async with made.database.read() as conn:
        rows = (await conn.execute(select(outbox).where(outbox.c.topic == "demo.replica").order_by(outbox.c.id))).all()
    assert (await again.replica_id()).encode() in bytes(rows[-1].value)  # and acknowledges under its own name
    await again.beat()
    with pytest.raises(Refusal, match="power_in_transition"):
        await made.uow.decide(Context("staff:1", "org", "c1"), act)
    await made.database.close()


async def decided(demo: Demo, work: Callable[[Tx], Awaitable[None]]) -> Decision:
    """What the last statement is told, by a memory that has not noticed anything."""
    tx = Tx(None, Context("staff:1", "org", "c1"), demo.clock.now(), demo.uow.timing, demo.registry, demo.uow.book)  # type: ignore[arg-type]
    await work(tx)
    return tx.decided()


class Heard(View):
    thing: str


async def test_a_consumer_that_meets_a_lock_waits_and_buries_nothing(
    restored: Demo, log: EmbeddedLog, another: Callable[[], Demo]
) -> None:
    await recovery(restored, log).ready()
    await log.ensure_topics([TopicSpec("other.cause", 1)])
    inbound = Inbound("demo")

    @inbound.on("other.cause", "other.cause.given", Heard)
    async def given(tx: Tx, _: Event, view: Heard) -> None:
        tx.emit(Counted(thing=view.thing, number=4), key=view.thing, sequence=4)

    made = record("other.cause.given.v1", {"thing": "a"}, key="a", time=restored.clock.now())
    producer = await log.producer("other")
    await producer.append([NewRecord("other.cause", 0, made.key, made.value, made.headers)])
    consumer = Consumer("demo", inbound.topics, inbound, log, restored.uow, SystemClock())
    running = asyncio.create_task(consumer.run())
    async with asyncio.timeout(30):
        while "aggregate_behind_log" not in (consumer.problem or ""):
            await SystemClock().sleep(0.01)
        async with restored.database.write() as conn:
            assert (await conn.execute(select(inbox))).first() is None
            assert await ahead.unlock(conn, [r.event_id for r in (await conn.execute(select(log_ahead))).all()]) == 3
        while await waiting(restored) != ["a"]:
            await SystemClock().sleep(0.01)
    consumer.drain()
    await running
