"""PostgreSQL: every table as `COPY` writes it, all at one moment; restored beside the live ones, then swapped at once.

The tables are made by the service's own migrations, as far as they were when the backup was made. So nothing but the
database's own protocol is needed: no client program of the same version as the server, and no right but the owner's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from suizhuan.backups.file import BackupProblem, Reader, Writer, damaged

SCHEMA = "restoring"
PREFIX = "tables/"
LOCK_TIMEOUT = "10s"

Progress = Callable[[int, int], None]  # tables done, of how many

_TABLES = """
SELECT c.oid::regclass::text AS name, c.relname AS table, (
  SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute AS a
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
) AS columns
FROM pg_class AS c WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' ORDER BY c.relname
"""
_SEQUENCES = """
SELECT a.attrelid::regclass::text AS table, a.attname AS column,
  pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) AS sequence
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
  AND pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) IS NOT NULL ORDER BY 1, 2
"""
# What is neither of a table (its indexes and sequences go with it) nor of an extension.
_ROUTINES = """
SELECT p.oid::regprocedure::text AS name FROM pg_proc AS p
WHERE p.pronamespace = $1::regnamespace
  AND NOT EXISTS (SELECT 1 FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
_OTHERS = """
SELECT pid, coalesce(nullif(application_name, ''), usename, '?') AS who, coalesce(host(client_addr), 'local') AS at
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


async def dump(conn: asyncpg.Connection, writer: Writer, progress: Progress) -> dict[str, tuple[int, bool]]:
    """Every table of the schema in a transaction that sees one moment; how far its sequences are."""
    schema = await _current(conn)
    tables = await conn.fetch(_TABLES, schema)
    for done, row in enumerate(tables):
        progress(done, len(tables))
        names = ", ".join(f'"{column}"' for column in row["columns"])
        with writer.member(f"{PREFIX}{row['table']}", list(row["columns"])) as out:

            async def write(data: bytes, out: Any = out) -> None:
                out.write(data)

            await conn.copy_from_query(f"SELECT {names} FROM {row['name']}", output=write)  # noqa: S608
    progress(len(tables), len(tables))
    sequences: dict[str, tuple[int, bool]] = {}
    for row in await conn.fetch(_SEQUENCES, schema):
        last = await conn.fetchrow(f"SELECT last_value, is_called FROM {row['sequence']}")  # noqa: S608
        sequences[f"{_bare(row['table'])}.{row['column']}"] = (last[0], last[1])
    return sequences


async def load(conn: asyncpg.Connection, reader: Reader, progress: Progress) -> None:
    """Into the empty tables of `SCHEMA`, made by the migrations before. Errors: `backup_differs`."""
    made = {row["table"]: row for row in await conn.fetch(_TABLES, SCHEMA)}
    members = reader.about.members
    wanted = {name.removeprefix(PREFIX): member.columns for name, member in members.items()}
    if {table: sorted(columns) for table, columns in wanted.items()} != {
        table: sorted(row["columns"]) for table, row in made.items()
    }:
        differing = sorted(t for t in wanted.keys() | made.keys() if _columns(made, t) != sorted(wanted.get(t, [])))
        raise BackupProblem(
            "backup_differs",
            f"备份中的表与本版本迁移所建的不同：{'、'.join(differing)}",
            f"the tables in it are not those that this release's migrations make: {', '.join(differing)}",
        )
    async with conn.transaction():
        await conn.execute(f"SET LOCAL search_path = {SCHEMA}, public")
        await conn.execute(f"TRUNCATE {', '.join(row['name'] for row in made.values())}")
        for done, (table, columns) in enumerate(wanted.items()):
            progress(done, len(wanted))
            source = _each(reader.chunks(f"{PREFIX}{table}"))
            try:
                await conn.copy_to_table(table, source=source, columns=columns, schema_name=SCHEMA)
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
                raise damaged(f"{table}: {error}") from None
        for row in await conn.fetch(_SEQUENCES, SCHEMA):
            last, used = reader.about.sequences[f"{_bare(row['table'])}.{row['column']}"]
            await conn.execute("SELECT setval($1::text::regclass, $2, $3)", row["sequence"], last, used)
    await conn.execute("ANALYZE")
    progress(len(wanted), len(wanted))


@asynccontextmanager
async def fresh(conn: asyncpg.Connection) -> AsyncIterator[None]:
    """An empty `SCHEMA` as long as the block lasts; what a restore before had left there is dropped."""
    await conn.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    await conn.execute(f"CREATE SCHEMA {SCHEMA}")
    try:
        yield
    finally:
        await conn.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


async def swap(conn: asyncpg.Connection, kept: str, mark: str, *, alone: bool) -> bool:
    """All of the live schema moves to `kept`, and all of `SCHEMA` takes its place, or nothing does. Whether there was
    anything to keep. `alone`: only while nobody else is connected. Errors: `service_running`, asyncpg's."""
    live = await _current(conn)
    async with conn.transaction():
        await conn.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        old = [row["name"] for row in await conn.fetch(_TABLES, live)]
        if old:
            await conn.execute(f"LOCK TABLE {', '.join(old)} IN ACCESS EXCLUSIVE MODE")
        if alone:
            await nobody_else(conn)  # who connects from here on waits for the locks, and then sees what was restored
        await conn.execute(f'CREATE SCHEMA "{kept}"')
        for schema, to in ((live, kept), (SCHEMA, live)):
            for row in await conn.fetch(_TABLES, schema):
                await conn.execute(f'ALTER TABLE "{schema}"."{row["table"]}" SET SCHEMA "{to}"')
            for row in await conn.fetch(_ROUTINES, schema):
                await conn.execute(f'ALTER ROUTINE {row["name"]} SET SCHEMA "{to}"')
        if not old:
            await conn.execute(f'DROP SCHEMA "{kept}"')
        await conn.execute(f'UPDATE "{live}".incarnation SET mark = $1', mark)  # noqa: S608
    return bool(old)


async def nobody_else(conn: asyncpg.Connection) -> None:
    """Errors: `service_running`, which names who is connected."""
    others = await conn.fetch(_OTHERS)
    if others:
        who = ", ".join(f"{row['who']} @ {row['at']} (pid {row['pid']})" for row in others[:5])
        raise BackupProblem(
            "service_running",
            f"仍有 {len(others)} 个连接：{who}。请先停止该服务的全部进程",
            f"{len(others)} are connected: {who}. Stop every process of the service first",
        )


async def _current(conn: asyncpg.Connection) -> str:
    return str(await conn.fetchval("SELECT current_schema()"))


async def _each(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def _columns(made: dict[str, Any], table: str) -> list[str]:
    return sorted(made[table]["columns"]) if table in made else []


def _bare(table: str) -> str:
    """Without its schema."""
    return table.rpartition(".")[2].strip('"')
