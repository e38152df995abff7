"""The traps of checking a power beside other transactions on PostgreSQL, each sprung by the naive way and passed by
ours (`suizhuan.guard`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, Text, bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import guard
from suizhuan.authority import locks
from suizhuan.context import Context
from suizhuan.db.database import Database
from suizhuan.db.tables import grants
from suizhuan.db.types import BigInt
from suizhuan.kernel.refusal import Refusal
from suizhuan.testing import AuthorityLog, published
from suizhuan.testing_databases import Databases
from suizhuan.unit_of_work import Tx

from .conftest import Counted, Demo
from .test_authority import AFFAIR, COMMUNITY, DISTRICT, POWER

SLOT = {"affair": AFFAIR, "area": DISTRICT, "role": "lead"}
things = Table("thing", MetaData(), Column("id", Text, primary_key=True), Column("version", BigInt, nullable=False))
SAVE = (
    update(things)
    .where(things.c.id == bindparam("b_id"), things.c.version == bindparam("b_read"))
    .values(version=bindparam("b_version"))
)


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.real)])
def databases(postgres_databases: Databases) -> Databases:
    """SQLite has one writer: there no two transactions overlap."""
    return postgres_databases


@pytest.fixture
async def log(demo: Demo) -> AuthorityLog:
    log = AuthorityLog(demo)
    await log.grant("root", "dept", AFFAIR, DISTRICT, [POWER])
    async with demo.database.write() as conn:
        await conn.run_sync(things.metadata.create_all)
        await conn.execute(insert(things).values(id="t", version=1))
    await published(demo)
    return log


async def act(demo: Demo) -> None:
    """A command of ours: one power, one aggregate, one event."""

    async def work(tx: Tx) -> None:
        await tx.act(POWER, AFFAIR, COMMUNITY)
        read = (await tx.conn.execute(select(things.c.version))).scalar_one()
        await tx.write(SAVE, {"b_id": "t", "b_read": read, "b_version": read + 1}, decides=True)
        tx.emit(Counted(thing="t", number=read + 1), key="t", sequence=read + 1)

    await demo.uow.decide(Context("staff:1", "dept", "c1"), work)


async def names(demo: Demo) -> list[str]:
    return [event.name.removeprefix("demo.") for event in await published(demo)]


async def is_waiting(task: asyncio.Task[object]) -> bool:
    done, _ = await asyncio.wait({task}, timeout=0.3)
    return not done


@asynccontextmanager
async def somebody_at_work_on_the_row(demo: Demo) -> AsyncIterator[None]:
    async with demo.database.engine.begin() as conn:
        await conn.execute(select(things).with_for_update())
        yield


async def may_act(conn: AsyncConnection) -> bool:
    """The naive check: what the grant's row says."""
    return not (await conn.execute(select(grants.c.yielding).where(grants.c.mandate == "root"))).scalar_one()


async def test_an_act_that_was_checked_before_it_waits_for_a_row_commits_after_its_power_was_given_up(
    demo: Demo, log: AuthorityLog
) -> None:
    checked = asyncio.Event()

    async def naive() -> None:
        async with demo.database.engine.begin() as conn:
            assert await may_act(conn)
            checked.set()
            await conn.execute(update(things).values(version=things.c.version + 1))
            async with demo.uow.begin(Context("staff:1", "dept", "c1")) as tx:
                tx.emit(Counted(thing="t", number=2), key="t", sequence=2)

    async with somebody_at_work_on_the_row(demo):
        acting = asyncio.create_task(naive())
        await checked.wait()
        await log.opened("s1", [SLOT])
        await log.dropped("s1")
    await acting
    assert await names(demo) == ["replica.acknowledged", "thing.counted"]  # too late

    async with somebody_at_work_on_the_row(demo):
        acting = asyncio.create_task(act(demo))
        assert await is_waiting(acting)
        opening = asyncio.create_task(log.opened("s2", [SLOT]))
        assert await is_waiting(opening)  # behind the act, which holds the grant while it waits for its row
    await asyncio.gather(acting, opening)
    assert await names(demo) == ["thing.counted", "replica.acknowledged"]


async def test_an_opening_starves_behind_row_locks_that_are_shared(demo: Demo, log: AuthorityLog) -> None:
    row = select(grants).where(grants.c.mandate == "root")
    async with demo.database.engine.connect() as first, demo.database.engine.connect() as second:
        await first.execute(row.with_for_update(read=True))
        async with demo.database.engine.connect() as opener:
            opening = asyncio.create_task(opener.execute(row.with_for_update()))
            assert await is_waiting(opening)  # type: ignore[arg-type]
            async with asyncio.timeout(1):
                await second.execute(row.with_for_update(read=True))  # overtakes it, and so will the next
            await first.rollback()
            assert await is_waiting(opening)  # type: ignore[arg-type]
            await second.rollback()
            await opening

    async with demo.database.engine.connect() as first, demo.database.engine.connect() as second:
        await locks.share(first, ["root"])
        opened = asyncio.create_task(log.opened("s1", [SLOT]))
        assert await is_waiting(opened)
        overtaking = asyncio.create_task(locks.share(second, ["root"]))
        assert await is_waiting(overtaking)  # type: ignore[arg-type]  # behind the opening
        await first.rollback()
        await opened
        await overtaking


