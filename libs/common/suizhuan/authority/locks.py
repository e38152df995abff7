"""Locks on grants, held until the transaction ends. Acts share them; the consumer of the authority log excludes.

Source: authority.md §2. They stand beside the row locks: with `FOR SHARE` alone the consumer of the authority log
would starve behind acts that overlap. SQLite has one writer, so there a transaction is the lock (but for a dialect of
it that says it has `grant_locks`: the simulation's).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Text, bindparam, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection


async def share(conn: AsyncConnection, mandates: Iterable[str] | Select[tuple[str | None]]) -> None:
    """No record of the authority log changes these grants before this transaction ends.

    A query may name them, so that finding and locking are one statement; NULL locks nothing."""
    await _take(conn, mandates, func.pg_advisory_xact_lock_shared)


async def exclude(conn: AsyncConnection, mandates: Iterable[str]) -> None:
    """Wait until no act is under way under these grants, and keep new ones out."""
    await _take(conn, mandates, func.pg_advisory_xact_lock)


def shared(mandates: Select[Any]) -> ColumnElement[bool]:
    """`share` as a condition of a larger statement on PostgreSQL: it holds once the locks are there.

    A statement that also locks the rows (FOR SHARE, FOR UPDATE) sees them as they are after the wait."""
    return _condition(mandates, func.pg_advisory_xact_lock_shared)


def excluded(mandates: Select[Any]) -> ColumnElement[bool]:
    """`exclude` as such a condition."""
    return _condition(mandates, func.pg_advisory_xact_lock)


def _condition(mandates: Select[Any], lock: Any) -> ColumnElement[bool]:
    named = mandates.order_by(mandates.selected_columns[0]).subquery()
    taken = select(lock(_key(named.c[0])).label("taken")).where(named.c[0].is_not(None))
    all_ = taken.cte("taken").prefix_with("MATERIALIZED")
    return select(func.count()).select_from(all_).scalar_subquery() >= 0


async def _take(conn: AsyncConnection, mandates: Iterable[str] | Select[tuple[str | None]], lock: object) -> None:
    if conn.dialect.name == "sqlite" and not getattr(conn.dialect, "grant_locks", False):
        return
    if isinstance(mandates, Select):
        named = mandates.subquery()
        column = named.c[0]
        await conn.execute(select(lock(_key(column))).where(column.is_not(None)))  # type: ignore[operator]
        return
    wanted = sorted(set(mandates))  # in one order everywhere, so that nobody waits in a circle
    if conn.dialect.name == "sqlite":
        for mandate in wanted:
            await conn.execute(select(lock(_key(literal(mandate)))))  # type: ignore[operator]
    elif wanted:
        listed = func.unnest(bindparam("mandates", wanted, type_=ARRAY(Text))).table_valued("mandate").render_derived()
        ordered = select(listed.c.mandate).order_by(listed.c.mandate).subquery()
        await conn.execute(select(lock(_key(ordered.c.mandate))))  # type: ignore[operator]


def _key(mandate: str | ColumnElement[str | None]) -> ColumnElement[int]:
    return func.hashtextextended(func.concat("grant:", mandate), 0)
