"""The columns of a service's tables: what a field of a row stands in, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Date, Table, Text
from sqlalchemy.ext.declarative import DeferredReflection
from sqlmodel import Field, SQLModel

from suizhuan.db.types import BigInt, Code, Json, UtcDateTime


class Row(DeferredReflection, SQLModel):
    """What every table stands on. Rows are written and read by statements: nothing validates one, and nobody asks an
    ORM's session for it, so neither is built when a service starts (`DeferredReflection` has a mapper made by `prepare`
    only; all columns are declared, so the table is there)."""

    model_config = {"defer_build": True}


def a_json(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Json, nullable=nullable))


def a_moment(*, nullable: bool = False) -> Any:
    """An aware moment."""
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable))


def a_day(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Date, nullable=nullable))


def a_number(*, nullable: bool = False, primary: bool = False) -> Any:
    """A whole number of 64 bits: fen, versions, offsets. As a key it is given, never counted up by the database."""
    return Field(default=None, sa_column=Column(BigInt, nullable=nullable, primary_key=primary, autoincrement=False))


def a_text(*, nullable: bool = False, primary: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Text, nullable=nullable, primary_key=primary))


def a_code(*, primary: bool = False) -> Any:
    """A code that is asked for by its prefix, in its order."""
    return Field(default=None, sa_column=Column(Code, nullable=False, primary_key=primary))


def table_of(row: type[SQLModel]) -> Table:
    """The table of a row's class."""
    found: Table = row.__table__  # type: ignore[attr-defined]
    return found
