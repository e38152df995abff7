"""asyncpg itself, under SQLAlchemy's connection: for the few statements that thousands of events a second pass through.

The connection, its pool and its transaction stay SQLAlchemy's; values and rows are the driver's. Errors are told in
SQLAlchemy's words, so that who handles them needs to know one kind only.
"""

from __future__ import annotations

from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection


async def fetch(conn: AsyncConnection, sql: str, *values: object) -> list[Any]:
    """Rows of a statement with `$n` placeholders, in the transaction of the connection. Errors: DBAPIError,
    IntegrityError."""
    driver = _of(conn)
    try:
        await _begin(conn, driver)
        rows: list[Any] = await driver.fetch(sql, *values)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(None, None, error) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        # The last of asyncpg's: the server ended the session while it was idle, and its farewell is not read yet.
        lost = driver.is_closed() or isinstance(error, asyncpg.InternalClientError)
        if lost:
            await conn.invalidate(error)
        raise DBAPIError(None, None, error, connection_invalidated=lost) from error
    return rows


async def _begin(conn: AsyncConnection, driver: Any) -> None:
    """SQLAlchemy's adapter begins a transaction with its own first statement: where ours is the first, we do."""
    adapter: Any = conn.sync_connection.connection.dbapi_connection  # type: ignore[union-attr]  # `_of` has looked
    if adapter._transaction is None and not adapter.autocommit:
        transaction = driver.transaction(isolation=adapter.isolation_level)
        await transaction.start()
        adapter._transaction = transaction  # it is the adapter's from here on: to commit, and to roll back


def alive(conn: AsyncConnection) -> bool:
    """Whether an open connection still stands, as far as is known here."""
    return not conn.invalidated and not _of(conn).is_closed()


def _of(conn: AsyncConnection) -> Any:
    plain = conn.sync_connection
    if plain is None:
        raise TypeError("a connection that was never opened")
    return plain.connection.driver_connection
