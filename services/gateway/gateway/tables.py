"""The tables of the gateway's own projection, on a MetaData of its own. Everything here can be rebuilt from the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, MetaData
from sqlmodel import Field

from suizhuan.db.columns import Row, a_json, a_moment, a_number, table_of


class Base(Row):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()


class OrganisationRow(Base, table=True):
    """An organisation."""

    __tablename__ = "organisation"
    id: str = Field(primary_key=True)
    name: str
    name_en: str
    kind: str
    parent: str | None = None
    version: int = a_number()


class OrganisationAreaRow(Base, table=True):
    """An area that an organisation holds."""

    __tablename__ = "organisation_area"
    org: str = Field(primary_key=True)
    area: str = Field(primary_key=True, index=True)


class AffairRow(Base, table=True):
    """An affair's names."""

    __tablename__ = "affair"
    id: str = Field(primary_key=True)
    name: str
    name_en: str
    list: str
    owner: str
    basis: str


class MandateRow(Base, table=True):
    """A mandate as its last event left it."""

    __tablename__ = "mandate"
    id: str = Field(primary_key=True)
    affair: str
    area: str = Field(index=True)
    role: str
    giver: str
    holder: str = Field(index=True)
    powers: list[str] = a_json()
    state: str
    term: int | None = a_number(nullable=True)
    staff_count: int
    amount_fen: int = a_number()
    basis: str
    starts_at: datetime | None = a_moment(nullable=True)
    ends_at: datetime | None = a_moment(nullable=True)
    version: int = a_number()


class CaseRow(Base, table=True):
    """A case as its last event left it."""

    __tablename__ = "case_view"
    __table_args__ = (Index("case_by_area_state", "area", "state"), Index("case_by_responsible", "responsible"))
    id: str = Field(primary_key=True)
    affair: str
    area: str
    category: str
    channel: str
    state: str
    case_term: int = a_number()
    responsible: str | None = None
    mandate: str | None = None
    term: int | None = a_number(nullable=True)
    price_fen: int = a_number()
    due_at: datetime | None = a_moment(nullable=True)
    yellow_at: datetime | None = a_moment(nullable=True)
    red_at: datetime | None = a_moment(nullable=True)
    card: str | None = None
    movement: str | None = None  # a handover under way
    reported_at: datetime | None = a_moment(nullable=True)
    version: int = a_number()


class StepRow(Base, table=True):
    """One event in the life of a case, from whichever service, as the chain shows it."""

    __tablename__ = "case_step"
    case: str = Field(primary_key=True)
    topic: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    offset: int = a_number(primary=True)
    event: str
    type: str
    at: datetime | None = a_moment()
    actor: str | None = None
    org: str | None = None
    mandate: str | None = None
    term: int | None = a_number(nullable=True)
    authority_offset: int | None = a_number(nullable=True)
    causation: str | None = None
    data: dict[str, Any] = a_json()


class HoldRow(Base, table=True):
    """A hold. `spent_fen` was captured or released."""

    __tablename__ = "hold"
    id: str = Field(primary_key=True)
    case: str = Field(index=True)
    ref: str
    purpose: str
    payer: str = Field(index=True)
    mandate: str | None = Field(default=None, index=True)
    amount_fen: int = a_number()
    captured_fen: int = a_number()
    released_fen: int = a_number()
    payee: str | None = None
    entry: str | None = None
    state: str


class EntryRow(Base, table=True):
    """An entry of the ledger."""

    __tablename__ = "entry"
    id: str = Field(primary_key=True)
    kind: str
    cause: str
    memo: str
    event: str
    at: datetime | None = a_moment()
    lines: list[dict[str, Any]] = a_json()


class BalanceRow(Base, table=True):
    """What the entries come to, per account; `earmark` is empty for free money. Debit is positive."""

    __tablename__ = "balance"
    org: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    earmark: str = Field(primary_key=True)
    amount_fen: int = a_number()


class EarmarkRow(Base, table=True):
    """The money set aside for a mandate."""

    __tablename__ = "earmark"
    mandate: str = Field(primary_key=True)
    payer: str = Field(index=True)
    holder: str = Field(index=True)
    amount_fen: int = a_number()
    returned_fen: int = a_number()
    basis: str
    entry: str | None = None
    state: str


class ThingRow(Base, table=True):
    """Something that a department keeps: a premise, a lease, an activity, a file. Of each only what every event says:
    where it is, whose it is, and what happened to it last."""

    __tablename__ = "thing"
    __table_args__ = (
        Index("thing_by_area", "area", "service", "kind", "state", postgresql_ops={"area": "text_pattern_ops"}),
    )
    service: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    area: str | None = None
    org: str | None = None
    state: str
    at: datetime | None = a_moment()
    version: int = a_number()


organisation = table_of(OrganisationRow)
organisation_area = table_of(OrganisationAreaRow)
affair = table_of(AffairRow)
mandate = table_of(MandateRow)
cases = table_of(CaseRow)
step = table_of(StepRow)
hold = table_of(HoldRow)
entry = table_of(EntryRow)
balance = table_of(BalanceRow)
earmark = table_of(EarmarkRow)
thing = table_of(ThingRow)

# Every column here that holds a code of an area and follows when that gets another one.
PLACED = tuple(table.c.area for table in (organisation_area, mandate, cases, thing))
