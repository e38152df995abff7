"""The tables of population, on a MetaData of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, MetaData, Text, UniqueConstraint, text
from sqlmodel import Field

from population.tables_base import Base
from population.tables_imports import CountRow, FreshRow, ImportErrorRow, ImportFileRow, JobRow, MandateRow
from suizhuan.db.columns import a_code, a_json, a_moment, a_number, a_text, table_of

ANNOUNCED = text("state = 'announced'")


class AreaRow(Base, table=True):
    """An area that is in use, or was: then `now` stands for it."""

    __tablename__ = "area"
    code: str = a_code(primary=True)
    name_zh: str
    name_en: str
    kind: str
    version: int = a_number()
    synthetic: bool
    now: str | None = a_text(nullable=True)


class RekeyingRow(Base, table=True):
    """A re-keying of areas, from its announcement on. One at a time: each is judged on what the last has left."""

    __tablename__ = "rekeying"
    __table_args__ = (
        Index("rekeying_one_announced", "state", unique=True, postgresql_where=ANNOUNCED, sqlite_where=ANNOUNCED),
    )
    id: str = Field(primary_key=True)
    within: str
    moves: Any = a_json()
    areas: Any = a_json()
    state: str
    version: int = a_number()
    announced_at: datetime = a_moment()
    done_at: datetime | None = a_moment(nullable=True)


class BuildingRow(Base, table=True):
    """A building in its grid."""

    __tablename__ = "building"
    __table_args__ = (UniqueConstraint("grid", "name"), Index("building_by_grid", "grid", "id"))
    id: str = Field(primary_key=True)
    grid: str = a_code()
    name: str
    floors: int | None = a_number(nullable=True)
    version: int = a_number()
    refreshed_at: datetime = a_moment()


class DwellingRow(Base, table=True):
    """A dwelling in its building. A house of one dwelling has neither unit nor room."""

    __tablename__ = "dwelling"
    __table_args__ = (UniqueConstraint("building", "unit", "room"),)
    id: str = Field(primary_key=True)
    building: str
    grid: str = a_code()
    unit: str
    room: str


class HouseholdRow(Base, table=True):
    """A household in its grid."""

    __tablename__ = "household"
    __table_args__ = (
        UniqueConstraint("grid", "number"),
        Index("household_by_grid", "grid", "id"),
        Index("household_by_head", "head"),
    )
    id: str = Field(primary_key=True)
    grid: str = a_code()
    number: str
    dwelling: str | None = a_text(nullable=True)
    head: str | None = a_text(nullable=True)
    version: int = a_number()


class PersonRow(Base, table=True):
    """A person, coarsely, with the masks that a list shows. What identifies him stands beside, in `person_private`."""

    __tablename__ = "person"
    __table_args__ = (
        Index("person_by_grid", "grid", "id"),
        Index("person_by_registration", "registration", "grid", "id"),
        Index("person_by_building", "building", "id"),
        Index("person_by_household", "household", "id"),
        Index(
            "person_gone",
            "grid",
            "id",
            postgresql_where=text("state <> 'present'"),
            sqlite_where=text("state <> 'present'"),
        ),
    )
    id: str = Field(primary_key=True)
    grid: str = a_code()
    building: str | None = a_text(nullable=True)
    dwelling: str | None = a_text(nullable=True)
    household: str | None = a_text(nullable=True)
    sex: str
    birth_from: int = a_number()
    registration: str
    state: str
    shown_name: str
    shown_id: str
    version: int = a_number()
    changed_at: datetime = a_moment()
    departed_at: datetime | None = a_moment(nullable=True)
    lost: bool


class PrivateRow(Base, table=True):
    """What identifies people: stays in this database, read only under a power and for a purpose, never in events or
    logs. `id_hash` finds an ID again: a keyed hash (HMAC-SHA-256), since the 18 digits of an ID are few enough that a
    plain hash could be tried through in minutes by whoever gets hold of the table."""

    __tablename__ = "person_private"
    person: str = Field(primary_key=True)
    id_hash: str | None = Field(default=None, sa_column=Column(Text, nullable=True, unique=True))
    name: str | None = a_text(nullable=True)
    id_number: str | None = a_text(nullable=True)
    birth_date: str | None = a_text(nullable=True)
    phone: str | None = a_text(nullable=True)
    details: Any = a_json()


class ReadRow(Base, table=True):
    """Who read what of a person, for which purpose: the person sees it."""

    __tablename__ = "person_read"
    person: str = Field(primary_key=True)
    version: int = a_number(primary=True)
    at: datetime = a_moment()
    org: str
    power: str
    purpose: str
    fields: Any = a_json()


class LinkRow(Base, table=True):
    """Whose account somebody is."""

    __tablename__ = "subject_link"
    subject: str = Field(primary_key=True)
    person: str = Field(sa_column=Column(Text, nullable=False, unique=True))


OPEN = text("state = 'open'")
STANDING = text("state <> 'cancelled'")
ASKED = text("state = 'asked'")


class FileRow(Base, table=True):
    """A classified file. What it says of its person stands beside."""

    __tablename__ = "classified_file"
    __table_args__ = (
        Index("file_open_once", "person", "kind", unique=True, postgresql_where=OPEN, sqlite_where=OPEN),
        Index("file_by_grid", "grid", "id"),
        Index("file_open_by_due", "due_at", postgresql_where=OPEN, sqlite_where=OPEN),
    )
    id: str = Field(primary_key=True)
    person: str
    kind: str
    grid: str = a_code()
    state: str
    officer: str | None = a_text(nullable=True)
    interval_days: int = a_number()
    opened_at: datetime = a_moment()
    due_at: datetime = a_moment()
    visited_at: datetime | None = a_moment(nullable=True)
    reminded: int = a_number()
    version: int = a_number()
    ending: str | None = a_text(nullable=True)


class FilePrivateRow(Base, table=True):
    """What a file says of its person: sensitive (PIPL 28)."""

    __tablename__ = "file_private"
    file: str = Field(primary_key=True)
    attributes: Any = a_json()


class VisitRow(Base, table=True):
    """A visit, by the file's version."""

    __tablename__ = "file_visit"
    file: str = Field(primary_key=True)
    version: int = a_number(primary=True)
    at: datetime = a_moment()
    org: str
    visitor: str
    outcome: str


