"""Shadow tables of a projection: where they are on each database, and how they take the live ones' place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Table, delete, insert, select, text, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import areas
from suizhuan.db import migrate
from suizhuan.db.database import Database
from suizhuan.db.tables import area_change, consumer_offset, dead_letter, inbox
from suizhuan.ports.log import TopicPartition
from suizhuan.projections import Projection

COPIED = 2000
PATIENCE = "2s"  # for readers and the live consumer to let go of the tables


class Shadow:
    """The shadow of one projection."""

    def __init__(self, live: Database, projection: Projection) -> None:
        self.live = live
        self.projection = projection
        self.schema = f"rebuild_{projection.name}"
        self.file = Path(f"{live.url.database}.rebuild-{projection.name}")
        self._database: Database | None = None

    @asynccontextmanager
    async def made(self, migrations: Path) -> AsyncIterator[Database]:
        """Empty tables as the service's migrations make them; gone afterwards, but for those that were swapped."""
        await self._clear()
        url = self.live.url.render_as_string(hide_password=False)
        if self.live.is_sqlite:
            self._database = Database(f"sqlite+aiosqlite:///{self.file}")
        else:
            async with self.live.write() as conn:
                await conn.execute(text(f"CREATE SCHEMA {self.schema}"))
            self._database = Database(url, schema=self.schema)
        try:
            await migrate.upgrade(self._database, migrations)
            await self._know_areas(self._database)
            yield self._database
        finally:
            await self._database.close()
            await self._clear()

    async def _know_areas(self, shadow: Database) -> None:
        """Handlers there read codes of areas as they are today: what is made anew says no old ones."""
        async with self.live.read() as conn:
            rows = [dict(row._mapping) for row in await conn.execute(select(area_change))]
        if rows:
            async with shadow.write() as conn:
                await conn.execute(insert(area_change), rows)

    async def _clear(self) -> None:
        if self.live.is_sqlite:
            self._remove()
            return
        async with self.live.write() as conn:
            await conn.execute(text(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE"))

    def _remove(self) -> None:
        for end in ("", "-wal", "-shm"):
            Path(f"{self.file}{end}").unlink(missing_ok=True)

    @asynccontextmanager
    async def taking_over(self) -> AsyncIterator[TakenOver]:
        """A transaction in which nobody else reads (PostgreSQL) or writes the live tables. It may be tried again."""
        if self._database is None:
            raise RuntimeError("not made")
        async with self.live.write() as conn:
            taken = TakenOver(conn, self._database, self.projection, self.schema)
            await taken.lock()
            yield taken


class TakenOver:
    """The live tables in our hands, and the shadow beside them."""

    def __init__(self, conn: AsyncConnection, shadow: Database, projection: Projection, schema: str) -> None:
        self.conn = conn
        self.shadow = shadow
        self.projection = projection
        self.schema = schema
        self.of_group = consumer_offset.c.consumer == projection.group

    async def lock(self) -> None:
        """Tables first, then offsets, as consumers do. Waits for a moment only: readers queue behind us."""
        if self.shadow.is_sqlite:
            return  # one writer, and that is us
        await self.conn.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
        names = ", ".join(table.name for table in self.projection.tables)
        await self.conn.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        await self.conn.execute(select(consumer_offset).where(self.of_group).with_for_update())

    async def live_offsets(self) -> dict[TopicPartition, int]:
        """How far the live projection is; it gets no further."""
        rows = await self.conn.execute(select(consumer_offset).where(self.of_group))
        return {TopicPartition(row.topic, row.partition): row.next_offset for row in rows}

    async def swap(self) -> None:
        """Tables, offsets, inbox and dead letters of the shadow are the live ones when this transaction commits."""
        kept = await self._kept()
        if self.shadow.is_sqlite:
            await self._copy()
        else:
            await self._move()
        if kept is not None and self.projection.keeps is not None:
            await self.conn.execute(update(self.projection.keeps[0]).values(kept))
        await areas.settle(self.conn, self.projection.placed)  # what has changed since it began

    async def _kept(self) -> dict[str, Any] | None:
        if self.projection.keeps is None:
            return None
        table, names = self.projection.keeps
        row = (await self.conn.execute(select(*(table.c[name] for name in names)))).one_or_none()
        return dict(row._mapping) if row is not None else None

    async def _move(self) -> None:
        live = str((await self.conn.execute(text("SELECT current_schema()"))).scalar_one())
        for table in self.projection.tables:
            await self.conn.execute(text(f'DROP TABLE "{live}"."{table.name}"'))
            await self.conn.execute(text(f'ALTER TABLE {self.schema}."{table.name}" SET SCHEMA "{live}"'))
        group = {"g": self.projection.group}
        for table, key in ((consumer_offset, ""), (dead_letter, "id")):
            names = ", ".join(f'"{c.name}"' for c in table.columns if c.name != key)
            old, new = f'"{live}".{table.name}', f"{self.schema}.{table.name}"
            await self.conn.execute(text(f"DELETE FROM {old} WHERE consumer = :g"), group)  # noqa: S608
            copy = f"INSERT INTO {old} ({names}) SELECT {names} FROM {new} WHERE consumer = :g"  # noqa: S608
            await self.conn.execute(text(copy), group)
        copy = f"SELECT * FROM {self.schema}.inbox WHERE consumer = :g ON CONFLICT DO NOTHING"  # noqa: S608
        await self.conn.execute(text(f'INSERT INTO "{live}".inbox {copy}'), group)

    async def _copy(self) -> None:
        group = self.projection.group
        async with self.shadow.read() as source:
            for table in self.projection.tables:
                await self.conn.execute(delete(table))
                await self._rows(source, table, select(table))
            for table in (consumer_offset, dead_letter):
                await self.conn.execute(delete(table).where(table.c.consumer == group))
                columns = [c for c in table.columns if (table.name, c.name) != ("dead_letter", "id")]
                await self._rows(source, table, select(*columns).where(table.c.consumer == group))
            await self._rows(source, inbox, select(inbox).where(inbox.c.consumer == group))

    async def _rows(self, source: AsyncConnection, table: Table, query: Any) -> None:
        found = await source.execute(query)
        made = sqlite.insert(table).on_conflict_do_nothing() if table is inbox else insert(table)
        while rows := found.fetchmany(COPIED):
            await self.conn.execute(made, [dict(row._mapping) for row in rows])
