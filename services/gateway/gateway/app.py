"""The one wiring of the gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
from fastapi import APIRouter

from gateway import gauges, inbound, store_hub, timers
from gateway.audit_runner import AuditRunner, Audits
from gateway.auditor import Rules
from gateway.compose import Composer
from gateway.domain.purposes import Purpose, Shown
from gateway.errors import ERRORS
from gateway.events import EVENTS
from gateway.positions import streamed
from gateway.pushing import Pusher
from gateway.settings import own
from gateway.signing import load_key
from gateway.staleness import Staleness
from gateway.stream import Streams
from gateway.tables import PLACED, Base
from gateway.tables_hub import subscription
from gateway.upstreams import Upstreams
from gateway.webhooks import Webhooks
from suizhuan.authority.records import DoneView
from suizhuan.cache import Cache
from suizhuan.identity import KINDS
from suizhuan.kernel.clock import Clock
from suizhuan.ports.log import Log
from suizhuan.profile import Profile
from suizhuan.projections import Projection
from suizhuan.service import Parts, Service
from suizhuan.settings import ServiceSettings
from suizhuan.unit_of_work import Tx

MIGRATIONS = Path(__file__).parent / "migrations"


DESCRIPTION = """
命令与查询以 `/服务名/…` 转发给各服务，凭调用者自己的令牌 / commands and queries go on to the services by `/service/…`,
with the caller's own token: {services}
"""


def routers(services: Sequence[str]) -> Sequence[APIRouter]:
    """Of its API, in the order in which addresses are compared."""
    from gateway import routes_audit, routes_events, routes_hub, routes_passing, routes_reads  # noqa: PLC0415

    return [
        routes_reads.router,
        routes_events.router,
        routes_audit.router,
        routes_hub.router,
        routes_passing.router_to(services),
    ]


def build(
    settings: ServiceSettings,
    *,
    broker: Log | None = None,
    clock: Clock | None = None,
    upstreams: Mapping[str, httpx.AsyncBaseTransport] | None = None,
) -> Service:
    """Everything from the settings. A log, a clock, and transports to services in this process may be handed in."""
    settings = own(settings)
    parts = Parts.make("gateway", settings, EVENTS, broker=broker, clock=clock, kinds=KINDS)
    cache = Cache(
        redis_url=settings.redis_url,
        clock=parts.clock,
        metrics=parts.metrics,
        prefix=f"{settings.redis_prefix}:gateway",
        max_ttl=settings.cache_ttl,
    )
    staleness = Staleness(cache)
    parts.replica.on_done = partial(_areas_changed, staleness)
    behind = Upstreams(settings, upstreams)
    topics = streamed(settings.topics)
    purposes = purposes_of(parts.profile)
    key = load_key(
        settings.webhook_key.get_secret_value() if settings.webhook_key else None, settings.data_dir / "webhook.key"
    )
    pusher = Pusher(
        parts.database,
        parts.broker,
        parts.clock,
        parts.metrics,
        worker=settings.worker_id,
        key=key,
        topics=topics,
        purposes=purposes,
        dead_after=timedelta(seconds=settings.webhook_dead_after),
        timeout=settings.webhook_timeout,
        inside=settings.webhook_inside,
    )
    webhooks = Webhooks(parts.database, parts.clock, pusher)
    auditor = AuditRunner(
        parts.broker, rules_of(parts.profile), settings.audit_keep_events, parts.clock, parts.metrics, settings.topics
    )
    audits = Audits(auditor, parts.clock, settings.audit_every)
    service = Service(
        parts=parts,
        migrations=MIGRATIONS,
        title="网关 Gateway",
        description=DESCRIPTION.format(
            services=" · ".join(f"[{name}]({settings.root_path}/{name}/docs)" for name in behind.names)
        ),
        catalogue=ERRORS,
        placed=(*PLACED, subscription.c.area),
        routers=partial(routers, behind.names),
        inbound=inbound.make(staleness.changed, settings.topics),
        deadlines=timers.make(parts.profile.hub.receipts_days),
        on_start=partial(timers.begin, parts.uow),
        extra=[staleness, behind, webhooks, audits],
        look=gauges.look,
        projections=[reads(settings.topics)],
    )
    state = service.state
    state.own_settings = settings
    state.upstreams = behind
    state.streams = streams = Streams(parts.broker, settings.max_streams, topics)
    parts.metrics.event_streams_open.set_function(lambda: streams.open)
    state.purposes = purposes
    state.webhook_key = key
    state.composer = Composer(parts.database, cache, behind, parts.profile.account_roles.bank)
    state.auditor = auditor
    return service


async def _areas_changed(staleness: Staleness, tx: Tx, done: DoneView) -> None:
    """Areas have other codes: answers about the old ones, and the new, are not right any more, nor is what a worker
    has read of a subscription for one."""
    if done.rekeys:
        await store_hub.areas_changed(tx.conn)
        staleness.changed(tx, *(f"area:{code}" for code in done.table.touched))


def reads(platform: Sequence[str] = ()) -> Projection:
    """The tables behind the composed reads, from what there is among these topics."""
    heard = inbound.declared(platform)
    return Projection(
        name="reads",
        group=heard.group,
        topics=tuple(heard.topics),
        target=lambda _: inbound.declared(platform),
        tables=tuple(Base.metadata.sorted_tables),
        placed=PLACED,
    )


def purposes_of(profile: Profile) -> tuple[Purpose, ...]:
    """The catalogue of the profile, as the domain knows it."""
    return tuple(
        Purpose(p.code, tuple(Shown(s.types, frozenset(s.fields) if s.fields is not None else None) for s in p.shows))
        for p in profile.hub.purposes
    )


def rules_of(profile: Profile) -> Rules:
    """What the auditor has to be told of the profile."""
    timing = profile.authority.timing
    return Rules(timing.max_staleness, timing.max_act, timing.clock_error, profile.account_roles.bank)
