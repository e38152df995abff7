"""Whether a database is as new as its migrations: asked at every start, and mostly nothing is to be done."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from suizhuan.db.database import Database


def last(migrations: Path) -> str:
    """The last migration of the folder, whose files are named by their number."""
    return max(path.name for path in (migrations / "versions").glob("[0-9]*.py")).partition("_")[0]


async def reached(database: Database) -> str | None:
    """The database's last migration; None: it has had none."""

    def read(connection: Connection) -> str | None:
        if not inspect(connection).has_table("alembic_version", schema=database.schema):
            return None
        versions = table("alembic_version", column("version_num"), schema=database.schema)
        return connection.execute(select(versions)).scalar_one_or_none()

    async with database.read() as conn:
        return await conn.run_sync(read)


async def is_newest(database: Database, migrations: Path) -> bool:
    """Whether its last migration is the last one of the folder."""
    return await reached(database) == last(migrations)


async def is_reached(database: Database, migrations: Path) -> bool:
    """Whether it has the last migration of the folder behind it; it may have later ones that the folder lacks."""
    at = await reached(database)
    return at is not None and at >= last(migrations)
