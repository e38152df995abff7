"""What every table of volunteers is made of: a MetaData of their own, and the types of columns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, MetaData, Table
from sqlmodel import Field, SQLModel

from suizhuan.db.types import BigInt, Json, UtcDateTime


class Base(SQLModel):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()


def a_json() -> Any:
    return Field(default=None, sa_column=Column(Json, nullable=False))


def a_moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable))


def a_number(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(BigInt, nullable=nullable))


def table(row: type[SQLModel]) -> Table:
    found: Table = row.__table__  # type: ignore[attr-defined]
    return found
