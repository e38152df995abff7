"""Queries of repairs, of who asked for them, and of what complaints said about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from property import tables as t
from property.domain import repair
from property.domain.repair import Heard, Repair
from property.store import Kept
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

REPAIRS: Kept[Repair] = Kept(t.repairs, Repair, "repair", repair.after)
ADD_PRIVATE = insert(t.repair_private)
_PRIVATE = select(t.repair_private).where(t.repair_private.c.repair == bindparam("b_id"))


@dataclass(frozen=True, slots=True)
class Personal:
    """Who asked for a repair, where, and what was described."""

    requester: str
    contact_name: str | None
    contact_phone: str | None
    address: str | None
    description: str


async def add_personal(tx: Tx, key: str, personal: Personal) -> None:
    await tx.write(ADD_PRIVATE, {"repair": key, **asdict(personal)})


async def personal(conn: AsyncConnection, key: str) -> Personal:
    """Errors: `personal_data_lost`: a restore took the request from the log, which never knew it."""
    row = (await conn.execute(_PRIVATE, {"b_id": key})).one_or_none()
    if row is None:
        raise Refusal("personal_data_lost", id=key)
    return Personal(row.requester, row.contact_name, row.contact_phone, row.address, row.description)


async def note_answer(conn: AsyncConnection, referral: str, *, case: str | None, refused: str | None) -> None:
    """The first answer to a referral stands: it is asked once."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    query = make(t.referral_answers).values(referral=referral, case_id=case, refused=refused)
    await conn.execute(query.on_conflict_do_nothing(index_elements=["referral"]))


async def note_closed(conn: AsyncConnection, case: str, outcome: str) -> list[str]:
    """Keep how a case ended; returns the referrals that it came from, as far as that is heard already."""
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    query = make(t.closed_cases).values(case_id=case, outcome=outcome)
    await conn.execute(query.on_conflict_do_nothing(index_elements=["case_id"]))
    found = select(t.referral_answers.c.referral).where(t.referral_answers.c.case_id == case)
    return sorted((await conn.execute(found)).scalars())


async def heard(conn: AsyncConnection, referral: str) -> Heard:
    """All that complaints has said of a referral so far."""
    answer, closed = t.referral_answers.c, t.closed_cases.c
    query = (
        select(answer.case_id, answer.refused, closed.outcome)
        .select_from(t.referral_answers.outerjoin(t.closed_cases, closed.case_id == answer.case_id))
        .where(answer.referral == referral)
    )
    row = (await conn.execute(query)).one_or_none()
    return Heard(row.case_id, row.refused, row.outcome) if row is not None else Heard()
