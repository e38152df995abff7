"""Composed reads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from gateway import asof, reads, shared
from gateway.callers import reader, sight_of
from gateway.compose import Composer
from gateway.domain.sight import Sight
from gateway.positions import departments
from gateway.schemas import ChainOut, FigureOut, FiguresOut, HubAnswer, OverviewOut
from gateway.settings import Settings
from suizhuan import paging
from suizhuan.identity import Caller
from suizhuan.kernel.area import LENGTHS, contains, trim
from suizhuan.kernel.refusal import Refusal

SEPARATOR = "/"
FIGURE = ("area", "service", "kind", "state")
Word = Annotated[str | None, Query(max_length=80)]

router = APIRouter(tags=["composed reads 综合查询"])

AreaPath = Annotated[str, Path(max_length=15, description="A division code / 区划代码", examples=["321302002907"])]
CaseId = Annotated[str, Path(max_length=64, description="A case / 诉求编号")]


@router.get("/communities/{area}", summary="社区概览 / an area: organisations, mandates, cases, money")
async def community(area: AreaPath, request: Request, response: Response, identity: Caller) -> OverviewOut | HubAnswer:
    """What the gateway has, also while services are down: `missing` names those, `as_of` how new the rest is.

    Staff see the areas of their organisation and what lies in or around them; a hub what its purpose covers, behind a
    receipt. Errors: `area_malformed`, `unknown_area`, `outside_area`, `wrong_kind`, `purpose_unknown`, `not_covered`.
    """
    composer: Composer = request.app.state.composer
    place = trim(area)
    share = reader(request, identity)
    if share is not None:
        share.require("community", shared.OVERVIEW)
    async with composer.database.read() as conn:
        sight = await sight_of(conn, identity)
    if not sight.sees_place(place):
        raise Refusal("outside_area", org=identity.org, what=place)
    found = await composer.overview(place)
    response.headers[asof.HEADER] = asof.header(found.as_of)
    if share is None:
        return found
    return await share.give(f"/communities/{place}", shared.overview(share, found))


@router.get("/figures", summary="统计 / how many of what, where, and what happened to them last")
async def figures(
    request: Request,
    response: Response,
    identity: Caller,
    area: Annotated[str | None, Query(max_length=40, description="区域（含下级）/ this area and all in it")] = None,
    level: Annotated[int, Query(description="按前几位区划汇总：2 4 6 9 12 15 / grouped by so many digits")] = 12,
    service: Word = None,
    kind: Word = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 100,
) -> FiguresOut | HubAnswer:
    """For dashboards: everything that departments keep, paged, with the positions up to which it was read.

    Staff see their own areas; a hub what its purpose covers, behind a receipt for each page. Errors: `wrong_kind`,
    `purpose_unknown`, `not_covered`, `area_malformed`, `outside_area`, `cursor_malformed`."""
    composer: Composer = request.app.state.composer
    share = reader(request, identity)
    for word in (service, kind):
        if word is not None and not word.isprintable():
            raise Refusal("invalid_request", reason="not plain text")
    if level not in LENGTHS:
        raise Refusal("invalid_request", reason="level: 2 4 6 9 12 15")
    place = trim(area) if area else None
    after = _after(paging.decode(cursor))
    own: Settings = request.app.state.own_settings
    topics = shared.asked(departments(own.topics), service, kind)
    if share is not None:
        shared.require_counted(share.purpose, topics)
    async with composer.database.read() as conn:
        sight = await sight_of(conn, identity)
        if not sight.everything and (place is None or not any(contains(own, place) for own in sight.areas)):
            raise Refusal("outside_area", org=identity.org, what=place or "*")
        found = await reads.figures(
            conn,
            area=place,
            digits=level,
            service=service,
            kind=kind,
            after=after,
            limit=limit + 1,
            names=None if share is None else share.purpose.names(),
        )
        as_of = await asof.as_of(conn)
    page, following = paging.cut(found, limit, lambda r: SEPARATOR.join(r[n] for n in FIGURE))
    response.headers[asof.HEADER] = asof.header(as_of)
    made = FiguresOut(items=[FigureOut(**row) for row in page], next=following, as_of=as_of)
    if share is None:
        return made
    return await share.give(f"/figures?area={place or ''}", shared.figures(share, made, topics))


def _after(place: str) -> tuple[str, str, str, str] | None:
    if not place:
        return None
    parts = place.split(SEPARATOR)
    if len(parts) != len(FIGURE):
        raise Refusal("cursor_malformed")
    return parts[0], parts[1], parts[2], parts[3]


@router.get("/cases/{case_id}/chain", summary="权责与经费链 / a case: who, under which mandate, with which money")
async def chain(case_id: CaseId, request: Request, response: Response, identity: Caller) -> ChainOut | HubAnswer:
    """The case with every event of it and of its money, in order, the mandates behind them and the ledger's entries.

    A hub gets what its purpose covers, behind a receipt. Errors: `not_found`, `outside_area`, `wrong_kind`,
    `purpose_unknown`, `not_covered`."""
    composer: Composer = request.app.state.composer
    share = reader(request, identity)
    if share is not None:
        share.require("chain", shared.CHAIN)
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
    whole = found.model_copy(update={"missing": missing})
    if share is None:
        return whole
    return await share.give(f"/cases/{case_id}/chain", shared.chain(share, whole))


def _sees(sight: Sight, found: ChainOut) -> bool:
    """By the case's area, or as one of those through whose hands it went."""
    return any(sight.sees(found.case.area, step.org, step.data) for step in found.steps)
