"""The API of finance."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from finance import schemas, store
from finance.domain import ledger
from finance.domain.earmark import Earmark
from finance.domain.facts import Line
from suizhuan import ahead, paging
from suizhuan.authority import grants as granted
from suizhuan.commands import CommandDep
from suizhuan.identity import Caller, caller
from suizhuan.kernel.clock import SHANGHAI
from suizhuan.kernel.fen import MAX_FEN, fen
from suizhuan.kernel.refusal import Refusal
from suizhuan.service import Parts
from suizhuan.unit_of_work import Authority, Tx

router = APIRouter(tags=["finance 经费"], dependencies=[Depends(caller)])
POST_POWER, ALLOCATE_POWER = "finance.entry.post", "finance.budget.allocate"

Name = Annotated[str | None, Query(max_length=80)]


def _parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


async def _entries_out(conn: Any, rows: list[Any]) -> list[schemas.EntryOut]:
    lines: dict[str, list[schemas.LineOut]] = {}
    for row in await store.lines(conn, [row.id for row in rows]):
        out = schemas.LineOut(org=row.org, account=row.account, earmark=row.earmark or None, amount_fen=row.amount_fen)
        lines.setdefault(row.entry, []).append(out)
    return [
        schemas.EntryOut(
            entry=row.id,
            kind=row.kind,
            memo=row.memo,
            cause=row.cause,
            case=row.case,
            mandate=row.mandate,
            posted_by=row.posted_by,
            at=row.at,
            lines=lines.get(row.id, []),
        )
        for row in rows
    ]


def _earmark_out(found: Earmark) -> schemas.EarmarkOut:
    return schemas.EarmarkOut(
        mandate=found.mandate,
        payer=found.payer,
        holder=found.holder,
        basis=found.basis,
        state=found.state,
        amount_fen=found.amount_fen,
        captured_fen=found.captured_fen,
        returned_fen=found.returned_fen,
        held_fen=found.held_fen,
        available_fen=found.available_fen,
    )


def _line(parts: Parts, given: schemas.LineIn) -> Line:
    amount = given.amount_fen
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise Refusal("amount_not_fen", amount=str(amount)[:40])
    if amount == 0:
        raise Refusal("amount_not_positive", amount=0)
    if abs(amount) > MAX_FEN:
        raise Refusal("amount_too_large", amount=amount, limit=MAX_FEN)
    if given.account not in parts.profile.accounts:
        raise Refusal("unknown_account", account=given.account)
    if given.account == parts.profile.account_roles.earmark:
        raise Refusal("reserved_account", account=given.account)
    return Line(org=given.org, account=given.account, earmark=None, amount_fen=amount)


@router.post("/entries", status_code=201, summary="记账 / post a balanced entry")
async def post_entry(request: Request, body: schemas.PostEntry, command: CommandDep) -> Response:
    """权力 power: finance.entry.post. Only in the caller's own books, but for who holds it at the root."""
    parts = _parts(request)
    me = command.staff()

    async def work(tx: Tx) -> schemas.EntryOut:
        lines = [_line(parts, given) for given in body.lines]
        for org in sorted({line.org for line in lines}):
            await store.organisation(tx.conn, org)
        held = await granted.with_power(tx.conn, me, POST_POWER, tx.now)
        if not held:
            raise Refusal(
                "missing_power",
                power=POST_POWER,
                affair="community.accounts",
                area=parts.profile.root_area,
                org=me,
                holder=None,
            )
        grant = await tx.act_under(held[0], POST_POWER, held[0].area)
        foreign = sorted({line.org for line in lines} - {me})
        if foreign:
            raise Refusal("foreign_books", org=foreign[0])
        if body.approved_by == command.identity.subject:
            raise Refusal("same_person")
        ledger.check_balanced(lines)
        cause = tx.context.correlation_id
        bank = parts.profile.account_roles.bank
        drawn = -sum(line.amount_fen for line in lines if line.account == bank)
        if drawn > 0:
            await _enough(tx, parts, me, drawn)
        entry = await store.post(
            tx,
            lines,
            kind="journal",
            cause=cause,
            memo=body.memo,
            approved_by=body.approved_by,
            authority=Authority.of(grant),
        )
        assert entry is not None  # there are at least two lines
        return (await _entries_out(tx.conn, [await store.entry(tx.conn, entry)]))[0]

    return await command.run(work, status=201)


async def _enough(tx: Tx, parts: Parts, org: str, amount: int) -> None:
    await ahead.refuse_while_locked(tx.conn)  # a balance is behind when any entry or hold is
    free = await store.available(tx.conn, org, parts.profile.account_roles.bank, lock=True)
    if free < amount:
        raise Refusal("insufficient_funds", org=org, available=free, amount=amount, shortfall=amount - free)


