"""Migrations: each service carries its own under `migrations/`, run with Alembic on either database.

`migrations/env.py` of a service is one line: `from suizhuan.db.migrate import run_env; run_env()`.
"""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text

from suizhuan.db.database import Database


def config(migrations: Path) -> Config:
    """An Alembic configuration for the folder; nothing is read from an ini file."""
    result = Config()
    result.set_main_option("script_location", str(migrations))
    result.set_main_option("path_separator", "os")
    return result


async def upgrade(database: Database, migrations: Path, revision: str = "head") -> None:
    """Bring the database to the newest revision, or to that one.

    Several processes may do it at once: one works, the others wait."""

    def work(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('migrate', 0))"))
        settings = config(migrations)
        settings.attributes.update(connection=connection, schema=database.schema)
        if database.schema is not None:  # operators of extensions are found where those are
            connection.execute(text(f"SET LOCAL search_path = {database.schema}, public"))
        command.upgrade(settings, revision)
        if connection.dialect.name == "sqlite" and not connection.exec_driver_sql("PRAGMA application_id").scalar_one():
            # SQLite files carry no identity of their own; `Database.incarnation` tells them apart by this.
            connection.exec_driver_sql(f"PRAGMA application_id = {secrets.randbelow(2**31 - 1) + 1}")

    async with database.write() as conn:
        await conn.run_sync(work)


async def revision(database: Database, migrations: Path, metadata: list[MetaData], message: str) -> None:
    """Write a new revision from what the tables say and the migrated database lacks (for developers)."""

    def work(connection: Connection) -> None:
        settings = config(migrations)
        settings.attributes.update(connection=connection, metadata=metadata)
        number = len(list((migrations / "versions").glob("[0-9]*.py"))) + 1
        command.revision(settings, message=message, autogenerate=True, rev_id=f"{number:04d}")

    async with database.write() as conn:
        await conn.run_sync(work)


@contextmanager
def locked_file(path: Path) -> Iterator[bool]:
    """Whether nobody else holds the file's lock; ours until the block ends, however this process ends."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def run_env() -> None:
    """The body of every `env.py`: migrate on the connection that was handed in."""
    attributes: dict[str, Any] = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        target_metadata=attributes.get("metadata"),
        version_table_schema=attributes.get("schema"),
        render_as_batch=False,
        transactional_ddl=True,
        user_module_prefix="suizhuan.db.types.",
        compare_type=False,
    )
    context.run_migrations()
