"""The tables of imports, of counts, and of what is heard of mandates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, text
from sqlmodel import Field

from population.columns_of import Base, json_column, moment, place_code, whole, words
from suizhuan.db.types import BigInt

RUNNING = text("ended_at IS NULL")


class JobRow(Base, table=True):
    """An import, and how far it is."""

    __tablename__ = "import_job"
    __table_args__ = (
        Index("import_job_by_area", "area", "id"),
        Index("import_job_running", "begun_at", postgresql_where=RUNNING, sqlite_where=RUNNING),
    )
    id: str = Field(primary_key=True)
    area: str = place_code()
    org: str
    format: str
    state: str
    size: int = whole()
    read: int = whole()
    total: int | None = whole(nullable=True)
    added: int = whole()
    updated: int = whole()
    unchanged: int = whole()
    refused: int = whole()
    buildings: int = whole()
    dwellings: int = whole()
    households: int = whole()
    grids: Any = json_column()
    begun_at: datetime = moment()
    ended_at: datetime | None = moment(nullable=True)
    reason: str | None = words(nullable=True)
    version: int = whole()


class ImportFileRow(Base, table=True):
    """A file that is being imported: personal data, kept until the job has ended."""

    __tablename__ = "import_file"
    job: str = Field(primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ImportErrorRow(Base, table=True):
    """A row that was refused, as it came: personal data, kept for as long as the profile says."""

    __tablename__ = "import_error"
    job: str = Field(primary_key=True)
    line: int = Field(sa_column=Column(BigInt, primary_key=True, autoincrement=False))
    cells: Any = json_column()
    errors: Any = json_column()


class CountRow(Base, table=True):
    """How many people live in a grid, as counted last."""

    __tablename__ = "grid_count"
    grid: str = place_code(primary=True)
    people: int = whole()
    households: int = whole()
    by_registration: Any = json_column()
    version: int = whole()
    counted_at: datetime = moment()


class FreshRow(Base, table=True):
    """When somebody last recorded something in a grid."""

    __tablename__ = "grid_fresh"
    grid: str = place_code(primary=True)
    refreshed_at: datetime = moment()


class MandateRow(Base, table=True):
    """Our copy of which mandates for our affairs are in force, with how much money and how many staff."""

    __tablename__ = "mandate_heard"
    mandate: str = Field(primary_key=True)
    affair: str
    area: str = place_code()
    holder: str
    staff_count: int = whole()
    amount_fen: int = whole()
    state: str
    sequence: int = whole()
