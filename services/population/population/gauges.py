"""What population measures of its own tables, every few seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from population import store_gauges as store
from suizhuan.gauges import saga
from suizhuan.metrics import Metrics


async def look(conn: AsyncConnection, metrics: Metrics, now: datetime) -> None:
    """Imports under way, files whose visit is overdue, requests that were not answered in time."""
    waiting, since = await store.open_imports(conn)
    saga(metrics, "import", waiting, since, now)
    metrics.visits_overdue.set(await store.overdue_visits(conn, now))
    metrics.corrections_overdue.set(await store.overdue_corrections(conn, now))
