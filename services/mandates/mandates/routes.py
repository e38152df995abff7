"""The registers over HTTP: organisations with their staff, and the affair catalogue."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from mandates import desk, powers, store
from mandates.domain.catalogue import Affair
from mandates.domain.mandate import ROOT_PREFIX
from mandates.domain.switch import ACTIVATION
from mandates.schemas import AffairIn, OrganisationIn, StaffList
from mandates.schemas_out import AffairOut, AffairPage, OrganisationDetail, OrganisationOut, OrganisationPage, StaffOut
from mandates.store import save
from mandates.switching import Switching
from suizhuan import paging
from suizhuan.commands import CommandDep
from suizhuan.identity import Caller, caller
from suizhuan.service import Parts
from suizhuan.unit_of_work import Tx

router = APIRouter(dependencies=[Depends(caller)])
ORGANISATIONS: list[str | Enum] = ["organisations 组织"]
AFFAIRS: list[str | Enum] = ["affairs 事项目录"]
Id = Annotated[str, Path(max_length=80)]


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def switching_of(request: Request) -> Switching:
    switching: Switching = request.app.state.switching
    return switching


@router.post(
    "/organisations",
    status_code=201,
    tags=ORGANISATIONS,
    summary="登记组织 / register an organisation",
    response_model=OrganisationOut,
)
async def register(body: OrganisationIn, request: Request, command: CommandDep) -> Response:
    """需要权力 mandates.organisation.register,在该组织的各区域 / needs that power at each of its areas."""
    profile = parts_of(request).profile

    command.staff()

    async def work(tx: Tx) -> OrganisationOut:
        org = desk.organisation(body)
        people = [desk.person(entry, org.id) for entry in body.staff]
        await desk.register_organisation(tx, org, people, profile)
        for area in org.areas:
            await tx.act(powers.REGISTER, powers.REGISTERS, area)
        return OrganisationOut.of(org)

    return await command.run(work, status=201)


@router.get("/organisations", tags=ORGANISATIONS, summary="组织列表 / organisations, by id")
async def organisations(
    request: Request, caller: Caller, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> OrganisationPage:
    async with parts_of(request).database.read() as conn:
        found = await store.organisations(conn, after=paging.decode(cursor), limit=limit + 1)
    page, following = paging.cut(found, limit, lambda o: o.id)
    return OrganisationPage(items=[OrganisationOut.of(o) for o in page], next=following)


@router.get("/organisations/{org}", tags=ORGANISATIONS, summary="组织及其人员 / an organisation and its staff")
async def organisation(org: Id, request: Request, response: Response, caller: Caller) -> OrganisationDetail:
    async with parts_of(request).database.read() as conn:
        found = await store.organisation(conn, org)
        people = await store.staff_of(conn, org)
    colleague = caller.kind == "staff" and caller.org == org
    response.headers["ETag"] = f'"{found.version}"'
    return OrganisationDetail(
        **OrganisationOut.of(found).model_dump(),
        staff=[
            StaffOut(
                id=p.id,
                duty={"zh": p.duty_zh, "en": p.duty_en},
                name={"zh": p.name_zh, "en": p.name_en} if colleague else None,
            )
            for p in people
        ],
    )


@router.post(
    "/organisations/{org}/staff",
    status_code=201,
    tags=ORGANISATIONS,
    summary="登记人员 / register staff",
    response_model=OrganisationOut,
)
async def add_staff(org: Id, body: StaffList, request: Request, command: CommandDep) -> Response:
    """需要权力 mandates.organisation.register / needs that power where the organisation is."""

    command.staff()

    async def work(tx: Tx) -> OrganisationOut:
        found = await store.organisation(tx.conn, org)
        command.check_version(found.version)
        await tx.act(powers.REGISTER, powers.REGISTERS, found.areas[0])
        await store.add_staff(tx, [desk.person(entry, org) for entry in body.staff])
        return OrganisationOut.of(found)

    return await command.run(work, status=201)


@router.post("/affairs", status_code=201, tags=AFFAIRS, summary="事项入目录 / list an affair", response_model=AffairOut)
async def list_affair(body: AffairIn, request: Request, command: CommandDep) -> Response:
    """需要权力 mandates.affair.list;其主管部门的根权责随即移交 / its owner's root is switched in at once."""
    profile = parts_of(request).profile

    command.staff()

    async def work(tx: Tx) -> AffairOut:
        await tx.act(powers.LIST, powers.REGISTERS, profile.root_area)
        entry = Affair(
            code=body.code,
            name_zh=body.name.zh,
            name_en=body.name.en,
            list=body.list,
            owner=body.owner,
            powers=tuple(sorted(set(body.powers))),
            owner_powers=tuple(sorted(set(body.owner_powers))),
            basis=body.basis,
        )
        root = await desk.add_affair(tx, entry, profile)
        if root is not None:
            await save(tx, desk.as_it_stands(root), new=True)
            await switching_of(request).request(tx, root, ACTIVATION, "listed")
        return AffairOut.of(entry, root.id if root else None)

    return await command.run(work, status=201)


@router.get("/affairs", tags=AFFAIRS, summary="事项目录 / the catalogue, by code")
async def affairs(
    request: Request,
    caller: Caller,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
    list_: Annotated[str | None, Query(alias="list", max_length=40, description="清单 / which list")] = None,
    owner: Annotated[str | None, Query(max_length=80, description="主管部门 / owner")] = None,
) -> AffairPage:
    async with parts_of(request).database.read() as conn:
        found = await store.affairs(conn, after=paging.decode(cursor), limit=limit + 1, list_=list_, owner=owner)
    page, following = paging.cut(found, limit, lambda a: a.code)
    return AffairPage(items=[_affair(a) for a in page], next=following)


@router.get("/affairs/{code}", tags=AFFAIRS, summary="事项 / an affair")
async def affair(code: Id, request: Request, caller: Caller) -> AffairOut:
    async with parts_of(request).database.read() as conn:
        return _affair(await store.affair(conn, code))


def _affair(entry: Affair) -> AffairOut:
    return AffairOut.of(entry, f"{ROOT_PREFIX}{entry.code}" if entry.placeable else None)
