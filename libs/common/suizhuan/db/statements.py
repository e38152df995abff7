"""Statements that are made once, at import, and carried out many times with other values.

Made once they cost nothing to build, and `suizhuan.db.compose` can join them to one statement whose text is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Delete, Insert, Table, Update
from sqlalchemy.dialects import postgresql, sqlite

Statement = Insert | Update | Delete
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Upsert:
    """Insert a row, or change the one that is there; each database says it in its own words."""

    sqlite: Insert
    postgresql: Insert

    def on(self, dialect: str) -> Insert:
        return self.sqlite if dialect == "sqlite" else self.postgresql


def upsert(table: Table, *keys: str, set_: Sequence[str] | None = None, newer: str | None = None) -> Upsert:
    """A row of `table` by its `keys`; there already: its columns `set_` (default: all others) take the new values, if
    the column `newer` rises by it (then `rowcount` says whether it did)."""
    names = [c.name for c in table.columns if c.name not in keys] if set_ is None else list(set_)
    made: list[Insert] = []
    for insert in (sqlite.insert, postgresql.insert):
        new = insert(table)
        if names:
            changes = {name: new.excluded[name] for name in names}
            when = table.c[newer] < new.excluded[newer] if newer is not None else None
            made.append(new.on_conflict_do_update(index_elements=list(keys), set_=changes, where=when))
        else:
            made.append(new.on_conflict_do_nothing(index_elements=list(keys)))
    return Upsert(*made)


@dataclass(frozen=True, slots=True)
class Write:
    """One change of rows. `decides`: where it changes no row, nothing of its transaction may stay.

    For an insert the keys of `values` are columns; for an update or delete they are the names of its bound
    parameters. The statement must be a constant of its module."""

    statement: Statement | Upsert
    values: Values
    decides: bool = False

    def on(self, dialect: str) -> Statement:
        return self.statement.on(dialect) if isinstance(self.statement, Upsert) else self.statement


def column_of(statement: Insert, name: str) -> Column[Any]:
    """The column of an insert's table."""
    table = statement.table
    if not isinstance(table, Table):
        raise TypeError("an insert goes into a table")
    column: Column[Any] = table.c[name]
    return column
