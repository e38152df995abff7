"""Queries of switches and planned ends: which cases they move, and whose money is held."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints import tables as t
from complaints.domain.case import Case
from complaints.store import to_case
from suizhuan.db.tables import grants
from suizhuan.kernel.area import prefixes
from suizhuan.kernel.term import LEAD

WAITING, HELD, REFUSED, GONE = "waiting", "held", "refused", "gone"
LATE = "late"  # the case has moved as planned before the answer: its money follows it


@dataclass(frozen=True, slots=True)
class Prepared:
    """A case of a switch, and finance's answer."""

    case: str
    case_term: int
    state: str
    hold: str | None


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that moves, and the mandates under which its cases are held."""

    affair: str
    area: str
    mandates: frozenset[str]


async def lead_mandates(conn: AsyncConnection, affair: str, area: str) -> frozenset[str]:
    """The live lead mandates at an area or around it: those that yield there."""
    query = select(grants.c.mandate).where(
        grants.c.affair == affair,
        grants.c.role == LEAD,
        grants.c.live.is_(True),
        grants.c.area.in_(prefixes(area)),
    )
    return frozenset((await conn.execute(query)).scalars())


def _movable() -> Any:
    """Those with a mandate and in none of the last states; in the words of the index that finds them."""
    return t.OPEN


async def lock_cases_in(conn: AsyncConnection, slots: Sequence[Slot]) -> list[Case]:
    """The open cases in these slots, locked, in the order of their ids."""
    places = [
        and_(
            t.cases.c.affair == slot.affair,
            t.cases.c.mandate.in_(sorted(slot.mandates)),
            t.cases.c.area.startswith(slot.area, autoescape=True),
        )
        for slot in slots
        if slot.mandates
    ]
    if not places:
        return []
    query = select(t.cases).where(_movable(), or_(*places)).order_by(t.cases.c.id).with_for_update()
    return [to_case(row) for row in await conn.execute(query)]


async def lock_cases_under(conn: AsyncConnection, mandate: str, *, after: str, limit: int) -> list[Case]:
    """Open cases held under one mandate, locked, by id."""
    query = (
        select(t.cases)
        .where(_movable(), t.cases.c.mandate == mandate, t.cases.c.id > after)
        .order_by(t.cases.c.id)
        .limit(limit)
        .with_for_update()
    )
    return [to_case(row) for row in await conn.execute(query)]


async def lock_cases(conn: AsyncConnection, ids: Collection[str]) -> list[Case]:
    query = select(t.cases).where(t.cases.c.id.in_(sorted(ids))).order_by(t.cases.c.id).with_for_update()
    return [to_case(row) for row in await conn.execute(query)]


async def await_answers(conn: AsyncConnection, ref: str, cases: Sequence[Case]) -> None:
    """Note the cases for which finance was asked, and how many answers are out."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    rows = [{"ref": ref, "case_id": c.id, "case_term": c.case_term, "state": WAITING, "hold": None} for c in cases]
    count = len(rows)
    query = make(t.switch_wait).values(ref=ref, cases=count, waiting=count)
    await conn.execute(
        query.on_conflict_do_update(
            index_elements=["ref"],
            set_={"cases": t.switch_wait.c.cases + count, "waiting": t.switch_wait.c.waiting + count},
        )
    )
    again = make(t.switch_case)
    await conn.execute(
        again.on_conflict_do_update(
            index_elements=["ref", "case_id"],
            set_={"case_term": again.excluded.case_term, "state": WAITING, "hold": None},
        ),
        rows,
    )


async def prepared(conn: AsyncConnection, ref: str, case: str) -> Prepared | None:
    """The row of one case; the case's own row is its lock."""
    query = select(t.switch_case).where(t.switch_case.c.ref == ref, t.switch_case.c.case_id == case)
    row = (await conn.execute(query)).one_or_none()
    return Prepared(row.case_id, row.case_term, row.state, row.hold) if row else None


async def all_prepared(conn: AsyncConnection, ref: str) -> dict[str, Prepared]:
    rows = await conn.execute(select(t.switch_case).where(t.switch_case.c.ref == ref))
    return {r.case_id: Prepared(r.case_id, r.case_term, r.state, r.hold) for r in rows}


async def answer(conn: AsyncConnection, ref: str, case: str, state: str, hold: str | None) -> int | None:
    """Note the answer of a case that waits. Returns how many cases the switch has once this was the last, else None."""
    noted = await conn.execute(
        update(t.switch_case)
        .where(t.switch_case.c.ref == ref, t.switch_case.c.case_id == case, t.switch_case.c.state == WAITING)
        .values(state=state, hold=hold)
    )
    if not noted.rowcount:
        return None
    left = (
        await conn.execute(
            update(t.switch_wait)
            .where(t.switch_wait.c.ref == ref)
            .values(waiting=t.switch_wait.c.waiting - 1)
            .returning(t.switch_wait.c.waiting, t.switch_wait.c.cases)
        )
    ).one_or_none()
    return left.cases if left is not None and left.waiting == 0 else None


async def set_state(conn: AsyncConnection, ref: str, case: str, state: str) -> None:
    await conn.execute(
        update(t.switch_case).where(t.switch_case.c.ref == ref, t.switch_case.c.case_id == case).values(state=state)
    )


async def forget(conn: AsyncConnection, ref: str) -> None:
    """The switch has ended: its rows have served, but for those whose answer is still to come."""
    await conn.execute(delete(t.switch_case).where(t.switch_case.c.ref == ref, t.switch_case.c.state != LATE))
    await conn.execute(delete(t.switch_wait).where(t.switch_wait.c.ref == ref))


async def forget_case(conn: AsyncConnection, ref: str, case: str) -> None:
    await conn.execute(delete(t.switch_case).where(t.switch_case.c.ref == ref, t.switch_case.c.case_id == case))
