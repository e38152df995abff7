"""Queries of the registers: organisations, staff, affairs and mandates. The switches' are in `store_switches`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from mandates import tables as t
from mandates.domain.catalogue import Affair
from mandates.domain.facts import AffairListed, OrganisationRegistered
from mandates.domain.mandate import ACTIVE, ADMITTED, ENDING, FUNDED, SUSPENDED, Change, Mandate
from mandates.domain.organisation import Organisation, Person
from suizhuan.kernel.area import prefixes
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import LEAD
from suizhuan.unit_of_work import Authority, Tx


async def organisation(conn: AsyncConnection, org: str) -> Organisation:
    """Errors: `unknown_organisation`."""
    row = (await conn.execute(select(t.organisation).where(t.organisation.c.id == org))).one_or_none()
    if row is None:
        raise Refusal("unknown_organisation", org=org)
    areas = await _areas(conn, [org])
    return _organisation(row, areas.get(org, ()))


async def organisations(conn: AsyncConnection, *, after: str, limit: int) -> list[Organisation]:
    query = select(t.organisation).where(t.organisation.c.id > after).order_by(t.organisation.c.id).limit(limit)
    rows = (await conn.execute(query)).all()
    areas = await _areas(conn, [row.id for row in rows])
    return [_organisation(row, areas.get(row.id, ())) for row in rows]


async def add_organisation(tx: Tx, org: Organisation, fact: OrganisationRegistered) -> None:
    """Errors: `organisation_exists`."""
    row = asdict(org)
    areas = row.pop("areas")
    await _insert_new(
        tx, insert(t.organisation).values(**row, registered_at=tx.now), Refusal("organisation_exists", org=org.id)
    )
    places = [{"org": org.id, "area": area, "place": i} for i, area in enumerate(areas)]
    await tx.conn.execute(insert(t.organisation_area), places)
    tx.emit(fact, key=org.id, sequence=org.version, area=org.areas[0])


async def areas_around(conn: AsyncConnection, area: str) -> list[str]:
    """The areas that organisations hold and that contain `area` or lie in it."""
    held = t.organisation_area.c.area
    inside = held.startswith(area, autoescape=True)
    query = select(held).where(or_(held.in_(prefixes(area)), inside)).distinct().limit(1000)
    return list((await conn.execute(query)).scalars())


async def add_staff(tx: Tx, people: Sequence[Person]) -> None:
    """Errors: `staff_exists`."""
    for person in people:
        await _insert_new(tx, insert(t.staff).values(**asdict(person)), Refusal("staff_exists", staff=person.id))


async def staff_of(conn: AsyncConnection, org: str) -> list[Person]:
    rows = await conn.execute(select(t.staff).where(t.staff.c.org == org).order_by(t.staff.c.id).limit(1000))
    return [Person(**row._asdict()) for row in rows]


async def employed(conn: AsyncConnection, org: str, people: Collection[str]) -> set[str]:
    """Those of `people` who work for `org`."""
    query = select(t.staff.c.id).where(t.staff.c.org == org, t.staff.c.id.in_(sorted(people)))
    return set((await conn.execute(query)).scalars())


async def affair(conn: AsyncConnection, code: str) -> Affair:
    """Errors: `unknown_affair`."""
    row = (await conn.execute(select(t.affair).where(t.affair.c.code == code))).one_or_none()
    if row is None:
        raise Refusal("unknown_affair", affair=code)
    return _affair(row)


async def affairs(
    conn: AsyncConnection, *, after: str, limit: int, list_: str | None = None, owner: str | None = None
) -> list[Affair]:
    query = select(t.affair).where(t.affair.c.code > after)
    for column, wanted in ((t.affair.c.list, list_), (t.affair.c.owner, owner)):
        if wanted is not None:
            query = query.where(column == wanted)
    return [_affair(row) for row in await conn.execute(query.order_by(t.affair.c.code).limit(limit))]


async def add_affair(tx: Tx, entry: Affair, fact: AffairListed, area: str) -> None:
    """Errors: `affair_exists`."""
    row = {**asdict(entry), "powers": list(entry.powers), "owner_powers": list(entry.owner_powers)}
    await _insert_new(
        tx,
        insert(t.affair).values(**row, version=1, listed_at=tx.now),
        Refusal("affair_exists", affair=entry.code),
    )
    tx.emit(fact, key=entry.code, sequence=1, area=area)


async def mandate(conn: AsyncConnection, mandate: str, *, lock: bool = False) -> Mandate:
    """Errors: `not_found`."""
    found = await find_mandate(conn, mandate, lock=lock)
    if found is None:
        raise Refusal("not_found", what="mandate", id=mandate)
    return found


async def find_mandate(conn: AsyncConnection, mandate: str, *, lock: bool = False) -> Mandate | None:
    query = select(t.mandate).where(t.mandate.c.id == mandate)
    row = (await conn.execute(query.with_for_update() if lock else query)).one_or_none()
    return _mandate(row) if row is not None else None


async def lock_mandates(conn: AsyncConnection, ids: Collection[str]) -> dict[str, Mandate]:
    """Several at once, locked in one order."""
    query = select(t.mandate).where(t.mandate.c.id.in_(sorted(ids))).order_by(t.mandate.c.id).with_for_update()
    return {row.id: _mandate(row) for row in await conn.execute(query)}


async def mandates(conn: AsyncConnection, *, after: str, limit: int, **wanted: str | None) -> list[Mandate]:
    """By id; `wanted` names columns and the values they must have (None: any)."""
    query: Select[Any] = select(t.mandate).where(t.mandate.c.id > after)
    for name, value in wanted.items():
        if value is not None:
            query = query.where(t.mandate.c[name] == value)
    return [_mandate(row) for row in await conn.execute(query.order_by(t.mandate.c.id).limit(limit))]


async def rivals(conn: AsyncConnection, draft: Mandate) -> list[Mandate]:
    """Other leads that hold, or are about to hold, the slot of `draft` within its time. A proposal rivals nobody."""
    if draft.role != LEAD:
        return []
    m = t.mandate.c
    holds = m.state.in_([ADMITTED, FUNDED, ACTIVE, SUSPENDED]) | and_(m.state == ENDING, m.ended_at.is_(None))
    where = [m.affair == draft.affair, m.area == draft.area, m.role == LEAD, m.id != draft.id, holds]
    where.append(or_(m.ends_at.is_(None), m.ends_at > draft.starts_at))
    if draft.ends_at is not None:
        where.append(m.starts_at < draft.ends_at)
    return [_mandate(row) for row in await conn.execute(select(t.mandate).where(*where).order_by(m.id))]


async def save(
    tx: Tx, change: Change, *, authority: Authority | None = None, org: str | None = None, new: bool = False
) -> Mandate:
    """Store a mandate as it is after a change, its history, and its events. Errors: `slot_taken`."""
    after = change.mandate
    row = {**asdict(after), "powers": list(after.powers), "staff": list(after.staff)}
    try:
        async with tx.conn.begin_nested():
            if new:
                await tx.conn.execute(insert(t.mandate).values(**row))
            else:
                await tx.conn.execute(update(t.mandate).where(t.mandate.c.id == after.id).values(**row))
    except IntegrityError as error:
        if "one_lead_per_slot" not in str(error.orig):
            raise
        raise Refusal("slot_taken", affair=after.affair, area=after.area) from None
    first = after.version - len(change.facts) + 1
    for number, fact in enumerate(change.facts, first):
        tx.emit(fact, key=after.id, sequence=number, area=after.area, authority=authority, org=org)
        await _remember(tx, after, number, fact, org)
    return after


async def _remember(tx: Tx, after: Mandate, version: int, fact: object, org: str | None) -> None:
    name = tx.registry.of(fact).name.rsplit(".", 1)[1]
    await tx.conn.execute(
        insert(t.history).values(
            mandate=after.id,
            version=version,
            event=name,
            state=after.state,
            at=tx.now,
            actor_org=org or tx.context.org,
            reason=getattr(fact, "reason", None),
        )
    )


async def history(conn: AsyncConnection, mandate: str) -> list[dict[str, Any]]:
    query = select(t.history).where(t.history.c.mandate == mandate).order_by(t.history.c.version)
    return [row._asdict() for row in await conn.execute(query)]


async def founded_at(conn: AsyncConnection) -> datetime | None:
    """When the district was founded by a seed. Whoever asks inside a writing transaction holds the head's lock."""
    found: datetime | None = (await conn.execute(select(t.head.c.founded_at).where(t.head.c.id == 1))).scalar_one()
    return found


