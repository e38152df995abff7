"""The queries of referrals."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints import tables as t


async def answered(conn: AsyncConnection, service: str, referral: str) -> bool:
    """Whether a matter that a department referred was taken in or refused before."""
    r = t.referral.c
    query = select(r.referral).where(r.service == service, r.referral == referral)
    return (await conn.execute(query)).first() is not None


async def answer(conn: AsyncConnection, service: str, referral: str, case: str | None) -> None:
    """Remember what became of it. One that is remembered already stays as it is."""
    insert = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    row = {"service": service, "referral": referral, "case_id": case}
    await conn.execute(insert(t.referral).values(row).on_conflict_do_nothing())
