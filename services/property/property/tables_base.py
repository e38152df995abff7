"""What every table of property stands on."""

from __future__ import annotations

from sqlalchemy import MetaData

from suizhuan.db.columns import Row

PREFIX = {"area": "text_pattern_ops"}  # areas are asked for by their prefix


class Base(Row):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()
