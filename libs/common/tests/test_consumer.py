"""The consumer under trouble: sets, zombies, broken handlers, hanging ones, shutdown, and dead letters put right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from sqlalchemy import select, text, update

from suizhuan import deadletter
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.cloudevents import Event
from suizhuan.consumer import Consumer, TooManyDead
from suizhuan.context import Context
from suizhuan.db.tables import consumer_offset, dead_letter, inbox
from suizhuan.handling import Handling
from suizhuan.inbox import Inbound
from suizhuan.kernel.clock import SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.offsets import OffsetMoved
from suizhuan.ports.log import Record, TopicPartition
from suizhuan.repair import Action, DeadLetterResolved, Repairs
from suizhuan.testing import published
from suizhuan.unit_of_work import Tx

from .conftest import Demo
from .test_event_path import TOPIC, CountedView, Effects, append, consume_until, counted, everything, position_is
from .test_event_path import effects as effects  # noqa: PLC0414  (a fixture)
from .test_event_path import log as log  # noqa: PLC0414

GROUP = "reader"


def reader(demo: Demo, log: EmbeddedLog, inbound: Inbound) -> Consumer:
    return Consumer(GROUP, inbound.topics, inbound, log, demo.uow, SystemClock())


async def batch_of(log: EmbeddedLog) -> dict[TopicPartition, list[Record]]:
    found: dict[TopicPartition, list[Record]] = {}
    for record in await everything(log):
        found.setdefault(record.tp, []).append(record)
    return found


async def dead(demo: Demo) -> list[tuple[str, str]]:
    async with demo.database.read() as conn:
        rows = (await conn.execute(select(dead_letter).order_by(dead_letter.c.offset))).all()
    return [(row.state, row.code) for row in rows]


# --- sets -----------------------------------------------------------------------------------------------------------


class Sets:
    """A projection whose handler takes neighbours together."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.poison: int | None = None
        self.inbound = Inbound(GROUP)
        self.inbound.on_sets(TOPIC, {"demo.thing.counted": CountedView}, self.handle)

    async def handle(self, tx: Tx, heard: Sequence[tuple[Event, Any]]) -> None:
        numbers = [view.number for _, view in heard]
        self.calls.append(numbers)
        if self.poison in numbers:
            raise ValueError("poison")
        rows = sorted({"thing": view.thing, "number": view.number}.items() for _, view in heard)
        for row in rows:
            await tx.conn.execute(text("INSERT INTO effect (thing, number) VALUES (:thing, :number)"), dict(row))


async def test_neighbours_are_handled_together_and_repeats_among_them_once(
    demo: Demo, log: EmbeddedLog, effects: Effects
) -> None:
    sets = Sets()
    await append(log, *(counted(n, event_id=f"e{n}") for n in (1, 2, 2, 3)))
    await consume_until(demo, log, Wrapped(effects, sets.inbound), position_is(demo, 4))  # type: ignore[arg-type]
    assert sets.calls == [[1, 2, 3]]
    assert await effects.rows() == [("t", 1), ("t", 2), ("t", 3)]


async def test_when_a_set_fails_its_events_are_taken_one_by_one_and_only_the_dead_one_stays_behind(
    demo: Demo, log: EmbeddedLog, effects: Effects
) -> None:
    sets = Sets()
    sets.poison = 2
    await append(log, *(counted(n, thing=f"t{n}") for n in (1, 2, 3)))
    await consume_until(demo, log, Wrapped(effects, sets.inbound), position_is(demo, 3))  # type: ignore[arg-type]
    assert sorted(map(len, sets.calls)) == [1, 1, 1, 3] or sum(map(len, sets.calls)) >= 4
    assert await effects.rows() == [("t1", 1), ("t3", 3)]
    assert await dead(demo) == [("dead", "handler_failed")]


class Wrapped:
    """An `Effects` whose handlers are others."""

    def __init__(self, effects: Effects, inbound: Inbound) -> None:
        self.inbound = inbound
        self.rows = effects.rows


