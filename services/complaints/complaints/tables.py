"""The tables of complaints, on a MetaData of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, MetaData, Text, text
from sqlmodel import Field

from suizhuan.db.columns import Row, a_json, a_moment, a_number, a_text, table_of
from suizhuan.organisations import Organisations


class Base(Row):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()


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
    version: int = a_number()
    case_term: int = a_number()
    responsible: str | None = a_text(nullable=True)
    mandate: str | None = a_text(nullable=True)
    term: int | None = a_number(nullable=True)
    price_fen: int = a_number()
    limit: str = Field(sa_column=Column("time_limit", Text, nullable=False))
    reported_at: datetime = a_moment()
    due_at: datetime = a_moment()
    yellow_at: datetime = a_moment()
    red_at: datetime = a_moment()
    base_due_at: datetime = a_moment()
    routed_at: datetime | None = a_moment(nullable=True)
    moved_at: datetime | None = a_moment(nullable=True)
    started_at: datetime | None = a_moment(nullable=True)
    handled_at: datetime | None = a_moment(nullable=True)
    verified_at: datetime | None = a_moment(nullable=True)
    closed_at: datetime | None = a_moment(nullable=True)
    settled_at: datetime | None = a_moment(nullable=True)
    suspended_at: datetime | None = a_moment(nullable=True)
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
    paid_fen: int | None = a_number(nullable=True)
    stack: Any = a_json()
    holds: Any = a_json()


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
    version: int = a_number(primary=True)
    event: str
    event_id: str
    at: datetime = a_moment()
    case_term: int = a_number()
    state: str
    org: str | None = None
    mandate: str | None = None
    term: int | None = a_number(nullable=True)
    data: Any = a_json()


class HandoverRow(Base, table=True):
    """A request to move a case, and what became of it."""

    __tablename__ = "handover"
    __table_args__ = (Index("handover_by_case", "case_id"),)
    id: str = Field(primary_key=True)
    case_id: str
    case_term: int = a_number()
    giver: str
    receiver: str
    affair: str
    mandate: str | None = None
    price_fen: int = a_number()
    carried_fen: int = a_number()
    needed_fen: int = a_number()
    state: str
    requested_at: datetime = a_moment()
    expires_at: datetime = a_moment()
    reason: str | None = None
    shortfall_fen: int = a_number()
    hold: str | None = None
    held_fen: int | None = a_number(nullable=True)
    decided_at: datetime | None = a_moment(nullable=True)


class SwitchWaitRow(Base, table=True):
    """A switch whose cases are being prepared: how many answers of finance are still out. Its row is the lock."""

    __tablename__ = "switch_wait"
    ref: str = Field(primary_key=True)
    cases: int = a_number()
    waiting: int = a_number()


class SwitchCaseRow(Base, table=True):
    """A case that a switch or a planned end will move, and whether its price is held: waiting, held, refused, gone."""

    __tablename__ = "switch_case"
    ref: str = Field(primary_key=True)
    case_id: str = Field(primary_key=True)
    case_term: int = a_number()
    state: str
    hold: str | None = None


class AdoptedRow(Base, table=True):
    """Of a case that was taken over after a restore: up to where in the authority log its facts knew."""

    __tablename__ = "case_adopted"
    case_id: str = Field(primary_key=True)
    authority_offset: int = a_number()


class ReferralRow(Base, table=True):
    """A matter that another department referred, and the case that it is; without one it was refused."""

    __tablename__ = "referral"
    service: str = Field(primary_key=True)
    referral: str = Field(primary_key=True)
    case_id: str | None = a_text(nullable=True)


class TariffRow(Base, table=True):
    """Our copy of what a case of an affair is worth."""

    __tablename__ = "tariff"
    affair: str = Field(primary_key=True)
    price_fen: int = a_number()
    sequence: int = a_number()


class AffairRow(Base, table=True):
    """Our copy of who owns an affair."""

    __tablename__ = "affair"
    code: str = Field(primary_key=True)
    name_zh: str
    name_en: str
    owner: str
    sequence: int = a_number()


own: MetaData = Base.metadata
cases = table_of(CaseRow)
private = table_of(PrivateRow)
history = table_of(HistoryRow)
handovers = table_of(HandoverRow)
switch_wait = table_of(SwitchWaitRow)
switch_case = table_of(SwitchCaseRow)
adopted = table_of(AdoptedRow)
referral = table_of(ReferralRow)
tariff = table_of(TariffRow)
affair = table_of(AffairRow)
organisations = Organisations(own)

# Every column that holds a code of an area and follows when that gets another one.
PLACED = tuple(column for table in own.sorted_tables for column in table.columns if column.name == "area")
