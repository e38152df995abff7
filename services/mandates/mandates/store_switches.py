"""Queries of the authority log's side: the head, slots, switches, whom they await, and the replicas."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mandates import tables as t
from mandates.domain.mandate import Mandate
from mandates.domain.switch import ON_SQLITE, OPEN, WAITING, Awaited
from mandates.store import _mandate
from suizhuan.kernel.area import prefixes
from suizhuan.kernel.clock import parse_utc, utc_text
from suizhuan.kernel.term import LEAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A row of `switch`."""

    id: str
    why: str
    affair: str
    area: str
    lo: int
    hi: int
    mandate: str
    reason: str
    state: str
    attempt: int
    on_log: bool
    opened_sequence: int | None
    requested_at: datetime
    opened_at: datetime | None
    deadline_at: datetime | None
    ended_at: datetime | None
    why_dropped: str | None
    correlation_id: str
    causation_id: str | None
    traceparent: str | None


# --- the head: every record is made under its lock -------------------------------------------------------------


async def next_sequence(conn: AsyncConnection) -> int:
    """Lock the head and take the next number; everything read after this sees what earlier records rest on."""
    query = update(t.head).where(t.head.c.id == 1).values(sequence=t.head.c.sequence + 1).returning(t.head.c.sequence)
    return int((await conn.execute(query)).scalar_one())


async def take_beat(conn: AsyncConnection, now: datetime, not_since: datetime) -> int | None:
    """The sequence for a beat, or None when one was made after `not_since`. One that lies in the future (a clock
    was set back) does not keep us from beating."""
    beat_at = t.head.c.beat_at
    query = (
        update(t.head)
        .where(t.head.c.id == 1, or_(beat_at.is_(None), beat_at <= not_since, beat_at > now + timedelta(seconds=1)))
        .values(sequence=t.head.c.sequence + 1, beat_at=now)
        .returning(t.head.c.sequence)
    )
    taken = (await conn.execute(query)).scalar_one_or_none()
    return None if taken is None else int(taken)


async def last_beat(conn: AsyncConnection) -> datetime | None:
    found: datetime | None = (await conn.execute(select(t.head.c.beat_at).where(t.head.c.id == 1))).scalar_one()
    return found


async def lock_head(conn: AsyncConnection) -> None:
    await conn.execute(select(t.head.c.id).where(t.head.c.id == 1).with_for_update())


async def set_founded(conn: AsyncConnection, now: datetime) -> None:
    await conn.execute(update(t.head).where(t.head.c.id == 1).values(founded_at=now))


# --- slots -----------------------------------------------------------------------------------------------------


async def next_term(conn: AsyncConnection, affair: str, area: str) -> int:
    """The slot's next term; a slot that is new begins with 1."""
    upsert = _insert(conn, t.slot).values(affair=affair, area=area, term=1, mandate=None)
    query = upsert.on_conflict_do_update(index_elements=["affair", "area"], set_={"term": t.slot.c.term + 1}).returning(
        t.slot.c.term
    )
    return int((await conn.execute(query)).scalar_one())


async def in_slot(conn: AsyncConnection, affair: str, area: str) -> str | None:
    """The lead mandate that came into the slot last and was not taken out of it by a switch."""
    query = select(t.slot.c.mandate).where(t.slot.c.affair == affair, t.slot.c.area == area)
    return (await conn.execute(query)).scalar_one_or_none()


async def put_in_slot(conn: AsyncConnection, affair: str, area: str, mandate: str | None) -> None:
    where = [t.slot.c.affair == affair, t.slot.c.area == area]
    await conn.execute(update(t.slot).where(*where).values(mandate=mandate))


async def broader_holder(conn: AsyncConnection, affair: str, area: str, now: datetime) -> str | None:
    """Who is responsible in the next broader slot: the successor by default."""
    m = t.mandate.c
    query = (
        select(t.mandate)
        .where(m.affair == affair, m.role == LEAD, m.area.in_(prefixes(area)[1:]), m.ended_at.is_(None))
        .order_by(func.length(m.area).desc())
    )
    for row in await conn.execute(query):
        found = _mandate(row)
        if found.has_powers and not found.over(now):
            return found.holder
    return None


