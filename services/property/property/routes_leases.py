"""Leases: conclude, rent, early end, who the lessee is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from property import desk, numbers, rent
from property import store_leases as store
from property.domain import facts
from property.domain import lease as leases
from property.domain.change import by
from property.domain.lease import STATES, Lease
from property.domain.premise import Premise
from property.queries import AreaQuery, Word, numbered, page, parts, rules
from property.schemas_leases import (
    CutIn,
    DueOut,
    DuePage,
    LeaseIn,
    LeaseOut,
    LeasePage,
    LesseeIn,
    LesseeOut,
    PaymentIn,
    Purpose,
)
from property.store_estates import PREMISES
from property.store_leases import LEASES
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import Command, CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx

router = APIRouter(tags=["leases 租约"], dependencies=[Depends(caller)], route_class=CommandRoute)


@router.post("/leases", status_code=201, response_model=LeaseOut, summary="订立租约 / Conclude a lease")
async def conclude(request: Request, command: CommandDep, body: LeaseIn) -> Response:
    """人防工程须有权属与委托文件，且不得存放危险品 / air-defence space: only with title and delegation on file."""
    longest = rules(request).own.leases.longest_years
    lessee = _lessee(body.lessee)

    async def work(tx: Tx) -> LeaseOut:
        premise = await PREMISES.get(tx.conn, body.premise, lock=True)
        org = desk.staff(command)
        authority = await desk.act(tx, command, desk.CONCLUDE_LEASE, desk.PREMISES, premise.area)
        change = leases.conclude(
            _concluded(body, premise, org),
            premise,
            await store.running(tx.conn, premise.id),
            hazardous=body.hazardous_goods,
            longest_years=longest,
            now=tx.now,
        )
        lease = await LEASES.put(tx, change, authority)
        await store.add_lessee(tx, lease.id, lessee)
        await rent.watch(tx, lease)
        return LeaseOut.model_validate(lease)

    return await command.run(work, status=201)


def _concluded(body: LeaseIn, premise: Premise, lessor: str) -> facts.LeaseConcluded:
    said = body.model_dump(include={"use", "rent_fen", "every", "starts_on", "ends_on", "due_day", "prepaid"})
    return facts.LeaseConcluded(
        lease=new_id(),
        premise=premise.id,
        area=premise.area,
        kind=premise.kind,
        lessor=lessor,
        lessee=new_id(),
        **said,
    )


def _lessee(body: LesseeIn) -> store.Lessee:
    """Errors: `invalid_request`, `identity_number_invalid`, `credit_code_invalid`."""
    if (body.identity_number is None) == (body.credit_code is None):
        raise Refusal("invalid_request", reason="lessee: identity_number | credit_code")
    if body.credit_code is not None:
        return store.Lessee(body.name, body.phone, numbers.credit_code(body.credit_code))
    return store.Lessee(body.name, body.phone, numbers.identity_number(body.identity_number or ""))


@router.post("/leases/{lease_id}/payments", response_model=LeaseOut, summary="收到租金 / Rent has come")
async def pay(command: CommandDep, lease_id: str, body: PaymentIn) -> Response:
    """一期一次；经费服务据此记收款 / once for each period; finance books it as received."""

    async def work(tx: Tx) -> LeaseOut:
        lease, authority = await _taken(tx, command, lease_id)
        due = await store.due(tx.conn, lease.id, body.due)
        return LeaseOut.model_validate(await rent.receive(tx, lease, due, authority))

    return await command.run(work)


@router.post("/leases/{lease_id}/end", response_model=LeaseOut, summary="提前终止 / End it early")
async def cut(command: CommandDep, lease_id: str, body: CutIn) -> Response:
    """尚未开始的期次，其账单撤回；已开始的按日结算 / bills of periods that will not be are withdrawn."""

    async def work(tx: Tx) -> LeaseOut:
        lease, authority = await _taken(tx, command, lease_id)
        change, gone = leases.cut(lease, await store.dues(tx.conn, lease.id), body.on, body.reason, tx.now)
        now = await LEASES.put(tx, change, authority)
        await rent.withdraw(tx, now, gone, authority)
        await rent.watch(tx, now)
        return LeaseOut.model_validate(now)

    return await command.run(work)


async def _taken(tx: Tx, command: Command, key: str) -> tuple[Lease, Authority]:
    """The lease, locked. Its lessor acts, by the power that it holds there now. Errors: `not_lessor`, …"""
    lease = await LEASES.get(tx.conn, desk.key_of(key, "lease"), lock=True)
    org = desk.staff(command)
    authority = await desk.act(tx, command, desk.CONCLUDE_LEASE, desk.PREMISES, lease.area)
    if org != lease.lessor:
        raise Refusal("not_lessor", org=org, lease=lease.id, lessor=lease.lessor)
    command.check_version(lease.version)
    return lease, authority


@router.get("/leases", response_model=LeasePage, summary="租约列表 / List leases")
async def list_leases(
    request: Request,
    area: AreaQuery | None = None,
    lessor: Word | None = None,
    premise: Word | None = None,
    state: Annotated[str | None, Query(max_length=20, description=" ".join(STATES))] = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> LeasePage:
    """按区域、出租方、房屋、状态筛选，新的在前 / by area, lessor, premise and state, newest first."""
    if state is not None and state not in STATES:
        raise Refusal("invalid_request", reason="state")
    items, following = await page(
        request,
        LEASES,
        LeaseOut.model_validate,
        cursor=cursor,
        limit=limit,
        area=area,
        lessor=lessor,
        premise=premise,
        state=state,
    )
    return LeasePage(items=items, next=following)


@router.get("/leases/{lease_id}", response_model=LeaseOut, summary="租约 / A lease")
async def get_lease(request: Request, response: Response, lease_id: str) -> LeaseOut:
    """不含个人信息 / without personal data. `ETag` is its version."""
    async with parts(request).database.read() as conn:
        found = await LEASES.get(conn, desk.key_of(lease_id, "lease"))
    response.headers["ETag"] = etag(found.version)
    return LeaseOut.model_validate(found)


@router.get("/leases/{lease_id}/dues", response_model=DuePage, summary="应收租金 / What is due by it")
async def list_dues(request: Request, lease_id: str, cursor: paging.Cursor = "", limit: paging.Limit = 100) -> DuePage:
    """每期的账单，以及经费服务是否已入账、已收款 / the bill of each period, and what finance has done about it."""
    after = numbered(cursor)
    async with parts(request).database.read() as conn:
        lease = await LEASES.get(conn, desk.key_of(lease_id, "lease"))
        found = await store.dues_with_answers(conn, lease.id, after=after, limit=limit + 1)
    shown, following = paging.cut([DueOut.of(*one) for one in found], limit, lambda due: str(due.number))
    return DuePage(items=shown, next=following)


@router.get("/leases/{lease_id}/lessee", response_model=LesseeOut, summary="承租人 / Who the lessee is")
async def get_lessee(
    command: CommandDep,
    lease_id: str,
    purpose: Annotated[Purpose, Query(description="用途，随查阅一并记录 / why; recorded with the read")],
) -> Response:
    """须有查阅权并说明用途；每次查阅都留痕 / under a power and for a purpose; every read is recorded."""

    async def work(tx: Tx) -> LesseeOut:
        lease = await LEASES.get(tx.conn, desk.key_of(lease_id, "lease"), lock=tx.locks)
        authority = await desk.act(tx, command, desk.READ_LESSEE, desk.PREMISES, lease.area)
        found = await store.lessee(tx.conn, lease.id)
        fact = facts.LesseeRead(lease=lease.id, power=desk.READ_LESSEE, purpose=purpose)
        now = await LEASES.put(tx, by(leases.after, lease, tx.now, fact), authority)
        return LesseeOut(
            lease=now.id,
            purpose=purpose,
            name=found.name,
            phone=found.phone,
            number=found.number,
            version=now.version,
        )

    return await command.decide(work)
