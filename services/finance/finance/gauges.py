"""What finance measures of its own tables, every few seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from finance import store
from suizhuan.metrics import Metrics


async def look(conn: AsyncConnection, metrics: Metrics, _now: datetime) -> None:
    """Open holds, and what is left in earmarks."""
    count, fen = await store.open_holds(conn)
    metrics.holds_open.set(count)
    metrics.holds_fen.set(fen)
    metrics.earmarks_fen.set(await store.left_in_earmarks(conn))
