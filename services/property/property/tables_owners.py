"""The tables of owners and their meetings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index

from property.tables_base import PREFIX, Base
from suizhuan.db.columns import a_json, a_moment, a_number, a_text, table_of


class OwnerRow(Base, table=True):
    """What somebody owns of an estate."""

    __tablename__ = "owner"
    __table_args__ = (Index("owner_by_estate", "estate", "id"),)
    id: str = a_text(primary=True)
    estate: str = a_text()
    area: str = a_text()
    kind: str = a_text()
    units: int = a_number()
    size_dm2: int = a_number()
    registered_at: datetime = a_moment()
    version: int = a_number()


class OwnerPrivateRow(Base, table=True):
    """Who an owner is, and by which account that one votes: read only under a power and for a purpose."""

    __tablename__ = "owner_private"
    __table_args__ = (Index("owner_private_by_account", "account"),)
    owner: str = a_text(primary=True)
    name: str = a_text()
    phone: str | None = a_text(nullable=True)
    account: str | None = a_text(nullable=True)


class MeetingRow(Base, table=True):
    """An owners' meeting. Its row is the lock of its ballots."""

    __tablename__ = "meeting"
    __table_args__ = (
        Index("meeting_by_area", "area", "id", postgresql_ops=PREFIX),
        Index("meeting_by_estate", "estate", "id"),
    )
    id: str = a_text(primary=True)
    estate: str = a_text()
    area: str = a_text()
    callers: int = a_number()
    heads: int = a_number()
    size_dm2: int = a_number()
    told: str = a_text()
    opens_at: datetime = a_moment()
    closes_at: datetime = a_moment()
    motions: Any = a_json()
    state: str = a_text()
    results: Any = a_json()
    filing_due_at: datetime | None = a_moment(nullable=True)
    filing_overdue: bool
    committee: str | None = a_text(nullable=True)
    called_at: datetime = a_moment()
    version: int = a_number()


class MotionWordsRow(Base, table=True):
    """What a motion says. People may be named in it, so it stands in no event."""

    __tablename__ = "motion_words"
    meeting: str = a_text(primary=True)
    number: int = a_number(primary=True)
    words: str = a_text()


class RollRow(Base, table=True):
    """Who may vote in a meeting, with which area: the owners on the day on which it was called."""

    __tablename__ = "roll"
    meeting: str = a_text(primary=True)
    owner: str = a_text(primary=True)
    size_dm2: int = a_number()


class BallotRow(Base, table=True):
    """How an owner votes on a motion: secret. None: it was lost in a restore, and counts as not cast."""

    __tablename__ = "ballot"
    meeting: str = a_text(primary=True)
    owner: str = a_text(primary=True)
    number: int = a_number(primary=True)
    choice: str | None = a_text(nullable=True)


owners = table_of(OwnerRow)
owner_private = table_of(OwnerPrivateRow)
meetings = table_of(MeetingRow)
motion_words = table_of(MotionWordsRow)
roll = table_of(RollRow)
ballots = table_of(BallotRow)
