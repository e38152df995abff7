"""Queries of leases, of what is due by them, and of what finance answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from property import tables as t
from property.domain import lease
from property.domain.lease import ACTIVE, Due, Lease
from property.store import Kept
from suizhuan.db.statements import upsert
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

LEASES: Kept[Lease] = Kept(t.leases, Lease, "lease", lease.after)
PUT_LESSEE, ADD_DUE = upsert(t.lessees, "lease"), insert(t.dues)
_PUT_ANSWER = upsert(t.bill_answers, "bill", newer="rank")
SETTLE_DUE = (
    update(t.dues)
    .where(t.dues.c.bill == bindparam("b_bill"))
    .values(state=bindparam("b_state"), settled_at=bindparam("b_settled_at"))
)
# Finance's answers to an income; one that comes late does not take back a later one.
RANKS = {"booked": 1, "paid": 2, "released": 2}


@dataclass(frozen=True, slots=True)
class Lessee:
    """Who a lessee is. `number`: of the person's identity card, or the unified social credit code."""

    name: str
    phone: str | None
    number: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What finance said of a bill: booked, paid, released."""

    state: str
    entry: str | None


async def running(conn: AsyncConnection, premise: str) -> list[Lease]:
    """The leases of a premise that are not over."""
    query = select(t.leases).where(t.leases.c.premise == premise, t.leases.c.state == ACTIVE)
    return [LEASES.made(row) for row in await conn.execute(query.order_by(t.leases.c.id))]


async def put_lessee(tx: Tx, key: str, lessee: Lessee) -> None:
    await tx.write(PUT_LESSEE, {"lease": key, **asdict(lessee)})


async def lessee(conn: AsyncConnection, key: str) -> Lessee:
    """Errors: `personal_data_lost`: a restore took the lease from the log, which never knew it."""
    row = (await conn.execute(select(t.lessees).where(t.lessees.c.lease == key))).one_or_none()
    if row is None:
        raise Refusal("personal_data_lost", id=key)
    return Lessee(row.name, row.phone, row.number)


async def add_due(tx: Tx, due: Due) -> None:
    await tx.write(ADD_DUE, asdict(due))


async def settle(tx: Tx, due: Due) -> None:
    """The lease's row is its lock: change that one in the same transaction."""
    await tx.write(SETTLE_DUE, {"b_bill": due.bill, "b_state": due.state, "b_settled_at": due.settled_at})


async def due(conn: AsyncConnection, key: str, number: int) -> Due:
    """Errors: `not_found`."""
    query = select(t.dues).where(t.dues.c.lease == key, t.dues.c.number == number)
    row = (await conn.execute(query)).one_or_none()
    if row is None:
        raise Refusal("not_found", what="due", id=str(number))
    return Due(**row._mapping)


async def dues(conn: AsyncConnection, key: str) -> list[Due]:
    """All that is due by a lease, the oldest first."""
    query = select(t.dues).where(t.dues.c.lease == key).order_by(t.dues.c.number)
    return [Due(**row._mapping) for row in await conn.execute(query)]


async def dues_with_answers(
    conn: AsyncConnection, key: str, *, after: int, limit: int
) -> list[tuple[Due, Answer | None]]:
    """A page of what is due by a lease, and what finance said of each."""
    answer = t.bill_answers
    query = (
        select(t.dues, answer.c.state.label("answer"), answer.c.entry)
        .outerjoin(answer, answer.c.bill == t.dues.c.bill)
        .where(t.dues.c.lease == key, t.dues.c.number > after)
        .order_by(t.dues.c.number)
        .limit(limit)
    )
    found = []
    for row in await conn.execute(query):
        values = dict(row._mapping)
        state, entry = values.pop("answer"), values.pop("entry")
        found.append((Due(**values), Answer(state, entry) if state is not None else None))
    return found


async def put_answer(conn: AsyncConnection, bill: str, state: str, entry: str | None) -> None:
    """Keep the furthest answer, whatever the order in which they come."""
    values = {"bill": bill, "state": state, "rank": RANKS[state], "entry": entry}
    await conn.execute(_PUT_ANSWER.on(conn.dialect.name), values)
