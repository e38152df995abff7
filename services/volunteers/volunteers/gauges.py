"""What volunteers measures of its own tables, every few seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.gauges import saga, states
from suizhuan.metrics import Metrics
from volunteers import store_gauges as store
from volunteers.domain.activity import CLOSED, OPEN, PLANNED, UNFUNDED

UNDER_WAY = (PLANNED, UNFUNDED, OPEN, CLOSED)


async def look(conn: AsyncConnection, metrics: Metrics, now: datetime) -> None:
    """Active volunteers, activities that are not over by state, and those that wait for an answer of finance."""
    found = await store.activities_by_state(conn, UNDER_WAY)
    states(metrics.activities, UNDER_WAY, {state: count for state, (count, _) in found.items()})
    metrics.volunteers.set(await store.active_volunteers(conn))
    for name, state in (("activity_funding", PLANNED), ("activity_payment", CLOSED)):
        count, since = found.get(state, (0, None))
        saga(metrics, name, count, since, now)
