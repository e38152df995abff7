"""The simulation's database passes the suites of databases and of their locks; what is its own stands here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.common.tests.conftest import Demo
from libs.common.tests.database_suite import DatabaseSuite
from libs.common.tests.lock_suite import Begin, Begun, Freeze, LockSuite, Work
from suizhuan.db.database import Database
from suizhuan.kernel.clock import ManualClock
from suizhuan.testing import AuthorityLog, published

from .store import Frozen, SimDatabase


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database() -> SimDatabase:
    return SimDatabase()


class TestSimDatabase(DatabaseSuite):
    @pytest.fixture
    def other(self) -> SimDatabase:
        return SimDatabase()


class TestSimLocks(LockSuite):
    """Commands here lock and write step by step; frozen is a transaction kept as data."""

    @pytest.fixture
    def freeze(self) -> Freeze:
        @asynccontextmanager
        async def frozen(
            database: Database, work: Callable[[AsyncConnection], Awaitable[object]]
        ) -> AsyncIterator[None]:
            assert isinstance(database, SimDatabase)
            database.freezing = True
            with pytest.raises(Frozen) as at:
                async with database.write() as conn:
                    await work(conn)
            database.freezing, database.held = False, (at.value.held,)
            yield
            database.held = ()
            database.thaw(at.value.held)

        return frozen

    @pytest.fixture
    def begin(self, database: SimDatabase) -> Begin:
        async def nothing() -> None:
            return None

        async def begun(work: Work) -> Begun:
            database.waited = False
            try:
                await work()
            except Exception:
                if not database.waited:
                    raise
            return Begun(database.waited, work if database.waited else nothing)

        return begun

    async def test_its_contents_are_data_by_which_it_can_go_back(
        self, database: SimDatabase, demo: Demo, log: AuthorityLog
    ) -> None:
        before = database.contents()
        await log.opened("s1", [{"affair": "env.rubbish", "area": "321302", "role": "lead"}])
        after = database.contents()
        assert before != after
        database.load(before)
        assert database.contents() == before
        assert await published(demo) == []
        log.sequence -= 1
        await log.opened("s1", [{"affair": "env.rubbish", "area": "321302", "role": "lead"}])
        assert database.contents() == after
