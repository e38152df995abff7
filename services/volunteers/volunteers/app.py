"""The one wiring of volunteers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from suizhuan.db.database import Database
from suizhuan.kernel.clock import Clock
from suizhuan.ports.log import Log
from suizhuan.service import Parts, Service
from suizhuan.settings import ServiceSettings
from volunteers import adopting, gauges, inbound, tables, timers
from volunteers.errors import ERRORS
from volunteers.events import EVENTS
from volunteers.rules import Rules

MIGRATIONS = Path(__file__).parent / "migrations"


def routers() -> Sequence[APIRouter]:
    """Of its API, in the order in which addresses are compared."""
    from volunteers import routes, routes_commands, routes_me, routes_organiser  # noqa: PLC0415

    # `me` first: it stands where an id may stand, too
    return [
        routes_commands.router,
        routes_organiser.router,
        routes_me.router,
        routes_me.open_router,
        routes.router,
    ]


def build(
    settings: ServiceSettings,
    *,
    broker: Log | None = None,
    clock: Clock | None = None,
    database: Database | None = None,
) -> Service:
    """Everything from the settings; a log, a clock and a database may be handed in."""
    parts = Parts.make("volunteers", settings, EVENTS, broker=broker, clock=clock, database=database)
    rules = Rules(parts.profile)
    service = Service(
        parts=parts,
        adoption=adopting.ADOPTION,
        migrations=MIGRATIONS,
        title="志愿 Volunteers",
        catalogue=ERRORS,
        placed=tables.PLACED,
        routers=routers,
        inbound=inbound.make(rules.timing, settings.topics),
        look=gauges.look,
        deadlines=timers.make(rules),
    )
    service.state.rules = rules
    return service
