"""What complaints measures of its own tables, every few seconds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from complaints import store_gauges as store
from complaints.domain.case import CLOSED, STATES, VERIFIED
from suizhuan.gauges import saga, states
from suizhuan.metrics import Metrics

OPEN = [state for state in STATES if state not in (VERIFIED, CLOSED)]


async def look(conn: AsyncConnection, metrics: Metrics, now: datetime) -> None:
    """Open cases by state, those past their time, and the movements that wait for money."""
    found = await store.open_cases(conn, now)
    states(metrics.cases, OPEN, {state: count for state, count, _ in found})
    metrics.cases_overdue.set(sum(over for _, _, over in found))
    waiting, since = await store.waiting_handovers(conn)
    saga(metrics, "handover", waiting, since, now)
    metrics.sagas_open.labels(saga="switch_cases").set(await store.waiting_for_holds(conn))
