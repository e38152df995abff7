"""authority.md §1–§3 as one service sees it: the replica, routing, and the guard before COMMIT."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, text

from suizhuan.authority import grants as granted
from suizhuan.cloudevents import pack
from suizhuan.context import Context
from suizhuan.db.tables import authority_state, outbox
from suizhuan.kernel.clock import ManualClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.testing import AuthorityLog, published
from suizhuan.tx import Tx

from .conftest import Counted, Demo

AFFAIR, POWER = "env.rubbish", "complaints.case.handle"
DISTRICT, STREET, COMMUNITY = "321302", "321302002", "321302002907"


def context(org: str) -> Context:
    return Context(actor="staff:1", org=org, correlation_id="c1")


async def act(demo: Demo, org: str, place: str, *, number: int = 1) -> None:
    """One act that publishes an event."""
    async with demo.uow.begin(context(org)) as tx:
        await tx.act(POWER, AFFAIR, place)
        tx.emit(Counted(thing="t", number=number), key="t", sequence=number)


async def refused(demo: Demo, org: str, place: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await act(demo, org, place)
    return caught.value


async def numbers(demo: Demo) -> list[int]:
    return [e.data["number"] for e in await published(demo) if e.name == "demo.thing.counted"]


@pytest.fixture
async def log(demo: Demo) -> AuthorityLog:
    log = AuthorityLog(demo)
    await log.grant("root", "dept", AFFAIR, DISTRICT, [POWER])
    return log


async def test_of_two_workers_that_take_the_first_record_at_once_neither_stops(demo: Demo) -> None:
    """As when a service with two workers begins, and the group gives the partition to one after the other."""
    log = AuthorityLog(demo)
    async with demo.uow.begin(Context.of_system("demo"), limited=False) as tx:
        await demo.replica._state(tx)  # the other is about to apply its first record
        beating = asyncio.create_task(log.beat())
        if not demo.database.is_sqlite:  # on SQLite it waits before it begins
            async with asyncio.timeout(10):
                while not await waiting(demo):  # noqa: ASYNC110 - for a lock, in the database
                    await asyncio.sleep(0.01)
    beat = await beating
    async with demo.database.read() as conn:
        assert (await conn.execute(select(authority_state.c.sequence))).scalars().all() == [beat.sequence]


async def waiting(demo: Demo) -> bool:
    """Whether somebody waits for a lock in this test's database."""
    own = "datname = current_database() AND wait_event_type = 'Lock'"
    async with demo.database.read() as conn:
        return (await conn.execute(text(f"SELECT 1 FROM pg_stat_activity WHERE {own}"))).first() is not None


async def test_the_longest_prefix_is_responsible(demo: Demo, log: AuthorityLog) -> None:
    await log.grant("m1", "community", AFFAIR, COMMUNITY, [POWER])
    async with demo.database.read() as conn:
        now = demo.clock.now()
        inside = await granted.responsible(conn, AFFAIR, COMMUNITY + "001", now)
        beside = await granted.responsible(conn, AFFAIR, STREET + "908", now)
    assert inside is not None and inside.holder == "community"
    assert beside is not None and beside.holder == "dept"


async def test_a_power_moves_with_the_switch_and_the_old_holder_is_refused(demo: Demo, log: AuthorityLog) -> None:
    await act(demo, "dept", COMMUNITY)
    assert (await refused(demo, "community", COMMUNITY)).code == "missing_power"
    await log.grant("m1", "community", AFFAIR, COMMUNITY, [POWER])
    await act(demo, "community", COMMUNITY)
    refusal = await refused(demo, "dept", COMMUNITY)
    assert (refusal.code, refusal.params["holder"]) == ("missing_power", "community")
    await act(demo, "dept", STREET)  # elsewhere the broader holder acts on, under its old term
    await log.revoke("m1", "community", AFFAIR, COMMUNITY)
    await act(demo, "dept", COMMUNITY)
    assert (await refused(demo, "community", COMMUNITY)).code == "missing_power"


async def test_while_a_switch_is_open_nobody_acts_there(demo: Demo, log: AuthorityLog) -> None:
    await log.opened("s1", [{"affair": AFFAIR, "area": COMMUNITY, "role": "lead"}])
    assert (await refused(demo, "dept", COMMUNITY + "001")).code == "power_in_transition"
    await act(demo, "dept", STREET)
    await log.dropped("s1")
    await act(demo, "dept", COMMUNITY)


