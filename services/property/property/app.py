"""The one wiring of property."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from property import adopting, gauges, inbound, tables, timers
from property.errors import ERRORS
from property.events import EVENTS
from property.rules import Rules
from suizhuan.db.database import Database
from suizhuan.kernel.clock import Clock
from suizhuan.ports.log import Log
from suizhuan.service import Parts, Service
from suizhuan.settings import ServiceSettings

MIGRATIONS = Path(__file__).parent / "migrations"


def routers() -> Sequence[APIRouter]:
    """Of its API, in the order in which addresses are compared."""
    from property import (  # noqa: PLC0415
        routes_estates,
        routes_firms,
        routes_leases,
        routes_meetings,
        routes_owners,
        routes_premises,
        routes_repairs,
    )

    return [
        routes_estates.router,
        routes_premises.router,
        routes_leases.router,
        routes_repairs.router,
        routes_firms.router,
        routes_owners.router,
        routes_meetings.router,
    ]


def build(
    settings: ServiceSettings,
    *,
    broker: Log | None = None,
    clock: Clock | None = None,
    database: Database | None = None,
) -> Service:
    """Everything from the settings; a log, a clock and a database may be handed in."""
    parts = Parts.make("property", settings, EVENTS, broker=broker, clock=clock, database=database)
    rules = Rules.of(parts.profile)
    service = Service(
        parts=parts,
        adoption=adopting.make(),
        migrations=MIGRATIONS,
        title="物业 Property",
        catalogue=ERRORS,
        placed=tables.PLACED,
        routers=routers,
        inbound=inbound.make(settings.topics),
        look=gauges.look,
        deadlines=timers.make(rules),
    )
    service.state.rules = rules
    return service
