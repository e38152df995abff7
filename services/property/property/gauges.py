"""What property measures of its own tables, every few seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from property import store_gauges as store
from property.domain.repair import OPEN
from suizhuan.gauges import states
from suizhuan.metrics import Metrics


async def look(conn: AsyncConnection, metrics: Metrics, now: datetime) -> None:
    """Rent that is billed and has not come; repairs that want somebody, and those whose firm is late."""
    count, amount = await store.unpaid(conn)
    metrics.rents_unpaid.set(count)
    metrics.rents_unpaid_fen.set(amount)
    found = await store.open_repairs(conn, now)
    states(metrics.repairs, OPEN, {state: count for state, count, _ in found})
    metrics.repairs_overdue.set(sum(late for _, _, late in found))
    metrics.committees_unfiled.set(await store.unfiled_committees(conn))
