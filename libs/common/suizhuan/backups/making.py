"""Backing one service up, and bringing it back: what both databases have in common."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import asyncpg
from sqlalchemy import select, text

from suizhuan.backups import postgres, sqlite
from suizhuan.backups.file import About, BackupProblem, Reader, Writer
from suizhuan.backups.postgres import Progress
from suizhuan.db import migrate, version
from suizhuan.db.database import Database
from suizhuan.db.tables import published
from suizhuan.service import Service

KEPT = "before_restore"


@dataclass(frozen=True, slots=True)
class Replaced:
    """`kept`: where the data are that were replaced (a schema, or a file), None where there were none."""

    about: About
    kept: str | None


async def back_up(service: Service, stream: IO[bytes], work: Path, progress: Progress) -> About:
    """All that the service's database holds at one moment; it works on meanwhile. `work`: a file that may be made.

    Errors: `nothing_to_back_up`; those of the database."""
    database = service.parts.database
    about = await _about(service)
    writer = Writer(stream)
    if database.is_sqlite:
        sqlite.dump(Path(database.url.database or ""), writer, work)
        progress(1, 1)
    else:
        async with _connected(database) as conn, conn.transaction(isolation="repeatable_read", readonly=True):
            about.sequences = await postgres.dump(conn, writer, progress)
    writer.close(about)
    return about


def check(service: Service, reader: Reader) -> None:
    """That it is this service's, of this kind of database, and not of a later release. Errors: those codes."""
    about, name, newest = reader.about, service.parts.name, version.last(service.migrations)
    if about.service != name:
        raise BackupProblem(
            "backup_of_another_service",
            f"这是 {about.service} 的备份，不是 {name} 的",
            f"it is {about.service}'s, not {name}'s",
        )
    if about.database != (kind := _kind(service)):
        raise BackupProblem(
            "backup_of_another_database",
            f"这是 {about.database} 的备份，本服务使用 {kind}",
            f"it is of {about.database}, and this service is on {kind}",
        )
    if about.schema > newest:
        raise BackupProblem(
            "backup_newer",
            f"备份的结构版本 {about.schema} 比本程序（{newest}）新：请用备份时或更新的版本恢复",
            f"its schema {about.schema} is newer than this release's ({newest}): use that release or a later",
        )


async def bring_back(service: Service, reader: Reader, progress: Progress, *, alone: bool = True) -> Replaced:
    """Put the backup in the place of the live data, which are kept aside. When it fails nothing has changed.

    `alone`: refused while anybody else is connected. Errors: `service_running`, `backup_differs`, `backup_damaged`."""
    check(service, reader)
    database, about = service.parts.database, reader.about
    mark, name = secrets.token_hex(4), f"{KEPT}_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    if database.is_sqlite:
        live = Path(database.url.database or "")
        aside = live.with_name(f"{live.name}.{name}")
        await database.close()
        there = sqlite.restore(reader, live, aside, mark)
        progress(1, 1)
        return Replaced(about, str(aside) if there else None)
    async with _connected(database) as conn:
        if alone:
            await postgres.nobody_else(conn)
        async with postgres.fresh(conn):
            made = Database(database.url.render_as_string(hide_password=False), schema=postgres.SCHEMA)
            try:
                await migrate.upgrade(made, service.migrations, about.schema)
            finally:
                await made.close()
            await postgres.load(conn, reader, progress)
            there = await postgres.swap(conn, name, mark, alone=alone)
    return Replaced(about, f"schema {name}" if there else None)


def _kind(service: Service) -> str:
    return "sqlite" if service.parts.database.is_sqlite else "postgresql"


async def _about(service: Service) -> About:
    database = service.parts.database
    reached = await version.reached(database)
    if reached is None:
        raise BackupProblem("nothing_to_back_up", "数据库是空的", "the database is empty")
    async with database.read() as conn:
        rows = (await conn.execute(select(published))).all()
        incarnation = (await conn.execute(text("SELECT name FROM incarnation"))).scalar_one_or_none()
    await database.engine.dispose()  # the file, or the session, is let go of
    return About(
        service=service.parts.name,
        database=_kind(service),
        schema=reached,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        incarnation=str(incarnation or ""),
        published={f"{row.topic}[{row.partition}]": row.last_offset for row in rows},
    )


@asynccontextmanager
async def _connected(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A session without SQLAlchemy between: only the driver itself knows `COPY`."""
    url = re.sub(r"^postgresql\+asyncpg", "postgresql", database.url.render_as_string(hide_password=False))
    conn = await asyncpg.connect(url, server_settings={"application_name": "suizhuan-backup", "statement_timeout": "0"})
    try:
        yield conn
    finally:
        await conn.close()