# --- two members with the same records ------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [0, 1])
async def test_of_two_members_with_the_same_batch_one_wins_whichever_comes_first(
    demo: Demo, log: EmbeddedLog, effects: Effects, first: int
) -> None:
    """After a rebalance the old member may still be at work on what the new one has begun."""
    if demo.database.is_sqlite:
        pytest.skip("SQLite has one writer: the second begins after the first has ended")
    await append(log, counted(1), counted(2))
    batch = await batch_of(log)
    arrived, go_on = [asyncio.Event(), asyncio.Event()], [asyncio.Event(), asyncio.Event()]

    def member(number: int) -> Consumer:
        inbound = Inbound(GROUP)

        @inbound.on(TOPIC, "demo.thing.counted", CountedView)
        async def handle(tx: Tx, event: Event, view: CountedView) -> None:
            await effects.handle(tx, event, view)
            arrived[number].set()
            await go_on[number].wait()

        made = Consumer(GROUP, inbound.topics, inbound, log, demo.uow, SystemClock(), uses_inbox=False)
        return made

    members = [member(0), member(1)]
    for made in members:
        await made._verified()
    tasks = [asyncio.create_task(made._handle(batch)) for made in members]
    await asyncio.gather(*(event.wait() for event in arrived))
    go_on[first].set()
    await tasks[first]
    go_on[1 - first].set()
    with pytest.raises(OffsetMoved):
        await tasks[1 - first]
    assert await effects.rows() == [("t", 1), ("t", 2)]


async def test_who_was_overtaken_in_mid_batch_goes_on_where_the_database_is(
    demo: Demo, log: EmbeddedLog, effects: Effects
) -> None:
    await append(log, counted(1))
    await consume_until(demo, log, effects, position_is(demo, 1))
    await append(log, counted(2))
    consumer = reader(demo, log, effects.inbound)
    await consumer._verified()
    client = await log.consumer(
        GROUP, [TOPIC], on_assigned=lambda tps: _starts(tps, 0), on_revoked=_nothing, client_id="zombie"
    )
    batch = await client.poll(timeout=5, max_records=10)
    assert len(next(iter(batch.values()))) == 2  # it was told to begin too early
    await consumer._take(client, batch)
    again = await client.poll(timeout=5, max_records=10)
    assert [r.offset for records in again.values() for r in records] == [1]
    await client.close()
    assert await effects.rows() == [("t", 1)]


async def test_who_joins_while_another_goes_on_does_not_take_the_log_for_shorter_than_the_database(
    demo: Demo, log: EmbeddedLog, effects: Effects
) -> None:
    """What comes after it has asked where the log ends may be handled before it asks the database."""
    await append(log, counted(1))
    await consume_until(demo, log, effects, position_is(demo, 1))

    class Meanwhile:
        def __getattr__(self, name: str) -> Any:
            return getattr(log, name)

        async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            ends = await log.end_offsets(tps)
            await append(log, counted(2))
            await consume_until(demo, log, effects, position_is(demo, 2))
            return ends

    broker: Any = Meanwhile()
    late = Consumer(GROUP, effects.inbound.topics, effects.inbound, broker, demo.uow, SystemClock(), uses_inbox=False)
    assert await late._verified() == [TOPIC]


async def _starts(tps: frozenset[TopicPartition], offset: int) -> dict[TopicPartition, int]:
    return dict.fromkeys(tps, offset)


async def _nothing(_tps: frozenset[TopicPartition]) -> None:
    return None


# --- broken and hanging handlers ------------------------------------------------------------------------------------


async def test_a_handler_that_fails_at_nearly_everything_buries_nothing_and_the_consumer_pauses(
    demo: Demo, log: EmbeddedLog, effects: Effects
) -> None:
    async def broken(event: Event) -> None:
        raise ValueError("a bug in the handler, not in the events")

    effects.fails = broken
    await append(log, *(counted(1, thing=f"t{n}") for n in range(30)))
    consumer = reader(demo, log, effects.inbound)
    await consumer._verified()
    with pytest.raises(TooManyDead, match="handler_failed"):
        await consumer._handle(await batch_of(log))
    assert await dead(demo) == []
    async with demo.database.read() as conn:
        assert (await conn.execute(select(consumer_offset))).all() == []
        assert (await conn.execute(select(inbox))).all() == []


