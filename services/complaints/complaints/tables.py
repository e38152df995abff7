"""The tables of complaints, on a MetaData of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, MetaData, Table, Text, text
from sqlmodel import Field, SQLModel

from suizhuan.db.types import BigInt, Json, UtcDateTime


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


# Said without the state, which every command changes: a change of a column that no index mentions is written into the
# page where the row is, and no index hears of it.
OPEN = text("verified_at IS NULL AND closed_at IS NULL")


class CaseRow(Base, table=True):
    """A case. Nothing personal stands here."""

    __tablename__ = "complaint_case"
    __table_args__ = (
        # What a switch or a planned end moves: the open cases under one mandate.
        Index("complaint_case_open_by_mandate", "mandate", postgresql_where=OPEN, sqlite_where=OPEN),
        Index("complaint_case_by_area", "area", "id", postgresql_ops={"area": "text_pattern_ops"}),
        Index("complaint_case_by_responsible", "responsible", "id"),
        Index("complaint_case_by_affair", "affair", "id"),
        Index("complaint_case_by_report", "reported_at"),
    )
    id: str = Field(primary_key=True)
    category: str
    affair: str
    area: str
    channel: str
    state: str
    version: int = _number()
    case_term: int = _number()
    responsible: str | None = _text(nullable=True)
    mandate: str | None = _text(nullable=True)
    term: int | None = _number(nullable=True)
    price_fen: int = _number()
    limit: str = Field(sa_column=Column("time_limit", Text, nullable=False))
    reported_at: datetime = _moment()
    due_at: datetime = _moment()
    yellow_at: datetime = _moment()
    red_at: datetime = _moment()
    base_due_at: datetime = _moment()
    routed_at: datetime | None = _moment(nullable=True)
    moved_at: datetime | None = _moment(nullable=True)
    started_at: datetime | None = _moment(nullable=True)
    handled_at: datetime | None = _moment(nullable=True)
    verified_at: datetime | None = _moment(nullable=True)
    closed_at: datetime | None = _moment(nullable=True)
    settled_at: datetime | None = _moment(nullable=True)
    suspended_at: datetime | None = _moment(nullable=True)
    suspended_from: str | None = None
    handover: str | None = None
    switch: str | None = None
    taken: bool
    done_by: str | None = None
    card: str | None = None
    outcome: str | None = None
    invalid_reason: str | None = None
    redirect: str | None = None
    satisfied: bool | None = None
    paid_fen: int | None = _number(nullable=True)
    stack: Any = _json()
    holds: Any = _json()


class PrivateRow(Base, table=True):
    """What identifies people: stays in this database, read only under a power on that case, never in events or logs."""

    __tablename__ = "case_private"
    case_id: str = Field(primary_key=True)
    reporter: str
    contact_name: str | None = None
    contact_phone: str | None = None
    address: str | None = None
    description: str


class HistoryRow(Base, table=True):
    """What happened to a case, one row an event: the chain of authority."""

    __tablename__ = "case_history"
    case_id: str = Field(primary_key=True)
    version: int = Field(sa_column=Column(BigInt, primary_key=True, autoincrement=False))
    event: str
    event_id: str
    at: datetime = _moment()
    case_term: int = _number()
    state: str
    org: str | None = None
    mandate: str | None = None
    term: int | None = _number(nullable=True)
    data: Any = _json()


class HandoverRow(Base, table=True):
    """A request to move a case, and what became of it."""

    __tablename__ = "handover"
    __table_args__ = (Index("handover_by_case", "case_id"),)
    id: str = Field(primary_key=True)
    case_id: str
    case_term: int = _number()
    giver: str
    receiver: str
    affair: str
    mandate: str | None = None
    price_fen: int = _number()
    carried_fen: int = _number()
    needed_fen: int = _number()
    state: str
    requested_at: datetime = _moment()
    expires_at: datetime = _moment()
    reason: str | None = None
    shortfall_fen: int = _number()
    hold: str | None = None
    held_fen: int | None = _number(nullable=True)
    decided_at: datetime | None = _moment(nullable=True)


class SwitchWaitRow(Base, table=True):
    """A switch whose cases are being prepared: how many answers of finance are still out. Its row is the lock."""

    __tablename__ = "switch_wait"
    ref: str = Field(primary_key=True)
    cases: int = _number()
    waiting: int = _number()


class SwitchCaseRow(Base, table=True):
    """A case that a switch or a planned end will move, and whether its price is held: waiting, held, refused, gone."""

    __tablename__ = "switch_case"
    ref: str = Field(primary_key=True)
    case_id: str = Field(primary_key=True)
    case_term: int = _number()
    state: str
    hold: str | None = None


class ReferralRow(Base, table=True):
    """A matter that another department referred, and the case that it is; without one it was refused."""

    __tablename__ = "referral"
    service: str = Field(primary_key=True)
    referral: str = Field(primary_key=True)
    case_id: str | None = _text(nullable=True)


class TariffRow(Base, table=True):
    """Our copy of what a case of an affair is worth."""

    __tablename__ = "tariff"
    affair: str = Field(primary_key=True)
    price_fen: int = _number()
    sequence: int = _number()


class AffairRow(Base, table=True):
    """Our copy of who owns an affair."""

    __tablename__ = "affair"
    code: str = Field(primary_key=True)
    name_zh: str
    name_en: str
    owner: str
    sequence: int = _number()


class OrganisationRow(Base, table=True):
    """Our copy of which organisations there are."""

    __tablename__ = "organisation"
    id: str = Field(primary_key=True)
    name_zh: str
    name_en: str
    kind: str
    sequence: int = _number()


class OrganisationAreaRow(Base, table=True):
    """Our copy of which areas are registered."""

    __tablename__ = "organisation_area"
    __table_args__ = (Index("organisation_area_by_area", "area", postgresql_ops={"area": "text_pattern_ops"}),)
    org: str = Field(primary_key=True)
    area: str = Field(primary_key=True)


def _table(row: type[SQLModel]) -> Table:
    found: Table = row.__table__  # type: ignore[attr-defined]
    return found


own: MetaData = Base.metadata
cases = _table(CaseRow)
private = _table(PrivateRow)
history = _table(HistoryRow)
handovers = _table(HandoverRow)
switch_wait = _table(SwitchWaitRow)
switch_case = _table(SwitchCaseRow)
referral = _table(ReferralRow)
tariff = _table(TariffRow)
affair = _table(AffairRow)
organisation = _table(OrganisationRow)
organisation_area = _table(OrganisationAreaRow)
