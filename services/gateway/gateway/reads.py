"""The queries behind the composed reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, false, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import tables as t
from suizhuan.db.tables import grants
from suizhuan.kernel.area import prefixes

Row = dict[str, Any]
CLOSED = ("closed", "invalid", "settled")
LIVE_MANDATES = ("admitted", "funded", "active", "suspended", "ending")
MONEY_OPEN = ("placed",)
LIMIT = 500


async def rows(conn: AsyncConnection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in (await conn.execute(query)).mappings()]


async def organisations(conn: AsyncConnection, area: str) -> list[Row]:
    """Those that hold exactly this area, else those that hold the narrowest one around it."""
    held = t.organisation_area.c
    for prefix in prefixes(area):
        joined = select(t.organisation).join(t.organisation_area, t.organisation.c.id == held.org)
        found = await rows(conn, joined.where(held.area == prefix).order_by(t.organisation.c.id).limit(LIMIT))
        if found:
            areas = await rows(
                conn, select(t.organisation_area).where(held.org.in_([o["id"] for o in found])).order_by(held.area)
            )
            return [{**o, "areas": [a["area"] for a in areas if a["org"] == o["id"]]} for o in found]
    return []


async def mandates(conn: AsyncConnection, area: str) -> list[Row]:
    """Those that hold something in the area or over it, the narrowest first."""
    m = t.mandate.c
    query = select(t.mandate, t.affair.c.name.label("affair_name"), t.affair.c.name_en.label("affair_name_en"))
    query = query.join(t.affair, t.affair.c.id == m.affair, isouter=True)
    here = or_(m.area.in_(prefixes(area)), m.area.startswith(area, autoescape=True))
    query = query.where(here, m.state.in_(LIVE_MANDATES)).order_by(func.length(m.area).desc(), m.affair, m.id)
    return await rows(conn, query.limit(LIMIT))


async def held(conn: AsyncConnection, area: str, holders: Iterable[str]) -> list[Row]:
    """The grants that these organisations hold there now, by our own replica."""
    g = grants.c
    query = select(g.mandate, g.affair, g.area, g.role, g.holder, g.powers, g.term, g.starts_at, g.ends_at)
    here = or_(g.area.in_(prefixes(area)), g.area.startswith(area, autoescape=True))
    query = query.where(here, g.holder.in_(sorted(set(holders))), g.live.is_(True)).order_by(g.affair, g.area)
    return await rows(conn, query.limit(LIMIT))


async def case_counts(conn: AsyncConnection, area: str) -> dict[str, int]:
    c = t.cases.c
    query = select(c.state, func.count()).where(c.area.startswith(area, autoescape=True)).group_by(c.state)
    return {state: count for state, count in await conn.execute(query)}


async def open_cases(conn: AsyncConnection, area: str, limit: int) -> list[Row]:
    """The most urgent first."""
    c = t.cases.c
    query = select(t.cases).where(c.area.startswith(area, autoescape=True), c.state.not_in(CLOSED))
    return await rows(conn, query.order_by(c.due_at.is_(None), c.due_at, c.id).limit(limit))


async def money(conn: AsyncConnection, org: str, bank: str) -> Row:
    """Free money, what is held of it and what that leaves; and each earmark the same way. Fen."""
    b, h, e = t.balance.c, t.hold.c, t.earmark.c
    lying = {
        row.earmark: row.amount_fen
        for row in await conn.execute(select(b.earmark, b.amount_fen).where(b.org == org, b.account == bank))
    }
    open_holds = select(h.mandate, func.sum(h.amount_fen)).where(h.state.in_(MONEY_OPEN))
    own = open_holds.where(h.payer == org, h.mandate.is_(None)).group_by(h.mandate)
    budget = sum(int(amount) for _, amount in await conn.execute(own))
    earmarks = await rows(conn, select(t.earmark).where(e.holder == org).order_by(e.mandate).limit(LIMIT))
    ids = [row["mandate"] for row in earmarks]
    of_earmarks = open_holds.where(h.mandate.in_(ids)).group_by(h.mandate)
    held_of = {mandate: int(amount) for mandate, amount in await conn.execute(of_earmarks)}
    free = lying.get("", 0)
    return {
        "org": org,
        "balance_fen": free,
        "held_fen": budget,
        "available_fen": free - budget,
        "earmarks": [_earmark(row, lying.get(row["mandate"], 0), held_of.get(row["mandate"], 0)) for row in earmarks],
    }


def _earmark(row: Row, balance: int, on_hold: int) -> Row:
    return {**row, "balance_fen": balance, "held_fen": on_hold, "available_fen": balance - on_hold}


async def case(conn: AsyncConnection, case_id: str) -> Row | None:
    found = await rows(conn, select(t.cases).where(t.cases.c.id == case_id))
    return found[0] if found else None


async def steps(conn: AsyncConnection, case_id: str) -> list[Row]:
    """The case's own events in their order, each of finance's after what caused it."""
    s = t.step.c
    query = select(t.step).where(s.case == case_id).order_by(s.at, s.topic, s.partition, s.offset)
    return after_their_causes(await rows(conn, query))


def after_their_causes(found: list[Row]) -> list[Row]:
    """Two services' clocks may disagree: order by time, but never an effect before its cause, nor a topic's events
    against their offsets."""
    left = {row["event"]: row for row in found}
    ordered: list[Row] = []
    next_of: dict[str, list[Row]] = {}
    for row in sorted(found, key=lambda r: (r["topic"], r["partition"], r["offset"])):
        next_of.setdefault(row["topic"], []).append(row)
    while any(next_of.values()):
        heads = [queue[0] for queue in next_of.values() if queue]
        free = [row for row in heads if row["causation"] not in left or row["causation"] == row["event"]]
        chosen = min(free or heads, key=lambda r: (r["at"], r["topic"]))
        next_of[chosen["topic"]].pop(0)
        del left[chosen["event"]]
        ordered.append(chosen)
    return ordered


async def by_ids(conn: AsyncConnection, table: Any, ids: Iterable[str | None]) -> dict[str, Row]:
    """Rows of a table by the first column of its key."""
    wanted = sorted({i for i in ids if i})
    if not wanted:
        return {}
    key = next(iter(table.primary_key))
    return {row[key.name]: row for row in await rows(conn, select(table).where(key.in_(wanted)))}


async def holds_of(conn: AsyncConnection, case_id: str) -> list[Row]:
    return await rows(conn, select(t.hold).where(t.hold.c.case == case_id).order_by(t.hold.c.id))


async def figures(
    conn: AsyncConnection,
    *,
    area: str | None,
    digits: int,
    service: str | None,
    kind: str | None,
    after: tuple[str, str, str, str] | None,
    limit: int,
    names: Sequence[str] | None = None,
) -> list[Row]:
    """How many things there are: by place (so many digits of its code), service, kind and what happened last.

    With `names` (`property.premise.registered`, `property.*`) only those to which that happened."""
    c = t.thing.c
    place = func.coalesce(func.substr(c.area, 1, digits), "")
    query = select(place.label("area"), c.service, c.kind, c.state, func.count().label("count"))
    if area is not None:
        query = query.where(c.area.startswith(area, autoescape=True))
    for column, value in ((c.service, service), (c.kind, kind)):
        if value is not None:
            query = query.where(column == value)
    if names is not None:
        happened = c.service + "." + c.kind + "." + c.state
        wanted = [happened.startswith(n[:-1], autoescape=True) if n.endswith("*") else happened == n for n in names]
        query = query.where(or_(false(), *wanted))
    if after is not None:
        query = query.where(tuple_(place, c.service, c.kind, c.state) > tuple_(*map(literal, after)))
    query = query.group_by(place, c.service, c.kind, c.state).order_by(place, c.service, c.kind, c.state)
    return await rows(conn, query.limit(limit))
