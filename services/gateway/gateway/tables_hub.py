"""The tables of the hub: what no log holds, so they are no part of the projection, and not rebuilt with it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Index, MetaData, Table
from sqlmodel import Field, SQLModel

from suizhuan.db.types import BigInt, Json, UtcDateTime


class Base(SQLModel):
    """These tables only."""

    metadata = MetaData()


def _json() -> Any:
    return Field(sa_column=Column(Json, nullable=False))


def _moment(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable))


def _number() -> Any:
    return Field(default=None, sa_column=Column(BigInt, nullable=False))


class SubscriptionRow(Base, table=True):
    """A hub's subscription. Its secret does not stand here."""

    __tablename__ = "subscription"
    __table_args__ = (Index("subscription_by_hub", "hub", "id"),)
    id: str = Field(primary_key=True)
    hub: str
    purpose: str
    url: str
    types: list[str] = _json()
    area: str | None = None
    since: datetime | None = _moment()
    state: str
    cursor: str
    generation: int = _number()
    created_at: datetime | None = _moment(nullable=False)
    failing_since: datetime | None = _moment()
    attempts: int = _number()
    next_at: datetime | None = _moment()
    why: str | None = None
    delivered: int = _number()
    version: int = _number()
    leased_by: str | None = None
    leased_until: datetime | None = _moment()


class ReceiptRow(Base, table=True):
    """Events of one partition that were handed to a hub: written before they leave. PIPL 56: kept three years."""

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
    service: str
    topic: str
    partition: int = _number()
    first_offset: int = _number()
    last_offset: int = _number()
    events: int = _number()
    masked: int = _number()
    at: datetime | None = _moment(nullable=False)


def _table(row: type[Base]) -> Table:
    return Base.metadata.tables[str(row.__tablename__)]


subscription = _table(SubscriptionRow)
receipt = _table(ReceiptRow)
