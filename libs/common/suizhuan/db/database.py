"""A service's database. `write()` is one transaction; what runs inside is either all there or not at all."""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from suizhuan.db import driver
from suizhuan.db.kept import Kept

IDLE_S = 1.0  # a connection that was not used for so long is asked whether it still lives


@dataclass(frozen=True, slots=True)
class ActLimits:
    """PostgreSQL's limits for one act: what can still pass between its last check and its commit stays under A."""

    lock_ms: int
    statement_ms: int
    idle_ms: int

    @staticmethod
    def within(max_act: timedelta) -> ActLimits:
        """A is the sum of a lock wait, the statement and the idle time before COMMIT."""
        share = int(max_act.total_seconds() * 1000) // 5
        return ActLimits(lock_ms=share, statement_ms=2 * share, idle_ms=2 * share)

    @property
    def named(self) -> dict[str, str]:
        """As settings of PostgreSQL."""
        return {
            "lock_timeout": str(self.lock_ms),
            "statement_timeout": str(self.statement_ms),
            "idle_in_transaction_session_timeout": str(self.idle_ms),
        }

    @property
    def sql(self) -> str:
        """One statement that sets them for a transaction."""
        return "SELECT " + ",".join(f"set_config('{name}','{value}',true)" for name, value in self.named.items())


class Database:
    """Engines for one service on SQLite or PostgreSQL.

    Promise: `write()` serialises on SQLite (one writer, BEGIN IMMEDIATE) and runs READ COMMITTED on PostgreSQL.
    On SQLite a committed transaction is on disk (WAL, synchronous=FULL).
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        max_act: timedelta = timedelta(seconds=5),
        schema: str | None = None,
    ) -> None:
        """`schema`: its tables are there and not where the others are (PostgreSQL)."""
        self.url = make_url(url)
        self.schema = schema
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.one_statement = not self.is_sqlite  # whether a command's writes are carried out by one statement
        self.limits = ActLimits.within(max_act)
        options: dict[str, Any] = {}
        if self.is_sqlite:
            if self.url.database and self.url.database != ":memory:":
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        else:
            options = {"pool_size": pool_size, "max_overflow": pool_size}
            if schema is not None:
                options["connect_args"] = {"server_settings": {"search_path": schema}}
        self.engine: AsyncEngine = create_async_engine(self.url, hide_parameters=True, **options)
        self._commands = self.engine
        self._kept: Kept | None = None
        if not self.is_sqlite:
            # Commands have connections of their own: no BEGIN, no COMMIT, and the limits of an act from the start.
            # No overflow: a connection that is opened for one command costs more than ten commands.
            options |= {"isolation_level": "AUTOCOMMIT", "max_overflow": 0}
            # Their statements are few and always alike: planned once per connection, not each time (a plan of the last
            # statement takes longer than carrying it out), and never compiled.
            settings = {**self.limits.named, "plan_cache_mode": "force_generic_plan", "jit": "off"}
            options["connect_args"] = {"server_settings": settings}
            _ask_when_idle(self.engine)
            self._commands = create_async_engine(self.url, hide_parameters=True, **options)
            event.listen(self._commands.sync_engine, "before_execute", _only_reads)
            for engine in (self.engine, self._commands):
                event.listen(engine.sync_engine, "do_connect", _connect)
            self._kept = Kept(self._commands, pool_size)
        # asyncio tasks of this process queue here instead of spinning in SQLite's busy handler
        self._writer = asyncio.Lock()
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _sqlite_connect)
            event.listen(self.engine.sync_engine, "begin", _sqlite_begin)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that is committed at the end, or rolled back when anything is raised."""
        if not self.is_sqlite:
            async with self.engine.begin() as conn:
                yield conn
            return
        async with self._writer, self.engine.connect() as plain:
            conn = await plain.execution_options(sqlite_immediate=True)
            async with conn.begin():
                yield conn

    def deciding(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """For a command: it reads, each statement by itself, and writes with its last one (`suizhuan.guard`).

        On SQLite a transaction as `write()` makes it. On PostgreSQL other statements that write are refused."""
        return self.write() if self._kept is None else self._kept.lent()

    async def limit(self, conn: AsyncConnection) -> None:
        """From here on the transaction has the limits of an act: it commits within A, or not at all (PostgreSQL)."""
        if not self.is_sqlite:
            await conn.execute(text(self.limits.sql))

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncConnection]:
        """For a single question: on PostgreSQL without a transaction around it, which would be two more round trips."""
        if self.is_sqlite:
            async with self.read() as conn:
                yield conn
            return
        async with self.engine.connect() as plain:
            yield await plain.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for reading; nothing is kept of what it writes."""
        async with self.engine.connect() as conn:
            yield conn

    async def incarnation(self, conn: AsyncConnection) -> str:
        """The identity of this database as it runs now (authority §5): changes with a restore or failover.

        PostgreSQL: system identifier, timeline, server start and the database's name. SQLite: the file's own identity
        (device and inode) beside the id written at its creation, so that a copied file is another one. And the mark of
        `python -m <service> restored`, for a restore that leaves all of these as they are.
        """
        if not self.is_sqlite:
            (row,) = await driver.fetch(conn, _IDENTITY)
            return "postgres:" + ":".join(str(part) for part in row if part)
        mark = (await conn.execute(_MARK)).scalar_one_or_none()
        stat = os.stat(self.url.database or "")  # noqa: PTH116  (microseconds, of an open file)
        created = (await conn.execute(text("PRAGMA application_id"))).scalar_one()
        name = f"sqlite:{stat.st_dev:x}:{stat.st_ino:x}:{created}"
        return f"{name}:{mark}" if mark else name

    async def close(self) -> None:
        if self._kept is not None:
            await self._kept.close()
        await self.engine.dispose()
        await self._commands.dispose()


_MARK = text("SELECT mark FROM incarnation WHERE id = 1")
_IDENTITY = """
SELECT system_identifier::text, (SELECT timeline_id FROM pg_control_checkpoint()),
  extract(epoch FROM pg_postmaster_start_time())::text, current_database(),
  (SELECT mark FROM incarnation WHERE id = 1)