async def test_a_lock_beside_the_row_lets_a_statement_judge_the_row_as_it_stood_before_the_wait(
    demo: Demo, log: AuthorityLog
) -> None:
    naive = text(
        "WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(hashtextextended('grant:root', 0)))"
        " SELECT yielding = '[]'::jsonb FROM authority_grant WHERE mandate = 'root' AND (SELECT count(*) FROM lock) = 1"
    )
    mark = [{"prefix": DISTRICT, "switch": "s1", "mandate": None, "until": None}]
    async with demo.database.engine.connect() as conn:
        async with demo.database.engine.begin() as opener:
            await locks.exclude(opener, ["root"])
            await opener.execute(update(grants).where(grants.c.mandate == "root").values(yielding=mark))
            judging = asyncio.create_task(conn.execute(naive))
            acting = asyncio.create_task(act(demo))
            assert await is_waiting(judging)  # type: ignore[arg-type]
            assert await is_waiting(acting)
        assert (await judging).scalar_one() is True  # though the holder must hold still by now
    with pytest.raises(Refusal) as no:
        await acting
    assert no.value.code == "power_in_transition"
    assert await names(demo) == []


async def test_of_two_commands_that_read_the_same_version_the_second_decides_anew(
    demo: Demo, log: AuthorityLog
) -> None:
    """The naive way loses one of them: both write what they made of the same version."""
    await asyncio.gather(*(act(demo) for _ in range(8)))
    async with demo.database.read() as conn:
        assert (await conn.execute(select(things.c.version))).scalar_one() == 9
    told = await published(demo)
    assert [event.data["number"] for event in told] == list(range(2, 10))


async def test_a_command_that_meets_a_busy_row_is_tried_again_before_anybody_is_told(
    demo: Demo, log: AuthorityLog
) -> None:
    """Its time limits end the first try after a second; nothing was done then, and the second passes."""
    begun = 0

    async def work(tx: Tx) -> int:
        nonlocal begun
        begun += 1
        await tx.act(POWER, AFFAIR, COMMUNITY)
        await tx.write(SAVE, {"b_id": "t", "b_read": 1, "b_version": 2}, decides=True)
        return begun

    async with somebody_at_work_on_the_row(demo):
        acting = asyncio.create_task(demo.uow.decide(Context("staff:1", "dept", "c1"), work))
        while begun < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await acting >= 2


async def test_a_command_whose_connection_breaks_while_it_reads_is_tried_again_on_another(
    demo: Demo, log: AuthorityLog
) -> None:
    begun = 0

    async def work(tx: Tx) -> int:
        nonlocal begun
        begun += 1
        session = (await tx.conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        if begun == 1:
            async with demo.database.read() as other:
                await other.execute(select(func.pg_terminate_backend(session)))
        await tx.act(POWER, AFFAIR, COMMUNITY)
        read = (await tx.conn.execute(select(things.c.version))).scalar_one()
        await tx.write(SAVE, {"b_id": "t", "b_read": read, "b_version": read + 1}, decides=True)
        return begun

    assert await demo.uow.decide(Context("staff:1", "dept", "c1"), work) == 2


async def test_a_command_whose_connection_breaks_while_it_is_carried_out_is_told_and_not_tried_again(
    demo: Demo, log: AuthorityLog
) -> None:
    """Nobody knows what became of it; with an Idempotency-Key the caller may simply ask again."""
    begun = 0

    async def work(tx: Tx) -> None:
        nonlocal begun
        begun += 1
        session = (await tx.conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        await tx.act(POWER, AFFAIR, COMMUNITY)
        await tx.write(SAVE, {"b_id": "t", "b_read": 1, "b_version": 2}, decides=True)
        async with demo.database.read() as other:
            await other.execute(select(func.pg_terminate_backend(session)))

    with pytest.raises(Refusal) as no:
        await demo.uow.decide(Context("staff:1", "dept", "c1"), work)
    assert (no.value.code, no.value.params["reason"], begun) == ("unavailable", "database", 1)


async def test_a_consumer_that_uses_a_power_commits_within_the_limits_of_an_act(
    demo: Demo, log: AuthorityLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged and then frozen without limits, it would commit when the power has long been somebody else's."""
    seen = []
    real = guard.commit

    async def commit(database: Database, conn: AsyncConnection, *rest: Any) -> int:
        names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        seen.append([(await conn.execute(text(f"SHOW {name}"))).scalar_one() for name in names])
        return await real(database, conn, *rest)

    monkeypatch.setattr(guard, "commit", commit)
    for power in (False, True):
        async with demo.uow.begin(Context("service:demo", "dept", "c1"), limited=False) as tx:
            if power:
                await tx.act(POWER, AFFAIR, COMMUNITY)
            tx.emit(Counted(thing="t", number=2), key="t", sequence=2)
    assert seen == [["0", "0", "0"], ["1s", "2s", "2s"]]  # together A
