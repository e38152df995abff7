"""Queries of the authority log's side: the head, slots, switches, whom they await, and the replicas."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text, and_, bindparam, case, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mandates import tables as t
from mandates.domain.mandate import Mandate
from mandates.domain.switch import EVERY_AFFAIR, ON_SQLITE, OPEN, WAITING, Awaited
from mandates.store import _mandate
from suizhuan.db.query import Query
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


# What every switch asks: made once, at import.
_H, _S, _A = t.head.c, t.switch.c, t.awaited.c
_NEXT = Query(update(t.head).where(_H.id == 1).values(sequence=_H.sequence + 1).returning(_H.sequence))
_LOCK_HEAD = Query(select(_H.id).where(_H.id == 1).with_for_update())
_THERE = [t.slot.c.affair == bindparam("b_affair"), t.slot.c.area == bindparam("b_area")]
_IN_SLOT = Query(select(t.slot.c.mandate).where(*_THERE))
_SWITCH = select(t.switch).where(_S.id == bindparam("b_id"))
_FIND_SWITCH, _LOCK_SWITCH = Query(_SWITCH), Query(_SWITCH.with_for_update())
# One that moves areas is of every affair.
_AFFAIR = or_(
    _S.affair.in_([bindparam("b_affair"), EVERY_AFFAIR]), literal(EVERY_AFFAIR) == bindparam("b_affair", type_=Text)
)
_OVERLAPPING = Query(
    select(_S.id)
    .where(_S.state == OPEN, _AFFAIR, _S.id != bindparam("b_id"))
    .where(_S.lo < bindparam("b_hi"), _S.hi > bindparam("b_lo"))
    .limit(1)
)
_WAITING = Query(select(_S.id).where(_S.state == WAITING, _AFFAIR).order_by(_S.requested_at, _S.id))
_AWAITED = select(_A.replica, _A.acknowledged_at, _A.pending_cases, _A.lease_over).where(
    _A.switch == bindparam("b_switch")
)
_ALL_AWAITED = Query(_AWAITED.order_by(_A.replica))
_LOCK_AWAITED = Query(_AWAITED.order_by(_A.replica).with_for_update())
_ACKNOWLEDGE = Query(
    update(t.awaited)
    .where(_A.switch == bindparam("b_switch"), _A.replica == bindparam("b_replica"), _A.acknowledged_at.is_(None))
    .values(acknowledged_at=bindparam("b_now"), pending_cases=bindparam("b_pending"))
    .returning(_A.replica)
)
_CASES_READY = Query(select(t.cases_ready.c.switch).where(t.cases_ready.c.switch == bindparam("b_switch")))


# --- the head: every record is made under its lock -------------------------------------------------------------


async def next_sequence(conn: AsyncConnection) -> int:
    """Lock the head and take the next number; everything read after this sees what earlier records rest on."""
    return int(await _NEXT.value(conn))


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
    await _LOCK_HEAD.all(conn)


async def set_founded(conn: AsyncConnection, now: datetime) -> None:
    await conn.execute(update(t.head).where(t.head.c.id == 1).values(founded_at=now))


# --- slots -----------------------------------------------------------------------------------------------------


async def next_term(conn: AsyncConnection, affair: str, area: str, *, above: int = 0) -> int:
    """The slot's next term; a slot that is new begins with 1. `above`: the term of a mandate that comes from another
    slot, which never has one of its terms twice."""
    upsert = _insert(conn, t.slot).values(affair=affair, area=area, term=above + 1, mandate=None)
    known = t.slot.c.term
    following = case((known > above, known + 1), else_=above + 1)
    query = upsert.on_conflict_do_update(index_elements=["affair", "area"], set_={"term": following}).returning(
        t.slot.c.term
    )
    return int((await conn.execute(query)).scalar_one())


async def in_slot(conn: AsyncConnection, affair: str, area: str) -> str | None:
    """The lead mandate that came into the slot last and was not taken out of it by a switch."""
    found: str | None = await _IN_SLOT.value(conn, b_affair=affair, b_area=area)
    return found


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
    row = await (_LOCK_SWITCH if lock else _FIND_SWITCH).first(conn, b_id=id_)
    return Switch(**dict(zip(_S.keys(), row, strict=True))) if row is not None else None


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
    here = {"b_affair": switch.affair, "b_id": switch.id, "b_lo": switch.lo, "b_hi": switch.hi}
    found: str | None = await _OVERLAPPING.value(conn, **here)
    return found


async def waiting(conn: AsyncConnection, affair: str) -> list[str]:
    """Switches of an affair that wait for their turn, the oldest first."""
    return [row[0] for row in await _WAITING.all(conn, b_affair=affair)]


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
    found = [_to_awaited(row) for row in await _LOCK_AWAITED.all(conn, b_switch=switch)]
    values = {"b_switch": switch, "b_replica": replica, "b_now": now, "b_pending": pending_cases}
    noted = await _ACKNOWLEDGE.first(conn, **values) is not None
    return noted and all(one.replica == replica or one.answered for one in found)


async def lease_over(conn: AsyncConnection, switch: str) -> bool:
    """Note that whoever has not answered this switch by now can act under nothing older. False: all have answered."""
    where = [t.awaited.c.switch == switch, t.awaited.c.acknowledged_at.is_(None), t.awaited.c.lease_over.is_(False)]
    query = update(t.awaited).where(*where).values(lease_over=True).returning(t.awaited.c.replica)
    return (await conn.execute(query)).first() is not None


async def awaited(conn: AsyncConnection, switch: str) -> list[Awaited]:
    return [_to_awaited(row) for row in await _ALL_AWAITED.all(conn, b_switch=switch)]


def _to_awaited(row: Sequence[Any]) -> Awaited:
    replica, acknowledged_at, pending_cases, over = row
    return Awaited(replica, acknowledged_at is not None, pending_cases, over)


async def set_cases_ready(conn: AsyncConnection, switch: str, cases: int, now: datetime) -> None:
    values = {"switch": switch, "cases": cases, "at": now}
    await conn.execute(_insert(conn, t.cases_ready).values(**values).on_conflict_do_nothing())


async def cases_ready(conn: AsyncConnection, switch: str) -> bool:
    return await _CASES_READY.first(conn, b_switch=switch) is not None


def _insert(conn: AsyncConnection, table: Any) -> Any:
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)


def silent(found: Sequence[Awaited]) -> list[str]:
    return [a.replica for a in found if not a.acknowledged]


async def forget_slot(conn: AsyncConnection, mandate: Mandate) -> None:
    """The mandate is no longer in its slot."""
    where = [t.slot.c.affair == mandate.affair, t.slot.c.area == mandate.area, t.slot.c.mandate == mandate.id]
    await conn.execute(update(t.slot).where(*where).values(mandate=None))
