"""The tables of imports, of counts, and of what is heard of mandates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, text
from sqlmodel import Field

from population.tables_base import Base
from suizhuan.db.columns import a_code, a_json, a_moment, a_number, a_text

RUNNING = text("ended_at IS NULL")


class JobRow(Base, table=True):
    """An import, and how far it is."""

    __tablename__ = "import_job"
    __table_args__ = (
        Index("import_job_by_area", "area", "id"),
        Index("import_job_running", "begun_at", postgresql_where=RUNNING, sqlite_where=RUNNING),
    )
    id: str = Field(primary_key=True)
    area: str = a_code()
    org: str
    format: str
    state: str
    size: int = a_number()
    read: int = a_number()
    total: int | None = a_number(nullable=True)
    added: int = a_number()
    updated: int = a_number()
    unchanged: int = a_number()
    refused: int = a_number()
    buildings: int = a_number()
    dwellings: int = a_number()
    households: int = a_number()
    grids: Any = a_json()
    begun_at: datetime = a_moment()
    ended_at: datetime | None = a_moment(nullable=True)
    reason: str | None = a_text(nullable=True)
    version: int = a_number()


class ImportFileRow(Base, table=True):
    """A file that is being imported: personal data, kept until the job has ended."""

    __tablename__ = "import_file"
    job: str = Field(primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class ImportErrorRow(Base, table=True):
    """A row that was refused, as it came: personal data, kept for as long as the profile says."""

    __tablename__ = "import_error"
    job: str = Field(primary_key=True)
    line: int = a_number(primary=True)
    cells: Any = a_json()
    errors: Any = a_json()


class CountRow(Base, table=True):
    """How many people live in a grid, as counted last."""

    __tablename__ = "grid_count"
    grid: str = a_code(primary=True)
    people: int = a_number()
    households: int = a_number()
    by_registration: Any = a_json()
    version: int = a_number()
    counted_at: datetime = a_moment()


class FreshRow(Base, table=True):
    """When somebody last recorded something in a grid."""

    __tablename__ = "grid_fresh"
    grid: str = a_code(primary=True)
    refreshed_at: datetime = a_moment()


class MandateRow(Base, table=True):
    """Our copy of which mandates for our affairs are in force, with how much money and how many staff."""

    __tablename__ = "mandate_heard"
    mandate: str = Field(primary_key=True)
    affair: str
    area: str = a_code()
    holder: str
    staff_count: int = a_number()
    amount_fen: int = a_number()
    state: str
    sequence: int = a_number()
