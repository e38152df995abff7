"""Premises: register, papers, use, withdrawal, list, and the norm."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from property import desk, store_estates, store_leases
from property.domain import facts, premise
from property.domain.norm import Coverage, wanted_dm2
from property.domain.premise import Premise
from property.queries import AreaQuery, page, parts, plain, rules
from property.schemas import (
    CoverageOut,
    CoveragePage,
    Kind,
    PaperIn,
    PremiseIn,
    PremiseOut,
    PremisePage,
    UseIn,
    WithdrawalIn,
)
from property.store_estates import ESTATES, PREMISES
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import Command, CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx

router = APIRouter(tags=["premises 房屋"], dependencies=[Depends(caller)], route_class=CommandRoute)


@router.post("/premises", status_code=201, response_model=PremiseOut, summary="登记房屋 / Register a premise")
async def register(request: Request, command: CommandDep, body: PremiseIn) -> Response:
    """社区用房、人防工程、门面房：位置、面积、结构、用途、权属 / where it is, its area, structure, use and papers."""
    known = rules(request)

    async def work(tx: Tx) -> PremiseOut:
        area = await desk.known_area(tx, known, body.area)
        stands_in = await ESTATES.get(tx.conn, body.estate) if body.estate is not None else None
        fact = facts.PremiseRegistered(premise=new_id(), **{**body.model_dump(), "area": area})
        change = premise.register(fact, stands_in.area if stands_in is not None else None, tx.now)
        authority = await desk.act(tx, command, desk.REGISTER_PREMISE, desk.PREMISES, area)
        return PremiseOut.model_validate(await PREMISES.put(tx, change, authority))

    return await command.decide(work, status=201)


@router.post("/premises/{premise_id}/papers", response_model=PremiseOut, summary="存档文件 / File a paper")
async def file_paper(command: CommandDep, premise_id: str, body: PaperIn) -> Response:
    """人防工程须有权属与委托两份文件方可出租 / air-defence space is let only with both on file."""

    async def work(tx: Tx) -> PremiseOut:
        found, authority = await _taken(tx, command, premise_id)
        change = premise.file_paper(found, body.paper, body.reference, tx.now)
        return PremiseOut.model_validate(await PREMISES.put(tx, change, authority))

    return await command.decide(work)


@router.post("/premises/{premise_id}/use", response_model=PremiseOut, summary="改变用途 / Change its use")
async def change_use(command: CommandDep, premise_id: str, body: UseIn) -> Response:
    """用途计入活动用房占比 / counts for the share of activity."""

    async def work(tx: Tx) -> PremiseOut:
        found, authority = await _taken(tx, command, premise_id)
        return PremiseOut.model_validate(await PREMISES.put(tx, premise.change_use(found, body.use, tx.now), authority))

    return await command.decide(work)


@router.post("/premises/{premise_id}/withdrawal", response_model=PremiseOut, summary="注销房屋 / Withdraw a premise")
async def withdraw(command: CommandDep, premise_id: str, body: WithdrawalIn) -> Response:
    """在租的不得注销 / not while it is let."""

    async def work(tx: Tx) -> PremiseOut:
        found, authority = await _taken(tx, command, premise_id)
        if let := await store_leases.running(tx.conn, found.id):
            raise Refusal("premise_let", premise=found.id, lease=let[0].id, until=let[0].ends_on.isoformat())
        return PremiseOut.model_validate(
            await PREMISES.put(tx, premise.withdraw(found, body.reason, tx.now), authority)
        )

    return await command.run(work)


async def _taken(tx: Tx, command: Command, key: str) -> tuple[Premise, Authority]:
    found = await PREMISES.get(tx.conn, desk.key_of(key, "premise"), lock=tx.locks)
    authority = await desk.act(tx, command, desk.REGISTER_PREMISE, desk.PREMISES, found.area)
    command.check_version(found.version)
    return found, authority


@router.get("/premises", response_model=PremisePage, summary="房屋列表 / List premises")
async def list_premises(
    request: Request,
    area: AreaQuery | None = None,
    kind: Kind | None = None,
    estate: Annotated[str | None, Query(max_length=80)] = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> PremisePage:
    """按区域、类别、小区筛选，新的在前 / by area, kind and estate, newest first."""
    items, following = await page(
        request,
        PREMISES,
        PremiseOut.model_validate,
        cursor=cursor,
        limit=limit,
        area=area,
        kind=kind,
        estate=estate,
    )
    return PremisePage(items=items, next=following)


@router.get("/premises/coverage", response_model=CoveragePage, summary="用房覆盖 / Premises against the norm")
async def coverage(
    request: Request, area: AreaQuery, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> CoveragePage:
    """按社区：已有、应有、缺口与活动用房占比 / what there is, is wanted and is missing, by community."""
    norm = rules(request).own.premises
    after, within = paging.decode(cursor), trim(area)
    plain(after)
    async with parts(request).database.read() as conn:
        found = await store_estates.coverage(conn, area=within, after=after, limit=limit + 1)
    rows = [
        Coverage(
            place, households, size, activity, wanted_dm2(households, norm.m2_per_100_households), norm.activity_percent
        )
        for place, households, size, activity in found
    ]
    shown, following = paging.cut(rows, limit, lambda c: c.area)
    return CoveragePage(
        items=[CoverageOut.of(c) for c in shown],
        m2_per_100_households=norm.m2_per_100_households,
        activity_percent=norm.activity_percent,
        next=following,
    )


@router.get("/premises/{premise_id}", response_model=PremiseOut, summary="房屋 / A premise")
async def get_premise(request: Request, response: Response, premise_id: str) -> PremiseOut:
    """`ETag` is its version."""
    async with parts(request).database.read() as conn:
        found = await PREMISES.get(conn, desk.key_of(premise_id, "premise"))
    response.headers["ETag"] = etag(found.version)
    return PremiseOut.model_validate(found)
