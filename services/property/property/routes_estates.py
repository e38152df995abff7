"""Estates: register, correct, list."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from property import desk
from property.domain import estate as estates
from property.queries import AreaQuery, page, parts, rules
from property.schemas import EstateIn, EstateOut, EstatePage, EstateRevisionIn
from property.store_estates import ESTATES
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["estates 小区"], dependencies=[Depends(caller)], route_class=CommandRoute)


@router.post("/estates", status_code=201, response_model=EstateOut, summary="登记小区 / Register an estate")
async def register(request: Request, command: CommandDep, body: EstateIn) -> Response:
    """须有该区域的小区登记权 / under the power `property.estate.register` there."""
    known = rules(request)

    async def work(tx: Tx) -> EstateOut:
        area = await desk.known_area(tx, known, body.area)
        change = estates.register(new_id(), area, body.name, body.households, tx.now)
        authority = await desk.act(tx, command, desk.REGISTER_ESTATE, desk.ESTATES, area)
        return EstateOut.model_validate(await ESTATES.put(tx, change, authority))

    return await command.decide(work, status=201)


@router.post("/estates/{estate_id}/revision", response_model=EstateOut, summary="更正小区 / Correct an estate")
async def revise(command: CommandDep, estate_id: str, body: EstateRevisionIn) -> Response:
    """名称与户数；户数决定应有的社区用房 / its name, and its households, by which the norm counts."""

    async def work(tx: Tx) -> EstateOut:
        found = await ESTATES.get(tx.conn, desk.key_of(estate_id, "estate"), lock=tx.locks)
        authority = await desk.act(tx, command, desk.REGISTER_ESTATE, desk.ESTATES, found.area)
        command.check_version(found.version)
        change = estates.revise(found, body.name, body.households, tx.now)
        return EstateOut.model_validate(await ESTATES.put(tx, change, authority))

    return await command.decide(work)


@router.get("/estates", response_model=EstatePage, summary="小区列表 / List estates")
async def list_estates(
    request: Request, area: AreaQuery | None = None, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> EstatePage:
    """按区域筛选，新的在前 / by area, newest first."""
    items, following = await page(request, ESTATES, EstateOut.model_validate, cursor=cursor, limit=limit, area=area)
    return EstatePage(items=items, next=following)


@router.get("/estates/{estate_id}", response_model=EstateOut, summary="小区 / An estate")
async def get_estate(request: Request, response: Response, estate_id: str) -> EstateOut:
    """`ETag` is its version."""
    async with parts(request).database.read() as conn:
        found = await ESTATES.get(conn, desk.key_of(estate_id, "estate"))
    response.headers["ETag"] = etag(found.version)
    return EstateOut.model_validate(found)
