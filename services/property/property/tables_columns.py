"""What the tables of property are made of, and the MetaData on which they stand."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Date, MetaData, Table, Text
from sqlmodel import Field, SQLModel

from suizhuan.db.types import BigInt, Json, UtcDateTime

PREFIX = {"area": "text_pattern_ops"}  # areas are asked for by their prefix


class Base(SQLModel):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()


def a_json() -> Any:
    return Field(default=None, sa_column=Column(Json, nullable=False))


def a_moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable))


def a_day(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Date, nullable=nullable))


def a_number(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(BigInt, nullable=nullable))


def a_key() -> Any:
    return Field(sa_column=Column(Text, primary_key=True))


def a_text(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Text, nullable=nullable))


def table(row: type[SQLModel]) -> Table:
    """The table of a row's class."""
    found: Table = row.__table__  # type: ignore[attr-defined]
    return found