# --- switches --------------------------------------------------------------------------------------------------


async def add_switch(conn: AsyncConnection, switch: Switch) -> None:
    await conn.execute(insert(t.switch).values(**asdict(switch)))


async def switch(conn: AsyncConnection, id_: str, *, lock: bool = False) -> Switch | None:
    query = select(t.switch).where(t.switch.c.id == id_)
    row = (await conn.execute(query.with_for_update() if lock else query)).one_or_none()
    return Switch(**row._asdict()) if row is not None else None


async def set_switch(conn: AsyncConnection, id_: str, **values: object) -> None:
    await conn.execute(update(t.switch).where(t.switch.c.id == id_).values(**values))


async def switches(conn: AsyncConnection, *, after: str, limit: int, **wanted: str | None) -> list[Switch]:
    """Newest first. `after`: the place of the last one seen, as `place` gives it. Errors: ValueError."""
    query = select(t.switch)
    s = t.switch.c
    if after:
        moment, _, id_ = after.partition(" ")
        seen = parse_utc(moment)
        query = query.where(or_(s.requested_at < seen, and_(s.requested_at == seen, s.id < id_)))
    for name, value in wanted.items():
        if value is not None:
            query = query.where(t.switch.c[name] == value)
    rows = await conn.execute(query.order_by(s.requested_at.desc(), s.id.desc()).limit(limit))
    return [Switch(**row._asdict()) for row in rows]


def place(switch: Switch) -> str:
    """Where a switch stands in the list."""
    return f"{utc_text(switch.requested_at)} {switch.id}"


async def under_way(conn: AsyncConnection, mandate: str) -> Switch | None:
    """The switch that waits or is open for a mandate."""
    query = select(t.switch).where(t.switch.c.mandate == mandate, t.switch.c.state.in_([WAITING, OPEN]))
    row = (await conn.execute(query)).one_or_none()
    return Switch(**row._asdict()) if row is not None else None


async def overlapping_open(conn: AsyncConnection, switch: Switch) -> str | None:
    """An open switch of the same affair whose area overlaps."""
    s = t.switch.c
    where = [s.state == OPEN, s.affair == switch.affair, s.id != switch.id, s.lo < switch.hi, s.hi > switch.lo]
    return (await conn.execute(select(s.id).where(*where).limit(1))).scalar_one_or_none()


async def waiting(conn: AsyncConnection, affair: str) -> list[str]:
    """Switches of an affair that wait for their turn, the oldest first."""
    s = t.switch.c
    query = select(s.id).where(s.state == WAITING, s.affair == affair).order_by(s.requested_at, s.id)
    return list((await conn.execute(query)).scalars())


async def open_switches(conn: AsyncConnection) -> Mapping[str, bool]:
    """Every open switch, and whether its record was seen on the log."""
    rows = await conn.execute(select(t.switch.c.id, t.switch.c.on_log).where(t.switch.c.state == OPEN))
    return {row.id: row.on_log for row in rows}


# --- replicas and whom a switch awaits -------------------------------------------------------------------------


async def join(conn: AsyncConnection, replica: str, service: str, now: datetime) -> None:
    """The beats name this one from now on, and an older one of the same service no more."""
    others = [t.replica.c.service == service, t.replica.c.id != replica]
    await conn.execute(update(t.replica).where(*others).values(listed=False))
    values = {"id": replica, "service": service, "listed": True, "joined_at": now, "named_at": None}
    again = {"listed": True, "joined_at": now}
    upsert = _insert(conn, t.replica).values(**values)
    await conn.execute(upsert.on_conflict_do_update(index_elements=["id"], set_=again))


async def name_replicas(conn: AsyncConnection, now: datetime) -> list[str]:
    """The replicas that a beat of `now` names, noted as named."""
    named_at = t.replica.c.named_at
    latest = case((named_at > now, named_at), else_=literal(now, named_at.type))  # never back, whatever the clock does
    query = update(t.replica).where(t.replica.c.listed.is_(True)).values(named_at=latest).returning(t.replica.c.id)
    return sorted((await conn.execute(query)).scalars())


