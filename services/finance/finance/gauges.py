"""What finance measures of its own tables, every few seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from finance import store
from suizhuan.metrics import Metrics


async def look(conn: AsyncConnection, metrics: Metrics, _now: datetime, *, bank: str) -> None:
    """Open holds, what is left in earmarks, and what is free; `bank` is the account of money in the bank."""
    count, fen = await store.open_holds(conn)
    metrics.holds_open.set(count)
    metrics.holds_fen.set(fen)
    metrics.earmarks_fen.set(await store.left_in_earmarks(conn))
    metrics.available_fen.set(await store.free(conn, bank))