class PermitRow(Base, table=True):
    """A residence permit, from its application on."""

    __tablename__ = "permit"
    __table_args__ = (
        Index("permit_standing_once", "person", unique=True, postgresql_where=STANDING, sqlite_where=STANDING),
        Index("permit_by_grid", "grid", "id"),
    )
    id: str = Field(primary_key=True)
    person: str
    grid: str = a_code()
    ground: str
    lived_since: str
    state: str
    applied_at: datetime = a_moment()
    due_at: datetime = a_moment()
    valid_until: datetime | None = a_moment(nullable=True)
    version: int = a_number()


class CorrectionRow(Base, table=True):
    """A request to put a field right."""

    __tablename__ = "correction"
    __table_args__ = (
        Index("correction_by_grid", "grid", "id"),
        Index("correction_by_person", "person"),
        Index("correction_asked_by_due", "due_at", postgresql_where=ASKED, sqlite_where=ASKED),
    )
    id: str = Field(primary_key=True)
    person: str
    grid: str = a_code()
    field: str
    state: str
    asked_at: datetime = a_moment()
    due_at: datetime = a_moment()
    version: int = a_number()


class CorrectionPrivateRow(Base, table=True):
    """What is to stand there instead, until it is decided; and what the person was answered."""

    __tablename__ = "correction_private"
    correction: str = Field(primary_key=True)
    value: str | None = a_text(nullable=True)
    answer: str | None = a_text(nullable=True)


own: MetaData = Base.metadata
area = table_of(AreaRow)
rekeying = table_of(RekeyingRow)
building = table_of(BuildingRow)
dwelling = table_of(DwellingRow)
household = table_of(HouseholdRow)
person = table_of(PersonRow)
private = table_of(PrivateRow)
reads = table_of(ReadRow)
link = table_of(LinkRow)
file = table_of(FileRow)
file_private = table_of(FilePrivateRow)
visit = table_of(VisitRow)
permit = table_of(PermitRow)
correction = table_of(CorrectionRow)
correction_private = table_of(CorrectionPrivateRow)
job = table_of(JobRow)
import_file = table_of(ImportFileRow)
import_error = table_of(ImportErrorRow)
count = table_of(CountRow)
fresh = table_of(FreshRow)
mandate = table_of(MandateRow)

# Every column that holds a code of an area and follows when that gets another one. The register of areas itself keeps
# the old code beside the new.
PLACED = tuple(
    column for table in own.sorted_tables for column in table.columns if column.name in ("grid", "grids", "area")
)
