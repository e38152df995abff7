"""The one wiring of population."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from population import adopting, gauges, inbound, rekeying, tables, timers
from population.errors import ERRORS
from population.events import EVENTS
from population.importing import Imports
from population.rules import Rules
from population.settings import id_key, own
from suizhuan.db.database import Database
from suizhuan.kernel.clock import Clock
from suizhuan.ports.log import Log
from suizhuan.service import Parts, Service
from suizhuan.settings import ServiceSettings

MIGRATIONS = Path(__file__).parent / "migrations"


def routers() -> Sequence[APIRouter]:
    """Of its API, in the order in which addresses are compared."""
    from population import (  # noqa: PLC0415
        routes_areas,
        routes_coverage,
        routes_files,
        routes_imports,
        routes_people,
        routes_permits,
        routes_rekeyings,
        routes_rights,
    )

    return [
        routes_areas.router,
        routes_rekeyings.router,
        routes_people.router,
        routes_imports.router,
        routes_files.router,
        routes_permits.router,
        routes_rights.router,
        routes_coverage.router,
    ]


def build(
    settings: ServiceSettings,
    *,
    broker: Log | None = None,
    clock: Clock | None = None,
    database: Database | None = None,
) -> Service:
    """Everything from the settings; a log, a clock and a database may be handed in."""
    mine = own(settings)
    parts = Parts.make("population", mine, EVENTS, broker=broker, clock=clock, database=database)
    rules = Rules.of(parts.profile, id_key(mine))
    imports = Imports(rules)
    parts.replica.on_rekeying, parts.replica.on_done = rekeying.before, rekeying.after
    service = Service(
        parts=parts,
        migrations=MIGRATIONS,
        title="人口 Population",
        catalogue=ERRORS,
        routers=routers,
        inbound=inbound.make(),
        adoption=adopting.make(rules),
        look=gauges.look,
        deadlines=timers.make(rules, imports),
        placed=tables.PLACED,
    )
    service.state.rules = rules
    service.state.imports = imports
    return service
