"""The tables of mandates, on a MetaData of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, MetaData, text
from sqlmodel import Field

from suizhuan.db.columns import Row, a_json, a_moment, a_number, table_of


class Base(Row):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()


class OrganisationRow(Base, table=True):
    """An organisation."""

    __tablename__ = "organisation"
    id: str = Field(primary_key=True)
    name_zh: str
    name_en: str
    kind: str
    parent: str | None = None
    version: int
    registered_at: datetime = a_moment()


class OrganisationAreaRow(Base, table=True):
    """An area that an organisation holds."""

    __tablename__ = "organisation_area"
    org: str = Field(primary_key=True)
    area: str = Field(primary_key=True, index=True)
    place: int = 0  # its place among the organisation's areas


class StaffRow(Base, table=True):
    """A person who works for an organisation. Names stay here."""

    __tablename__ = "staff"
    id: str = Field(primary_key=True)
    org: str = Field(index=True)
    name_zh: str
    name_en: str
    duty_zh: str
    duty_en: str


class AffairRow(Base, table=True):
    """An affair of the catalogue."""

    __tablename__ = "affair"
    code: str = Field(primary_key=True)
    name_zh: str
    name_en: str
    list: str
    owner: str
    powers: Any = a_json()
    owner_powers: Any = a_json()
    basis: str
    version: int
    listed_at: datetime = a_moment()


class MandateRow(Base, table=True):
    """A mandate. That no two leads hold one slot at one time is a constraint of the database (migration 0001)."""

    __tablename__ = "mandate"
    __table_args__ = (
        Index("mandate_by_slot", "affair", "area"),
        Index("mandate_by_holder", "holder"),
        Index("mandate_by_giver", "giver"),
        Index("mandate_by_state", "state"),
    )
    id: str = Field(primary_key=True)
    affair: str
    area: str
    role: str
    giver: str
    holder: str
    powers: Any = a_json()
    staff: Any = a_json()
    starts_at: datetime = a_moment()
    ends_at: datetime | None = a_moment(nullable=True)
    basis: str
    amount_fen: int | None = a_number(nullable=True)
    replaces: str | None = None
    emergency: str | None = None
    state: str
    version: int
    created_at: datetime = a_moment()
    admitted_by: str | None = None
    earmark: str | None = None
    term: int | None = a_number(nullable=True)
    held_from: datetime | None = a_moment(nullable=True)
    slot_from: datetime | None = a_moment(nullable=True)
    ended_at: datetime | None = a_moment(nullable=True)
    reason: str | None = None
    shortfall_fen: int = a_number()
    next_org: str | None = None
    next_action: str | None = None


class HistoryRow(Base, table=True):
    """What happened to a mandate, one row an event."""

    __tablename__ = "mandate_history"
    mandate: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    event: str
    state: str
    at: datetime = a_moment()
    actor_org: str | None = None
    reason: str | None = None


class SlotRow(Base, table=True):
    """A slot's newest term, and the lead mandate that came into it last."""

    __tablename__ = "slot"
    affair: str = Field(primary_key=True)
    area: str = Field(primary_key=True)
    term: int = a_number()
    mandate: str | None = None


class SwitchRow(Base, table=True):
    """A switch. `lo` and `hi` span its area: that two open ones of an affair never overlap is a constraint, too."""

    __tablename__ = "switch"
    __table_args__ = (
        Index("switch_by_state", "state"),
        Index("switch_by_mandate", "mandate"),
        Index(
            "switch_of_mandate_under_way",
            "mandate",
            unique=True,
            postgresql_where=text("state IN ('waiting', 'open')"),
            sqlite_where=text("state IN ('waiting', 'open')"),
        ),
    )
    id: str = Field(primary_key=True)
    why: str
    affair: str
    area: str
    lo: int = a_number()
    hi: int = a_number()
    mandate: str
    reason: str
    state: str
    attempt: int
    on_log: bool
    opened_sequence: int | None = a_number(nullable=True)
    requested_at: datetime = a_moment()
    opened_at: datetime | None = a_moment(nullable=True)
    deadline_at: datetime | None = a_moment(nullable=True)
    ended_at: datetime | None = a_moment(nullable=True)
    why_dropped: str | None = None
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


class RekeyingRow(Base, table=True):
    """A re-keying of areas that population has announced, and whether it has taken effect."""

    __tablename__ = "rekeying"
    id: str = Field(primary_key=True)
    moves: Any = a_json()
    done_at: datetime | None = a_moment(nullable=True)


class AwaitedRow(Base, table=True):
    """A replica that a switch waits for, and its answer."""

    __tablename__ = "switch_awaited"
    switch: str = Field(primary_key=True)
    replica: str = Field(primary_key=True)
    acknowledged_at: datetime | None = a_moment(nullable=True)
    pending_cases: bool
    lease_over: bool


class CasesReadyRow(Base, table=True):
    """Complaints has every case of a switch ready."""

    __tablename__ = "switch_cases_ready"
    switch: str = Field(primary_key=True)
    cases: int
    at: datetime = a_moment()


class ReplicaRow(Base, table=True):
    """A replica of the grants. `named_at`: the newest beat that named it; `listed`: the next one will."""

    __tablename__ = "replica"
    id: str = Field(primary_key=True)
    service: str
    listed: bool
    joined_at: datetime = a_moment()
    named_at: datetime | None = a_moment(nullable=True)


class HeadRow(Base, table=True):
    """The one row under whose lock every record of the authority log is made."""

    __tablename__ = "authority_head"
    id: int = Field(primary_key=True)
    sequence: int = a_number()
    beat_at: datetime | None = a_moment(nullable=True)
    founded_at: datetime | None = a_moment(nullable=True)


own: MetaData = Base.metadata
organisation = table_of(OrganisationRow)
organisation_area = table_of(OrganisationAreaRow)
staff = table_of(StaffRow)
affair = table_of(AffairRow)
mandate = table_of(MandateRow)
history = table_of(HistoryRow)
slot = table_of(SlotRow)
switch = table_of(SwitchRow)
rekeying = table_of(RekeyingRow)
awaited = table_of(AwaitedRow)
cases_ready = table_of(CasesReadyRow)
replica = table_of(ReplicaRow)
head = table_of(HeadRow)