async def test_a_dropped_switch_lifts_only_what_it_had_set_yielding(demo: Demo, log: AuthorityLog) -> None:
    other = STREET + "908"
    await log.opened("s1", [{"affair": AFFAIR, "area": COMMUNITY, "role": "lead"}])
    await log.opened("s2", [{"affair": AFFAIR, "area": other, "role": "lead"}])
    await log.dropped("s1")
    assert (await refused(demo, "dept", other)).code == "power_in_transition"
    await act(demo, "dept", COMMUNITY)


async def test_a_parent_that_comes_after_its_child_does_not_take_the_childs_part(demo: Demo, log: AuthorityLog) -> None:
    await log.grant("m1", "community", AFFAIR, COMMUNITY, [POWER])
    await log.grant("m2", "street", AFFAIR, STREET, [POWER])
    assert (await refused(demo, "street", COMMUNITY)).params["holder"] == "community"
    await log.revoke("m2", "street", AFFAIR, STREET)
    assert (await refused(demo, "dept", COMMUNITY)).params["holder"] == "community"
    await log.revoke("m1", "community", AFFAIR, COMMUNITY)
    await act(demo, "dept", COMMUNITY)


async def test_an_assist_grant_acts_beside_the_lead_and_never_routes(demo: Demo, log: AuthorityLog) -> None:
    await log.grant("m1", "firm", AFFAIR, STREET, [POWER], role="assist")
    await act(demo, "firm", COMMUNITY)
    await act(demo, "dept", COMMUNITY)
    async with demo.database.read() as conn:
        lead = await granted.responsible(conn, AFFAIR, COMMUNITY, demo.clock.now())
    assert lead is not None and lead.holder == "dept"


async def test_a_planned_end_needs_no_message_and_leaves_a_gap(demo: Demo, log: AuthorityLog) -> None:
    end = demo.clock.now() + timedelta(minutes=10)
    await log.grant("m1", "community", AFFAIR, COMMUNITY, [POWER], ends_at=end)
    await act(demo, "community", COMMUNITY)
    demo.clock.advance(600)
    await log.beat()
    assert (await refused(demo, "community", COMMUNITY)).code == "missing_power"
    assert (await refused(demo, "dept", COMMUNITY)).code == "missing_power"  # 2ε + A have not passed yet
    demo.clock.advance(demo.uow.timing.handover_gap.total_seconds())
    await act(demo, "dept", COMMUNITY)


async def test_without_a_beat_acts_pass_for_max_staleness_and_not_longer(demo: Demo, log: AuthorityLog) -> None:
    demo.clock.advance(15 * 60 - 1)
    await act(demo, "dept", COMMUNITY)
    demo.clock.advance(1)
    assert (await refused(demo, "dept", COMMUNITY)).code == "replica_stale"
    await log.beat()
    await act(demo, "dept", COMMUNITY)


async def test_a_beat_that_does_not_name_the_replica_lets_nothing_pass_and_makes_it_join(
    demo: Demo, log: AuthorityLog
) -> None:
    demo.clock.advance(10)
    await published(demo)
    await log.beat(named=False)
    assert (await refused(demo, "dept", COMMUNITY)).code == "replica_stale"
    assert [e.name for e in await published(demo)] == ["demo.replica.joined"]


async def test_a_beat_from_the_future_means_the_clock_is_off(demo: Demo, log: AuthorityLog) -> None:
    await log.beat(sent_at=demo.clock.now() + timedelta(seconds=1))
    assert (await refused(demo, "dept", COMMUNITY)).code == "clock_off"


class Tried:
    """A command that says how often it was tried."""

    tries = 0

    async def __call__(self, tx: Tx) -> None:
        self.tries += 1
        await tx.act(POWER, AFFAIR, COMMUNITY)
        tx.emit(Counted(thing="t", number=self.tries), key="t", sequence=1)


