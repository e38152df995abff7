"""A tiny service with the platform's tables, on each database: what the event path is tested with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry

from suizhuan.authority.replica import Replica, ReplicaAcknowledged, ReplicaJoined
from suizhuan.db.database import Database
from suizhuan.db.tables import platform
from suizhuan.events import EventRegistry
from suizhuan.kernel.clock import ManualClock
from suizhuan.kernel.term import Timing
from suizhuan.metrics import Metrics
from suizhuan.testing_databases import Databases
from suizhuan.unit_of_work import UnitOfWork

pytest.register_assert_rewrite(*(f"{__package__}.{name}" for name in ("log_members", "log_suite", "database_suite")))
pytest.register_assert_rewrite(f"{__package__}.lock_suite")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Somebody counted."""

    thing: str
    number: int


def demo_registry() -> EventRegistry:
    registry = EventRegistry("demo")
    registry.register(registry.topic("demo.thing"), Counted, "thing.counted")
    replica = registry.topic("demo.replica")
    registry.register(replica, ReplicaJoined, "replica.joined")
    registry.register(replica, ReplicaAcknowledged, "replica.acknowledged")
    return registry


@dataclass(slots=True, repr=False)
class Demo:
    """The parts of the tiny service; has what `suizhuan.testing` needs of `Parts`."""

    name: str
    database: Database
    clock: ManualClock
    registry: EventRegistry
    uow: UnitOfWork
    replica: Replica
    metrics: Metrics


def make_demo(url: str, clock: ManualClock) -> Demo:
    return demo_on(Database(url), clock)


def demo_on(database: Database, clock: ManualClock) -> Demo:
    metrics = Metrics(CollectorRegistry(), "demo")
    registry = demo_registry()
    uow = UnitOfWork(database, registry, clock, Timing(), metrics)
    return Demo("demo", database, clock, registry, uow, Replica("demo", database), metrics)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def demo(databases: Databases, clock: ManualClock) -> AsyncIterator[Demo]:
    """The tiny service on SQLite and on PostgreSQL, with empty tables."""

    async def created(url: str) -> None:
        database = Database(url)
        async with database.engine.begin() as conn:
            await conn.run_sync(platform.create_all)
        await database.close()

    url, _ = await databases.filled("platform", created)
    made = make_demo(url, clock)
    yield made
    await made.database.close()


@pytest.fixture
def another(demo: Demo) -> Callable[[], Demo]:
    """The same service once more on the same database, as after a restart or in a second process."""
    return lambda: make_demo(demo.database.url.render_as_string(hide_password=False), demo.clock)
