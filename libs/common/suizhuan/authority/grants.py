"""Grants in the service's own database: rows to `Grant` and back, and the questions asked of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Boolean, Text, any_, bindparam, literal, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.authority import locks
from suizhuan.db.query import Query
from suizhuan.db.tables import authority_state, grants
from suizhuan.kernel import area
from suizhuan.kernel.clock import parse_utc, utc_text
from suizhuan.kernel.term import LEAD, Beat, Grant, Yielding, holding, route

_NAMES = [column.name for column in grants.c]


def to_grant(row: Iterable[Any]) -> Grant:
    """A row of all columns of `authority_grant` as a Grant."""
    values = dict(zip(_NAMES, row, strict=True))
    del values["sequence"]  # of the log, not of the grant
    values["powers"] = frozenset(values["powers"])
    values["yielding"] = tuple(map(yielding_from, values["yielding"]))
    return Grant(**values)


def values_of(grant: Grant, sequence: int) -> dict[str, Any]:
    """The row of a grant that the record `sequence` has left so."""
    values = {name: getattr(grant, name) for name in _NAMES if name != "sequence"}
    listed = {"powers": sorted(grant.powers), "yielding": yielding_to(grant.yielding)}
    return values | listed | {"sequence": sequence}


def yielding_from(raw: dict[str, Any]) -> Yielding:
    until = raw.get("until")
    return Yielding(
        raw["prefix"], raw.get("switch"), raw.get("mandate"), parse_utc(until) if until else None, raw.get("to")
    )


def yielding_to(items: Iterable[Yielding]) -> list[dict[str, Any]]:
    return [
        {
            "prefix": y.prefix,
            "switch": y.switch,
            "mandate": y.mandate,
            "until": utc_text(y.until) if y.until else None,
            **({"to": y.to} if y.to else {}),
        }
        for y in items
    ]


_HERE = [grants.c.affair == bindparam("b_affair"), grants.c.live.is_(True)]
_OVER = Query(
    select(grants).where(*_HERE, grants.c.area == any_(bindparam("b_areas", type_=ARRAY(Text)))),
    sqlite=select(grants).where(*_HERE, grants.c.area.in_(bindparam("b_areas", expanding=True))),
)
_INSIDE = Query(select(grants).where(*_HERE, grants.c.role == LEAD, grants.c.area.like(bindparam("b_inside"))))
_NAMED = select(grants).where(grants.c.mandate == bindparam("b_mandate"))
_BY_MANDATE, _LOCKED = Query(_NAMED), Query(_NAMED.with_for_update(read=True))
_MANDATE = select(grants.c.mandate).where(grants.c.mandate == bindparam("b_mandate"))
_SHARED = Query(
    _NAMED.with_for_update(read=True).where(locks.shared(_MANDATE)), sqlite=_NAMED.with_for_update(read=True)
)


async def covering(conn: AsyncConnection, affair: str, place: str) -> list[Grant]:
    """Every live grant for `affair` whose area contains `place`."""
    return [to_grant(row) for row in await _OVER.all(conn, b_affair=affair, b_areas=area.prefixes(place))]


async def narrower(conn: AsyncConnection, affair: str, outer: str) -> list[Grant]:
    """Every live lead grant for `affair` inside `outer`, the area itself included."""
    return [to_grant(row) for row in await _INSIDE.all(conn, b_affair=affair, b_inside=f"{outer}%")]


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
    row = await (_LOCKED if lock else _BY_MANDATE).first(conn, b_mandate=mandate)
    return to_grant(row) if row is not None else None


async def share(conn: AsyncConnection, mandate: str) -> Grant | None:
    """The replica's row of one mandate; no record changes it before this transaction ends."""
    row = await _SHARED.first(conn, b_mandate=mandate)
    return to_grant(row) if row is not None else None


async def with_power(conn: AsyncConnection, org: str, power: str, now: datetime) -> list[Grant]:
    """Every grant in time by which `org` holds `power`, narrowest first."""
    rows = await conn.execute(select(grants).where(grants.c.holder == org, grants.c.live.is_(True)))
    found = [g for g in map(to_grant, rows) if power in g.powers and g.in_time(now)]
    return sorted(found, key=lambda g: (-len(g.area), g.mandate))


async def newest_beat(conn: AsyncConnection) -> tuple[str, Beat]:
    """(the id this replica joined under, the newest beat it holds).

    On PostgreSQL the id is empty where it is another server's: of a database that was restored since (authority §5)."""
    row = await _BEAT.first(conn)
    if row is None:
        return "", Beat(None)
    replica, beat_at, named, ours = row
    return replica if ours else "", Beat(beat_at, frozenset(named))


_S = authority_state.c
_HELD = select(_S.replica, _S.beat_at, _S.beat_replicas).where(_S.id == 1)
_OURS = "strpos(replica, extract(epoch FROM pg_postmaster_start_time())::text || ':' || current_database()) > 0"
_BEAT = Query(
    _HELD.add_columns(literal_column(_OURS, Boolean).label("ours")),
    sqlite=_HELD.add_columns(literal(True).label("ours")),
)
