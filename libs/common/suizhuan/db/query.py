"""A statement that gives rows, made once, at import, and compiled once, by SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import TypedReturnsRows

from suizhuan.db import driver
from suizhuan.db.compose import DIALECT, Composed, composed

Row = Sequence[Any]
Read = tuple[int, Callable[[Any], Any]]  # which column, and what makes our value of the driver's


class Query:
    """A constant of its module. On PostgreSQL the driver carries it out, without SQLAlchemy's way from statement to
    row; the rows are the same on either database: values in the order of the columns."""

    def __init__(self, statement: TypedReturnsRows[Any], *, sqlite: TypedReturnsRows[Any] | None = None) -> None:
        """A select, or a change that returns rows. `sqlite`: how it is asked there, with the same values and columns,
        where that is not the same."""
        self.statement = statement
        self.sqlite = statement if sqlite is None else sqlite

    async def all(self, conn: AsyncConnection, **values: Any) -> Sequence[Row]:
        """Every row."""
        if conn.dialect.name == "sqlite":
            found: Sequence[Row] = (await conn.execute(self.sqlite, values)).all()
            return found
        rows = await driver.fetch(conn, self._composed.sql, *self._composed.parameters((values,)))
        return [self._read(row) for row in rows] if self._reads else rows

    async def value(self, conn: AsyncConnection, **values: Any) -> Any:
        """The first column of the first row; None where there is no row."""
        row = await self.first(conn, **values)
        return row[0] if row is not None else None

    async def first(self, conn: AsyncConnection, **values: Any) -> Row | None:
        """The first row, if there is any."""
        rows = await self.all(conn, **values)
        return rows[0] if rows else None

    @cached_property
    def _composed(self) -> Composed:
        return composed(self.statement)

    @cached_property
    def _reads(self) -> list[Read]:
        types = (column.type.dialect_impl(DIALECT) for column in self.statement.exported_columns)
        made = (type_.result_processor(DIALECT, None) for type_ in types)
        return [(number, process) for number, process in enumerate(made) if process is not None]

    def _read(self, row: Row) -> Row:
        values = list(row)
        for number, process in self._reads:
            values[number] = process(values[number])
        return values
