"""Reads: cases, their history and their handovers, categories, figures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime

from complaints import private, store, store_views
from complaints.domain.case import STATES
from complaints.rules import Rules
from complaints.schemas import (
    CaseOut,
    CasePage,
    CategoriesOut,
    CategoryOut,
    CodeOut,
    HandoverOut,
    HistoryPage,
    PrivateOut,
    Purpose,
    StatisticsOut,
    StatisticsPage,
    StepOut,
    WordsOut,
)
from suizhuan import paging
from suizhuan.commands import CommandDep, etag
from suizhuan.datamodel import Words
from suizhuan.identity import Caller, caller
from suizhuan.kernel.area import LENGTHS, trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.service import Parts

router = APIRouter(tags=["cases 诉求"], dependencies=[Depends(caller)])

Word = Annotated[str, Query(min_length=1, max_length=200)]
AreaQuery = Annotated[str, Query(max_length=40, description="区域（含下级）/ this area and all in it")]
HIGHEST = "~"  # above every id


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


@router.get("/cases", response_model=CasePage, summary="诉求列表 / List cases")
async def list_cases(
    request: Request,
    area: AreaQuery | None = None,
    affair: Word | None = None,
    responsible: Word | None = None,
    state: Annotated[str | None, Query(max_length=20, description=" ".join(STATES))] = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> CasePage:
    """按区域、事项、责任组织、状态筛选 / by area, affair, responsible organisation and state. Newest first."""
    if state is not None and state not in STATES:
        raise Refusal("invalid_request", reason="state")
    before = paging.decode(cursor)
    for word in (affair, responsible):
        if word is not None and not word.isprintable():
            raise Refusal("invalid_request", reason="not plain text")
    async with _parts(request).database.read() as conn:
        found = await store_views.cases(
            conn,
            before=before,
            limit=limit + 1,
            area=trim(area) if area is not None else None,
            affair=affair,
            responsible=responsible,
            state=state,
        )
    page, following = paging.cut(found, limit, lambda c: c.id)
    return CasePage(items=[CaseOut.of(c) for c in page], next=following)


@router.get("/cases/{case_id}", response_model=CaseOut, summary="诉求 / A case")
async def get_case(request: Request, response: Response, case_id: str) -> CaseOut:
    """不含个人信息 / without personal data. `ETag` is its version."""
    async with _parts(request).database.read() as conn:
        found = await store.get_case(conn, key_of(case_id))
    response.headers["ETag"] = etag(found.version)
    return CaseOut.of(found)


@router.get("/cases/{case_id}/history", response_model=HistoryPage, summary="经过与权责链 / Its chain of authority")
async def get_history(
    request: Request, case_id: str, cursor: paging.Cursor = "", limit: paging.Limit = 100
) -> HistoryPage:
    """每一步由谁、依据哪一委托与任期 / who did each step, under which mandate and term."""
    after = paging.decode(cursor)
    if after and not (after.isascii() and after.isdigit() and len(after) < 16):
        raise Refusal("cursor_malformed")
    async with _parts(request).database.read() as conn:
        await store.get_case(conn, key_of(case_id))
        found = await store_views.history(conn, case_id, after=int(after or 0), limit=limit + 1)
    page, following = paging.cut([StepOut(**f) for f in found], limit, lambda s: str(s.version))
    return HistoryPage(items=page, next=following)


@router.get("/cases/{case_id}/private", response_model=PrivateOut, summary="个人信息 / Its personal data")
async def get_private(
    command: CommandDep,
    case_id: str,
    purpose: Annotated[Purpose, Query(description="用途，随查阅一并记录 / why; recorded with the read")],
) -> Response:
    """仅限该诉求的责任组织或核查方；每次查阅都留痕 / for who answers for it or checks it; every read is recorded."""
    return await command.decide(lambda tx: private.read(tx, command, key_of(case_id), purpose))


@router.get("/handovers/{handover_id}", response_model=HandoverOut, summary="转办 / A handover")
async def get_handover(request: Request, handover_id: str) -> HandoverOut:
    """等待经费、已转移或未成 / waiting for its money, moved, or refused with the reason."""
    async with _parts(request).database.read() as conn:
        found = await store.find_handover(conn, key_of(handover_id))
    if found is None:
        raise Refusal("not_found", what="handover", id=handover_id[:80])
    return HandoverOut.of(found)


@router.get("/categories", response_model=CategoriesOut, summary="类别、渠道与转告去向 / Categories and channels")
async def list_categories(request: Request) -> CategoriesOut:
    """辖区配置中的事件类别及其时限与价格 / the categories of this jurisdiction, with their limits and prices."""
    rules: Rules = request.app.state.rules
    async with _parts(request).database.read() as conn:
        prices = await store.prices(conn)
    items = [
        CategoryOut(
            code=c.code,
            name=_words(c.name),
            affair=c.affair,
            limit=str(rules.limit_of(c)),
            price_fen=rules.price(c.affair, prices.get(c.affair)),
            codes={str(k): v for k, v in c.codes.items()},
        )
        for c in rules.profile.categories
    ]
    channels = [CodeOut(code=c.code, name=_words(c.name)) for c in rules.profile.channels]
    redirects = [CodeOut(code=r.code, name=_words(r.name), phone=r.phone) for r in rules.profile.out_of_scope]
    return CategoriesOut(items=items, channels=channels, out_of_scope=redirects)


@router.get("/statistics", response_model=StatisticsPage, summary="统计 / Figures")
async def statistics(
    request: Request,
    identity: Caller,
    area: AreaQuery | None = None,
    level: Annotated[int, Query(description="按前几位区划汇总 / grouped by so many digits")] = 12,
    since: Annotated[AwareDatetime | None, Query(description="受理时间起 / reported from")] = None,
    until: Annotated[
        AwareDatetime | None, Query(description="受理时间止，缺省现在 / reported before; by default now")
    ] = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> StatisticsPage:
    """受理、立案、应结案、结案、按期结案 / accepted, filed, due, closed, on time."""
    if level not in LENGTHS:
        raise Refusal("invalid_request", reason="level: 2 4 6 9 12 15")
    as_of: datetime = until or _parts(request).clock.now()
    for moment in (since, as_of):
        if moment is not None and not 2000 <= moment.year <= 2200:
            raise Refusal("invalid_request", reason="since, until")
    after = paging.decode(cursor)
    async with _parts(request).database.read() as conn:
        found = await store_views.statistics(
            conn,
            after=after,
            limit=limit + 1,
            digits=level,
            area=trim(area) if area is not None else None,
            since=since,
            until=until,
            as_of=as_of,
        )
    rows = [
        StatisticsOut(
            **f, closed_percent=_percent(f["closed"], f["due"]), on_time_percent=_percent(f["on_time"], f["due"])
        )
        for f in found
    ]
    page, following = paging.cut(rows, limit, lambda s: s.area)
    return StatisticsPage(items=page, as_of=as_of, next=following)


def _words(words: Words) -> WordsOut:
    return WordsOut(zh=words.zh, en=words.en)


def _percent(part: int, whole: int) -> str | None:
    """Two decimals, half up, in integers: 911 of 972 is 93.72."""
    if whole == 0:
        return None
    hundredths = (2 * part * 10_000 + whole) // (2 * whole)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def key_of(value: str) -> str:
    """An id as it may stand in a path. Errors: `not_found` for what cannot be one."""
    if len(value) > 80 or not value.isascii() or not value.isprintable():
        raise Refusal("not_found", what="case", id="?")
    return value
