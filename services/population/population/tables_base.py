"""What every table of population stands on."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlmodel import SQLModel


class Base(SQLModel):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()
