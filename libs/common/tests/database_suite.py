"""What every database of a service must do; each adapter's test file inherits it and says how to make one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, Table, Text, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, StatementError

from suizhuan.db import migrate
from suizhuan.db.database import Database, is_transient
from suizhuan.db.types import BigInt, Json, UtcDateTime

MIGRATIONS = Path(__file__).parents[3] / "services/finance/finance/migrations"
NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
things = Table(
    "thing",
    MetaData(),
    Column("id", Text, primary_key=True),
    Column("number", BigInt, nullable=False),
    Column("at", UtcDateTime),
    Column("data", Json),
)


class DatabaseSuite:
    """Inherited with a fixture `database` that is empty, and `other`, another database of the same kind."""

    @pytest.fixture
    async def table(self, database: Database) -> Database:
        async with database.write() as conn:
            await conn.run_sync(things.metadata.create_all)
            await conn.execute(insert(things).values(id="a", number=0))
        return database

    async def number(self, database: Database) -> int:
        async with database.read() as conn:
            return int((await conn.execute(select(things.c.number).where(things.c.id == "a"))).scalar_one())

    async def test_a_transaction_is_kept_at_its_end(self, table: Database) -> None:
        async with table.write() as conn:
            await conn.execute(update(things).values(number=7))
        assert await self.number(table) == 7

    async def test_a_transaction_that_raises_leaves_nothing(self, table: Database) -> None:
        with pytest.raises(RuntimeError, match="half way"):
            async with table.write() as conn:
                await conn.execute(update(things).values(number=7))
                raise RuntimeError("half way")
        assert await self.number(table) == 0

    async def test_a_cancelled_transaction_leaves_nothing_and_frees_the_database(self, table: Database) -> None:
        inside = asyncio.Event()

        async def work() -> None:
            async with table.write() as conn:
                await conn.execute(update(things).values(number=7))
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await inside.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5), table.write() as conn:
            await conn.execute(update(things).values(number=things.c.number + 1))
        assert await self.number(table) == 1

    async def test_what_is_written_while_reading_is_not_kept(self, table: Database) -> None:
        async with table.read() as conn:
            await conn.execute(update(things).values(number=7))
        assert await self.number(table) == 0

    async def test_a_failed_savepoint_leaves_the_rest_of_its_transaction(self, table: Database) -> None:
        async with table.write() as conn:
            await conn.execute(update(things).values(number=1))
            with pytest.raises(IntegrityError):
                async with conn.begin_nested():
                    await conn.execute(update(things).values(number=2))
                    await conn.execute(insert(things).values(id="a", number=3))
        assert await self.number(table) == 1

    async def test_of_many_at_once_no_change_is_lost(self, table: Database) -> None:
        async def one() -> None:
            async with table.write() as conn:
                row = select(things.c.number).where(things.c.id == "a").with_for_update()
                found = (await conn.execute(row)).scalar_one()
                await conn.execute(update(things).values(number=found + 1))

        await asyncio.gather(*(one() for _ in range(25)))
        assert await self.number(table) == 25

    async def test_nobody_sees_what_is_not_committed(self, table: Database) -> None:
        async with table.write() as conn:
            await conn.execute(update(things).values(number=7))
            assert await self.number(table) == 0

    async def test_moments_come_back_as_the_same_moment_in_utc_and_sort_as_moments(self, table: Database) -> None:
        earlier = NOON.astimezone(UTC) - timedelta(microseconds=1)
        async with table.write() as conn:
            await conn.execute(update(things).values(at=NOON))
            await conn.execute(insert(things).values(id="b", number=0, at=earlier))
        async with table.read() as conn:
            found = (await conn.execute(select(things.c.at).order_by(things.c.at))).scalars().all()
            last = (await conn.execute(select(func.max(things.c.at)))).scalar_one()
        assert found == [earlier, NOON]
        assert all(moment.tzinfo is UTC for moment in found)
        assert last == NOON

    async def test_a_moment_without_an_offset_is_refused(self, table: Database) -> None:
        with pytest.raises(StatementError, match="without an offset"):
            async with table.write() as conn:
                await conn.execute(update(things).values(at=NOON.replace(tzinfo=None)))

    @pytest.mark.parametrize("value", [{"k": [1, None, "权"]}, [], {}, "text", 2**53])
    async def test_json_comes_back_as_it_was(self, table: Database, value: object) -> None:
        async with table.write() as conn:
            await conn.execute(update(things).values(data=value))
        async with table.read() as conn:
            assert (await conn.execute(select(things.c.data))).scalar_one() == value

    async def test_amounts_have_64_bits(self, table: Database) -> None:
        async with table.write() as conn:
            await conn.execute(update(things).values(number=2**63 - 1))
        assert await self.number(table) == 2**63 - 1

    async def test_a_refused_row_is_no_reason_to_try_again(self, table: Database) -> None:
        with pytest.raises(IntegrityError) as refused:
            async with table.write() as conn:
                await conn.execute(insert(things).values(id="a", number=0))
        assert not is_transient(refused.value)

    async def test_migrated_by_several_at_once_it_is_migrated_once(self, database: Database) -> None:
        await asyncio.gather(*(migrate.upgrade(database, MIGRATIONS) for _ in range(4)))
        async with database.read() as conn:
            assert (await conn.execute(text("SELECT count(*) FROM alembic_version"))).scalar_one() == 1

    async def test_its_incarnation_stays_over_connections_and_is_its_own(
        self, database: Database, other: Database
    ) -> None:
        found = []
        for each in (database, database, other):
            await migrate.upgrade(each, MIGRATIONS)
            async with each.read() as conn:
                found.append(await each.incarnation(conn))
            await each.engine.dispose()  # the next one asks over a new connection
        assert found[0] == found[1] != found[2]
