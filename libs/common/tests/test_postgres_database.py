"""PostgreSQL passes the suite of databases; what is its own stands here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.database import Database, is_transient
from suizhuan.kernel.clock import ManualClock

from .database_suite import DatabaseSuite
from .lock_suite import Begin, Begun, Freeze, LockSuite, Work

pytestmark = pytest.mark.real


class TestPostgresDatabase(DatabaseSuite):
    @pytest.fixture
    async def database(self, postgres_database: str) -> AsyncIterator[Database]:
        made = Database(postgres_database)
        yield made
        await made.close()

    @pytest.fixture
    async def other(self, postgres_database: str, postgres_url: str) -> AsyncIterator[Database]:
        name = urlsplit(postgres_database).path[1:] + "_other"
        admin = await asyncpg.connect(postgres_url)
        try:
            await admin.execute(f'CREATE DATABASE "{name}"')
            made = Database(urlunsplit(urlsplit(postgres_database)._replace(path=f"/{name}")))
            yield made
            await made.close()
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        finally:
            await admin.close()

    async def test_a_connection_that_was_cut_is_a_reason_to_try_again(
        self, database: Database, postgres_url: str
    ) -> None:
        admin = await asyncpg.connect(postgres_url)
        try:
            with pytest.raises(DBAPIError) as cut:
                async with database.write() as conn:
                    pid = (await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()
                    await admin.execute("SELECT pg_terminate_backend($1)", pid)
                    await conn.execute(text("SELECT 1"))
        finally:
            await admin.close()
        assert is_transient(cut.value)
        async with database.read() as conn:
            assert (await conn.execute(text("SELECT 1"))).scalar_one() == 1

    async def test_a_lock_that_is_not_had_in_time_is_a_reason_to_try_again(self, database: Database) -> None:
        lock = text("SELECT pg_advisory_xact_lock(1)")
        async with database.write() as holder:
            await holder.execute(lock)
            with pytest.raises(DBAPIError) as waited:
                async with database.write() as conn:
                    await conn.execute(text("SET LOCAL lock_timeout = '50ms'"))
                    await conn.execute(lock)
        assert is_transient(waited.value)


class TestPostgresLocks(LockSuite):
    """Commands here lock and write by one statement; frozen is a session that does not say COMMIT."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    async def database(self, postgres_database: str) -> AsyncIterator[Database]:
        made = Database(postgres_database)
        yield made
        await made.close()

    @pytest.fixture
    def freeze(self) -> Freeze:
        @asynccontextmanager
        async def frozen(
            database: Database, work: Callable[[AsyncConnection], Awaitable[object]]
        ) -> AsyncIterator[None]:
            async with database.engine.connect() as conn:
                await conn.execute(text("SELECT 1"))
                await work(conn)
                yield
                await conn.commit()

        return frozen

    @pytest.fixture
    def begin(self, database: Database) -> Begin:
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )

        async def begun(work: Work) -> Begun:
            task = asyncio.ensure_future(work())
            while True:
                done, _ = await asyncio.wait({task}, timeout=0.02)
                async with database.read() as conn:
                    if done or (await conn.execute(waiting)).scalar_one():
                        return Begun(not done, lambda: task)

        return begun
