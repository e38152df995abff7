"""Each service's newest migration goes back and forth again, with what both releases have written."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, insert, select

from deploy.topology import EVERY
from suizhuan.db import migrate, version
from suizhuan.db.database import Database
from suizhuan.db.tables import area_change
from suizhuan.testing_databases import Databases

ROW = {"switch": "s", "old": "321302002907001", "new": "321302002907002", "sequence": 1}


@pytest.mark.parametrize("service", [spec.name for spec in EVERY])
async def test_the_newest_migration_goes_back_and_forth(databases: Databases, service: str) -> None:
    migrations: Path = import_module(f"{service}.app").MIGRATIONS
    database = Database(await databases.empty())

    def back(connection: Connection) -> None:
        settings = migrate.config(migrations)
        settings.attributes.update(connection=connection, schema=database.schema)
        command.downgrade(settings, "-1")

    await migrate.upgrade(database, migrations)
    async with database.write() as conn:
        await conn.execute(insert(area_change).values(ROW))
        await conn.run_sync(back)
    assert not await version.is_newest(database, migrations)
    await migrate.upgrade(database, migrations)
    assert await version.is_newest(database, migrations)
    async with database.read() as conn:
        assert [dict(row._mapping) for row in await conn.execute(select(area_change))] == [ROW]
    await database.close()