class StandsStill:
    """The clock of a process that stands still for a second after its second reading: before a command's last
    statement."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.readings = clock, 0

    def now(self) -> datetime:
        read = self.clock.now()
        self.readings += 1
        if self.readings == 2:
            self.clock.advance(1)
        return read


async def test_a_process_that_stood_still_before_it_read_the_beat_looks_at_its_clock_again(
    demo: Demo, log: AuthorityLog
) -> None:
    await log.beat(sent_at=demo.clock.now() + timedelta(seconds=1))
    demo.uow.clock = StandsStill(demo.clock)
    await demo.uow.decide(context("dept"), Tried())
    assert await numbers(demo) == [2]


async def test_a_clock_that_is_off_is_looked_at_twice(demo: Demo, log: AuthorityLog) -> None:
    await log.beat(sent_at=demo.clock.now() + timedelta(seconds=1))
    work = Tried()
    with pytest.raises(Refusal, match="clock_off"):
        await demo.uow.decide(context("dept"), work)
    assert work.tries == 2


async def test_a_late_duplicate_of_a_beat_does_not_make_the_replica_fresh(demo: Demo, log: AuthorityLog) -> None:
    old = log.sequence
    demo.clock.advance(15 * 60)
    await log.apply(
        "mandates.authority.beat",
        {"replicas": [await log.replica_id()], "sent_at": demo.clock.now().isoformat()},
        sequence=old,
    )
    assert (await refused(demo, "dept", COMMUNITY)).code == "replica_stale"


async def test_a_record_that_was_applied_already_changes_nothing(demo: Demo, log: AuthorityLog) -> None:
    await log.grant("m1", "community", AFFAIR, COMMUNITY, [POWER])
    slot = {"affair": AFFAIR, "area": COMMUNITY, "role": "lead"}
    await log.apply("mandates.switch.opened", {"switch": "late", "slots": [slot], "why": ""}, sequence=1)
    await act(demo, "community", COMMUNITY)


async def test_an_opening_is_acknowledged_in_its_own_transaction(demo: Demo, log: AuthorityLog) -> None:
    await published(demo)
    await log.opened("s1", [{"affair": AFFAIR, "area": COMMUNITY, "role": "lead"}])
    (said,) = await published(demo)
    assert said.name == "demo.replica.acknowledged"
    assert said.data["switch"] == "s1" and said.data["replica"] == await log.replica_id()


async def test_a_refused_act_publishes_nothing(demo: Demo, log: AuthorityLog) -> None:
    await numbers(demo)
    await refused(demo, "community", COMMUNITY)
    assert await numbers(demo) == []


async def test_the_guard_decides_again_at_the_end_of_the_transaction(demo: Demo, log: AuthorityLog) -> None:
    """What was allowed at the beginning of a long act is judged anew before it commits."""
    await numbers(demo)
    with pytest.raises(Refusal) as caught:
        async with demo.uow.begin(context("dept")) as tx:
            await tx.act(POWER, AFFAIR, COMMUNITY)
            tx.emit(Counted(thing="t", number=1), key="t", sequence=1)
            demo.clock.advance(15 * 60)  # the act has become too old meanwhile
    assert caught.value.code == "replica_stale"
    assert await numbers(demo) == []


async def test_every_act_says_on_which_record_and_beat_it_relied(demo: Demo, log: AuthorityLog) -> None:
    await published(demo)
    await act(demo, "dept", COMMUNITY)
    async with demo.database.read() as conn:
        row = (await conn.execute(text("SELECT authority_offset, beat_time FROM outbox"))).one()
    assert row.authority_offset == log.sequence and row.beat_time is not None


async def test_an_act_in_flight_is_waited_for_before_the_acknowledgement(demo: Demo, log: AuthorityLog) -> None:
    """PostgreSQL: the opening waits for the act's transaction, and the act's event is older than the answer."""
    if demo.database.is_sqlite:
        pytest.skip("SQLite has one writer: the two transactions cannot overlap")
    await published(demo)
    checked, go_on = asyncio.Event(), asyncio.Event()

    async def slow_act() -> None:
        async with demo.database.engine.begin() as conn:
            await conn.execute(text("SELECT pg_advisory_xact_lock_shared(hashtextextended('grant:root', 0))"))
            checked.set()
            await go_on.wait()
            await conn.execute(
                insert(outbox).values(
                    event_id="late",
                    lane=0,
                    topic="demo.thing",
                    key="t",
                    value=b"{}",
                    headers=pack({"type": "demo.x.v1"}),
                    authority_offset=0,
                    created_at=demo.clock.now(),
                )
            )

    acting = asyncio.create_task(slow_act())
    await checked.wait()
    opening = asyncio.create_task(log.opened("s1", [{"affair": AFFAIR, "area": COMMUNITY, "role": "lead"}]))
    done, _ = await asyncio.wait({opening}, timeout=0.3)
    assert not done
    go_on.set()
    await asyncio.gather(acting, opening)
    assert [e.name for e in await published(demo)] == ["demo.x", "demo.replica.acknowledged"]
