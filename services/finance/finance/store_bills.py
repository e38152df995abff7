"""The queries of bills."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from finance import tables as t
from finance.domain.bill import Bill
from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.unit_of_work import Tx

_B = t.bill.c
_FIND = Query(
    select(t.bill).where(_B.service == bindparam("b_service"), _B.bill == bindparam("b_bill")).with_for_update()
)
_SAVE = upsert(t.bill, "service", "bill")


async def find(conn: AsyncConnection, service: str, bill: str) -> Bill | None:
    """A bill, locked. Two events of one bill lie in one partition, so nobody else makes it meanwhile."""
    row = await _FIND.first(conn, b_service=service, b_bill=bill)
    return Bill(**dict(zip(t.bill.c.keys(), row, strict=True))) if row is not None else None


async def save(tx: Tx, bill: Bill) -> None:
    await tx.write(_SAVE, asdict(bill))


async def page(
    conn: AsyncConnection, wanted: dict[str, str | None], *, after: tuple[str, str], limit: int
) -> list[Bill]:
    """Bills by service and id, after a place; by service, state, organisation or mandate."""
    query = select(t.bill).order_by(_B.service, _B.bill).limit(limit)
    if after[0]:
        query = query.where((_B.service > after[0]) | ((_B.service == after[0]) & (_B.bill > after[1])))
    for name, value in wanted.items():
        if value is not None:
            query = query.where(_B[name] == value)
    return [_made(row) for row in await conn.execute(query)]


async def one(conn: AsyncConnection, service: str, bill: str) -> Bill | None:
    """A bill as it stands, not locked."""
    row = (await conn.execute(select(t.bill).where(_B.service == service, _B.bill == bill))).one_or_none()
    return _made(row) if row is not None else None


def _made(row: Any) -> Bill:
    return Bill(**row._mapping)
