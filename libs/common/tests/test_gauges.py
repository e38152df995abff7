"""Gauges are as old as they say: one that cannot be read keeps nobody from the others; what was never heard is no 0."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from math import inf
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.context import Context
from suizhuan.gauges import Gauges, Look
from suizhuan.kernel.clock import SystemClock
from suizhuan.metrics import Metrics
from suizhuan.testing import AuthorityLog

from .conftest import Counted, Demo

pytestmark = pytest.mark.either_database


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    made = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    yield made
    await made.close()


def gauges(demo: Demo, log: EmbeddedLog, own: Look | None = None) -> Gauges:
    groups = {"demo": ["demo.thing"]}
    return Gauges(demo.database, log, groups, demo.clock, demo.metrics, demo.uow.timing, own)


def value(demo: Demo, name: str, **labels: str) -> float | None:
    return demo.metrics.registry.get_sample_value(f"suizhuan_{name}", labels)


async def test_an_event_that_no_relay_takes_grows_old(demo: Demo, log: EmbeddedLog) -> None:
    looked = gauges(demo, log)
    await looked.look()
    assert value(demo, "outbox_oldest_seconds") == 0
    async with demo.uow.begin(Context("staff:1", "org", "c1"), limited=False) as tx:
        tx.emit(Counted(thing="t", number=1), key="t", sequence=1)
    demo.clock.advance(70)
    await looked.look()
    assert value(demo, "outbox_oldest_seconds") == 70


async def test_a_replica_that_never_heard_a_beat_is_infinitely_stale(demo: Demo, log: EmbeddedLog) -> None:
    looked = gauges(demo, log)
    await looked.look()
    limit = demo.uow.timing.max_staleness.total_seconds()
    assert (value(demo, "authority_staleness_seconds"), value(demo, "authority_max_staleness_seconds")) == (inf, limit)
    await AuthorityLog(demo).beat()
    demo.clock.advance(3)
    await looked.look()
    assert value(demo, "authority_staleness_seconds") == 3


async def test_a_place_that_cannot_be_read_stands_still_and_the_others_go_on(demo: Demo, log: EmbeddedLog) -> None:
    broken = False

    async def own(_conn: AsyncConnection, metrics: Metrics, _now: datetime) -> None:
        if broken:
            raise RuntimeError("a bug")
        metrics.cases_overdue.set(1)

    looked = gauges(demo, log, own)
    await looked.look()
    first = demo.clock.now().timestamp()
    broken = True
    demo.clock.advance(60)
    await looked.look()
    read = {what: value(demo, "gauges_read_timestamp_seconds", what=what) for what in ("tables", "own", "log")}
    assert read == {"tables": first + 60, "own": first, "log": first + 60}
