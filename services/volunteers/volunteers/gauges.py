"""What volunteers measures of its own tables, every few seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.gauges import saga, states
from suizhuan.metrics import Metrics
from volunteers import store_gauges as store
from volunteers.domain.activity import CLOSED, OPEN, PLANNED, UNFUNDED

UNDER_WAY = (PLANNED, UNFUNDED, OPEN, CLOSED)


async def look(conn: AsyncConnection, metrics: Metrics, _now: datetime) -> None:
    """Active volunteers, activities that are not over by state, and those that wait for an answer of finance."""
    found = await store.activities_by_state(conn, UNDER_WAY)
    states(metrics.activities, UNDER_WAY, found)
    metrics.volunteers.set(await store.active_volunteers(conn))
    saga(metrics, "activity_funding", found.get(PLANNED, 0), None, _now)
    saga(metrics, "activity_payment", found.get(CLOSED, 0), None, _now)
