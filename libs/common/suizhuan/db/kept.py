"""Connections that are opened once and handed from command to command.

An engine's pool checks each connection out, wraps it, and resets it when it comes back: for a command, which has no
transaction of SQLAlchemy's and leaves nothing behind, that would take longer than its statements.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from suizhuan.db import driver
from suizhuan.kernel.refusal import Refusal

WAIT_S = 10.0  # for a connection, when all are in use


class Kept:
    """At most `size` connections of an engine in autocommit; the one given back last is lent first."""

    def __init__(self, engine: AsyncEngine, size: int) -> None:
        self._engine = engine
        self._free: list[AsyncConnection] = []
        self._places = asyncio.Semaphore(size)
        self._closed = False

    def lent(self) -> Loan:
        """A connection for as long as a block lasts. Errors: `unavailable` when none comes free in time."""
        return Loan(self)

    async def take(self) -> AsyncConnection:
        """See `lent`, which gives it back."""
        await self._place()
        try:
            while self._free:
                conn = self._free.pop()
                if driver.alive(conn):
                    return conn
                await _forget(conn)
            return await self._engine.connect()
        except BaseException:
            self._places.release()
            raise

    async def give(self, conn: AsyncConnection, *, sound: bool) -> None:
        """Keep it for the next command, unless it is broken or nobody knows what is still going on there."""
        try:
            if not sound or self._closed or conn.invalidated:
                await _forget(conn)
                return
            if conn.in_transaction():  # SQLAlchemy's own notion of one; in autocommit the database knows of none
                await conn.rollback()
            self._free.append(conn)
        finally:
            self._places.release()

    async def close(self) -> None:
        """Those in use are closed when they are given back."""
        self._closed = True
        while self._free:
            await self._free.pop().close()

    async def _place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()  # does not wait
            return
        try:
            async with asyncio.timeout(WAIT_S):
                await self._places.acquire()
        except TimeoutError as error:
            raise Refusal("unavailable", reason="database busy", retry_after=1) from error


class Loan:
    """`async with` a kept connection."""

    __slots__ = ("_conn", "_kept")

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    async def __aenter__(self) -> AsyncConnection:
        self._conn = await self._kept.take()
        return self._conn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Who was cancelled may have left a statement under way.
        await self._kept.give(self._conn, sound=kind is None or issubclass(kind, Exception))


async def _forget(conn: AsyncConnection) -> None:
    if not conn.invalidated:
        await conn.invalidate()
    await conn.close()