async def test_a_few_dead_among_many_do_not_trip_it(demo: Demo, log: EmbeddedLog, effects: Effects) -> None:
    async def some(event: Event) -> None:
        if event.key in {"t3", "t7"}:
            raise Refusal("event_malformed", reason="planted")

    effects.fails = some
    await append(log, *(counted(1, thing=f"t{n}") for n in range(30)))
    await consume_until(demo, log, effects, position_is(demo, 30))
    assert len(await effects.rows()) == 28
    assert await dead(demo) == [("dead", "event_malformed")] * 2


async def test_a_consumer_that_hangs_is_begun_anew(
    demo: Demo, log: EmbeddedLog, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suizhuan.consumer.STUCK_S", 0.3)
    monkeypatch.setattr("suizhuan.consumer.POLL_S", 0.05)
    hung = 0

    async def hang_once(event: Event) -> None:
        nonlocal hung
        hung += 1
        if hung == 1:
            await asyncio.Event().wait()

    effects.fails = hang_once
    await append(log, counted(1))
    await consume_until(demo, log, effects, position_is(demo, 1))
    assert await effects.rows() == [("t", 1)]
    assert hung == 2


async def test_told_to_stop_it_finishes_the_batch_under_way_and_commits_it(
    demo: Demo, log: EmbeddedLog, effects: Effects
) -> None:
    under_way, go_on = asyncio.Event(), asyncio.Event()

    async def slow(event: Event) -> None:
        under_way.set()
        await go_on.wait()

    effects.fails = slow
    await append(log, counted(1))
    consumer = reader(demo, log, effects.inbound)
    task = asyncio.create_task(consumer.run())
    async with asyncio.timeout(10):
        await under_way.wait()
        consumer.drain()
        go_on.set()
        await task
    assert await effects.rows() == [("t", 1)]


# --- dead letters put right -----------------------------------------------------------------------------------------


class Ward:
    """A key with a dead event and two parked behind it; `healed` ones are handled now."""

    def __init__(self, demo: Demo, effects: Effects) -> None:
        self.demo, self.effects = demo, effects
        self.healed: set[int] = {2, 3}
        effects.fails = self.fail
        demo.registry.register(demo.registry.topic("demo.deadletter"), DeadLetterResolved, "deadletter.resolved")

    async def fail(self, event: Event) -> None:
        if event.data["number"] not in self.healed:
            raise Refusal("event_malformed", reason="planted")

    async def resolve(self, action: Action, letter: int | None = None) -> DeadLetterResolved:
        handling = Handling(GROUP, self.effects.inbound, self.demo.uow)
        async with self.demo.database.read() as conn:
            rows = await deadletter.page(conn)
        async with self.demo.uow.begin(Context("staff:1", "org", "c1"), limited=False) as tx:
            return await Repairs([handling]).resolve(tx, letter or rows[0]["id"], action, "tested")


@pytest.fixture
async def ward(demo: Demo, log: EmbeddedLog, effects: Effects) -> AsyncIterator[Ward]:
    made = Ward(demo, effects)
    await append(log, *(counted(n) for n in (1, 2, 3)))
    await consume_until(demo, log, effects, position_is(demo, 3))
    assert await dead(demo) == [("dead", "event_malformed"), ("parked", "parked"), ("parked", "parked")]
    yield made


async def test_tried_again_while_nothing_is_mended_it_stays_with_those_behind_it(ward: Ward) -> None:
    done = await ward.resolve("redrive")
    assert (done.handled, done.dropped, done.left) == (0, 0, 3)
    assert await dead(ward.demo) == [("dead", "event_malformed"), ("parked", "parked"), ("parked", "parked")]
    assert await ward.effects.rows() == []


async def test_tried_again_once_mended_all_of_its_key_takes_effect_in_order(ward: Ward) -> None:
    ward.healed.add(1)
    done = await ward.resolve("redrive")
    assert (done.handled, done.dropped, done.left) == (3, 0, 0)
    assert await dead(ward.demo) == []
    assert await ward.effects.rows() == [("t", 1), ("t", 2), ("t", 3)]


async def test_those_behind_it_stop_at_the_next_that_fails(ward: Ward) -> None:
    ward.healed = {1, 3}
    done = await ward.resolve("redrive")
    assert (done.handled, done.left) == (1, 2)
    assert await dead(ward.demo) == [("dead", "event_malformed"), ("parked", "parked")]


async def test_skipped_only_the_dead_one_is_left_out(ward: Ward) -> None:
    done = await ward.resolve("skip")
    assert (done.handled, done.dropped, done.left) == (2, 1, 0)
    assert await ward.effects.rows() == [("t", 2), ("t", 3)]


async def test_discarded_all_of_its_key_is_given_up_and_the_key_flows_again(ward: Ward, log: EmbeddedLog) -> None:
    done = await ward.resolve("discard")
    assert (done.handled, done.dropped, done.left) == (0, 3, 0)
    ward.healed.add(4)
    await append(log, counted(4))
    await consume_until(ward.demo, log, ward.effects, position_is(ward.demo, 4))
    assert await ward.effects.rows() == [("t", 4)]


@pytest.mark.parametrize("action", ["redrive", "skip", "discard"])
async def test_whatever_is_done_leaves_an_audit_event_that_says_who_and_why(ward: Ward, action: Action) -> None:
    await ward.resolve(action)
    (told,) = await published(ward.demo)
    assert (told.name, told.attributes["actor"]) == ("demo.deadletter.resolved", "staff:1")
    assert (told.data["action"], told.data["reason"], told.data["offset"]) == (action, "tested", 0)


async def test_a_letter_that_is_not_there_is_refused(ward: Ward) -> None:
    with pytest.raises(Refusal, match="not_found"):
        await ward.resolve("redrive", 4711)


async def test_an_event_of_a_key_that_is_being_put_right_waits_its_turn(ward: Ward, log: EmbeddedLog) -> None:
    """Else it would be parked behind nothing, for ever."""
    if ward.demo.database.is_sqlite:
        pytest.skip("SQLite has one writer: the consumer begins after the repair has ended")
    ward.healed |= {1, 4}
    await append(log, counted(4))
    handling = Handling(GROUP, ward.effects.inbound, ward.demo.uow)
    consumer = reader(ward.demo, log, ward.effects.inbound)
    await consumer._verified()
    batch = {tp: records[-1:] for tp, records in (await batch_of(log)).items()}
    async with ward.demo.database.read() as conn:
        letter = (await deadletter.page(conn))[0]["id"]
    async with ward.demo.uow.begin(Context("staff:1", "org", "c1"), limited=False) as tx:
        await Repairs([handling]).resolve(tx, letter, "redrive", "tested")
        consuming = asyncio.create_task(consumer._handle(batch))
        done, _ = await asyncio.wait({consuming}, timeout=0.3)
        assert not done
    await consuming
    assert await ward.effects.rows() == [("t", 1), ("t", 2), ("t", 3), ("t", 4)]
    assert await dead(ward.demo) == []


async def test_the_dead_letters_of_another_key_do_not_hold_up_the_others(ward: Ward, log: EmbeddedLog) -> None:
    async with ward.demo.database.write() as conn:
        await conn.execute(update(dead_letter).values(seen_at=ward.demo.clock.now()))
    ward.healed.add(9)
    await append(log, counted(9, thing="other"))
    await consume_until(ward.demo, log, ward.effects, position_is(ward.demo, 4))
    assert await ward.effects.rows() == [("other", 9)]
