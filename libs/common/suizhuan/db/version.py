"""Whether a database is as new as its migrations: asked at every start, and mostly nothing is to be done."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from suizhuan.db.database import Database


async def is_newest(database: Database, migrations: Path) -> bool:
    """Whether its last migration is the last one of the folder, whose files are named by their number."""
    return await _reached(database) == [_last(migrations)]


async def is_reached(database: Database, migrations: Path) -> bool:
    """Whether it has the last migration of the folder behind it; it may have later ones that the folder lacks."""
    return any(reached >= _last(migrations) for reached in await _reached(database))


def _last(migrations: Path) -> str:
    return max(path.name for path in (migrations / "versions").glob("[0-9]*.py")).partition("_")[0]


async def _reached(database: Database) -> list[str]:
    def read(connection: Connection) -> list[str]:
        if not inspect(connection).has_table("alembic_version", schema=database.schema):
            return []
        reached = table("alembic_version", column("version_num"), schema=database.schema)
        return list(connection.execute(select(reached)).scalars())

    async with database.read() as conn:
        return await conn.run_sync(read)