@router.post("/allocations", status_code=201, summary="安排预算 / allocate a budget")
async def allocate(request: Request, body: schemas.Allocate, command: CommandDep) -> Response:
    """权力 power: finance.budget.allocate."""
    parts = _parts(request)
    payer = command.staff()

    async def work(tx: Tx) -> schemas.MoneyOut:
        amount = fen(body.amount_fen)
        await store.organisation(tx.conn, body.to)
        grant = await tx.act(ALLOCATE_POWER, "gov.budget", parts.profile.root_area)
        await _enough(tx, parts, payer, amount)
        lines = ledger.allocate(request.app.state.money.roles, payer, body.to, amount)
        await store.post(
            tx,
            lines,
            kind="budget",
            cause=tx.context.correlation_id,
            memo=body.memo,
            authority=Authority.of(grant),
        )
        return await _money(tx.conn, parts, body.to)

    return await command.run(work, status=201)


async def _money(conn: Any, parts: Parts, org: str) -> schemas.MoneyOut:
    free = await store.available(conn, org, parts.profile.account_roles.bank)
    held = await store.held_from_budget(conn, org)
    earmarks = [_earmark_out(found) for found in await store.earmarks_of(conn, org)]
    return schemas.MoneyOut(org=org, balance_fen=free + held, held_fen=held, available_fen=free, earmarks=earmarks)


@router.get("/organisations/{org}/money", summary="组织的资金 / balance, holds, available, earmarks")
async def money(request: Request, org: str, _: Caller) -> schemas.MoneyOut:
    parts = _parts(request)
    async with parts.database.read() as conn:
        await store.organisation(conn, org)
        return await _money(conn, parts, org)


@router.get("/accounts", summary="科目余额 / trial balance of an organisation")
async def accounts(request: Request, org: Annotated[str, Query(max_length=80)], _: Caller) -> schemas.PageOut:
    parts = _parts(request)
    async with parts.database.read() as conn:
        await store.organisation(conn, org)
        rows = await store.balances(conn, org)
    chart = parts.profile.accounts
    items = [
        {
            "account": row.account,
            "zh": chart[row.account].zh,
            "en": chart[row.account].en,
            "earmark": row.earmark or None,
            "balance_fen": row.fen,
        }
        for row in rows
        if row.account in chart
    ]
    return schemas.PageOut(items=items)


@router.get("/entries", summary="分录 / entries")
async def entries(
    request: Request,
    _: Caller,
    org: Name = None,
    account: Name = None,
    case: Name = None,
    mandate: Name = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> schemas.PageOut:
    wanted = {"org": org, "account": account, "case": case, "mandate": mandate}
    async with _parts(request).database.read() as conn:
        rows = await store.entries(conn, wanted, after=paging.decode(cursor), limit=limit + 1)
        page, following = paging.cut(rows, limit, lambda row: str(row.id))
        return schemas.PageOut(items=await _entries_out(conn, page), next=following)


@router.get("/earmarks/{mandate}", summary="专项 / the earmark of a mandate")
async def earmark(request: Request, mandate: str, _: Caller) -> schemas.EarmarkOut:
    async with _parts(request).database.read() as conn:
        found = await store.earmark(conn, mandate)
    if found is None:
        raise Refusal("not_found", what="earmark", id=mandate[:80])
    return _earmark_out(found)


@router.get("/holds", summary="冻结 / the holds of a case")
async def holds(request: Request, case: Annotated[str, Query(max_length=80)], _: Caller) -> schemas.PageOut:
    async with _parts(request).database.read() as conn:
        rows = await store.holds(conn, case, only_open=False)
    return schemas.PageOut(items=[dict(row._mapping) for row in rows])


@router.get("/tariffs", summary="单价 / prices per case")
async def tariffs(request: Request, _: Caller) -> schemas.PageOut:
    async with _parts(request).database.read() as conn:
        rows = await store.tariffs(conn)
    return schemas.PageOut(items=[{"affair": row.affair, "price_fen": row.price_fen} for row in rows])


@router.get("/statements/{org}", summary="年度收支表 / the year's income and spending")
async def statement(
    request: Request, org: str, year: Annotated[int, Query(ge=2000, le=2100)], _: Caller
) -> schemas.Statement:
    """Item by item. Entities with books of their own are named, never added."""
    parts = _parts(request)
    async with parts.database.read() as conn:
        await store.organisation(conn, org)
        since, before = (datetime(y, 1, 1, tzinfo=SHANGHAI) for y in (year, year + 1))
        rows = await store.lines_of(conn, org, since, before)
        apart = await store.kept_apart(conn, org)
    chart = parts.profile.accounts
    income: list[schemas.Item] = []
    spending: list[schemas.Item] = []
    for row in rows:
        kind = chart[row.account].kind if row.account in chart else ""
        if kind in ("income", "expense"):
            item = schemas.Item(
                account=row.account,
                zh=chart[row.account].zh,
                en=chart[row.account].en,
                memo=row.memo,
                amount_fen=-row.amount_fen if kind == "income" else row.amount_fen,
            )
            (income if kind == "income" else spending).append(item)
    earned, spent = sum(i.amount_fen for i in income), sum(i.amount_fen for i in spending)
    return schemas.Statement(
        org=org,
        year=year,
        income=income,
        spending=spending,
        income_fen=earned,
        spending_fen=spent,
        change_fen=earned - spent,
        apart=apart,
    )
