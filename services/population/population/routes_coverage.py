"""Coverage 覆盖: grids and buildings without staff, money or fresh records; and the codes of the profile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request

from population import desk, store_coverage, store_views
from population.domain.coverage import RECORDS, Backing, Standing, is_fresh, standing
from population.domain.powers import REGISTER
from population.routes_areas import AreaQuery, area_of, parts_of, rules_of
from population.schemas_rights import CoverageOut, CoveragePage
from suizhuan import paging
from suizhuan.authority import grants as granted
from suizhuan.identity import Caller, caller
from suizhuan.kernel.term import Grant
from suizhuan.profile_population import Coded

router = APIRouter(tags=["coverage 覆盖"], dependencies=[Depends(caller)])


@router.get("/coverage", response_model=CoveragePage, summary="覆盖情况 / Coverage")
async def coverage(
    request: Request,
    identity: Caller,
    area: AreaQuery | None = None,
    level: Annotated[Literal["grid", "building"], Query(description="网格或楼栋 / grids or buildings")] = "grid",
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> CoveragePage:
    """只列有缺项的；一页看 limit 个，故可能不满页，以 next 为准 / only where something is missing: a page looks at
    `limit` of them, so it may show fewer; there are more as long as there is a `next`."""
    desk.staff_of(identity)
    place, after = area_of(request, area), paging.decode(cursor)
    now = parts_of(request).clock.now()
    async with parts_of(request).database.read() as conn:
        grants = await _grants(conn, place)
        backing = {
            row.mandate: Backing(row.area, row.amount_fen, row.staff_count)
            for row in await store_coverage.mandates(conn, REGISTER, place)
        }
        if level == "grid":
            found = await store_views.areas(conn, place, "grid", after, limit + 1)
            page, following = paging.cut(found, limit, lambda a: a.code)
            grids = [a.code for a in page]
        else:
            found = await store_coverage.buildings(conn, place, after, limit + 1)
            page, following = paging.cut(found, limit, store_views.place)
            grids = sorted({b.grid for b in page})
        fresh = await store_coverage.fresh(conn, grids)
    judged = {grid: _judged(request, grid, grants, backing, fresh.get(grid), now) for grid in grids}
    if level == "grid":
        items = [_out(grid, None, judged[grid], fresh.get(grid)) for grid in grids]
    else:
        lasting = rules_of(request).fresh_for
        items = []
        for building in page:
            there = judged[building.grid]
            own = () if is_fresh(building.refreshed_at, now, lasting) else (RECORDS,)
            missing = (*(m for m in there.missing if m != RECORDS), *own)
            items.append(_out(building.grid, building.id, Standing(there.responsible, missing), building.refreshed_at))
    return CoveragePage(items=[item for item in items if item.missing], next=following, as_of=now)


async def _grants(conn: Any, place: str) -> list[Grant]:
    over, inside = await granted.covering(conn, REGISTER, place), await granted.narrower(conn, REGISTER, place)
    return list({grant.mandate: grant for grant in [*over, *inside]}.values())


def _judged(
    request: Request,
    grid: str,
    grants: Sequence[Grant],
    backing: dict[str, Backing],
    refreshed_at: datetime | None,
    now: datetime,
) -> Standing:
    return standing(grid, REGISTER, grants, backing, refreshed_at, now=now, fresh_for=rules_of(request).fresh_for)


def _out(grid: str, building: str | None, found: Standing, refreshed_at: datetime | None) -> CoverageOut:
    return CoverageOut(
        area=grid,
        building=building,
        missing=list(found.missing),
        responsible=found.responsible,
        refreshed_at=refreshed_at,
    )


@router.get("/codes", summary="辖区代码 / Codes of the jurisdiction")
async def codes(request: Request) -> dict[str, Any]:
    """人口类型、用途、信息项、档案类别等 / registrations, purposes, fields, kinds of files, and the rest."""
    rules = rules_of(request).population

    def listed(entries: Sequence[Coded]) -> list[dict[str, Any]]:
        return [entry.model_dump(mode="json") for entry in entries]

    return {
        "registrations": listed(rules.registrations),
        "purposes": listed(rules.purposes),
        "groups": listed(rules.groups),
        "fields": listed(rules.fields),
        "departures": listed(rules.departures),
        "file_kinds": listed(rules.file_kinds),
        "file_endings": listed(rules.file_endings),
        "visit_outcomes": listed(rules.visit_outcomes),
        "permit": rules.permit.model_dump(mode="json"),
    }
