"""Queries of re-keyings: what was announced, and which mandates and organisations it reaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mandates import store
from mandates import tables as t
from mandates.domain.mandate import REFUSED, SETTLED, Mandate
from mandates.domain.organisation import Organisation
from mandates.domain.switch import WAITING, span
from suizhuan.areas import Codes
from suizhuan.authority import locks
from suizhuan.kernel.area import contains, prefixes
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.rekeying import Move, Table
from suizhuan.unit_of_work import Tx

PLACING = "rekeying"  # who places something shares this lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekeying:
    """A row of `rekeying`."""

    id: str
    moves: tuple[Move, ...]
    done_at: datetime | None

    @property
    def table(self) -> Table:
        return Table(self.moves)


async def add(conn: AsyncConnection, id_: str, moves: Sequence[Move]) -> bool:
    """False: it is known already."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    plain = [{"old": m.old, "new": m.new, "heir": m.heir} for m in moves]
    query = make(t.rekeying).values(id=id_, moves=plain).on_conflict_do_nothing().returning(t.rekeying.c.id)
    return (await conn.execute(query)).first() is not None


async def find(conn: AsyncConnection, id_: str) -> Rekeying | None:
    row = (await conn.execute(select(t.rekeying).where(t.rekeying.c.id == id_))).one_or_none()
    return _of(row) if row is not None else None


def _of(row: Any) -> Rekeying:
    moves = tuple(Move(m["old"], m["new"], m["heir"]) for m in row.moves)
    return Rekeying(id=row.id, moves=moves, done_at=row.done_at)


async def check_area(conn: AsyncConnection, *areas: str) -> None:
    """Nothing new is placed, or registered, where codes are about to change, or under one that was given up. Until this
    transaction ends no switch opens that gives codes up, so one that opens later finds what is placed now.

    Errors: `power_in_transition`, `area_given_up`."""
    await locks.share(conn, [PLACING])
    rows = [_of(row) for row in await conn.execute(select(t.rekeying).order_by(t.rekeying.c.done_at))]
    known = Codes(tuple(one.table.retired for one in rows if one.done_at is not None))
    for area in areas:
        for one in rows:
            if one.done_at is None and any(contains(code, area) for code in one.table.touched):
                raise Refusal("power_in_transition", switch=one.id, retry_after=1)
        if (now := known.now(area)) != area:
            raise Refusal("area_given_up", area=area, now=now)


async def keep_out(conn: AsyncConnection) -> None:
    """Wait for whoever is placing something; who comes now waits until this transaction has ended."""
    await locks.exclude(conn, [PLACING])


async def set_done(conn: AsyncConnection, id_: str, now: datetime) -> None:
    await conn.execute(update(t.rekeying).where(t.rekeying.c.id == id_).values(done_at=now))


async def reached(conn: AsyncConnection, table: Table) -> list[Mandate]:
    """Every mandate that is not over and shares a point with a code that is named, by id."""
    m = t.mandate.c
    around = {prefix for code in table.touched for prefix in prefixes(code)}
    inside = [m.area.like(f"{code}%") for code in table.touched]
    query = select(t.mandate).where(
        m.ended_at.is_(None), m.state.not_in([SETTLED, REFUSED]), or_(m.area.in_(sorted(around)), *inside)
    )
    return [store._mandate(row) for row in await conn.execute(query.order_by(m.id))]


async def organisations_in(conn: AsyncConnection, table: Table) -> list[Organisation]:
    """The organisations that hold an area which is named, or lies in one."""
    held = t.organisation_area.c
    inside = or_(*(held.area.like(f"{code}%") for code in table.touched))
    ids = sorted(set((await conn.execute(select(held.org).where(inside))).scalars()))
    return [await store.organisation(conn, org) for org in ids]


async def put_organisation(tx: Tx, org: Organisation, fact: object) -> None:
    """Its areas have other codes."""
    rows = [{"org": org.id, "area": area, "place": i} for i, area in enumerate(org.areas)]
    where = t.organisation_area.c.org == org.id
    await tx.conn.execute(t.organisation_area.delete().where(where))
    await tx.conn.execute(insert(t.organisation_area), rows)
    await tx.conn.execute(update(t.organisation).where(t.organisation.c.id == org.id).values(version=org.version))
    tx.emit(fact, key=org.id, sequence=org.version, area=org.areas[0])


async def waiting_follows(conn: AsyncConnection, mandate: Mandate) -> None:
    """The switch that waits for this mandate waits for its area of today."""
    lo, hi = span(mandate.area)
    s = t.switch.c
    values = {"area": mandate.area, "lo": lo, "hi": hi}
    await conn.execute(update(t.switch).where(s.mandate == mandate.id, s.state == WAITING).values(values))
