"""Whether a database is as new as its migrations: asked at every start, and mostly nothing is to be done."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from suizhuan.db.database import Database


async def is_newest(database: Database, migrations: Path) -> bool:
    """Whether its last migration is the last one of the folder, whose files are named by their number."""
    last = max(path.name for path in (migrations / "versions").glob("[0-9]*.py")).partition("_")[0]

    def is_there(connection: Connection) -> bool:
        if not inspect(connection).has_table("alembic_version", schema=database.schema):
            return False
        reached = table("alembic_version", column("version_num"), schema=database.schema)
        return list(connection.execute(select(reached)).scalars()) == [last]

    async with database.read() as conn:
        return await conn.run_sync(is_there)
