"""The tables of finance, on a MetaData of its own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, MetaData, UniqueConstraint, text
from sqlmodel import Field

from suizhuan.db.columns import Row, a_json, a_moment, a_number, table_of


class Base(Row):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()


class OrganisationRow(Base, table=True):
    """An organisation, as mandates announced it."""

    __tablename__ = "organisation"
    id: str = Field(primary_key=True)
    name: str
    areas: list[str] = a_json()
    kind: str | None = None
    parent: str | None = None


class TariffRow(Base, table=True):
    """The price of a case, as it was published last."""

    __tablename__ = "tariff"
    affair: str = Field(primary_key=True)
    price_fen: int = a_number()
    version: int


class EntryRow(Base, table=True):
    """An entry of the ledger; append-only. One cause leads to one entry."""

    __tablename__ = "entry"
    id: str = Field(primary_key=True)
    kind: str
    cause: str = Field(unique=True)
    memo: str
    case: str | None = None
    mandate: str | None = None
    posted_by: str
    approved_by: str | None = None
    at: datetime = a_moment()
    __table_args__ = (Index("entry_by_case", "case"),)


class LineRow(Base, table=True):
    """A line of an entry; append-only."""

    __tablename__ = "line"
    entry: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    org: str
    account: str
    earmark: str = ""
    amount_fen: int = a_number()
    __table_args__ = (Index("line_by_account", "org", "account"),)


class BalanceRow(Base, table=True):
    """The sum of the lines of one account; `earmark` is empty for free money."""

    __tablename__ = "balance"
    org: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    earmark: str = Field(primary_key=True)
    fen: int = a_number()


class EarmarkRow(Base, table=True):
    """Money set aside for a mandate."""

    __tablename__ = "earmark"
    mandate: str = Field(primary_key=True)
    payer: str = Field(index=True)
    holder: str = Field(index=True)
    basis: str
    amount_fen: int = a_number()
    captured_fen: int = a_number()
    returned_fen: int = a_number()
    held_fen: int = a_number()
    state: str
    version: int


OPEN_HOLD = text("state = 'open'")


class HoldRow(Base, table=True):
    """Money set aside for one movement of a case."""

    __tablename__ = "hold"
    id: str = Field(primary_key=True)
    purpose: str
    ref: str
    case: str = Field(index=True)
    case_term: int
    payer: str
    mandate: str | None = None
    amount_fen: int = a_number()
    state: str
    placed_at: datetime = a_moment()
    __table_args__ = (
        Index("hold_by_payer", "payer", "state"),
        Index("hold_open", "amount_fen", postgresql_where=OPEN_HOLD, sqlite_where=OPEN_HOLD),
        UniqueConstraint("ref", "case", name="hold_once"),
    )


class BillRow(Base, table=True):
    """What another department has asked of finance, and what became of it."""

    __tablename__ = "bill"
    service: str = Field(primary_key=True)
    bill: str = Field(primary_key=True)
    kind: str
    org: str
    mandate: str | None = Field(default=None, index=False)
    what: str
    amount_fen: int = a_number()
    state: str
    paid_fen: int = a_number()
    version: int = a_number()
    __table_args__ = (Index("bill_by_org", "org", "state"), Index("bill_by_mandate", "mandate"))


class GivenUpRow(Base, table=True):
    """A movement that was given up: what is held for it, now or later, is released."""

    __tablename__ = "given_up"
    ref: str = Field(primary_key=True)
    case: str = Field(primary_key=True)


class CaseRow(Base, table=True):
    """What finance knows of a case: the version of its stream, and whether it was paid."""

    __tablename__ = "case_money"
    case: str = Field(primary_key=True)
    version: int
    paid: bool


organisation = table_of(OrganisationRow)
tariff = table_of(TariffRow)
entry = table_of(EntryRow)
line = table_of(LineRow)
balance = table_of(BalanceRow)
earmark = table_of(EarmarkRow)
hold = table_of(HoldRow)
bill = table_of(BillRow)
given_up = table_of(GivenUpRow)
case_money = table_of(CaseRow)

# Every column that holds a code of an area and follows when that gets another one.
PLACED = (organisation.c.areas,)
