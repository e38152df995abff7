"""The locks of acts and openings (authority §2): what a database must do where transactions overlap.

Each adapter's test file inherits it, and says how one of its transactions freezes before its COMMIT, and how another
one is found to wait for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table, Text, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import guard
from suizhuan.authority import locks
from suizhuan.context import Context
from suizhuan.db.database import Database
from suizhuan.db.tables import grants, platform
from suizhuan.db.types import BigInt
from suizhuan.kernel.clock import ManualClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.testing import AuthorityLog, published
from suizhuan.unit_of_work import Tx

from .conftest import Counted, Demo, demo_on

AFFAIR, POWER, DISTRICT, STREET = "env.rubbish", "complaints.case.handle", "321302", "321302002"
SLOT = {"affair": AFFAIR, "area": DISTRICT, "role": "lead"}
things = Table("thing", MetaData(), Column("id", Text, primary_key=True), Column("version", BigInt, nullable=False))
SAVE = (
    update(things)
    .where(things.c.id == bindparam("b_id"), things.c.version == bindparam("b_read"))
    .values(version=bindparam("b_version"))
)

Work = Callable[[], Awaitable[object]]
# Enters when the transaction has come to its end but for the COMMIT; leaves when it has committed.
Freeze = Callable[[Database, Callable[[AsyncConnection], Awaitable[object]]], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Begun:
    """Work that was begun. `waits`: for a frozen transaction; then `finish` carries it out once that has committed."""

    waits: bool
    finish: Work


Begin = Callable[[Work], Awaitable[Begun]]


def command(demo: Demo) -> Callable[[Tx], Awaitable[None]]:
    """A command of ours: one power, one aggregate, one event."""

    async def work(tx: Tx) -> None:
        await tx.act(POWER, AFFAIR, STREET)
        read = (await tx.conn.execute(select(things.c.version))).scalar_one()
        await tx.write(SAVE, {"b_id": "t", "b_read": read, "b_version": read + 1}, decides=True)
        tx.emit(Counted(thing="t", number=read + 1), key="t", sequence=read + 1)

    return work


class LockSuite:
    """Inherited with fixtures `database` (empty), `freeze` and `begin`."""

    @pytest.fixture
    async def demo(self, database: Database, clock: ManualClock) -> Demo:
        async with database.write() as conn:
            await conn.run_sync(platform.create_all)
            await conn.run_sync(things.metadata.create_all)
            await conn.execute(insert(things).values(id="t", version=1))
        return demo_on(database, clock)

    @pytest.fixture
    async def log(self, demo: Demo) -> AsyncIterator[AuthorityLog]:
        log = AuthorityLog(demo)
        await log.grant("root", "dept", AFFAIR, DISTRICT, [POWER])
        await log.grant("other", "dept", "env.other", DISTRICT, [POWER])
        await published(demo)
        yield log

    async def act(self, demo: Demo) -> None:
        await demo.uow.decide(Context("staff:1", "dept", "c1"), command(demo))

    def judged(self, demo: Demo) -> Callable[[AsyncConnection], Awaitable[object]]:
        """An act that has been judged and written, in a transaction that is still open."""

        async def work(conn: AsyncConnection) -> None:
            await demo.uow.book.follow(conn)
            clock = demo.clock
            tx = Tx(conn, Context("staff:1", "dept", "c1"), clock.now(), demo.uow.timing, demo.registry, demo.uow.book)
            await command(demo)(tx)
            await guard.commit(demo.database, conn, tx.decided(), clock, demo.uow.timing)

        return work

    async def names(self, demo: Demo) -> list[str]:
        return [event.name.removeprefix("demo.") for event in await published(demo)]

    @pytest.mark.parametrize(
        ("first", "second", "key", "expected"),
        [
            ("share", "share", "root", False),
            ("share", "exclude", "root", True),
            ("exclude", "share", "root", True),
            ("exclude", "exclude", "root", True),
            ("exclude", "exclude", "other", False),
        ],
    )
    async def test_acts_share_a_grant_and_records_exclude_them(
        self, demo: Demo, freeze: Freeze, begin: Begin, first: str, second: str, key: str, expected: bool
    ) -> None:
        async def other() -> None:
            async with demo.database.write() as conn:
                await getattr(locks, second)(conn, [key])

        async with freeze(demo.database, lambda conn: getattr(locks, first)(conn, ["root"])):
            begun = await begin(other)
        await begun.finish()
        assert begun.waits is expected

    @pytest.mark.parametrize(("read", "expected"), [(True, False), (False, True)])
    async def test_a_grants_row_that_acts_share_is_kept_from_who_changes_it(
        self, demo: Demo, log: AuthorityLog, freeze: Freeze, begin: Begin, read: bool, expected: bool
    ) -> None:
        row = select(grants).where(grants.c.mandate == "root")

        async def other() -> None:
            async with demo.database.write() as conn:
                await conn.execute(row.with_for_update(read=read))

        async def hold(conn: AsyncConnection) -> Any:
            return await conn.execute(row.with_for_update(read=True))

        async with freeze(demo.database, hold):
            begun = await begin(other)
        await begun.finish()
        assert begun.waits is expected

    async def test_nothing_of_a_frozen_transaction_is_seen_before_it_commits(
        self, demo: Demo, log: AuthorityLog, freeze: Freeze
    ) -> None:
        async with freeze(demo.database, self.judged(demo)):
            assert await self.names(demo) == []
        assert await self.names(demo) == ["thing.counted"]

    async def test_an_opening_waits_for_an_act_in_flight_and_its_answer_comes_after_the_acts_event(
        self, demo: Demo, log: AuthorityLog, freeze: Freeze, begin: Begin
    ) -> None:
        async with freeze(demo.database, self.judged(demo)):
            opening = await begin(lambda: log.opened("s1", [SLOT]))
            assert opening.waits
            assert await self.names(demo) == []
        await opening.finish()
        assert await self.names(demo) == ["thing.counted", "replica.acknowledged"]

    async def test_an_opening_elsewhere_and_a_beat_wait_for_nobody(
        self, demo: Demo, log: AuthorityLog, freeze: Freeze, begin: Begin
    ) -> None:
        async with freeze(demo.database, self.judged(demo)):
            opening = await begin(lambda: log.opened("s1", [{**SLOT, "affair": "env.other"}]))
            beat = await begin(log.beat)
        assert not opening.waits
        assert not beat.waits

    async def test_an_act_waits_for_an_opening_in_flight_and_is_refused_then(
        self, demo: Demo, log: AuthorityLog, freeze: Freeze, begin: Begin
    ) -> None:
        mark = [{"prefix": DISTRICT, "switch": "s1", "mandate": None, "until": None}]

        async def opening(conn: AsyncConnection) -> None:
            await locks.exclude(conn, ["root"])
            await conn.execute(update(grants).where(grants.c.mandate == "root").values(yielding=mark))

        async def acting() -> None:
            with pytest.raises(Refusal) as no:
                await self.act(demo)
            assert no.value.code == "power_in_transition"

        async with freeze(demo.database, opening):
            begun = await begin(acting)
            assert begun.waits
        await begun.finish()
        assert await self.names(demo) == []

    async def test_the_aggregate_of_an_act_in_flight_is_kept_from_others(
        self, demo: Demo, log: AuthorityLog, freeze: Freeze, begin: Begin
    ) -> None:
        async with freeze(demo.database, self.judged(demo)):
            second = await begin(lambda: self.act(demo))
            assert second.waits
        await second.finish()
        told = await published(demo)
        assert [event.data["number"] for event in told] == [2, 3]
