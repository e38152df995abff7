"""What the tables of population are made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, MetaData, Table, Text
from sqlmodel import Field, SQLModel

from suizhuan.db.types import BigInt, Json, UtcDateTime

# Ordered by bytes, as SQLite does: then an index gives a list of one prefix in its order, a page at a time.
CODE = Text().with_variant(Text(collation="C"), "postgresql")


class Base(SQLModel):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()


def json_column() -> Any:
    return Field(default=None, sa_column=Column(Json, nullable=False))


def moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable))


def whole(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(BigInt, nullable=nullable))


def words(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Text, nullable=nullable))


def place_code(*, primary: bool = False) -> Any:
    return Field(default=None, sa_column=Column(CODE, nullable=False, primary_key=primary))


def table_of(row: type[SQLModel]) -> Table:
    found: Table = row.__table__  # type: ignore[attr-defined]
    return found
