"""Many rows in one statement on PostgreSQL: each column an array, unnested there.

An `executemany` makes PostgreSQL take each row by itself, and SQLAlchemy build its parameters; that is most of what a
projection costs. The rows of one call name the same columns and differ in their keys; text in a column of JSON is JSON
as it stands. Not for SQLite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db import driver

Row = Mapping[str, Any]
_POSTGRES: Any = postgresql.dialect()  # type: ignore[no-untyped-call]


async def insert_all(
    conn: AsyncConnection, table: Table, rows: Sequence[Row], *, keys: Sequence[str], replace: str | None = None
) -> None:
    """Add these rows; one that is there stays. `replace`: the SQL condition (over `old` and `excluded`) under which it
    takes the new values. In the order given, which is to be the same for everybody."""
    if rows:
        names = tuple(rows[0])
        await driver.fetch(conn, _insert(table, names, tuple(keys), replace), *_columns(table, names, rows))


async def update_all(conn: AsyncConnection, table: Table, rows: Sequence[Row], *, key: str, version: str) -> None:
    """Change the rows that are there and have a lower version."""
    if rows:
        names = tuple(rows[0])
        await driver.fetch(conn, _update(table, names, key, version), *_columns(table, names, rows))


async def add_up(conn: AsyncConnection, table: Table, rows: Sequence[Row], *, keys: Sequence[str], amount: str) -> None:
    """Add to the amount of the rows that are there; the others begin with it."""
    if rows:
        names = tuple(rows[0])
        await driver.fetch(conn, _sum(table, names, tuple(keys), amount), *_columns(table, names, rows))


def _columns(table: Table, names: Sequence[str], rows: Sequence[Row]) -> list[list[Any]]:
    found = []
    for name in names:
        values = [row[name] for row in rows]
        if _is_json(table, name):
            values = [v if isinstance(v, str) else json.dumps(v) for v in values]
        found.append(values)
    return found


def _is_json(table: Table, name: str) -> bool:
    return isinstance(table.c[name].type, JSON)


@lru_cache(maxsize=256)
def _insert(table: Table, names: tuple[str, ...], keys: tuple[str, ...], replace: str | None) -> str:
    known = ", ".join(f'"{name}"' for name in keys)
    sets = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    then = f"UPDATE SET {sets} WHERE {replace}" if replace else "NOTHING"
    return f"{_into(table, names)} ON CONFLICT ({known}) DO {then}"


@lru_cache(maxsize=256)
def _sum(table: Table, names: tuple[str, ...], keys: tuple[str, ...], amount: str) -> str:
    known = ", ".join(f'"{name}"' for name in keys)
    return (
        f'{_into(table, names)} ON CONFLICT ({known}) DO UPDATE SET "{amount}" = old."{amount}" + excluded."{amount}"'
    )


@lru_cache(maxsize=256)
def _update(table: Table, names: tuple[str, ...], key: str, version: str) -> str:
    sets = ", ".join(f'"{name}" = {_value(table, name)}' for name in names if name != key)
    return (
        f'UPDATE "{table.name}" AS old SET {sets} FROM {_unnested(table, names)}'  # noqa: S608  (names of our tables)
        f' WHERE old."{key}" = v."{key}" AND old."{version}" < v."{version}"'
    )


def _into(table: Table, names: tuple[str, ...]) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(_value(table, name) for name in names)
    return f'INSERT INTO "{table.name}" AS old ({columns}) SELECT {values} FROM {_unnested(table, names)}'  # noqa: S608


def _value(table: Table, name: str) -> str:
    return f'v."{name}"::jsonb' if _is_json(table, name) else f'v."{name}"'


def _unnested(table: Table, names: tuple[str, ...]) -> str:
    arrays = ", ".join(f"${place}::{_type(table, name)}[]" for place, name in enumerate(names, 1))
    columns = ", ".join(f'"{name}"' for name in names)
    return f"unnest({arrays}) AS v({columns})"


def _type(table: Table, name: str) -> str:
    if _is_json(table, name):
        return "text"
    # A collation is of the column, not of what is put into it.
    kind: str = table.c[name].type.compile(dialect=_POSTGRES)
    return kind.partition(" COLLATE ")[0]
