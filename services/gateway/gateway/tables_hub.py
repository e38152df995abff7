"""The tables of the hub: what no log holds, so they are no part of the projection, and not rebuilt with it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, MetaData, text
from sqlmodel import Field

from suizhuan.db.columns import Row, a_json, a_moment, a_number, table_of


class Base(Row):
    """These tables only."""

    metadata = MetaData()


# Written out, as in the index: with a parameter in its place a plan made once for all of them would not use that.
IS_ACTIVE = text("state = 'active'")


class SubscriptionRow(Base, table=True):
    """A hub's subscription. Its secret does not stand here."""

    __tablename__ = "subscription"
    __table_args__ = (
        Index("subscription_by_hub", "hub", "id"),
        Index("subscription_active", "id", postgresql_where=IS_ACTIVE, sqlite_where=IS_ACTIVE),
    )
    id: str = Field(primary_key=True)
    hub: str
    purpose: str
    url: str
    types: list[str] = a_json()
    area: str | None = None
    since: datetime | None = a_moment(nullable=True)
    state: str
    cursor: str
    generation: int = a_number()
    created_at: datetime | None = a_moment()
    failing_since: datetime | None = a_moment(nullable=True)
    attempts: int = a_number()
    next_at: datetime | None = a_moment(nullable=True)
    why: str | None = None
    delivered: int = a_number()
    version: int = a_number()
    leased_by: str | None = None
    leased_until: datetime | None = a_moment(nullable=True)


class ReceiptRow(Base, table=True):
    """What was handed to a hub, written before it leaves: events of one partition, or a composed answer (`what`) in
    which there are things of a topic, without a partition then. PIPL 56: kept three years."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index("receipt_by_service", "service", "id"),
        Index("receipt_by_hub", "hub", "id"),
        Index("receipt_by_time", "at"),
    )
    id: str = Field(primary_key=True)
    hub: str
    purpose: str
    how: str
    subscription: str | None = None
    what: str | None = None
    service: str
    topic: str
    partition: int | None = a_number(nullable=True)
    first_offset: int | None = a_number(nullable=True)
    last_offset: int | None = a_number(nullable=True)
    events: int = a_number()
    masked: int = a_number()
    at: datetime | None = a_moment()


subscription = table_of(SubscriptionRow)
receipt = table_of(ReceiptRow)
