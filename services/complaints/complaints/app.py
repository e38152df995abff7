"""The one wiring of complaints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter

from complaints import adopting, gauges, inbound, tables, timers
from complaints.domain.handover import MOVED, REFUSED
from complaints.ends import PlannedEnds
from complaints.errors import ERRORS
from complaints.events import EVENTS
from complaints.handovers import Handovers
from complaints.rules import Rules
from complaints.switches import Switches
from suizhuan.db.database import Database
from suizhuan.kernel.clock import Clock
from suizhuan.metrics import from_zero
from suizhuan.ports.log import Log
from suizhuan.service import Parts, Service
from suizhuan.settings import ServiceSettings

MIGRATIONS = Path(__file__).parent / "migrations"


def routers() -> Sequence[APIRouter]:
    """Of its API, in the order in which addresses are compared."""
    from complaints import routes, routes_commands, routes_movements  # noqa: PLC0415

    return [routes_commands.router, routes_movements.router, routes.router]


def build(
    settings: ServiceSettings,
    *,
    broker: Log | None = None,
    clock: Clock | None = None,
    database: Database | None = None,
) -> Service:
    """Everything from the settings; a log, a clock and a database may be handed in."""
    parts = Parts.make("complaints", settings, EVENTS, broker=broker, clock=clock, database=database)
    rules = Rules.of(parts.profile)
    handovers = Handovers(rules)
    switches = Switches(rules, handovers)
    parts.replica.on_opened = switches.on_opened
    parts.replica.on_done = switches.on_done
    parts.replica.on_dropped = switches.on_dropped
    from_zero(parts.metrics.handover_seconds, MOVED, REFUSED)
    service = Service(
        parts=parts,
        adoption=adopting.make(rules),
        migrations=MIGRATIONS,
        title="诉求 Complaints",
        catalogue=ERRORS,
        placed=tables.PLACED,
        routers=routers,
        inbound=inbound.make(rules, handovers, switches, settings.topics),
        look=gauges.look,
        deadlines=timers.make(rules, handovers, PlannedEnds(rules, handovers)),
    )
    service.state.rules = rules
    service.state.handovers = handovers
    return service
