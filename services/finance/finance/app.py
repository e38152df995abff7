"""The one wiring of finance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fastapi import APIRouter

from finance import gauges, inbound, tables
from finance.adopting import ADOPTION
from finance.bootstrap import publish_tariffs
from finance.domain.ledger import Roles
from finance.errors import ERRORS
from finance.events import EVENTS
from finance.money import Money
from suizhuan.db.database import Database
from suizhuan.kernel.clock import Clock
from suizhuan.ports.log import Log
from suizhuan.service import Parts, Service
from suizhuan.settings import ServiceSettings

MIGRATIONS = Path(__file__).parent / "migrations"


def routers() -> Sequence[APIRouter]:
    """Of its API, in the order in which addresses are compared."""
    from finance import routes, routes_bills  # noqa: PLC0415

    return [routes.router, routes_bills.router]


def build(
    settings: ServiceSettings,
    *,
    broker: Log | None = None,
    clock: Clock | None = None,
    database: Database | None = None,
) -> Service:
    """Everything from the settings; a log, a clock and a database may be handed in."""
    parts = Parts.make("finance", settings, EVENTS, broker=broker, clock=clock, database=database)
    accounts = parts.profile.account_roles
    roles = Roles(
        bank=accounts.bank,
        earmark=accounts.earmark,
        subsidy=accounts.subsidy,
        allocation=accounts.allocation,
        receivable=accounts.receivable,
        rent=accounts.rent_income,
        other_income=accounts.other_income,
    )
    money = Money(roles)
    service = Service(
        parts=parts,
        migrations=MIGRATIONS,
        title="经费 Finance",
        catalogue=ERRORS,
        placed=tables.PLACED,
        routers=routers,
        inbound=inbound.make(money, settings.topics),
        look=partial(gauges.look, bank=accounts.bank),
        adoption=ADOPTION,
    )
    service.on_start = lambda: publish_tariffs(service)
    service.state.money = money
    return service
