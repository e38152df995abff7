"""Subscriptions and receipts: their only queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import tables_hub as t
from gateway.domain.subscription import ACTIVE, ENDED, Subscription
from suizhuan.authority import locks

LEASE = timedelta(seconds=30)
_FIELDS = [column.name for column in t.subscription.c if not column.name.startswith("leased_")]
_S, _R = t.subscription.c, t.receipt.c
# What it was made as. The area follows when areas get other codes, behind the back of who has the subscription.
_AS_MADE = frozenset({"id", "hub", "url", "types", "area", "since", "created_at"})


async def add(conn: AsyncConnection, made: Subscription) -> None:
    await conn.execute(insert(t.subscription).values(**_row(made)))


async def find(conn: AsyncConnection, id_: str, *, lock: bool = False) -> Subscription | None:
    query = select(t.subscription).where(_S.id == id_)
    row = (await conn.execute(query.with_for_update() if lock else query)).one_or_none()
    return _made(row) if row is not None else None


async def page(conn: AsyncConnection, *, hub: str | None, after: str, limit: int) -> list[Subscription]:
    """Subscriptions by id, those of one hub or all."""
    query = select(t.subscription).where(_S.id > after).order_by(_S.id).limit(limit)
    if hub is not None:
        query = query.where(_S.hub == hub)
    return [_made(row) for row in await conn.execute(query)]


async def lock(conn: AsyncConnection, hub: str) -> None:
    """Until the transaction ends nobody else adds one for this hub."""
    await locks.exclude(conn, [f"subscriptions:{hub}"])


async def count(conn: AsyncConnection, hub: str) -> int:
    """How many of this hub have not ended."""
    query = select(func.count()).select_from(t.subscription).where(_S.hub == hub, _S.state != ENDED)
    return int((await conn.execute(query)).scalar_one())


@dataclass(frozen=True, slots=True)
class OfHub:
    """The subscriptions of one hub in one state: how many, what they took, since when the first endpoint fails."""

    hub: str
    state: str
    count: int
    delivered: int
    failing_since: datetime | None


async def by_hub(conn: AsyncConnection) -> list[OfHub]:
    """Of every hub that ever had one, those that have ended too."""
    figures = (func.count(), func.sum(_S.delivered), func.min(_S.failing_since))
    query = select(_S.hub, _S.state, *figures).group_by(_S.hub, _S.state)
    return [OfHub(hub, state, int(n), int(taken), since) for hub, state, n, taken, since in await conn.execute(query)]


async def save(conn: AsyncConnection, changed: Subscription) -> bool:
    """Write what may change of it, if nobody has changed it since it was read."""
    query = update(t.subscription).where(_S.id == changed.id, *_as_read(changed, changed.version - 1))
    done = await conn.execute(query.values({n: v for n, v in _row(changed).items() if n not in _AS_MADE}))
    return bool(done.rowcount)


async def areas_changed(conn: AsyncConnection) -> None:
    """Areas have other codes, and the rows say so already: whoever has one read it before, and reads it anew."""
    query = update(t.subscription).where(_S.area.is_not(None), _S.state != ENDED)
    await conn.execute(query.values(version=_S.version + 1))


@dataclass(frozen=True, slots=True)
class Seen:
    """An active subscription as a worker sees it. `due`: it may take it now; `ends`: it has it, and not for long;
    `lost`: another has it."""

    id: str
    due: bool
    ends: bool
    lost: bool


async def active(conn: AsyncConnection, worker: str, now: datetime) -> list[Seen]:
    """The active subscriptions."""
    query = select(_S.id, _S.leased_by, _S.leased_until, _S.next_at).where(t.IS_ACTIVE)
    found = []
    for id_, by, until, next_at in await conn.execute(query):
        lost = by not in (None, worker) and until >= now
        due = not lost and (next_at is None or next_at <= now)
        found.append(Seen(id_, due, by == worker and until - now < LEASE * 2 / 3, lost))
    return found


async def lease(conn: AsyncConnection, ids: Iterable[str], worker: str, now: datetime) -> list[str]:
    """Those of them that are active and that nobody else has: they are this worker's for `LEASE`."""
    free = or_(_S.leased_until.is_(None), _S.leased_until < now, _S.leased_by == worker)
    query = update(t.subscription).where(_S.id.in_(sorted(ids)), _S.state == ACTIVE, free)
    taken = query.values(leased_by=worker, leased_until=now + LEASE).returning(_S.id)
    return sorted((await conn.execute(taken)).scalars())


async def has_lease(conn: AsyncConnection, held: Subscription, worker: str, now: datetime) -> bool:
    """Whether it is this worker's still, and as it was read: neither stopped nor given another secret since."""
    query = select(_S.id).where(_S.id == held.id, *_as_read(held, held.version), _S.state == ACTIVE)
    mine = query.where(_S.leased_by == worker, _S.leased_until >= now)
    return (await conn.execute(mine)).one_or_none() is not None


async def release(conn: AsyncConnection, id_: str, worker: str) -> None:
    query = update(t.subscription).where(_S.id == id_, _S.leased_by == worker)
    await conn.execute(query.values(leased_by=None, leased_until=None))


async def note(conn: AsyncConnection, receipts: Sequence[Mapping[str, Any]]) -> None:
    await conn.execute(insert(t.receipt), list(receipts))


async def receipts(
    conn: AsyncConnection, *, hub: str | None, service: str | None, after: str, limit: int
) -> list[dict[str, Any]]:
    """Receipts, newest first, before a place; of one hub, of one service's data."""
    query = select(t.receipt).order_by(_R.id.desc()).limit(limit)
    if after:
        query = query.where(_R.id < after)
    for column, value in ((_R.hub, hub), (_R.service, service)):
        if value is not None:
            query = query.where(column == value)
    return [dict(row._mapping) for row in await conn.execute(query)]


async def forget_receipts(conn: AsyncConnection, before: datetime, most: int) -> int:
    """Those that need not be kept any longer, the oldest first; how many they were."""
    oldest = select(_R.id).where(_R.at < before).order_by(_R.at).limit(most)
    return int((await conn.execute(delete(t.receipt).where(_R.id.in_(oldest)))).rowcount)


def _as_read(held: Subscription, version: int) -> tuple[ColumnElement[bool], ...]:
    """A code that was written while areas got other ones is put right later, without a version (`areas.settle`)."""
    return _S.version == version, _S.area == held.area


def _row(subscription: Subscription) -> dict[str, Any]:
    return {**asdict(subscription), "types": list(subscription.types)}


def _made(row: Any) -> Subscription:
    values = {name: row._mapping[name] for name in _FIELDS}
    return Subscription(**{**values, "types": tuple(values["types"])})
