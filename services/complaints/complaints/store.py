"""Queries of cases and handovers. Those of switches are in `store_switches`, those of lists in `store_views`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from complaints import tables as t
from complaints.domain.case import ROOT, Case, Change, Hold, Movement, Noted
from complaints.domain.handover import Handover
from suizhuan.authority import grants as granted
from suizhuan.authority import locks
from suizhuan.db.query import Query
from suizhuan.db.statements import Values, upsert
from suizhuan.kernel.clock import utc_text
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx

CASE_FIELDS = [f.name for f in fields(Case) if f.name != "noted"]
_COLUMNS = {"limit": "time_limit"}
_LISTS = frozenset({"stack", "holds"})

_CASE = select(t.cases).where(t.cases.c.id == bindparam("b_id"))
_LOCKED = _CASE.with_for_update()
_FIND_CASE, _LOCK_CASE = Query(_CASE), Query(_LOCKED)
# The row is looked at anew once the locks are there: a case that has moved meanwhile is read as it is now.
_LOCK_GRANT_AND_CASE = Query(
    _LOCKED.where(locks.shared(select(t.cases.c.mandate).where(t.cases.c.id == bindparam("b_id")))), sqlite=_LOCKED
)
_FIND_HANDOVER = Query(select(t.handovers).where(t.handovers.c.id == bindparam("b_id")))
_PRICE = Query(select(t.tariff.c.price_fen).where(t.tariff.c.affair == bindparam("b_affair")))
_OWNER = Query(select(t.affair.c.owner).where(t.affair.c.code == bindparam("b_affair")))
ADD_CASE, ADD_PRIVATE, ADD_HISTORY = insert(t.cases), insert(t.private), insert(t.history)
ADD_HANDOVER = insert(t.handovers)
SAVE_HANDOVER = (
    update(t.handovers)
    .where(t.handovers.c.id == bindparam("b_id"))
    .values({c.name: bindparam(f"b_{c.name}") for c in t.handovers.c if c.name != "id"})
)


@dataclass(frozen=True, slots=True)
class Personal:
    """The personal data of a case."""

    reporter: str
    contact_name: str | None
    contact_phone: str | None
    address: str | None
    description: str


def to_case(row: Sequence[Any]) -> Case:
    """A row of all the columns, which stand in the order of the fields."""
    values = dict(zip(CASE_FIELDS, row, strict=True))
    values["stack"] = tuple(Movement(**{**m, "holds": tuple(m["holds"])}) for m in values["stack"])
    values["holds"] = tuple(Hold(**h) for h in values["holds"])
    return Case(**values, noted=Noted(values["paid_fen"], values["holds"]))


def to_row(case: Case) -> dict[str, Any]:
    return {_COLUMNS.get(name, name): _value(case, name) for name in CASE_FIELDS}


def _value(case: Case, field: str) -> Any:
    value = getattr(case, field)
    return [asdict(part) for part in value] if field in _LISTS else value


@cache  # as many as there are kinds of changes; a statement must stay the same object
def _save_case(changed: frozenset[str], *, noted: bool) -> Update:
    """Write these fields and the version over the version that was read.

    `noted`: and over nothing that finance has answered since, which raises no version: a command has not locked what
    it read."""
    columns = [_COLUMNS.get(name, name) for name in CASE_FIELDS if name in changed]
    save = (
        update(t.cases)
        .where(t.cases.c.id == bindparam("b_id"), t.cases.c.version == bindparam("b_read"))
        .values({column: bindparam(f"b_{column}") for column in (*columns, "version")})
    )
    if not noted:
        return save
    return save.where(
        t.cases.c.paid_fen.is_not_distinct_from(bindparam("b_noted_paid")),
        t.cases.c.holds == bindparam("b_noted_holds"),
    )


def _changed(change: Change, fields_: frozenset[str], *, noted: bool) -> Values:
    case = change.case
    row = {f"b_{_COLUMNS.get(name, name)}": _value(case, name) for name in fields_}
    row |= {"b_version": case.version, "b_id": case.id, "b_read": case.version - len(change.facts)}
    if noted and case.noted is not None:
        row |= {"b_noted_paid": case.noted.paid_fen, "b_noted_holds": [asdict(h) for h in case.noted.holds]}
    return row


async def find_case(conn: AsyncConnection, case: str, *, lock: bool = False) -> Case | None:
    row = await (_LOCK_CASE if lock else _FIND_CASE).first(conn, b_id=case)
    return to_case(row) if row is not None else None


async def get_case(conn: AsyncConnection, case: str, *, lock: bool = False) -> Case:
    """Errors: `not_found`."""
    found = await find_case(conn, case, lock=lock)
    if found is None:
        raise Refusal("not_found", what="case", id=case)
    return found


async def lock_case(conn: AsyncConnection, case: str) -> Case | None:
    """The case, locked after the grant under which it is held, in one statement on PostgreSQL."""
    row = await _LOCK_GRANT_AND_CASE.first(conn, b_id=case)
    return to_case(row) if row is not None else None


async def lock_grant_of(conn: AsyncConnection, case: str) -> None:
    """Share the lock of the grant under which the case is held, before the case's own row is locked.

    The consumer of the authority log takes grants first and then their cases; in the same order nobody waits in a
    circle."""
    await locks.share(conn, select(t.cases.c.mandate).where(t.cases.c.id == case))


async def add_case(tx: Tx, changes: Sequence[tuple[Change, Authority | None, str | None]], personal: Personal) -> None:
    """A new case, as its last change leaves it."""
    case = changes[-1][0].case
    await tx.write(ADD_CASE, to_row(case))
    await tx.write(ADD_PRIVATE, {"case_id": case.id, **asdict(personal)})
    await _tell(tx, changes)


async def save(tx: Tx, change: Change, authority: Authority | None, *, org: str | None = None) -> Case:
    """Write the case and publish its facts, under `authority`, as acts of `org` (by default the caller's)."""
    await save_all(tx, [(change, authority, org)])
    return change.case


async def save_all(tx: Tx, changes: Sequence[tuple[Change, Authority | None, str | None]]) -> None:
    """Like `save`, for many cases with a few statements."""
    if not changes:
        return
    changed = frozenset[str]().union(*(change.changed for change, _, _ in changes))
    rows = [_changed(change, changed, noted=not tx.locks) for change, _, _ in changes]
    await tx.write(_save_case(changed, noted=not tx.locks), rows, decides=True)
    await _tell(tx, changes)


async def _tell(tx: Tx, changes: Sequence[tuple[Change, Authority | None, str | None]]) -> None:
    rows: list[dict[str, Any]] = []
    for change, authority, org in changes:
        case, first = change.case, change.case.version - len(change.facts) + 1
        for index, fact in enumerate(change.facts):
            event = tx.registry.of(fact)
            event_id = tx.emit(fact, key=case.id, sequence=first + index, area=case.area, authority=authority, org=org)
            rows.append(
                {
                    "case_id": case.id,
                    "version": first + index,
                    "event": event.name,
                    "event_id": event_id,
                    "at": tx.now,
                    "case_term": case.case_term,
                    "state": case.state,
                    "org": org or tx.context.org,
                    "mandate": authority.mandate if authority else None,
                    "term": authority.term if authority else None,
                    "data": plain(asdict(fact)),  # type: ignore[call-overload]
                }
            )
    if rows:
        await tx.write(ADD_HISTORY, rows)


def plain(value: Any) -> Any:
    """As it stands in the history: moments as text."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return utc_text(value) if isinstance(value, datetime) else value


async def personal(conn: AsyncConnection, case: str) -> Personal:
    """Errors: `not_found`."""
    row = (await conn.execute(select(t.private).where(t.private.c.case_id == case))).one_or_none()
    if row is None:
        raise Refusal("not_found", what="case", id=case)
    return Personal(row.reporter, row.contact_name, row.contact_phone, row.address, row.description)


async def find_handover(conn: AsyncConnection, handover: str) -> Handover | None:
    row = await _FIND_HANDOVER.first(conn, b_id=handover)
    return _to_handover(row) if row is not None else None


_HANDOVER = {"case": "case_id"}
_HANDOVER_FIELDS = [{column: name for name, column in _HANDOVER.items()}.get(c.name, c.name) for c in t.handovers.c]


def _to_handover(row: Sequence[Any]) -> Handover:
    return Handover(**dict(zip(_HANDOVER_FIELDS, row, strict=True)))


def _handover_row(handover: Handover) -> dict[str, Any]:
    return {_HANDOVER.get(name, name): value for name, value in asdict(handover).items()}


async def add_handover(tx: Tx, handover: Handover) -> None:
    await tx.write(ADD_HANDOVER, _handover_row(handover))


async def save_handover(tx: Tx, handover: Handover) -> None:
    """The case's row is its lock: change that one in the same transaction."""
    await tx.write(SAVE_HANDOVER, {f"b_{name}": value for name, value in _handover_row(handover).items()})


async def handovers_of(conn: AsyncConnection, cases: Collection[str]) -> dict[str, Handover]:
    """Handovers that wait, by case."""
    if not cases:
        return {}
    query = select(t.handovers).where(t.handovers.c.case_id.in_(sorted(cases)), t.handovers.c.state == "waiting")
    rows = (await conn.execute(query)).all()
    return {handover.case: handover for handover in map(_to_handover, rows)}


async def price_of(conn: AsyncConnection, affair: str) -> int | None:
    found: int | None = await _PRICE.value(conn, b_affair=affair)
    return found


async def prices(conn: AsyncConnection) -> dict[str, int]:
    """Every price that was heard, by affair."""
    return {r.affair: r.price_fen for r in await conn.execute(select(t.tariff))}


async def owner_of(conn: AsyncConnection, affair: str, otherwise: str) -> str:
    """Who owns the affair: by the catalogue, or as holder of its root; `otherwise` while neither was heard."""
    owner: str | None = await _OWNER.value(conn, b_affair=affair)
    if owner is None:
        root = await granted.by_mandate(conn, ROOT + affair)
        owner = root.holder if root else None
    return owner or otherwise


_PUT_TARIFF = upsert(t.tariff, "affair", newer="sequence")
_PUT_AFFAIR = upsert(t.affair, "code", newer="sequence")


async def put_tariff(conn: AsyncConnection, affair: str, price_fen: int, sequence: int) -> None:
    values = {"affair": affair, "price_fen": price_fen, "sequence": sequence}
    await conn.execute(_PUT_TARIFF.on(conn.dialect.name), values)


async def put_affair(conn: AsyncConnection, code: str, zh: str, en: str, owner: str, sequence: int) -> None:
    values = {"code": code, "name_zh": zh, "name_en": en, "owner": owner, "sequence": sequence}
    await conn.execute(_PUT_AFFAIR.on(conn.dialect.name), values)
