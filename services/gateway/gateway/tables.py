"""The tables of the gateway's own projection, on a MetaData of its own. Everything here can be rebuilt from the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, MetaData, Table
from sqlmodel import Field, SQLModel

from suizhuan.db.types import BigInt, Json, UtcDateTime


class Base(SQLModel):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()


def _json() -> Any:
    return Field(sa_column=Column(Json, nullable=False))


def _moment(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable))


def _number(*, nullable: bool = False, key: bool = False) -> Any:
    return Field(default=None, sa_column=Column(BigInt, nullable=nullable, primary_key=key, autoincrement=False))


class OrganisationRow(Base, table=True):
    """An organisation."""

    __tablename__ = "organisation"
    id: str = Field(primary_key=True)
    name: str
    name_en: str
    kind: str
    parent: str | None = None
    version: int = _number()


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
    powers: list[str] = _json()
    state: str
    term: int | None = _number(nullable=True)
    staff_count: int
    amount_fen: int = _number()
    basis: str
    starts_at: datetime | None = _moment()
    ends_at: datetime | None = _moment()
    version: int = _number()


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
    case_term: int = _number()
    responsible: str | None = None
    mandate: str | None = None
    term: int | None = _number(nullable=True)
    price_fen: int = _number()
    due_at: datetime | None = _moment()
    yellow_at: datetime | None = _moment()
    red_at: datetime | None = _moment()
    card: str | None = None
    movement: str | None = None  # a handover under way
    reported_at: datetime | None = _moment()
    version: int = _number()


class StepRow(Base, table=True):
    """One event in the life of a case, from whichever service, as the chain shows it."""

    __tablename__ = "case_step"
    case: str = Field(primary_key=True)
    topic: str = Field(primary_key=True)
    partition: int = Field(primary_key=True)
    offset: int = _number(key=True)
    event: str
    type: str
    at: datetime | None = _moment(nullable=False)
    actor: str | None = None
    org: str | None = None
    mandate: str | None = None
    term: int | None = _number(nullable=True)
    authority_offset: int | None = _number(nullable=True)
    causation: str | None = None
    data: dict[str, Any] = _json()


class HoldRow(Base, table=True):
    """A hold. `spent_fen` was captured or released."""

    __tablename__ = "hold"
    id: str = Field(primary_key=True)
    case: str = Field(index=True)
    ref: str
    purpose: str
    payer: str = Field(index=True)
    mandate: str | None = Field(default=None, index=True)
    amount_fen: int = _number()
    captured_fen: int = _number()
    released_fen: int = _number()
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
    at: datetime | None = _moment(nullable=False)
    lines: list[dict[str, Any]] = _json()


class BalanceRow(Base, table=True):
    """What the entries come to, per account; `earmark` is empty for free money. Debit is positive."""

    __tablename__ = "balance"
    org: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    earmark: str = Field(primary_key=True)
    amount_fen: int = _number()


class EarmarkRow(Base, table=True):
    """The money set aside for a mandate."""

    __tablename__ = "earmark"
    mandate: str = Field(primary_key=True)
    payer: str = Field(index=True)
    holder: str = Field(index=True)
    amount_fen: int = _number()
    returned_fen: int = _number()
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
    at: datetime | None = _moment(nullable=False)
    version: int = _number()


def _table(row: type[Base]) -> Table:
    return Base.metadata.tables[str(row.__tablename__)]


organisation = _table(OrganisationRow)
organisation_area = _table(OrganisationAreaRow)
affair = _table(AffairRow)
mandate = _table(MandateRow)
cases = _table(CaseRow)
step = _table(StepRow)
hold = _table(HoldRow)
entry = _table(EntryRow)
balance = _table(BalanceRow)
earmark = _table(EarmarkRow)
thing = _table(ThingRow)
