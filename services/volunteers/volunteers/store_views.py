"""Queries of lists. Each page begins after a key and has at most `limit` rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from volunteers import tables as t
from volunteers.domain.recognition import PUBLISHED, Award, Certificate
from volunteers.domain.shift import SignUp
from volunteers.store_people import AWARD, CERTIFICATE, to_award, to_certificate
from volunteers.store_service import SIGN_UP, to_sign_up


async def service_of(conn: AsyncConnection, volunteer: str, *, before: str, limit: int) -> list[SignUp]:
    """The volunteer's places, the newest shift first."""
    c = t.sign_ups.c
    query = SIGN_UP.where(c.volunteer == volunteer, *([c.shift < before] if before else []))
    return [to_sign_up(row) for row in await conn.execute(query.order_by(c.shift.desc()).limit(limit))]


async def sign_ups(conn: AsyncConnection, shift: str, *, after: str, limit: int) -> list[SignUp]:
    """The places of a shift, by volunteer."""
    c = t.sign_ups.c
    query = SIGN_UP.where(c.shift == shift, c.volunteer > after).order_by(c.volunteer).limit(limit)
    return [to_sign_up(row) for row in await conn.execute(query)]


async def awards(
    conn: AsyncConnection, *, before: str, limit: int, volunteer: str | None = None
) -> list[tuple[Award, str | None]]:
    """A volunteer's own, or all that are published, with the name under which they are; newest first."""
    c = t.awards.c
    joined = t.awards.outerjoin(t.award_private, t.award_private.c.award == c.id)
    query = AWARD.add_columns(t.award_private.c.shown_as).select_from(joined)
    query = query.where(c.state == PUBLISHED) if volunteer is None else query.where(c.volunteer == volunteer)
    if before:
        query = query.where(c.id < before)
    rows = await conn.execute(query.order_by(c.id.desc()).limit(limit))
    return [(to_award(row[:-1]), row[-1]) for row in rows]


async def certificates(conn: AsyncConnection, volunteer: str, *, after: str, limit: int) -> list[Certificate]:
    """A volunteer's certificates, by number."""
    c = t.certificates.c
    query = CERTIFICATE.where(c.volunteer == volunteer, c.number > after).order_by(c.number).limit(limit)
    return [to_certificate(row) for row in await conn.execute(query)]


async def visits(conn: AsyncConnection, pairing: str, *, before: str, limit: int) -> list[dict[str, Any]]:
    """The visits of a pairing, newest first."""
    c = t.visits.c
    query = select(t.visits).where(c.pairing == pairing, *([c.id < before] if before else []))
    return [dict(row._mapping) for row in await conn.execute(query.order_by(c.id.desc()).limit(limit))]
