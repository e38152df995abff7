"""What was published stays as it was; what came after only expands, so that processes of the release before work on."""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from suizhuan.db import migrate
from suizhuan.db.database import Database

from .released import ROOT, commit, noted

# A contraction: what the release before does not use any more, by service, as `differences` names it.
CONTRACTIONS: dict[str, set[str]] = {}
SERVICES: dict[str, dict[str, str]] = noted()["migrations"]
Columns = dict[str, dict[str, dict[str, Any]]]


def test_the_release_noted_is_the_uppermost() -> None:
    assert noted()["commit"] == commit(), "make released"


def test_published_migrations_are_as_they_were_published() -> None:
    published = {path: digest for paths in SERVICES.values() for path, digest in paths.items()}
    now = {path: hashlib.sha256((ROOT / path).read_bytes()).hexdigest() for path in published}
    assert now == published


def columns(connection: Connection) -> Columns:
    """Of every table by name: type, whether it may be empty, what it has by itself; and what is unique."""
    inspector = sa.inspect(connection)
    found: Columns = {}
    for table in inspector.get_table_names():
        found[table] = {column["name"]: dict(column) for column in inspector.get_columns(table)}
        unique = [tuple(index["column_names"]) for index in inspector.get_indexes(table) if index["unique"]]
        unique += [tuple(one["column_names"]) for one in inspector.get_unique_constraints(table)]
        found[table] |= {f"unique {', '.join(map(str, names))}": {} for names in unique}
    return found


def differences(before: Columns, after: Columns) -> set[str]:
    """What a process that knows only `before` would stumble over."""
    found = {f"{table}: gone" for table in before.keys() - after.keys()}
    for table in before.keys() & after.keys():
        old, new = before[table], after[table]
        for name in old.keys() - new.keys():
            if not name.startswith("unique "):
                found.add(f"{table}.{name}: gone")
        for name in new.keys() - old.keys():
            if name.startswith("unique "):
                found.add(f"{table}: {name}")
            elif not new[name]["nullable"] and new[name]["default"] is None:
                found.add(f"{table}.{name}: must be said")
        for name in old.keys() & new.keys():
            if name.startswith("unique "):
                continue
            if old[name]["nullable"] and not new[name]["nullable"]:
                found.add(f"{table}.{name}: may not be empty any more")
            if str(old[name]["type"]) != str(new[name]["type"]):
                found.add(f"{table}.{name}: {old[name]['type']} is {new[name]['type']}")
    return found


@pytest.mark.parametrize("service", SERVICES)
async def test_what_came_after_the_release_before_only_expands(service: str, tmp_path: Path) -> None:
    last = max(Path(path).name for path in SERVICES[service]).partition("_")[0]
    migrations: Path = import_module(f"{service}.app").MIGRATIONS
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    found: list[Columns] = []
    for revision in (last, "head"):
        await migrate.upgrade(database, migrations, revision)
        async with database.read() as conn:
            found.append(await conn.run_sync(columns))
    await database.close()
    assert differences(*found) == CONTRACTIONS.get(service, set())


def test_each_kind_of_contraction_is_seen() -> None:
    """That the check can fail."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as conn:
        conn.exec_driver_sql("CREATE TABLE a (x TEXT, y TEXT, z BIGINT)")
        conn.exec_driver_sql("CREATE TABLE b (x TEXT)")
        before = columns(conn)
        with Operations.context(MigrationContext.configure(conn)):
            op.drop_table("b")
            op.create_index("a_x", "a", ["x"], unique=True)
            with op.batch_alter_table("a") as table:
                table.drop_column("y")
                table.alter_column("x", existing_type=sa.Text(), nullable=False)
                table.alter_column("z", existing_type=sa.BigInteger(), type_=sa.Integer())
                table.add_column(sa.Column("n", sa.Text(), nullable=False))
                table.add_column(sa.Column("d", sa.Text(), nullable=False, server_default=""))
        after = columns(conn)
    engine.dispose()
    assert differences(before, after) == {
        "b: gone",
        "a.y: gone",
        "a: unique x",
        "a.x: may not be empty any more",
        "a.z: BIGINT is INTEGER",
        "a.n: must be said",
    }
