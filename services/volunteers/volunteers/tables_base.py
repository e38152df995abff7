"""What every table of volunteers stands on."""

from __future__ import annotations

from sqlalchemy import MetaData

from suizhuan.db.columns import Row


class Base(Row):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()
