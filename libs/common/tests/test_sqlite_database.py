"""SQLite passes the suite of databases; what is its own stands here."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from suizhuan.db import migrate
from suizhuan.db.database import Database

from .database_suite import MIGRATIONS, DatabaseSuite


class TestSqliteDatabase(DatabaseSuite):
    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        made = Database(f"sqlite+aiosqlite:///{tmp_path}/one.db")
        yield made
        await made.close()

    @pytest.fixture
    async def other(self, tmp_path: Path) -> AsyncIterator[Database]:
        made = Database(f"sqlite+aiosqlite:///{tmp_path}/other.db")
        yield made
        await made.close()

    async def test_a_file_put_in_its_place_is_another_one(self, database: Database, tmp_path: Path) -> None:
        await migrate.upgrade(database, MIGRATIONS)
        async with database.read() as conn:
            before = await database.incarnation(conn)
        await database.engine.dispose()
        shutil.copy(tmp_path / "one.db", tmp_path / "backup.db")
        (tmp_path / "backup.db").replace(tmp_path / "one.db")
        async with database.read() as conn:
            assert await database.incarnation(conn) != before

    async def test_what_is_committed_is_on_disk(self, database: Database) -> None:
        async with database.read() as conn:
            assert (await conn.exec_driver_sql("PRAGMA synchronous")).scalar_one() == 2  # FULL
            assert (await conn.exec_driver_sql("PRAGMA journal_mode")).scalar_one() == "wal"