async def anything_listed(conn: AsyncConnection) -> bool:
    return (await conn.execute(select(t.organisation.c.id).limit(1))).first() is not None


async def _insert_new(tx: Tx, statement: Any, exists: Refusal) -> None:
    try:
        async with tx.conn.begin_nested():
            await tx.conn.execute(statement)
    except IntegrityError:
        raise exists from None


async def _areas(conn: AsyncConnection, orgs: Collection[str]) -> dict[str, tuple[str, ...]]:
    rows = await conn.execute(
        select(t.organisation_area)
        .where(t.organisation_area.c.org.in_(sorted(orgs)))
        .order_by(t.organisation_area.c.org, t.organisation_area.c.place)
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        found[row.org] = (*found.get(row.org, ()), row.area)
    return found


def _organisation(row: Any, areas: tuple[str, ...]) -> Organisation:
    return Organisation(
        id=row.id,
        name_zh=row.name_zh,
        name_en=row.name_en,
        kind=row.kind,
        parent=row.parent,
        areas=areas,
        version=row.version,
    )


def _affair(row: Any) -> Affair:
    values = {name: value for name, value in row._asdict().items() if name not in ("version", "listed_at")}
    return Affair(**{**values, "powers": tuple(row.powers), "owner_powers": tuple(row.owner_powers)})


def _mandate(row: Any) -> Mandate:
    return Mandate(**{**row._asdict(), "powers": tuple(row.powers), "staff": tuple(row.staff)})