async def unlist(conn: AsyncConnection, replicas: Collection[str]) -> None:
    await conn.execute(update(t.replica).where(t.replica.c.id.in_(sorted(replicas))).values(listed=False))


async def replicas(conn: AsyncConnection) -> list[dict[str, Any]]:
    return [row._asdict() for row in await conn.execute(select(t.replica).order_by(t.replica.c.id))]


async def await_replicas(conn: AsyncConnection, switch: str, since: datetime) -> list[str]:
    """Await every replica that a beat younger than `since` named, listed still or not; and one on SQLite that is
    listed, however long ago that was: nothing bounds how long its acts may take to commit."""
    r = t.replica.c
    unbounded = and_(r.listed, r.named_at.is_not(None), r.id.contains(ON_SQLITE, autoescape=True))
    query = select(r.id).where(or_(r.named_at > since, unbounded)).order_by(r.id)
    found = list((await conn.execute(query)).scalars())
    blank = {"switch": switch, "acknowledged_at": None, "pending_cases": False, "lease_over": False}
    if found:
        await conn.execute(insert(t.awaited), [{**blank, "replica": replica} for replica in found])
    return found


async def acknowledge(conn: AsyncConnection, switch: str, replica: str, pending_cases: bool, now: datetime) -> bool:
    """Note an acknowledgement. True: it was awaited, and no other is any more.

    The rows of the switch are locked, so that of two that come at once one is the last."""
    rows = select(t.awaited).where(t.awaited.c.switch == switch).order_by(t.awaited.c.replica).with_for_update()
    out = [row.replica for row in await conn.execute(rows) if row.acknowledged_at is None and not row.lease_over]
    where = [t.awaited.c.switch == switch, t.awaited.c.replica == replica, t.awaited.c.acknowledged_at.is_(None)]
    query = update(t.awaited).where(*where).values(acknowledged_at=now, pending_cases=pending_cases)
    noted = (await conn.execute(query.returning(t.awaited.c.replica))).first() is not None
    return noted and not set(out) - {replica}


async def lease_over(conn: AsyncConnection, switch: str) -> bool:
    """Note that whoever has not answered this switch by now can act under nothing older. False: all have answered."""
    where = [t.awaited.c.switch == switch, t.awaited.c.acknowledged_at.is_(None), t.awaited.c.lease_over.is_(False)]
    query = update(t.awaited).where(*where).values(lease_over=True).returning(t.awaited.c.replica)
    return (await conn.execute(query)).first() is not None


async def awaited(conn: AsyncConnection, switch: str) -> list[Awaited]:
    rows = await conn.execute(select(t.awaited).where(t.awaited.c.switch == switch).order_by(t.awaited.c.replica))
    return [Awaited(r.replica, r.acknowledged_at is not None, r.pending_cases, r.lease_over) for r in rows]


async def set_cases_ready(conn: AsyncConnection, switch: str, cases: int, now: datetime) -> None:
    values = {"switch": switch, "cases": cases, "at": now}
    await conn.execute(_insert(conn, t.cases_ready).values(**values).on_conflict_do_nothing())


async def cases_ready(conn: AsyncConnection, switch: str) -> bool:
    query = select(t.cases_ready.c.switch).where(t.cases_ready.c.switch == switch)
    return (await conn.execute(query)).first() is not None


def _insert(conn: AsyncConnection, table: Any) -> Any:
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)


def silent(found: Sequence[Awaited]) -> list[str]:
    return [a.replica for a in found if not a.acknowledged]


async def forget_slot(conn: AsyncConnection, mandate: Mandate) -> None:
    """The mandate is no longer in its slot."""
    where = [t.slot.c.affair == mandate.affair, t.slot.c.area == mandate.area, t.slot.c.mandate == mandate.id]
    await conn.execute(update(t.slot).where(*where).values(mandate=None))
