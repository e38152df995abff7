"""Classified files and permits of a person, and what files say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from population import store
from population import tables as t
from population.domain.file import OPEN, File
from population.domain.permit import CANCELLED, Permit
from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.unit_of_work import Tx

_OPEN = (
    select(*store.files.columns)
    .where(t.file.c.person == bindparam("b_person"), t.file.c.state == OPEN)
    .order_by(t.file.c.id)
)
_FIND_OPEN, _LOCK_OPEN = Query(_OPEN), Query(_OPEN.with_for_update())
_PERMIT = select(*store.permits.columns).where(
    t.permit.c.person == bindparam("b_person"), t.permit.c.state != CANCELLED
)
_FIND_PERMIT, _LOCK_PERMIT = Query(_PERMIT), Query(_PERMIT.with_for_update())
_ATTRIBUTES = Query(select(t.file_private.c.attributes).where(t.file_private.c.file == bindparam("b_file")))
PUT_ATTRIBUTES = upsert(t.file_private, "file")
DROP_ATTRIBUTES = delete(t.file_private).where(t.file_private.c.file == bindparam("b_file"))
ADD_VISIT = insert(t.visit)
PUT_VALUE = upsert(t.correction_private, "correction")
FORGET_ANSWERS = delete(t.correction_private).where(
    t.correction_private.c.correction.in_(
        select(t.correction.c.id).where(t.correction.c.person == bindparam("b_person"))
    )
)
_VALUE = Query(
    select(t.correction_private.c.value, t.correction_private.c.answer).where(
        t.correction_private.c.correction == bindparam("b_correction")
    )
)


async def open_of(conn: AsyncConnection, person: str, *, lock: bool = False) -> list[File]:
    """The files of a person that are kept, of each kind at most one."""
    rows = await (_LOCK_OPEN if lock else _FIND_OPEN).all(conn, b_person=person)
    return [store.files.of(row) for row in rows]


async def permit_of(conn: AsyncConnection, person: str, *, lock: bool = False) -> Permit | None:
    """The permit of a person, unless it was cancelled."""
    row = await (_LOCK_PERMIT if lock else _FIND_PERMIT).first(conn, b_person=person)
    return store.permits.of(row) if row is not None else None


async def attributes(conn: AsyncConnection, file: str) -> dict[str, str]:
    found: dict[str, str] | None = await _ATTRIBUTES.value(conn, b_file=file)
    return found or {}


async def put_attributes(tx: Tx, file: str, given: dict[str, str]) -> None:
    await tx.write(PUT_ATTRIBUTES, {"file": file, "attributes": given})


async def drop_attributes(tx: Tx, file: str) -> None:
    await tx.write(DROP_ATTRIBUTES, {"b_file": file})


async def add_visit(tx: Tx, file: File, outcome: str, org: str) -> None:
    row = {"file": file.id, "version": file.version, "at": tx.now, "org": org}
    await tx.write(ADD_VISIT, {**row, "visitor": tx.context.actor, "outcome": outcome})


async def visits(conn: AsyncConnection, file: str, before: int | None, limit: int) -> Sequence[Any]:
    """The newest first."""
    v = t.visit.c
    query = select(v.version, v.at, v.org, v.outcome).where(v.file == file)
    if before is not None:
        query = query.where(v.version < before)
    return (await conn.execute(query.order_by(v.version.desc()).limit(limit))).all()


async def put_value(tx: Tx, correction: str, value: str | None, answer: str | None) -> None:
    await tx.write(PUT_VALUE, {"correction": correction, "value": value, "answer": answer})


async def forget_answers(tx: Tx, person: str) -> None:
    """What a person asked to have put right, and was answered."""
    await tx.write(FORGET_ANSWERS, {"b_person": person})


async def value_of(conn: AsyncConnection, correction: str) -> tuple[str | None, str | None]:
    """(what is asked for, what was answered)."""
    row = await _VALUE.first(conn, b_correction=correction)
    return (row[0], row[1]) if row is not None else (None, None)
