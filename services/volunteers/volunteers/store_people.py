"""Queries about people: who a volunteer is, what he has learnt, what he was awarded, whom he is paired with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.db.tables import idempotency
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx
from volunteers import tables as t
from volunteers.domain.recognition import Award, Certificate


@dataclass(frozen=True, slots=True)
class Personal:
    """Who a volunteer is. All but `subject` is missing after a restore."""

    volunteer: str
    subject: str
    name: str | None = None
    id_number: str | None = None
    born: date | None = None
    phone: str | None = None
    skill_note: str | None = None
    guardian_consent: str | None = None


_NAMES = [f.name for f in fields(Personal)]
_PERSONAL = select(*(t.private.c[name] for name in _NAMES))
_OF_SUBJECT = Query(_PERSONAL.where(t.private.c.subject == bindparam("b_subject")))
_OF_VOLUNTEER = Query(_PERSONAL.where(t.private.c.volunteer == bindparam("b_volunteer")))
_ADD_PERSONAL = insert(t.private)
_PUT_PERSONAL = upsert(t.private, "volunteer")
_GONE = [
    delete(table).where(column == bindparam("b_of"))
    for table, column in (
        (t.private, t.private.c.volunteer),
        (t.award_private, t.award_private.c.volunteer),
    )
]
_FORGET_ANSWERS = delete(idempotency).where(idempotency.c.subject == bindparam("b_of"))


async def by_subject(conn: AsyncConnection, subject: str) -> Personal | None:
    row = await _OF_SUBJECT.first(conn, b_subject=subject)
    return Personal(*row) if row is not None else None


async def personal(conn: AsyncConnection, volunteer: str) -> Personal | None:
    row = await _OF_VOLUNTEER.first(conn, b_volunteer=volunteer)
    return Personal(*row) if row is not None else None


async def taken(conn: AsyncConnection, subject: str, id_number: str) -> bool:
    """Whether this identity is registered already, or somebody with this ID."""
    same = (t.private.c.subject == subject) | (t.private.c.id_number == id_number)
    return (await conn.execute(select(t.private.c.volunteer).where(same).limit(1))).first() is not None


async def of_number(conn: AsyncConnection, id_number: str) -> str | None:
    """The volunteer with this ID."""
    query = select(t.private.c.volunteer).where(t.private.c.id_number == id_number)
    found: str | None = (await conn.execute(query)).scalar_one_or_none()
    return found


async def add_personal(tx: Tx, who: Personal) -> None:
    await tx.write(_ADD_PERSONAL, asdict(who))


async def put_personal(tx: Tx, who: Personal) -> None:
    await tx.write(_PUT_PERSONAL, asdict(who))


async def forget(tx: Tx, who: Personal) -> None:
    """Everything personal, also in the answers that are kept for repeated commands."""
    for statement in _GONE:
        await tx.write(statement, {"b_of": who.volunteer})
    await tx.write(_FORGET_ANSWERS, {"b_of": who.subject})


# --- training ---------------------------------------------------------------------------------------------------------

_PUT_TRAINED = upsert(t.trained, "volunteer", "training")


async def put_trained(
    tx: Tx, volunteer: str, training: str, course: str, attended_at: datetime, valid_until: datetime
) -> None:
    row = {"volunteer": volunteer, "training": training, "course": course}
    await tx.write(_PUT_TRAINED, {**row, "attended_at": attended_at, "valid_until": valid_until})


async def trained(conn: AsyncConnection, volunteer: str) -> list[dict[str, Any]]:
    """One row a kind of course, at most as many as the profile has."""
    query = select(t.trained).where(t.trained.c.volunteer == volunteer).order_by(t.trained.c.training)
    return [dict(row._mapping) for row in await conn.execute(query)]


# --- teams ------------------------------------------------------------------------------------------------------------

_JOIN = insert(t.members)
_LEAVE = delete(t.members).where(
    t.members.c.team == bindparam("b_team"), t.members.c.volunteer == bindparam("b_volunteer")
)


async def is_member(conn: AsyncConnection, team: str, volunteer: str) -> bool:
    query = select(t.members).where(t.members.c.team == team, t.members.c.volunteer == volunteer)
    return (await conn.execute(query)).first() is not None


async def join(tx: Tx, team: str, volunteer: str) -> None:
    await tx.write(_JOIN, {"team": team, "volunteer": volunteer})


async def leave(tx: Tx, team: str, volunteer: str) -> None:
    await tx.write(_LEAVE, {"b_team": team, "b_volunteer": volunteer})


async def teams_of(conn: AsyncConnection, volunteer: str) -> list[str]:
    query = select(t.members.c.team).where(t.members.c.volunteer == volunteer).order_by(t.members.c.team)
    return list((await conn.execute(query)).scalars())


# --- awards and certificates ------------------------------------------------------------------------------------------

_AWARDS = [f.name for f in fields(Award)]
_CERTIFICATES = [f.name for f in fields(Certificate)]
_PUT_AWARD = upsert(t.awards, "id")
_ADD_CERTIFICATE = insert(t.certificates)
_SHOW, _HIDE = (
    upsert(t.award_private, "award"),
    delete(t.award_private).where(t.award_private.c.award == bindparam("b_award")),
)
_KEEP_ALL = (
    update(t.awards)
    .where(t.awards.c.volunteer == bindparam("b_of"), t.awards.c.state == "published")
    .values(state="kept")
)


def to_award(row: Sequence[Any]) -> Award:
    return Award(**dict(zip(_AWARDS, row, strict=True)))


def to_certificate(row: Sequence[Any]) -> Certificate:
    return Certificate(**dict(zip(_CERTIFICATES, row, strict=True)))


AWARD = select(*(t.awards.c[name] for name in _AWARDS))
CERTIFICATE = select(*(t.certificates.c[name] for name in _CERTIFICATES))


async def put_award(tx: Tx, award: Award) -> None:
    await tx.write(_PUT_AWARD, asdict(award))


async def get_award(conn: AsyncConnection, award: str) -> Award:
    """Errors: `not_found`."""
    row = (await conn.execute(AWARD.where(t.awards.c.id == award))).one_or_none()
    if row is None:
        raise Refusal("not_found", what="award", id=award)
    return to_award(row)


async def show_award(tx: Tx, award: Award, shown_as: str | None) -> None:
    """Under this name; None: under none any more."""
    if shown_as is None:
        await tx.write(_HIDE, {"b_award": award.id})
    else:
        await tx.write(_SHOW, {"award": award.id, "volunteer": award.volunteer, "shown_as": shown_as})


async def keep_awards(tx: Tx, volunteer: str) -> None:
    """None of them is published any more."""
    await tx.write(_KEEP_ALL, {"b_of": volunteer})


async def add_certificate(tx: Tx, certificate: Certificate) -> None:
    await tx.write(_ADD_CERTIFICATE, asdict(certificate))


async def get_certificate(conn: AsyncConnection, number: str) -> Certificate:
    """Errors: `not_found`."""
    row = (await conn.execute(CERTIFICATE.where(t.certificates.c.number == number))).one_or_none()
    if row is None:
        raise Refusal("not_found", what="certificate", id=number)
    return to_certificate(row)


# --- pairings ---------------------------------------------------------------------------------------------------------

_PUT_LINK = upsert(t.pairing_private, "pairing")
_UNLINK = delete(t.pairing_private).where(t.pairing_private.c.pairing == bindparam("b_pairing"))
_CONSENT = (
    update(t.pairing_private)
    .where(t.pairing_private.c.pairing == bindparam("b_pairing"))
    .values(volunteer_consent=bindparam("b_consent"))
)
_ADD_VISIT = insert(t.visits)


async def put_link(tx: Tx, pairing: str, file: str, file_consent: str) -> None:
    row = {"pairing": pairing, "file": file, "file_consent": file_consent, "volunteer_consent": None}
    await tx.write(_PUT_LINK, row)


async def consent(tx: Tx, pairing: str, reference: str) -> None:
    await tx.write(_CONSENT, {"b_pairing": pairing, "b_consent": reference})


async def unlink(tx: Tx, pairing: str) -> None:
    await tx.write(_UNLINK, {"b_pairing": pairing})


async def links(conn: AsyncConnection, pairings: Sequence[str]) -> dict[str, Any]:
    rows = await conn.execute(select(t.pairing_private).where(t.pairing_private.c.pairing.in_(sorted(pairings))))
    return {row.pairing: row for row in rows}


async def open_pairings(conn: AsyncConnection, volunteer: str) -> list[str]:
    """Those of a volunteer that are not over."""
    query = select(t.pairings.c.id).where(t.pairings.c.volunteer == volunteer, t.pairings.c.state != "ended")
    return sorted((await conn.execute(query)).scalars())


async def pairings_of_file(conn: AsyncConnection, file: str) -> list[str]:
    query = select(t.pairing_private.c.pairing).where(t.pairing_private.c.file == file)
    return sorted((await conn.execute(query)).scalars())


async def add_visit(tx: Tx, visit: str, pairing: str, finding: str, minutes: int, at: datetime) -> None:
    await tx.write(_ADD_VISIT, {"id": visit, "pairing": pairing, "finding": finding, "minutes": minutes, "at": at})
