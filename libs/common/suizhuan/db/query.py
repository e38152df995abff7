"""A select that is made once, at import, and compiled once, by SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db import driver
from suizhuan.db.compose import DIALECT, Composed, composed

Row = Sequence[Any]
Read = tuple[int, Callable[[Any], Any]]  # which column, and what makes our value of the driver's


class Query:
    """A constant of its module. On PostgreSQL the driver carries it out, without SQLAlchemy's way from statement to
    row; the rows are the same on either database: values in the order of the columns."""

    def __init__(self, select: Select[Any], *, sqlite: Select[Any] | None = None) -> None:
        """`sqlite`: how it is asked there, with the same values and columns, where that is not the same."""
        self.select = select
        self.sqlite = select if sqlite is None else sqlite

    async def all(self, conn: AsyncConnection, **values: Any) -> Sequence[Row]:
        """Every row."""
        if conn.dialect.name == "sqlite":
            found: Sequence[Row] = (await conn.execute(self.sqlite, values)).all()
            return found
        rows = await driver.fetch(conn, self._composed.sql, *self._composed.parameters((values,)))
        return [self._read(row) for row in rows] if self._reads else rows

    async def first(self, conn: AsyncConnection, **values: Any) -> Row | None:
        """The first row, if there is any."""
        rows = await self.all(conn, **values)
        return rows[0] if rows else None

    @cached_property
    def _composed(self) -> Composed:
        return composed(self.select)

    @cached_property
    def _reads(self) -> list[Read]:
        made = (
            column.type.dialect_impl(DIALECT).result_processor(DIALECT, None) for column in self.select.selected_columns
        )
        return [(number, process) for number, process in enumerate(made) if process is not None]

    def _read(self, row: Row) -> Row:
        values = list(row)
        for number, process in self._reads:
            values[number] = process(values[number])
        return values
