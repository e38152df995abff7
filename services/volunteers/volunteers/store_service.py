"""Queries of service in the field: places in shifts, codes, minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx
from volunteers import tables as t
from volunteers.domain.shift import CONFIRMED, HOLDS_A_PLACE, IN, SIGNED, UNSETTLED, WITHDRAWN, SignUp

SIGN_UP_NAMES = [f.name for f in fields(SignUp)]
SIGN_UP = select(*(t.sign_ups.c[name] for name in SIGN_UP_NAMES))
_FIND = Query(
    SIGN_UP.where(t.sign_ups.c.shift == bindparam("b_shift"), t.sign_ups.c.volunteer == bindparam("b_volunteer"))
)
_PUT = upsert(t.sign_ups, "shift", "volunteer")
_PUT_CODE = upsert(t.shift_codes, "shift")
_FREE_ALL = (
    update(t.sign_ups)
    .where(t.sign_ups.c.shift == bindparam("b_shift"), t.sign_ups.c.state == SIGNED)
    .values(state=WITHDRAWN)
)


def to_sign_up(row: Sequence[Any]) -> SignUp:
    return SignUp(**dict(zip(SIGN_UP_NAMES, row, strict=True)))


async def find_sign_up(conn: AsyncConnection, shift: str, volunteer: str) -> SignUp | None:
    row = await _FIND.first(conn, b_shift=shift, b_volunteer=volunteer)
    return to_sign_up(row) if row is not None else None


async def get_sign_up(conn: AsyncConnection, shift: str, volunteer: str) -> SignUp:
    """Errors: `not_signed_up`."""
    found = await find_sign_up(conn, shift, volunteer)
    if found is None:
        raise Refusal("not_signed_up", shift=shift)
    return found


async def put_sign_up(tx: Tx, place: SignUp) -> None:
    """The shift's row is its lock: change that one in the same transaction."""
    await tx.write(_PUT, asdict(place))


async def overlapping(
    conn: AsyncConnection, volunteer: str, starts_at: datetime, ends_at: datetime, *, besides: str
) -> SignUp | None:
    """A place of the volunteer in another shift at that time; the volunteer's row is its lock."""
    c = t.sign_ups.c
    query = SIGN_UP.where(
        c.volunteer == volunteer,
        c.shift != besides,
        c.state.in_(HOLDS_A_PLACE),
        c.starts_at < ends_at,
        c.ends_at > starts_at,
    )
    row = (await conn.execute(query.order_by(c.shift).limit(1))).first()
    return to_sign_up(row) if row is not None else None


async def serving_elsewhere(conn: AsyncConnection, volunteer: str, now: datetime, *, besides: str) -> SignUp | None:
    """Another shift that is not over, in which the volunteer has checked in and not out."""
    c = t.sign_ups.c
    query = SIGN_UP.where(c.volunteer == volunteer, c.shift != besides, c.state == IN, c.ends_at > now)
    row = (await conn.execute(query.order_by(c.shift).limit(1))).first()
    return to_sign_up(row) if row is not None else None


async def places_of(conn: AsyncConnection, volunteer: str, *states: str) -> list[SignUp]:
    """The volunteer's places in these states, by shift."""
    c = t.sign_ups.c
    query = SIGN_UP.where(c.volunteer == volunteer, c.state.in_(states)).order_by(c.shift)
    return [to_sign_up(row) for row in await conn.execute(query)]


async def free_all(tx: Tx, shift: str) -> None:
    """Nobody is signed up for it any more."""
    await tx.write(_FREE_ALL, {"b_shift": shift})


async def unsettled(conn: AsyncConnection, activity: str) -> int:
    """How many places of the activity are neither confirmed nor given up."""
    c = t.sign_ups.c
    query = select(func.count()).where(c.activity == activity, c.state.in_(UNSETTLED))
    return int((await conn.execute(query)).scalar_one())


async def served(conn: AsyncConnection, activity: str) -> int:
    """Confirmed minutes of the activity."""
    c = t.sign_ups.c
    query = select(func.coalesce(func.sum(c.confirmed_minutes), 0)).where(c.activity == activity, c.state == CONFIRMED)
    return int((await conn.execute(query)).scalar_one())


async def recorded_by(conn: AsyncConnection, volunteer: str, org: str) -> int:
    """The volunteer's confirmed minutes in activities of that organisation."""
    c = t.sign_ups.c
    joined = t.sign_ups.join(t.activities, t.activities.c.id == c.activity)
    query = select(func.coalesce(func.sum(c.confirmed_minutes), 0)).select_from(joined)
    query = query.where(c.volunteer == volunteer, c.state == CONFIRMED, t.activities.c.org == org)
    return int((await conn.execute(query)).scalar_one())


async def activity_with(conn: AsyncConnection, volunteer: str, org: str) -> str | None:
    """An activity of that organisation in which the volunteer has a place or serves."""
    c = t.sign_ups.c
    joined = t.sign_ups.join(t.activities, t.activities.c.id == c.activity)
    query = select(c.activity).select_from(joined).where(c.volunteer == volunteer, c.state.in_((SIGNED, IN)))
    query = query.where(t.activities.c.org == org).order_by(c.activity).limit(1)
    found: str | None = (await conn.execute(query)).scalar_one_or_none()
    return found


async def put_code(tx: Tx, shift: str, code: str) -> None:
    await tx.write(_PUT_CODE, {"shift": shift, "code": code})


async def code_of(conn: AsyncConnection, shift: str) -> str | None:
    found: str | None = (
        await conn.execute(select(t.shift_codes.c.code).where(t.shift_codes.c.shift == shift))
    ).scalar_one_or_none()
    return found
