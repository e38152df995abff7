"""The tables of population, on a MetaData of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, LargeBinary, MetaData, Table, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from suizhuan.db.types import BigInt, Json, UtcDateTime

# Ordered by bytes, as SQLite does: then an index gives a list of one prefix in its order, a page at a time.
CODE = Text().with_variant(Text(collation="C"), "postgresql")


class Base(SQLModel):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()


def _json() -> Any:
    return Field(default=None, sa_column=Column(Json, nullable=False))


def _moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable))


def _number(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(BigInt, nullable=nullable))


def _text(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Text, nullable=nullable))


def _code(*, primary: bool = False) -> Any:
    return Field(default=None, sa_column=Column(CODE, nullable=False, primary_key=primary))


class AreaRow(Base, table=True):
    """An area that is in use."""

    __tablename__ = "area"
    code: str = _code(primary=True)
    name_zh: str
    name_en: str
    kind: str
    version: int = _number()
    synthetic: bool


class BuildingRow(Base, table=True):
    """A building in its grid."""

    __tablename__ = "building"
    __table_args__ = (UniqueConstraint("grid", "name"), Index("building_by_grid", "grid", "id"))
    id: str = Field(primary_key=True)
    grid: str = _code()
    name: str
    floors: int | None = _number(nullable=True)
    version: int = _number()
    refreshed_at: datetime = _moment()


class DwellingRow(Base, table=True):
    """A dwelling in its building. A house of one dwelling has neither unit nor room."""

    __tablename__ = "dwelling"
    __table_args__ = (UniqueConstraint("building", "unit", "room"),)
    id: str = Field(primary_key=True)
    building: str
    grid: str = _code()
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
    grid: str = _code()
    number: str
    dwelling: str | None = _text(nullable=True)
    head: str | None = _text(nullable=True)
    version: int = _number()


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
    grid: str = _code()
    building: str | None = _text(nullable=True)
    dwelling: str | None = _text(nullable=True)
    household: str | None = _text(nullable=True)
    sex: str
    birth_from: int = _number()
    registration: str
    state: str
    shown_name: str
    shown_id: str
    version: int = _number()
    changed_at: datetime = _moment()
    departed_at: datetime | None = _moment(nullable=True)
    lost: bool


class PrivateRow(Base, table=True):
    """What identifies people: stays in this database, read only under a power and for a purpose, never in events or
    logs. `id_hash` finds an ID again: a keyed hash (HMAC-SHA-256), since the 18 digits of an ID are few enough that a
    plain hash could be tried through in minutes by whoever gets hold of the table."""

    __tablename__ = "person_private"
    person: str = Field(primary_key=True)
    id_hash: str | None = Field(default=None, sa_column=Column(Text, nullable=True, unique=True))
    name: str | None = _text(nullable=True)
    id_number: str | None = _text(nullable=True)
    birth_date: str | None = _text(nullable=True)
    phone: str | None = _text(nullable=True)
    details: Any = _json()


class ReadRow(Base, table=True):
    """Who read what of a person, for which purpose: the person sees it."""

    __tablename__ = "person_read"
    person: str = Field(primary_key=True)
    version: int = Field(sa_column=Column(BigInt, primary_key=True, autoincrement=False))
    at: datetime = _moment()
    org: str
    power: str
    purpose: str
    fields: Any = _json()


class LinkRow(Base, table=True):
    """Whose account somebody is."""

    __tablename__ = "subject_link"
    subject: str = Field(primary_key=True)
    person: str = Field(sa_column=Column(Text, nullable=False, unique=True))


OPEN = text("state = 'open'")
STANDING = text("state <> 'cancelled'")
ASKED = text("state = 'asked'")
RUNNING = text("ended_at IS NULL")


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
    grid: str = _code()
    state: str
    officer: str | None = _text(nullable=True)
    interval_days: int = _number()
    opened_at: datetime = _moment()
    due_at: datetime = _moment()
    visited_at: datetime | None = _moment(nullable=True)
    reminded: int = _number()
    version: int = _number()
    ending: str | None = _text(nullable=True)


class FilePrivateRow(Base, table=True):
    """What a file says of its person: sensitive (PIPL 28)."""

    __tablename__ = "file_private"
    file: str = Field(primary_key=True)
    attributes: Any = _json()


class VisitRow(Base, table=True):
    """A visit, by the file's version."""

    __tablename__ = "file_visit"
    file: str = Field(primary_key=True)
    version: int = Field(sa_column=Column(BigInt, primary_key=True, autoincrement=False))
    at: datetime = _moment()
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
    grid: str = _code()
    ground: str
    lived_since: str
    state: str
    applied_at: datetime = _moment()
    due_at: datetime = _moment()
    valid_until: datetime | None = _moment(nullable=True)
    version: int = _number()


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
    grid: str = _code()
    field: str
    state: str
    asked_at: datetime = _moment()
    due_at: datetime = _moment()
    version: int = _number()


