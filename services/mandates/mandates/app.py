"""The one wiring of mandates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from fastapi import APIRouter

from mandates import gauges, inbound, timers
from mandates.adopting import ADOPTION, authority_ahead
from mandates.beats import Beats
from mandates.domain.switch import DONE, DROPPED, lease
from mandates.errors import ERRORS
from mandates.events import EVENTS
from mandates.rekeying import Rekeyings
from mandates.switch_waits import SwitchWaits
from mandates.switching import Switching
from suizhuan.db.database import Database
from suizhuan.kernel.clock import Clock
from suizhuan.metrics import from_zero
from suizhuan.ports.log import Log
from suizhuan.service import Parts, Service
from suizhuan.settings import ServiceSettings

SQLITE_BEAT = timedelta(seconds=10)  # for an idle platform that takes next to nothing of its machine
MIGRATIONS = Path(__file__).parent / "migrations"


def routers() -> Sequence[APIRouter]:
    """Of its API, in the order in which addresses are compared."""
    from mandates import routes, routes_mandates, routes_views  # noqa: PLC0415

    return [routes.router, routes_mandates.router, routes_views.router]


def build(
    settings: ServiceSettings,
    *,
    broker: Log | None = None,
    clock: Clock | None = None,
    database: Database | None = None,
) -> Service:
    """Everything from the settings; a log, a clock and a database may be handed in."""
    parts = Parts.make("mandates", settings, EVENTS, broker=broker, clock=clock, database=database)
    times = parts.profile.authority
    switching = Switching(
        times.timing,
        timedelta(seconds=times.switch_deadline_s),
        timedelta(hours=parts.profile.emergency.funding_limit_h),
    )
    rekeyings = Rekeyings(switching, parts.profile.root_area)
    waits = SwitchWaits(parts.uow, lease(times.timing), parts.clock)
    parts.replica.on_opened = waits.on_opened
    from_zero(parts.metrics.switch_seconds, DONE, DROPPED)
    parts.recovery.on_ahead = authority_ahead
    interval = timedelta(seconds=times.beat_interval_s)
    if parts.database.is_sqlite:  # one process: only acknowledgements end a wait, beats just keep leases fresh
        interval = max(interval, min(SQLITE_BEAT, times.timing.max_staleness / 10))
    service = Service(
        parts=parts,
        migrations=MIGRATIONS,
        title="权责 Mandates",
        catalogue=ERRORS,
        routers=routers,
        inbound=inbound.make(rekeyings.request, settings.topics),
        look=gauges.look,
        deadlines=timers.make(switching, rekeyings),
        adoption=ADOPTION,
        extra=[Beats(parts.uow, interval, parts.clock), waits],
    )
    service.state.switching = switching
    service.state.rekeyings = rekeyings
    return service
