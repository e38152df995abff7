"""Queries of switches and planned ends: which cases they move, and whose money is held."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Text, any_, bindparam, delete, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints import tables as t
from complaints.domain.case import Case
from complaints.store import to_case
from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.db.tables import authority_state, grants
from suizhuan.kernel.area import prefixes
from suizhuan.kernel.term import LEAD
from suizhuan.unit_of_work import Tx

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


_OVER = [grants.c.affair == bindparam("b_affair"), grants.c.role == LEAD, grants.c.live.is_(True)]
_LEADS = Query(
    select(grants.c.mandate).where(*_OVER, grants.c.area == any_(bindparam("b_areas", type_=ARRAY(Text)))),
    sqlite=select(grants.c.mandate).where(*_OVER, grants.c.area.in_(bindparam("b_areas", expanding=True))),
)
_PREPARED = select(t.switch_case).where(t.switch_case.c.ref == bindparam("b_ref"))
_ALL_PREPARED = Query(_PREPARED)
_ONE_PREPARED = Query(_PREPARED.where(t.switch_case.c.case_id == bindparam("b_case")))
# A case that was taken over after a restore has been where its facts say: a record of the authority log that they knew
# moves it no more, though it is applied again. The record that is being applied is the newest.
_KNEW = exists().where(
    t.adopted.c.case_id == t.cases.c.id,
    t.adopted.c.authority_offset >= select(authority_state.c.offset).where(authority_state.c.id == 1).scalar_subquery(),
)
# In the words of the index that finds the open ones.
_IN: list[Any] = [
    t.OPEN,
    t.cases.c.affair == bindparam("b_affair"),
    t.cases.c.area.like(bindparam("b_inside")),
    ~_KNEW,
]
_ADOPTED = upsert(t.adopted, "case_id")
_LOCK_CASES_IN = Query(
    select(t.cases)
    .where(*_IN, t.cases.c.mandate == any_(bindparam("b_mandates", type_=ARRAY(Text))))
    .order_by(t.cases.c.id)
    .with_for_update(),
    sqlite=select(t.cases)
    .where(*_IN, t.cases.c.mandate.in_(bindparam("b_mandates", expanding=True)))
    .order_by(t.cases.c.id)
    .with_for_update(),
)
_FORGET = delete(t.switch_case).where(t.switch_case.c.ref == bindparam("b_ref"), t.switch_case.c.state != LATE)
_FORGET_WAIT = delete(t.switch_wait).where(t.switch_wait.c.ref == bindparam("b_ref"))


async def lead_mandates(conn: AsyncConnection, affair: str, area: str) -> frozenset[str]:
    """The live lead mandates at an area or around it: those that yield there."""
    return frozenset(row[0] for row in await _LEADS.all(conn, b_affair=affair, b_areas=prefixes(area)))


async def lock_cases_in(conn: AsyncConnection, slots: Sequence[Slot]) -> list[Case]:
    """The open cases in these slots, in the order of their ids; locked slot by slot, in each in that order."""
    found: dict[str, Case] = {}
    for slot in sorted((s for s in slots if s.mandates), key=lambda s: (s.affair, s.area)):
        values = {"b_affair": slot.affair, "b_mandates": sorted(slot.mandates), "b_inside": f"{slot.area}%"}
        found |= {case.id: case for case in map(to_case, await _LOCK_CASES_IN.all(conn, **values))}
    return [found[id_] for id_ in sorted(found)]


async def adopted(tx: Tx, case: str, authority_offset: int) -> None:
    """What is known of the case reflects the authority log up to there."""
    await tx.write(_ADOPTED, {"case_id": case, "authority_offset": authority_offset})


async def lock_cases_under(conn: AsyncConnection, mandate: str, *, after: str, limit: int) -> list[Case]:
    """Open cases held under one mandate, locked, by id."""
    query = (
        select(t.cases)
        .where(t.OPEN, t.cases.c.mandate == mandate, t.cases.c.id > after)
        .order_by(t.cases.c.id)
        .limit(limit)
        .with_for_update()
    )
    return [to_case(row) for row in await conn.execute(query)]


async def lock_cases(conn: AsyncConnection, ids: Collection[str]) -> list[Case]:
    if not ids:
        return []
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
    row = await _ONE_PREPARED.first(conn, b_ref=ref, b_case=case)
    return Prepared(*row[1:]) if row is not None else None


async def all_prepared(conn: AsyncConnection, ref: str) -> dict[str, Prepared]:
    found = [Prepared(*row[1:]) for row in await _ALL_PREPARED.all(conn, b_ref=ref)]
    return {one.case: one for one in found}


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


async def forget(tx: Tx, ref: str) -> None:
    """The switch has ended: its rows have served, but for those whose answer is still to come."""
    async with tx.at_once():
        await tx.write(_FORGET, {"b_ref": ref})
        await tx.write(_FORGET_WAIT, {"b_ref": ref})


async def forget_case(conn: AsyncConnection, ref: str, case: str) -> None:
    await conn.execute(delete(t.switch_case).where(t.switch_case.c.ref == ref, t.switch_case.c.case_id == case))