class CorrectionPrivateRow(Base, table=True):
    """What is to stand there instead, until it is decided; and what the person was answered."""

    __tablename__ = "correction_private"
    correction: str = Field(primary_key=True)
    value: str | None = _text(nullable=True)
    answer: str | None = _text(nullable=True)


class JobRow(Base, table=True):
    """An import, and how far it is."""

    __tablename__ = "import_job"
    __table_args__ = (
        Index("import_job_by_area", "area", "id"),
        Index("import_job_running", "begun_at", postgresql_where=RUNNING, sqlite_where=RUNNING),
    )
    id: str = Field(primary_key=True)
    area: str = _code()
    org: str
    format: str
    state: str
    size: int = _number()
    read: int = _number()
    total: int | None = _number(nullable=True)
    added: int = _number()
    updated: int = _number()
    unchanged: int = _number()
    refused: int = _number()
    buildings: int = _number()
    dwellings: int = _number()
    households: int = _number()
    grids: Any = _json()
    begun_at: datetime = _moment()
    ended_at: datetime | None = _moment(nullable=True)
    reason: str | None = _text(nullable=True)
    version: int = _number()


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
    cells: Any = _json()
    errors: Any = _json()


class CountRow(Base, table=True):
    """How many people live in a grid, as counted last."""

    __tablename__ = "grid_count"
    grid: str = _code(primary=True)
    people: int = _number()
    households: int = _number()
    by_registration: Any = _json()
    version: int = _number()
    counted_at: datetime = _moment()


class FreshRow(Base, table=True):
    """When somebody last recorded something in a grid."""

    __tablename__ = "grid_fresh"
    grid: str = _code(primary=True)
    refreshed_at: datetime = _moment()


class MandateRow(Base, table=True):
    """Our copy of which mandates for our affairs are in force, with how much money and how many staff."""

    __tablename__ = "mandate_heard"
    mandate: str = Field(primary_key=True)
    affair: str
    area: str = _code()
    holder: str
    staff_count: int = _number()
    amount_fen: int = _number()
    state: str
    sequence: int = _number()


def _table(row: type[SQLModel]) -> Table:
    found: Table = row.__table__  # type: ignore[attr-defined]
    return found


own: MetaData = Base.metadata
area = _table(AreaRow)
building = _table(BuildingRow)
dwelling = _table(DwellingRow)
household = _table(HouseholdRow)
person = _table(PersonRow)
private = _table(PrivateRow)
reads = _table(ReadRow)
link = _table(LinkRow)
file = _table(FileRow)
file_private = _table(FilePrivateRow)
visit = _table(VisitRow)
permit = _table(PermitRow)
correction = _table(CorrectionRow)
correction_private = _table(CorrectionPrivateRow)
job = _table(JobRow)
import_file = _table(ImportFileRow)
import_error = _table(ImportErrorRow)
count = _table(CountRow)
fresh = _table(FreshRow)
mandate = _table(MandateRow)

# Every column that holds a code of an area: what a split, a merge or another numbering has to carry over.
PLACED = tuple(
    column
    for table in own.sorted_tables
    for column in table.columns
    if column.name in ("grid", "area") or column is area.c.code
)