FROM pg_control_system()
"""


def is_transient(error: BaseException) -> bool:
    """Whether trying the same transaction again later may succeed: lost connection, lock, serialisation, shutdown."""
    if isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return True
    if isinstance(error, PoolTimeout):
        return True
    cause = getattr(error, "orig", error)
    cause = getattr(cause, "__cause__", None) or cause
    return isinstance(
        cause,
        asyncpg.PostgresConnectionError
        | asyncpg.InterfaceError
        | asyncpg.InternalClientError  # the server has ended this session, and we have read only half of its farewell
        | asyncpg.SerializationError
        | asyncpg.DeadlockDetectedError
        | asyncpg.LockNotAvailableError
        | asyncpg.QueryCanceledError
        | asyncpg.OperatorInterventionError
        | asyncpg.InsufficientResourcesError
        | sqlite3.OperationalError
        | OSError
        | TimeoutError,
    )


def _connect(dialect: Any, _record: Any, arguments: Any, named: Any) -> Any:
    """A server that is away is told in SQLAlchemy's words, like everything else: not by the system's own error."""
    try:
        return dialect.connect(*arguments, **named)
    except (OSError, TimeoutError) as error:
        raise dialect.loaded_dbapi.OperationalError(f"{type(error).__name__}: {error}") from error


def _ask_when_idle(engine: AsyncEngine) -> None:
    """Ask a connection of the pool whether it lives only when nobody has used it lately: asking is a round trip."""
    dialect = engine.sync_engine.dialect

    def returned(_connection: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("used", math.inf) <= IDLE_S:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise DisconnectionError(type(error).__name__) from error

    event.listen(engine.sync_engine.pool, "checkin", returned)
    event.listen(engine.sync_engine.pool, "checkout", taken)


def _only_reads(_conn: Any, statement: Any, *_: Any) -> None:
    if getattr(statement, "is_dml", False) or getattr(statement, "_for_update_arg", None) is not None:
        raise TypeError("a command hands its writes over (Tx.write) and locks nothing")


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the "begin" event below says BEGIN, not the driver
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Any) -> None:
    immediate = connection.get_execution_options().get("sqlite_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
