"""A service's database for the simulation: the third adapter of `suizhuan.db.database.Database`.

SQLAlchemy over SQLite in memory, in the caller's own thread: no statement ever waits for anything outside, so a
coroutine that uses it can be driven by hand. All SQL and all stores of the services run on it unchanged. Beside that it
does what a model of the world needs:

- its contents are plain data (`contents`, `load`), so that a state of the world can be kept, compared and gone back to;
- a transaction can *freeze* between its last statement and its COMMIT: its writes are then kept as data, with the locks
  it holds, to be carried out later (`thaw`) or to be lost with its process;
- a transaction that would have to wait for a frozen one's lock is told so (`waited`), for nothing can wait here. Locks
  on grants are PostgreSQL's advisory ones, taken by the very SQL that takes them there. Rows of grants are locked by
  their keys, all others by table: coarser than PostgreSQL's, and the same where the aggregate in question is one row.

It passes the suites that SQLite and PostgreSQL pass: `test_store.py`.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import count
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import await_only

from suizhuan.db.database import ActLimits, Database, _sqlite_begin, _sqlite_connect

from .reads import Asked, Touched, asked, touched

T = TypeVar("T")
Rows = tuple[tuple[Any, ...], ...]
Contents = tuple[tuple[str, Rows], ...]
Change = tuple[str, tuple[Any, ...]]

# Rows of these are added, never changed nor read in the simulation: they hold nobody up, and are no part of its state.
APPENDED = frozenset({"outbox", "case_history", "mandate_history", "case_private", "idempotency", "entry", "line"})
# What nobody reads to decide anything by it: when it was (at most, whether it was), and by whose request.
UNREAD = {
    "inbox": ("seen_at",),
    "switch_cases_ready": ("at",),
    "switch_awaited": ("acknowledged_at",),
    "replica": ("joined_at",),
    "mandate": ("created_at",),
    "switch": ("opened_at", "ended_at", "deadline_at", "correlation_id", "causation_id", "traceparent"),
    "hold": ("placed_at",),
}
# A process that has just begun, as each does in every step, reads every grant, whichever record changed it.
ANY = {"authority_grant": {"sequence": 0}}
GRANT = "authority_grant"
INCARNATION = "~incarnation"
_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
NOBODY_READS = "2026-01-01T00:00:00.000000Z"


def drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end without an event loop. Errors: its own; RuntimeError when it waits for something."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    work.close()
    raise RuntimeError("something in the simulation waits for the outside world")


@dataclass(frozen=True, slots=True)
class Held:
    """A transaction that has come to its end but for the COMMIT: what it wrote, and the locks it holds."""

    changes: tuple[Change, ...]
    shared: frozenset[str]
    excluded: frozenset[str]
    limited: bool  # whether the database ends it after A


class Frozen(Exception):
    """The transaction has frozen before its COMMIT; nothing of it is in the database."""

    def __init__(self, held: Held) -> None:
        super().__init__("frozen before COMMIT")
        self.held = held


class WouldWait(Exception):
    """A frozen transaction holds what this one needs."""


async def _at_once() -> None:
    return None


class _Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """SQLAlchemy's asynchronous results await it."""


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


def _connection() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, factory=_Connection)


class _Compiler(SQLiteCompiler):
    def for_update_clause(self, select: Any, **_: Any) -> str:
        """SQLite locks no rows; the words stay in the statement, for `SimDatabase` to read."""
        return " /* FOR SHARE */" if select._for_update_arg.read else " /* FOR UPDATE */"


