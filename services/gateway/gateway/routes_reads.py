"""Composed reads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from gateway import asof, reads
from gateway.callers import reader, sight_of
from gateway.compose import Composer
from gateway.domain.sight import Sight
from gateway.schemas import ChainOut, OverviewOut
from suizhuan.identity import Caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal

router = APIRouter(tags=["composed reads 综合查询"])

AreaPath = Annotated[str, Path(max_length=15, description="A division code / 区划代码", examples=["321302002907"])]
CaseId = Annotated[str, Path(max_length=64, description="A case / 诉求编号")]


@router.get("/communities/{area}", summary="社区概览 / an area: organisations, mandates, cases, money")
async def community(area: AreaPath, request: Request, response: Response, identity: Caller) -> OverviewOut:
    """What the gateway has, also while services are down: `missing` names those, `as_of` how new the rest is.

    Staff see the areas of their organisation and what lies in or around them. Errors: `area_malformed`,
    `unknown_area`, `outside_area`, `wrong_kind`."""
    composer: Composer = request.app.state.composer
    place = trim(area)
    reader(identity)
    async with composer.database.read() as conn:
        sight = await sight_of(conn, identity)
    if not sight.sees_place(place):
        raise Refusal("outside_area", org=identity.org, what=place)
    found = await composer.overview(place)
    response.headers[asof.HEADER] = asof.header(found.as_of)
    return found


@router.get("/cases/{case_id}/chain", summary="权责与经费链 / a case: who, under which mandate, with which money")
async def chain(case_id: CaseId, request: Request, response: Response, identity: Caller) -> ChainOut:
    """The case with every event of it and of its money, in order, the mandates behind them and the ledger's entries.

    Errors: `not_found`, `outside_area`, `wrong_kind`."""
    composer: Composer = request.app.state.composer
    reader(identity)
    missing = await composer.missing()
    async with composer.database.read() as conn:
        sight = await sight_of(conn, identity)
        case = await reads.case(conn, case_id)
        if case is None:
            raise Refusal("not_found", what="case", id=case_id)
        found = await composer.chain(conn, case)
    if not _sees(sight, found):
        raise Refusal("outside_area", org=identity.org, what=case_id)
    response.headers[asof.HEADER] = asof.header(found.as_of)
    return found.model_copy(update={"missing": missing})


def _sees(sight: Sight, found: ChainOut) -> bool:
    """By the case's area, or as one of those through whose hands it went."""
    return any(sight.sees(found.case.area, step.org, step.data) for step in found.steps)
