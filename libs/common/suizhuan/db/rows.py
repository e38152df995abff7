"""Rows given to a statement of PostgreSQL: a few spelled out as VALUES, many as one array a column.

PostgreSQL takes a VALUES list apart when it plans, and the plan is kept; arrays it takes apart each time (measured: the
last statement of a command takes 0.29 ms instead of 0.41). But each length of a VALUES list is a statement of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, BindParameter, bindparam
from sqlalchemy.types import TypeEngine

FEW = 4


def size(count: int) -> int | None:
    """How many rows are spelled out; None: they come as arrays."""
    return count if 1 <= count <= FEW else None


@dataclass(frozen=True)
class Rows:
    """A place for rows in a statement, `AS alias(column, …, ord)`; `ord` counts them from 1.

    `columns` are their types as PostgreSQL and as SQLAlchemy name them."""

    alias: str
    columns: Mapping[str, tuple[str, TypeEngine[Any]]]

    def source(self, spelled: int | None) -> str:
        """What stands in FROM."""
        names = ", ".join([*self.columns, "ord"])
        if spelled is None:
            arrays = ", ".join(f":{self.alias}_{name}" for name in self.columns)
            return f"unnest({arrays}) WITH ORDINALITY AS {self.alias}({names})"
        types = [kind for kind, _ in self.columns.values()]
        rows = [
            ", ".join(
                [
                    *(
                        f"CAST(:{self._name(name, row)} AS {kind})"
                        for name, kind in zip(self.columns, types, strict=True)
                    ),
                    str(row + 1),
                ]
            )
            for row in range(spelled)
        ]
        return f"(VALUES {', '.join(f'({row})' for row in rows)}) AS {self.alias}({names})"

    def binds(self, spelled: int | None) -> list[BindParameter[Any]]:
        """The types of its parameters."""
        if spelled is None:
            return [bindparam(f"{self.alias}_{name}", type_=ARRAY(type_)) for name, (_, type_) in self.columns.items()]
        return [
            bindparam(self._name(name, row), type_=type_)
            for row in range(spelled)
            for name, (_, type_) in self.columns.items()
        ]

    def values(self, rows: Sequence[Sequence[Any]], spelled: int | None) -> dict[str, Any]:
        """The parameters; each of `rows` has a value for each column, in their order."""
        if spelled is None:
            columns = zip(*rows, strict=True) if rows else [() for _ in self.columns]
            return {f"{self.alias}_{name}": list(column) for name, column in zip(self.columns, columns, strict=True)}
        return {
            self._name(name, number): value
            for number, row in enumerate(rows)
            for name, value in zip(self.columns, row, strict=True)
        }

    def _name(self, column: str, row: int) -> str:
        return f"{self.alias}_{column}_{row}"
