"""The only queries of finance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from finance import tables as t
from finance.domain.earmark import Earmark
from finance.domain.facts import EntryPosted, Line
from finance.domain.ledger import check_balanced, rows_of
from finance.tables import OPEN_HOLD
from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx

OPEN, CAPTURED, RELEASED = "open", "captured", "released"

_POSTED = Query(select(t.entry.c.id).where(t.entry.c.cause == bindparam("b_cause")))
_B, _H = t.balance.c, t.hold.c
_OF_BUDGET = [_B.org == bindparam("b_org"), _B.account == bindparam("b_account"), _B.earmark == ""]
_BALANCE = Query(select(_B.fen).where(*_OF_BUDGET))
_HELD = Query(
    select(func.coalesce(func.sum(_H.amount_fen), 0)).where(
        _H.payer == bindparam("b_org"), _H.mandate.is_(None), _H.state == OPEN
    )
)
_EARMARK = select(t.earmark).where(t.earmark.c.mandate == bindparam("b_mandate"))
_FIND_EARMARK, _LOCK_EARMARK = Query(_EARMARK), Query(_EARMARK.with_for_update())
_SAVE_EARMARK = upsert(t.earmark, "mandate")
_ADD_HOLD = insert(t.hold)
_ANSWERED = Query(
    select(
        select(_H.id).where(_H.case == bindparam("b_case"), _H.ref == bindparam("b_ref")).exists()
        | select(t.given_up.c.ref)
        .where(t.given_up.c.ref == bindparam("b_ref"), t.given_up.c.case == bindparam("b_case"))
        .exists()
    )
)


def _for_both(make: Callable[[Any], Any]) -> Query:
    """An insert that finds its row there already is worded by each database itself."""
    return Query(make(postgresql.insert), sqlite=make(sqlite.insert))


# Begun where it is not there, and ours in either case.
_LOCK_BALANCE = _for_both(
    lambda make: (
        make(t.balance)
        .values(org=bindparam("b_org"), account=bindparam("b_account"), earmark="", fen=0)
        .on_conflict_do_update(index_elements=["org", "account", "earmark"], set_={"fen": _B.fen})
        .returning(_B.fen)
    )
)
_NEXT_OF_CASE = _for_both(
    lambda make: (
        make(t.case_money)
        .values(case=bindparam("b_case"), version=1, paid=False)
        .on_conflict_do_update(index_elements=["case"], set_={"version": t.case_money.c.version + 1})
        .returning(t.case_money.c.version)
    )
)


def _upsert(conn: AsyncConnection, table: Table) -> Any:
    return (sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert)(table)


async def put(conn: AsyncConnection, table: Table, keys: Sequence[str], **values: Any) -> None:
    """Write the row, or replace it."""
    statement = _upsert(conn, table).values(values)
    await conn.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=values))


async def organisation(conn: AsyncConnection, org: str) -> Any:
    """Errors: `unknown_organisation`."""
    row = (await conn.execute(select(t.organisation).where(t.organisation.c.id == org))).one_or_none()
    if row is None:
        raise Refusal("unknown_organisation", org=org[:80])
    return row


# --- the ledger -----------------------------------------------------------------------------------------------------


async def post(
    tx: Tx,
    lines: Sequence[Line],
    *,
    kind: str,
    cause: str,
    memo: str,
    case: str | None = None,
    mandate: str | None = None,
    approved_by: str | None = None,
    authority: Authority | None = None,
) -> str | None:
    """Post one balanced entry for `cause`; returns its id, or None when there is nothing to post.

    Errors: `entry_unbalanced`. A cause that was posted before is a bug of the caller and breaks a constraint.
    """
    if not lines:
        return None
    check_balanced(lines)
    entry_id = tx.context.event_id(f"entry:{cause}", 0)
    fact = EntryPosted(
        entry=entry_id,
        kind=kind,
        cause=cause,
        memo=memo,
        lines=list(lines),
        case=case,
        mandate=mandate,
        approved_by=approved_by,
    )
    await write_entry(tx.conn, fact, posted_by=tx.context.actor, at=tx.now)
    moved = sum(one.amount_fen for one in lines if one.amount_fen > 0)
    tx.measure(lambda metrics: metrics.moved_fen_total.labels(kind=kind).inc(moved))
    tx.emit(fact, key=entry_id, sequence=1, authority=authority)
    return entry_id


async def write_entry(conn: AsyncConnection, fact: EntryPosted, *, posted_by: str, at: datetime) -> None:
    """The rows of an entry, and what it adds to the balances."""
    head, rows = rows_of(fact, posted_by=posted_by, at=at)
    await conn.execute(insert(t.entry).values(**head))
    await conn.execute(insert(t.line), rows)
    for one in sorted(fact.lines, key=lambda x: (x.org, x.account, x.earmark or "")):
        statement = _upsert(conn, t.balance).values(
            org=one.org, account=one.account, earmark=one.earmark or "", fen=one.amount_fen
        )
        await conn.execute(
            statement.on_conflict_do_update(
                index_elements=["org", "account", "earmark"], set_={"fen": t.balance.c.fen + one.amount_fen}
            )
        )


async def posted(conn: AsyncConnection, cause: str) -> bool:
    return await _POSTED.first(conn, b_cause=cause) is not None


async def available(conn: AsyncConnection, org: str, bank: str, *, lock: bool = False) -> int:
    """Free money: the bank balance less the open holds on the budget. `lock` keeps others from using it up."""
    query = _LOCK_BALANCE if lock else _BALANCE  # what is held is read after that
    balance = await query.value(conn, b_org=org, b_account=bank) or 0
    return int(balance) - await held_from_budget(conn, org)


async def held_from_budget(conn: AsyncConnection, org: str) -> int:
    return int(await _HELD.value(conn, b_org=org))


async def balances(conn: AsyncConnection, org: str) -> list[Any]:
    query = select(t.balance).where(t.balance.c.org == org).order_by(t.balance.c.account, t.balance.c.earmark)
    return list(await conn.execute(query))


# --- earmarks -------------------------------------------------------------------------------------------------------


async def earmark(conn: AsyncConnection, mandate: str | None, *, lock: bool = False) -> Earmark | None:
    if mandate is None:
        return None
    row = await (_LOCK_EARMARK if lock else _FIND_EARMARK).first(conn, b_mandate=mandate)
    return Earmark(**dict(zip(t.earmark.c.keys(), row, strict=True))) if row is not None else None


async def save_earmark(tx: Tx, changed: Earmark) -> None:
    await tx.write(_SAVE_EARMARK, asdict(changed))


async def earmarks_of(conn: AsyncConnection, org: str) -> list[Earmark]:
    query = select(t.earmark).where((t.earmark.c.holder == org) | (t.earmark.c.payer == org))
    return [Earmark(**row._mapping) for row in await conn.execute(query.order_by(t.earmark.c.mandate))]


# --- holds ----------------------------------------------------------------------------------------------------------


async def next_of_case(tx: Tx, case: str) -> int:
    """The next sequence of what is said about this case; its row stays locked until the transaction ends."""
    return int(await _NEXT_OF_CASE.value(tx.conn, b_case=case))


async def take_payment(tx: Tx, case: str) -> bool:
    """Whether the case may be paid now: True once, never again."""
    await tx.conn.execute(
        _upsert(tx.conn, t.case_money).values(case=case, version=0, paid=False).on_conflict_do_nothing()
    )
    taken = await tx.conn.execute(
        update(t.case_money).where(t.case_money.c.case == case, t.case_money.c.paid.is_(False)).values(paid=True)
    )
    return bool(taken.rowcount)


async def holds(conn: AsyncConnection, case: str, *, ref: str | None = None, only_open: bool = True) -> list[Any]:
    query = select(t.hold).where(t.hold.c.case == case).order_by(t.hold.c.placed_at, t.hold.c.id)
    if ref is not None:
        query = query.where(t.hold.c.ref == ref)
    if only_open:
        query = query.where(t.hold.c.state == OPEN)
    return list(await conn.execute(query))


async def add_hold(tx: Tx, **values: Any) -> None:
    await tx.write(_ADD_HOLD, {**values, "state": OPEN, "placed_at": tx.now})


async def end_hold(tx: Tx, hold: str, state: str) -> None:
    await tx.conn.execute(update(t.hold).where(t.hold.c.id == hold).values(state=state))


async def give_up(tx: Tx, ref: str, case: str) -> None:
    """Remember that nothing may be held for this movement any more."""
    await tx.conn.execute(_upsert(tx.conn, t.given_up).values(ref=ref, case=case).on_conflict_do_nothing())


async def is_answered(conn: AsyncConnection, ref: str, case: str) -> bool:
    """Whether something was held for this movement before, or nothing may be any more."""
    return bool(await _ANSWERED.value(conn, b_case=case, b_ref=ref))


# --- views ----------------------------------------------------------------------------------------------------------


async def entries(conn: AsyncConnection, wanted: dict[str, str | None], *, after: str, limit: int) -> list[Any]:
    """Entries by id, after a cursor; by organisation, account, case or mandate."""
    query = select(t.entry).where(t.entry.c.id > after).order_by(t.entry.c.id).limit(limit)
    for name in ("case", "mandate"):
        if wanted.get(name):
            query = query.where(t.entry.c[name] == wanted[name])
    for name in ("org", "account"):
        if wanted.get(name):
            query = query.where(t.entry.c.id.in_(select(t.line.c.entry).where(t.line.c[name] == wanted[name])))
    return list(await conn.execute(query))


async def lines(conn: AsyncConnection, entry_ids: Sequence[str]) -> list[Any]:
    query = select(t.line).where(t.line.c.entry.in_(entry_ids)).order_by(t.line.c.entry, t.line.c.number)
    return list(await conn.execute(query))


async def entry(conn: AsyncConnection, entry_id: str) -> Any:
    """One entry that is there."""
    return (await conn.execute(select(t.entry).where(t.entry.c.id == entry_id))).one()


async def kept_apart(conn: AsyncConnection, org: str) -> list[str]:
    """Names of the entities under an organisation that keep books of their own."""
    query = select(t.organisation.c.name).where(
        t.organisation.c.parent == org, t.organisation.c.kind.in_(["company", "social"])
    )
    return sorted((await conn.execute(query)).scalars())


async def lines_of(conn: AsyncConnection, org: str, since: datetime, before: datetime) -> list[Any]:
    """Every line of an organisation in that time with the entry it stands in, in order."""
    query = (
        select(t.line, t.entry.c.kind, t.entry.c.memo, t.entry.c.at)
        .join(t.entry, t.entry.c.id == t.line.c.entry)
        .where(t.line.c.org == org, t.entry.c.at >= since, t.entry.c.at < before)
        .order_by(t.entry.c.at, t.entry.c.id, t.line.c.number)
    )
    return list(await conn.execute(query))


async def open_holds(conn: AsyncConnection) -> tuple[int, int]:
    """How many holds are open, and the fen in them."""
    query = select(func.count(), func.coalesce(func.sum(t.hold.c.amount_fen), 0)).where(OPEN_HOLD)
    row = (await conn.execute(query)).one()
    return int(row[0]), int(row[1])


async def left_in_earmarks(conn: AsyncConnection) -> int:
    """The fen that earmarks have not paid, given back or held yet."""
    e = t.earmark.c
    left = func.sum(e.amount_fen - e.captured_fen - e.returned_fen - e.held_fen)
    return int((await conn.execute(select(func.coalesce(left, 0)))).scalar_one())


async def free(conn: AsyncConnection, bank: str) -> int:
    """The fen that all organisations together may still spend of their budgets."""
    there = select(func.coalesce(func.sum(_B.fen), 0)).where(_B.account == bank, _B.earmark == "")
    held = select(func.coalesce(func.sum(_H.amount_fen), 0)).where(OPEN_HOLD, _H.mandate.is_(None))
    return int((await conn.execute(there)).scalar_one()) - int((await conn.execute(held)).scalar_one())


async def lock_tariffs(conn: AsyncConnection) -> None:
    """Until the transaction ends nobody else publishes prices (on SQLite nobody else writes at all)."""
    if conn.dialect.name == "postgresql":
        await conn.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('tariffs', 0))"))


async def tariffs(conn: AsyncConnection) -> list[Any]:
    return list(await conn.execute(select(t.tariff).order_by(t.tariff.c.affair)))
