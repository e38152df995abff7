"""Grants in the service's own database: rows to `Grant` and back, and the questions asked of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Select, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.authority import locks
from suizhuan.db.tables import authority_state, grants
from suizhuan.kernel import area
from suizhuan.kernel.clock import parse_utc, utc_text
from suizhuan.kernel.term import Beat, Grant, Yielding, holding, route


def to_grant(row: Any) -> Grant:
    """A row of `authority_grant` as a Grant."""
    return Grant(
        mandate=row.mandate,
        affair=row.affair,
        area=row.area,
        role=row.role,
        holder=row.holder,
        powers=frozenset(row.powers),
        term=row.term,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        successor=row.successor,
        yielding=tuple(yielding_from(y) for y in row.yielding),
        live=row.live,
    )


def yielding_from(raw: dict[str, Any]) -> Yielding:
    until = raw.get("until")
    return Yielding(raw["prefix"], raw.get("switch"), raw.get("mandate"), parse_utc(until) if until else None)


def yielding_to(items: Iterable[Yielding]) -> list[dict[str, Any]]:
    return [
        {
            "prefix": y.prefix,
            "switch": y.switch,
            "mandate": y.mandate,
            "until": utc_text(y.until) if y.until else None,
        }
        for y in items
    ]


def _over(affair: str, place: str) -> Select[Any]:
    return select(grants).where(
        grants.c.affair == affair, grants.c.area.in_(area.prefixes(place)), grants.c.live.is_(True)
    )


async def covering(conn: AsyncConnection, affair: str, place: str) -> list[Grant]:
    """Every live grant for `affair` whose area contains `place`."""
    return [to_grant(row) for row in await conn.execute(_over(affair, place))]


async def within(conn: AsyncConnection, affair: str, outer: str) -> list[Grant]:
    """Every live grant for `affair` inside `outer`, the area itself included."""
    rows = await conn.execute(
        select(grants).where(
            grants.c.affair == affair, grants.c.area.startswith(outer, autoescape=True), grants.c.live.is_(True)
        )
    )
    return [to_grant(row) for row in rows]


async def responsible(conn: AsyncConnection, affair: str, place: str, now: datetime) -> Grant | None:
    """The lead grant that routing points to (G1); None only where nobody ever founded the affair."""
    return route(await covering(conn, affair, place), affair, place, now)


async def held_by(
    conn: AsyncConnection, org: str, power: str, affair: str, place: str, now: datetime
) -> tuple[Grant | None, Grant | None]:
    """(the grant by which `org` may use `power` there or None, the grant that routing points to)."""
    found = await covering(conn, affair, place)
    return holding(found, org, power, affair, place, now), route(found, affair, place, now)


async def by_mandate(conn: AsyncConnection, mandate: str, *, lock: bool = False) -> Grant | None:
    """The replica's row of one mandate, live or not; `lock` keeps it as it is until the transaction ends."""
    query = select(grants).where(grants.c.mandate == mandate)
    row = (await conn.execute(query.with_for_update(read=True) if lock else query)).one_or_none()
    return to_grant(row) if row is not None else None


async def share(conn: AsyncConnection, mandate: str) -> Grant | None:
    """The replica's row of one mandate; no record changes it before this transaction ends."""
    query = select(grants).where(grants.c.mandate == mandate).with_for_update(read=True)
    if conn.dialect.name != "sqlite":
        query = query.where(locks.shared(select(grants.c.mandate).where(grants.c.mandate == mandate)))
    row = (await conn.execute(query)).one_or_none()
    return to_grant(row) if row is not None else None


async def with_power(conn: AsyncConnection, org: str, power: str, now: datetime) -> list[Grant]:
    """Every grant in time by which `org` holds `power`, narrowest first."""
    rows = await conn.execute(select(grants).where(grants.c.holder == org, grants.c.live.is_(True)))
    found = [g for g in map(to_grant, rows) if power in g.powers and g.in_time(now)]
    return sorted(found, key=lambda g: (-len(g.area), g.mandate))


async def newest_beat(conn: AsyncConnection) -> tuple[str, Beat]:
    """(the id this replica joined under, the newest beat it holds).

    On PostgreSQL the id is empty where it is another server's: of a database that was restored since (authority §5)."""
    query = _STATE if conn.dialect.name == "sqlite" else _STATE_OF_THIS_SERVER
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        return "", Beat(None)
    return row.replica if row.ours else "", Beat(row.beat_at, frozenset(row.beat_replicas))


_STATE = select(authority_state, literal(True).label("ours")).where(authority_state.c.id == 1)
_STATE_OF_THIS_SERVER = select(
    authority_state,
    text(
        "strpos(replica, extract(epoch FROM pg_postmaster_start_time())::text || ':' || current_database()) > 0 AS ours"
    ),
).where(authority_state.c.id == 1)
