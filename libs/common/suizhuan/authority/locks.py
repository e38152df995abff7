"""Locks on grants, held until the transaction ends. Acts share them; the consumer of the authority log excludes.

Source: authority.md §2. They stand beside the row locks: with `FOR SHARE` alone the consumer of the authority log
would starve behind acts that overlap. SQLite has one writer, so there a transaction is the lock.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ARRAY, CTE, ColumnElement, Select, Text, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection


async def share(conn: AsyncConnection, mandates: Iterable[str] | Select[tuple[str | None]]) -> None:
    """No record of the authority log changes these grants before this transaction ends.

    A query may name them, so that finding and locking are one statement; NULL locks nothing."""
    await _take(conn, mandates, func.pg_advisory_xact_lock_shared)


async def exclude(conn: AsyncConnection, mandates: Iterable[str]) -> None:
    """Wait until no act is under way under these grants, and keep new ones out."""
    await _take(conn, mandates, func.pg_advisory_xact_lock)


def sharing(mandates: Select[tuple[str | None]]) -> CTE:
    """The same as a part of a larger statement on PostgreSQL, carried out before whatever counts its rows."""
    named = mandates.subquery()
    lock = func.pg_advisory_xact_lock_shared(_key(named.c[0]))
    return select(lock.label("taken")).where(named.c[0].is_not(None)).cte("sharing").prefix_with("MATERIALIZED")


async def _take(conn: AsyncConnection, mandates: Iterable[str] | Select[tuple[str | None]], lock: object) -> None:
    if conn.dialect.name == "sqlite":
        return
    if isinstance(mandates, Select):
        named = mandates.subquery()
        column = named.c[0]
        await conn.execute(select(lock(_key(column))).where(column.is_not(None)))  # type: ignore[operator]
        return
    wanted = sorted(set(mandates))  # in one order everywhere, so that nobody waits in a circle
    if wanted:
        listed = func.unnest(bindparam("mandates", wanted, type_=ARRAY(Text))).table_valued("mandate").render_derived()
        ordered = select(listed.c.mandate).order_by(listed.c.mandate).subquery()
        await conn.execute(select(lock(_key(ordered.c.mandate))))  # type: ignore[operator]


def _key(mandate: str | ColumnElement[str | None]) -> ColumnElement[int]:
    return func.hashtextextended(func.concat("grant:", mandate), 0)
