"""Connections kept from command to command: lent again, replaced when broken, never lent with something under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db import driver, kept
from suizhuan.db.database import Database
from suizhuan.kernel.refusal import Refusal

pytestmark = pytest.mark.real


@pytest.fixture
async def database(postgres_database: str) -> AsyncIterator[Database]:
    made = Database(postgres_database, pool_size=1)
    yield made
    await made.close()


async def pid(conn: AsyncConnection) -> int:
    (row,) = await driver.fetch(conn, "SELECT pg_backend_pid() AS pid")
    return int(row["pid"])


async def test_the_next_command_gets_the_same_connection_without_a_word_to_the_database(database: Database) -> None:
    async with database.deciding() as conn:
        first = await pid(conn)
        await driver.fetch(conn, "SELECT 'its last'")
    async with database.read() as beside:
        found = await beside.execute(text("SELECT query FROM pg_stat_activity WHERE pid = :pid"), {"pid": first})
        assert found.scalar_one() == "SELECT 'its last'"
    async with database.deciding() as conn:
        assert await pid(conn) == first


async def test_what_sqlalchemy_began_has_ended_when_the_next_command_comes(database: Database) -> None:
    async with database.deciding() as conn:
        await conn.execute(text("SELECT 1"))
        assert conn.in_transaction()
    async with database.deciding() as conn:
        assert not conn.in_transaction()


async def test_a_connection_that_broke_while_it_was_kept_is_replaced(database: Database, postgres_url: str) -> None:
    async with database.deciding() as conn:
        first = await pid(conn)
    admin = await asyncpg.connect(postgres_url)
    await admin.execute("SELECT pg_terminate_backend($1)", first)
    async with asyncio.timeout(10):
        while await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE pid = $1", first):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        while driver.alive(conn):  # noqa: ASYNC110  (the farewell has been read)
            await asyncio.sleep(0.01)
    await admin.close()
    async with database.deciding() as conn:
        assert await pid(conn) != first


async def test_a_connection_whose_command_was_cancelled_is_not_lent_again(database: Database) -> None:
    began = asyncio.Event()
    pids: list[int] = []

    async def command() -> None:
        async with database.deciding() as conn:
            pids.append(await pid(conn))
            began.set()
            await driver.fetch(conn, "SELECT pg_sleep(60)")

    task = asyncio.create_task(command())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.deciding() as conn:
        assert await pid(conn) not in pids


async def test_who_finds_all_in_use_waits_for_one_and_not_for_ever(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "WAIT_S", 0.05)
    async with database.deciding():
        with pytest.raises(Refusal) as refused:
            async with database.deciding():
                pass
    assert refused.value.code == "unavailable"
    async with database.deciding() as conn:
        assert await pid(conn)
