"""The tables of owners and their meetings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index
from sqlmodel import Field

from property.tables_columns import PREFIX, Base, a_json, a_key, a_moment, a_number, a_text, table
from suizhuan.db.types import BigInt


class OwnerRow(Base, table=True):
    """What somebody owns of an estate."""

    __tablename__ = "owner"
    __table_args__ = (Index("owner_by_estate", "estate", "id"),)
    id: str = a_key()
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
    owner: str = a_key()
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
    id: str = a_key()
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
    meeting: str = a_key()
    number: int = Field(sa_column=Column(BigInt, primary_key=True, autoincrement=False))
    words: str = a_text()


class RollRow(Base, table=True):
    """Who may vote in a meeting, with which area: the owners on the day on which it was called."""

    __tablename__ = "roll"
    meeting: str = a_key()
    owner: str = a_key()
    size_dm2: int = a_number()


class BallotRow(Base, table=True):
    """How an owner votes on a motion: secret. None: it was lost in a restore, and counts as not cast."""

    __tablename__ = "ballot"
    meeting: str = a_key()
    owner: str = a_key()
    number: int = Field(sa_column=Column(BigInt, primary_key=True, autoincrement=False))
    choice: str | None = a_text(nullable=True)


owners = table(OwnerRow)
owner_private = table(OwnerPrivateRow)
meetings = table(MeetingRow)
motion_words = table(MotionWordsRow)
roll = table(RollRow)
ballots = table(BallotRow)
