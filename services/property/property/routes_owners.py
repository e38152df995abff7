"""Owners: registered, revised, and who they are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from property import desk
from property import store_meetings as store
from property.domain import facts_owners as facts
from property.domain import owner as owners
from property.domain.change import by
from property.queries import AreaQuery, Word, page, parts
from property.schemas_meetings import OwnerIn, OwnerOut, OwnerPage, OwnerPrivateOut, OwnerRevisionIn, Purpose
from property.store_estates import ESTATES
from property.store_meetings import OWNERS
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["owners 业主"], dependencies=[Depends(caller)], route_class=CommandRoute)


@router.post("/owners", status_code=201, response_model=OwnerOut, summary="登记业主 / Register an owner")
async def register(command: CommandDep, body: OwnerIn) -> Response:
    """姓名、电话、账号只存于本服务 / who it is stays in this service."""

    async def work(tx: Tx) -> OwnerOut:
        estate = await ESTATES.get(tx.conn, body.estate, lock=True)
        authority = await desk.act(tx, command, desk.REGISTER_OWNER, desk.ESTATES, estate.area)
        fact = facts.OwnerRegistered(
            owner=new_id(),
            estate=estate.id,
            area=estate.area,
            kind=body.kind,
            units=body.units,
            size_dm2=body.size_dm2,
        )
        account = body.person.account
        if account is not None and await store.account_taken(tx.conn, estate.id, account):
            raise Refusal("account_taken", estate=estate.id)
        change = owners.register(fact, await store.developers(tx.conn, estate.id), tx.now)
        owner = await OWNERS.put(tx, change, authority)
        await store.add_person(tx, owner.id, store.Person(**body.person.model_dump()))
        return OwnerOut.model_validate(owner)

    return await command.run(work, status=201)


@router.post("/owners/{owner_id}/revision", response_model=OwnerOut, summary="变更专有部分 / What the owner has now")
async def revise(command: CommandDep, owner_id: str, body: OwnerRevisionIn) -> Response:
    """已召集的业主大会仍按召集日的名册 / meetings that are called keep the roll of their day."""

    async def work(tx: Tx) -> OwnerOut:
        owner = await OWNERS.get(tx.conn, desk.key_of(owner_id, "owner"), lock=tx.locks)
        authority = await desk.act(tx, command, desk.REGISTER_OWNER, desk.ESTATES, owner.area)
        command.check_version(owner.version)
        change = owners.revise(owner, body.units, body.size_dm2, tx.now)
        return OwnerOut.model_validate(await OWNERS.put(tx, change, authority))

    return await command.decide(work)


@router.get("/owners", response_model=OwnerPage, summary="业主名册 / List owners")
async def list_owners(
    request: Request,
    area: AreaQuery | None = None,
    estate: Word | None = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> OwnerPage:
    """不含个人信息，新的在前 / without personal data, newest first."""
    items, following = await page(
        request, OWNERS, OwnerOut.model_validate, cursor=cursor, limit=limit, area=area, estate=estate
    )
    return OwnerPage(items=items, next=following)


@router.get("/owners/{owner_id}", response_model=OwnerOut, summary="业主 / An owner")
async def get_owner(request: Request, response: Response, owner_id: str) -> OwnerOut:
    """不含个人信息 / without personal data. `ETag` is its version."""
    async with parts(request).database.read() as conn:
        found = await OWNERS.get(conn, desk.key_of(owner_id, "owner"))
    response.headers["ETag"] = etag(found.version)
    return OwnerOut.model_validate(found)


@router.get("/owners/{owner_id}/private", response_model=OwnerPrivateOut, summary="个人信息 / Who the owner is")
async def get_private(
    command: CommandDep,
    owner_id: str,
    purpose: Annotated[Purpose, Query(description="用途，随查阅一并记录 / why; recorded with the read")],
) -> Response:
    """须有查阅权并说明用途；每次查阅都留痕 / under a power and for a purpose; every read is recorded."""

    async def work(tx: Tx) -> OwnerPrivateOut:
        owner = await OWNERS.get(tx.conn, desk.key_of(owner_id, "owner"), lock=tx.locks)
        authority = await desk.act(tx, command, desk.READ_OWNER, desk.ESTATES, owner.area)
        found = await store.person(tx.conn, owner.id)
        fact = facts.OwnerRead(owner=owner.id, power=desk.READ_OWNER, purpose=purpose)
        now = await OWNERS.put(tx, by(owners.after, owner, tx.now, fact), authority)
        return OwnerPrivateOut(
            owner=now.id,
            purpose=purpose,
            name=found.name,
            phone=found.phone,
            account=found.account,
            version=now.version,
        )

    return await command.decide(work)