class Dialect(SQLiteDialect_pysqlite):
    """SQLite in the caller's thread, with PostgreSQL's locks on grants."""

    driver = "sim"
    is_async = True  # its statements return at once, so nothing has to be awaited
    grant_locks = True
    supports_statement_cache = True
    statement_compiler = _Compiler

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        await_only(_at_once())  # SQLAlchemy insists on it
        super().do_execute(cursor, statement, parameters, context)

    def do_executemany(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        await_only(_at_once())
        super().do_executemany(cursor, statement, parameters, context)

    def do_close(self, dbapi_connection: Any) -> None:
        """It lives as long as its database."""


registry.register("sqlite.sim", __name__, "Dialect")
_serial = count(1)


@lru_cache(maxsize=4096)
def _effect(sql: str) -> tuple[str | None, str | None, str | None]:
    """(table written, table whose rows are locked, by which lock)."""
    if found := re.match(r"(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) \"?(\w+)", sql):
        return found[1], None, None
    if sql.endswith("/* FOR UPDATE */") or sql.endswith("/* FOR SHARE */"):
        table = re.search(r"\bFROM \"?(\w+)", sql)
        return None, table[1] if table else None, "shared" if "SHARE" in sql[-12:] else "excluded"
    return None, None, None


class SimDatabase(Database):
    """`incarnation_` is what it calls itself; `single_writer`: any frozen transaction keeps all others out."""

    def __init__(self, incarnation: str | None = None, *, single_writer: bool = False) -> None:
        self.url = make_url("sqlite+sim://")
        self.schema, self.is_sqlite, self.one_statement = None, True, False
        self.limits = ActLimits.within(timedelta(seconds=5))
        self.incarnation_ = incarnation or f"postgres:{next(_serial)}"
        self.single_writer = single_writer
        self.raw = _connection()
        self.raw.execute("PRAGMA user_version = 1")  # so that there is a first page: nothing else can be serialised
        self.engine = self._commands = self._engine(self.raw)
        self._writer = asyncio.Lock()
        self._committed: bytes | None = None  # while a transaction writes: what others see
        self.held: tuple[Held, ...] = ()
        self.freezing = False
        self.waited = False
        self._changes: list[Change] = []
        self._locks: dict[str, set[str]] = {"shared": set(), "excluded": set()}
        self._limited = False
        self._loaded: dict[str, Rows] = {}
        self._touched: set[str] = set()
        self.reads: set[Asked] = set()  # what was asked since it was last emptied
        self._about: dict[str, Touched] = {}
        self._take_functions()
        event.listen(self.engine.sync_engine, "before_cursor_execute", self._before)

    @staticmethod
    def _engine(raw: sqlite3.Connection) -> Any:
        engine = create_async_engine("sqlite+sim://", creator=lambda: raw, poolclass=StaticPool, hide_parameters=True)
        event.listen(engine.sync_engine, "connect", _sqlite_connect)
        event.listen(engine.sync_engine, "begin", _sqlite_begin)
        return engine

    async def incarnation(self, conn: AsyncConnection) -> str:
        self.reads.add(Asked(INCARNATION))
        return self.incarnation_

    # --- the promises of `Database` -------------------------------------------------------------------------------

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        async with self._writer, _connected(self.engine) as plain:
            if _others_run():
                self._committed = self.raw.serialize()
            self._changes, self._locks, self._limited = [], {"shared": set(), "excluded": set()}, False
            if self.single_writer and self.held:
                self._wait("the database")
            conn = await plain.execution_options(sqlite_immediate=True)
            async with conn.begin():
                yield conn
                if self.freezing:
                    raise Frozen(self._frozen())

    @asynccontextmanager
    async def deciding(self) -> AsyncIterator[AsyncConnection]:
        async with self.write() as conn:
            await self.limit(conn)
            yield conn

    async def limit(self, conn: AsyncConnection) -> None:
        self._limited = not self.single_writer

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        if not self._writer.locked():
            async with _connected(self.engine) as conn:
                yield conn
            return
        aside = _connection()  # as it was before the transaction that is open
        aside.deserialize(self._committed or b"")
        async with _connected(self._engine(aside)) as conn:
            yield conn
        aside.close()

    # --- a transaction that freezes ----------------------------------------------------------------------------------

    def _frozen(self) -> Held:
        shared, excluded = frozenset(self._locks["shared"]), frozenset(self._locks["excluded"])
        return Held(tuple(self._changes), shared, excluded, self._limited)

    def thaw(self, held: Held) -> None:
        """The frozen transaction commits: what it had written is there. It locked what it read, so it still fits."""
        self.raw.execute("BEGIN IMMEDIATE")
        for sql, values in held.changes:
            self._note(sql, [values])
            done = self.raw.execute(sql, values)
            if sql.startswith("UPDATE") and done.rowcount != 1:
                raise AssertionError(f"a row that a frozen transaction held has changed: {sql[:80]}")
        self.raw.execute("COMMIT")

    def _before(self, _conn: Any, _cursor: Any, sql: str, values: Any, _context: Any, many: bool) -> tuple[str, Any]:
        written, locked, how = _effect(sql)
        self._note(sql, values if many else [values])
        if written is not None:
            self._changes += [(sql, tuple(row)) for row in (values if many else [values])]
            if written == GRANT and sql.startswith("UPDATE"):
                self._lock("excluded", f"{GRANT}:{values[-1]}")
            elif written not in APPENDED and written not in (GRANT, "inbox"):
                self._lock("excluded", written)
        elif locked == GRANT and how is not None:  # rows and grants by one statement, as on PostgreSQL
            for mandate, *_ in self.raw.execute(sql, values).fetchall():
                self._lock(how, f"grant:{mandate}")
                self._lock(how, f"{GRANT}:{mandate}")
        elif locked is not None and how is not None:
            self._lock(how, locked)
        return sql, values

    def _note(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Which tables a statement changes, and what it asks."""
        about = self._about.get(sql)
        if about is None:
            about = self._about[sql] = touched(self.raw, sql, rows[0])
        self._touched |= about.changed
        for values in rows:
            self.reads |= asked(sql, values, about)

    def _lock(self, how: str, what: str) -> int:
        excluded = {name for held in self.held for name in held.excluded}
        shared = {name for held in self.held for name in held.shared}
        if what in excluded or (how == "excluded" and what in shared):
            self._wait(what)
        self._locks[how].add(what)
        return 1

    def _wait(self, what: str) -> None:
        self.waited = True
        raise WouldWait(what)

    def _take_functions(self) -> None:
        raw = self.raw
        raw.create_function("concat", -1, lambda *parts: "".join(str(p) for p in parts if p is not None))
        raw.create_function("hashtextextended", 2, lambda text, _seed: text)
        raw.create_function("pg_advisory_xact_lock_shared", 1, lambda key: self._lock("shared", key))
        raw.create_function("pg_advisory_xact_lock", 1, lambda key: self._lock("excluded", key))

    # --- its contents as data ----------------------------------------------------------------------------------------

    def contents(self) -> Contents:
        """Every row that anybody reads, by table, in one order."""
        for table in self._touched - APPENDED:
            if table:
                self._loaded[table] = self._rows(table)
        self._touched &= APPENDED
        rows = [(name, rows) for name, rows in sorted(self._loaded.items()) if rows]
        return (*rows, (INCARNATION, ((self.incarnation_,),)))

    def everything(self) -> Contents:
        """The contents, whoever wrote them."""
        self._touched |= set(self.tables())
        return self.contents()

    def load(self, contents: Contents) -> None:
        """Be as it was when it gave these contents."""
        wanted = dict(contents)
        self.incarnation_ = wanted.pop(INCARNATION)[0][0]
        for table in self._touched:
            for (trigger,) in self.raw.execute(_TRIGGERS, (table,)).fetchall() if table in APPENDED else ():
                self.raw.execute(f'DROP TRIGGER "{trigger}"')  # that it may only be added to
            self.raw.execute(f'DELETE FROM "{table}"')
        changed = self._touched - APPENDED
        self._touched = set()
        for table in {*self._loaded, *wanted, *changed}:
            rows = wanted.get(table, ())
            if table in changed or self._loaded.get(table, ()) != rows:
                self.raw.execute(f'DELETE FROM "{table}"')
                if rows:
                    marks = ",".join("?" * len(rows[0]))
                    self.raw.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)
        self._loaded = wanted

    def tables(self) -> list[str]:
        """Names of the tables that are part of its contents."""
        names = self.raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return sorted(n for (n,) in names if n not in APPENDED and not n.startswith("sqlite_"))

    def columns(self, table: str) -> list[str]:
        """Names of a table's columns, in the order of its rows."""
        return [row[1] for row in self.raw.execute(f'PRAGMA table_info("{table}")')]

    def _rows(self, table: str) -> Rows:
        cursor = self.raw.execute(f'SELECT * FROM "{table}"')
        names = [column[0] for column in cursor.description]
        blank = [names.index(name) for name in UNREAD.get(table, ())]
        any_ = [(names.index(name), value) for name, value in ANY.get(table, {}).items()]
        rows = [list(row) for row in cursor.fetchall()]
        for row in rows:
            for i in blank:
                row[i] = row[i] and NOBODY_READS
            for i, value in any_:
                row[i] = value
        return tuple(sorted((tuple(row) for row in rows), key=repr))


@asynccontextmanager
async def _connected(engine: Any) -> AsyncIterator[AsyncConnection]:
    """A connection, closed here and now: SQLAlchemy's own way needs an event loop for it."""
    conn = await engine.connect()
    try:
        yield conn
    finally:
        await conn.close()


def _others_run() -> bool:
    """Whether there is an event loop: then somebody may read while a transaction is open."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
