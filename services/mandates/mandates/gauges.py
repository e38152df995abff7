"""What mandates measures of its own tables, every few seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mandates import store_gauges as store
from mandates.domain.mandate import STATES
from suizhuan.gauges import saga, states
from suizhuan.metrics import Metrics


async def look(conn: AsyncConnection, metrics: Metrics, now: datetime) -> None:
    """Mandates by state, duties without money, and what waits for finance or for replicas."""
    states(metrics.mandates, STATES, await store.by_state(conn))
    metrics.mandates_unfunded.set(await store.unfunded(conn))
    saga(metrics, "funding", *await store.waiting_for_money(conn), now)
    saga(metrics, "switch", *await store.open_switches(conn), now)
    saga(metrics, "settling", *await store.settling(conn), now)
