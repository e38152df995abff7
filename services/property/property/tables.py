"""The tables of property. Those of owners and their meetings are in `tables_owners`."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index, MetaData

from property import tables_owners
from property.tables_base import PREFIX, Base
from suizhuan.db.columns import a_day, a_moment, a_number, a_text, table_of
from suizhuan.organisations import Organisations


class EstateRow(Base, table=True):
    """An estate."""

    __tablename__ = "estate"
    __table_args__ = (Index("estate_by_area", "area", "id", postgresql_ops=PREFIX),)
    id: str = a_text(primary=True)
    area: str = a_text()
    name: str = a_text()
    households: int = a_number()
    registered_at: datetime = a_moment()
    version: int = a_number()


class PremiseRow(Base, table=True):
    """A premise. Its row is the lock of what is let of it."""

    __tablename__ = "premise"
    __table_args__ = (Index("premise_by_area", "area", "id", postgresql_ops=PREFIX),)
    id: str = a_text(primary=True)
    estate: str | None = a_text(nullable=True)
    area: str = a_text()
    kind: str = a_text()
    location: str = a_text()
    size_dm2: int = a_number()
    structure: str = a_text()
    use: str = a_text()
    permanent: bool
    title: str | None = a_text(nullable=True)
    delegation: str | None = a_text(nullable=True)
    registered_at: datetime = a_moment()
    withdrawn_at: datetime | None = a_moment(nullable=True)
    withdrawn_for: str | None = a_text(nullable=True)
    version: int = a_number()


class LeaseRow(Base, table=True):
    """A lease. Who the lessee is stands elsewhere."""

    __tablename__ = "lease"
    __table_args__ = (
        Index("lease_by_premise", "premise"),
        Index("lease_by_area", "area", "id", postgresql_ops=PREFIX),
        Index("lease_by_lessor", "lessor", "id"),
    )
    id: str = a_text(primary=True)
    premise: str = a_text()
    area: str = a_text()
    kind: str = a_text()
    lessor: str = a_text()
    lessee: str = a_text()
    use: str = a_text()
    rent_fen: int = a_number()
    every: str = a_text()
    starts_on: date = a_day()
    ends_on: date = a_day()
    due_day: int = a_number()
    prepaid: bool
    state: str = a_text()
    next_period: int = a_number()
    cut_for: str | None = a_text(nullable=True)
    concluded_at: datetime = a_moment()
    version: int = a_number()


class LesseeRow(Base, table=True):
    """Who a lessee is: stays in this database, read only under a power and for a purpose."""

    __tablename__ = "lessee_private"
    lease: str = a_text(primary=True)
    name: str = a_text()
    phone: str | None = a_text(nullable=True)
    number: str = a_text()


class DueRow(Base, table=True):
    """The rent of one period. Changed only together with its lease."""

    __tablename__ = "due"
    __table_args__ = (Index("due_by_lease", "lease", "number", unique=True),)
    bill: str = a_text(primary=True)
    lease: str = a_text()
    number: int = a_number()
    begins: date = a_day()
    until: date = a_day()
    amount_fen: int = a_number()
    state: str = a_text()
    issued_at: datetime = a_moment()
    settled_at: datetime | None = a_moment(nullable=True)


class BillAnswerRow(Base, table=True):
    """What finance has answered to a bill of ours, the furthest of it: whether the bill is known here or not yet."""

    __tablename__ = "bill_answer"
    bill: str = a_text(primary=True)
    state: str = a_text()
    rank: int = a_number()
    entry: str | None = a_text(nullable=True)


class RepairRow(Base, table=True):
    """A repair request. Who asked and what was described stands elsewhere."""

    __tablename__ = "repair"
    __table_args__ = (
        Index("repair_by_area", "area", "id", postgresql_ops=PREFIX),
        Index("repair_by_firm", "firm", "id"),
        Index("repair_by_case", "case_id"),
        Index("repair_by_state", "state"),
    )
    id: str = a_text(primary=True)
    estate: str = a_text()
    area: str = a_text()
    kind: str = a_text()
    category: str = a_text()
    firm: str | None = a_text(nullable=True)
    contract: str | None = a_text(nullable=True)
    state: str = a_text()
    due_at: datetime = a_moment()
    requested_at: datetime = a_moment()
    answered_at: datetime | None = a_moment(nullable=True)
    done_at: datetime | None = a_moment(nullable=True)
    confirmed_at: datetime | None = a_moment(nullable=True)
    referred_for: str | None = a_text(nullable=True)
    case_id: str | None = a_text(nullable=True)
    turned_away_for: str | None = a_text(nullable=True)
    outcome: str | None = a_text(nullable=True)
    version: int = a_number()


class RepairPrivateRow(Base, table=True):
    """What identifies who asked for a repair: read only under a power and for a purpose."""

    __tablename__ = "repair_private"
    repair: str = a_text(primary=True)
    requester: str = a_text()
    contact_name: str | None = a_text(nullable=True)
    contact_phone: str | None = a_text(nullable=True)
    address: str | None = a_text(nullable=True)
    description: str | None = a_text(nullable=True)


class ReferralAnswerRow(Base, table=True):
    """What complaints said of a referral of ours: which case it is, or why not."""

    __tablename__ = "referral_answer"
    __table_args__ = (Index("referral_answer_by_case", "case_id"),)
    referral: str = a_text(primary=True)
    case_id: str | None = a_text(nullable=True)
    refused: str | None = a_text(nullable=True)


class ClosedCaseRow(Base, table=True):
    """How a case ended: kept of every case, since its end may be heard before we hear that it is ours."""

    __tablename__ = "closed_case"
    case_id: str = a_text(primary=True)
    outcome: str = a_text()


class FirmRow(Base, table=True):
    """A firm that may be hired."""

    __tablename__ = "firm"
    __table_args__ = (Index("firm_by_area", "area", "id", postgresql_ops=PREFIX),)
    id: str = a_text(primary=True)
    area: str = a_text()
    grade: str = a_text()
    listed_at: datetime = a_moment()
    struck_for: str | None = a_text(nullable=True)
    version: int = a_number()


class ContractRow(Base, table=True):
    """A contract of a firm with an estate. The estate's row is the lock of who serves it."""

    __tablename__ = "contract"
    __table_args__ = (
        Index("contract_by_estate", "estate"),
        Index("contract_by_area", "area", "id", postgresql_ops=PREFIX),
        Index("contract_by_firm", "firm", "id"),
    )
    id: str = a_text(primary=True)
    estate: str = a_text()
    area: str = a_text()
    firm: str = a_text()
    basis: str = a_text()
    fee_fen: int = a_number()
    starts_on: date = a_day()
    ends_on: date | None = a_day(nullable=True)
    answer_limit: str | None = a_text(nullable=True)
    meeting: str | None = a_text(nullable=True)
    state: str = a_text()
    notice: str | None = a_text(nullable=True)
    filed_at: datetime = a_moment()
    version: int = a_number()


own: MetaData = tables_owners.owners.metadata  # theirs are among them
estates = table_of(EstateRow)
premises = table_of(PremiseRow)
leases = table_of(LeaseRow)
lessees = table_of(LesseeRow)
dues = table_of(DueRow)
bill_answers = table_of(BillAnswerRow)
repairs = table_of(RepairRow)
repair_private = table_of(RepairPrivateRow)
referral_answers = table_of(ReferralAnswerRow)
closed_cases = table_of(ClosedCaseRow)
firms = table_of(FirmRow)
contracts = table_of(ContractRow)
organisations = Organisations(own)

# Every column that holds a code of an area and follows when that gets another one.
PLACED = tuple(column for table in own.sorted_tables for column in table.columns if column.name == "area")
