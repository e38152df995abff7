"""People beside what identifies them, and who read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from population import tables as t
from population.domain import facts
from population.domain.person import Personal
from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.unit_of_work import Tx

_P = t.private.c
_FIND = Query(
    select(_P.name, _P.id_number, _P.birth_date, _P.phone, _P.details).where(_P.person == bindparam("b_person"))
)
_BY_HASH = Query(select(_P.person).where(_P.id_hash == bindparam("b_hash")))
PUT_PRIVATE = upsert(t.private, "person")
ADD_READ = insert(t.reads)
PUT_LINK = upsert(t.link, "subject")
_LINKED = Query(select(t.link.c.person).where(t.link.c.subject == bindparam("b_subject")))
_LINK_OF = Query(select(t.link.c.subject).where(t.link.c.person == bindparam("b_person")))
UNLINK = delete(t.link).where(t.link.c.person == bindparam("b_person"))
_R = t.reads.c
_READS = Query(
    select(_R.version, _R.at, _R.org, _R.power, _R.purpose, _R.fields)
    .where(_R.person == bindparam("b_person"))
    .order_by(_R.version.desc())
    .limit(bindparam("b_limit"))
)


async def personal(conn: AsyncConnection, person: str) -> Personal:
    """What identifies him: all of it None where it was erased or lost."""
    row = await _FIND.first(conn, b_person=person)
    if row is None:
        return Personal()
    name, id_number, birth_date, phone, details = row
    return Personal(name=name, id_number=id_number, birth_date=birth_date, phone=phone, details=details)


async def with_id(conn: AsyncConnection, id_hash: str) -> str | None:
    """The person who has this ID, found by its keyed hash."""
    found: str | None = await _BY_HASH.value(conn, b_hash=id_hash)
    return found


def private_row(person: str, personal: Personal, id_hash: str | None) -> dict[str, Any]:
    return {
        "person": person,
        "id_hash": id_hash,
        "name": personal.name,
        "id_number": personal.id_number,
        "birth_date": personal.birth_date,
        "phone": personal.phone,
        "details": dict(personal.details),
    }


async def put_personal(tx: Tx, person: str, personal: Personal, id_hash: str | None) -> None:
    await tx.write(PUT_PRIVATE, private_row(person, personal, id_hash))


async def note_read(tx: Tx, version: int, fact: facts.PrivateRead, org: str) -> None:
    """For the person to see."""
    row = {"person": fact.person, "version": version, "at": tx.now, "org": org}
    await tx.write(ADD_READ, {**row, "power": fact.power, "purpose": fact.purpose, "fields": fact.fields})


async def reads_of(conn: AsyncConnection, person: str, limit: int) -> Sequence[Sequence[Any]]:
    """(version, at, org, power, purpose, fields), the newest first."""
    return await _READS.all(conn, b_person=person, b_limit=limit)


async def put_link(tx: Tx, subject: str, person: str) -> None:
    await tx.write(PUT_LINK, {"subject": subject, "person": person})


async def unlink(tx: Tx, person: str) -> None:
    await tx.write(UNLINK, {"b_person": person})


async def linked(conn: AsyncConnection, subject: str) -> str | None:
    """The person whose account this is."""
    found: str | None = await _LINKED.value(conn, b_subject=subject)
    return found


async def link_of(conn: AsyncConnection, person: str) -> str | None:
    """The account that is this person's."""
    found: str | None = await _LINK_OF.value(conn, b_person=person)
    return found
