"""What the gateway measures of its own tables, every few seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import store_hub
from gateway.domain.subscription import ACTIVE, PARKED
from suizhuan.metrics import Metrics


async def look(conn: AsyncConnection, metrics: Metrics, now: datetime) -> None:
    """The subscriptions of each hub by state, since when an endpoint fails, and what endpoints have taken."""
    found = await store_hub.by_hub(conn)
    for hub in {one.hub for one in found}:
        of = {one.state: one for one in found if one.hub == hub}
        for state in (ACTIVE, PARKED):
            metrics.subscriptions.labels(hub=hub, state=state).set(of[state].count if state in of else 0)
        since = of[ACTIVE].failing_since if ACTIVE in of else None
        metrics.subscription_failing_seconds.labels(hub=hub).set((now - since).total_seconds() if since else 0)
        metrics.subscription_delivered_events.labels(hub=hub).set(sum(one.delivered for one in of.values()))
