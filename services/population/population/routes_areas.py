"""Areas, buildings, dwellings and households: who is registered where."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from population import desk, store, store_rekeyings, store_views
from population.domain import area as areas
from population.domain import building as buildings
from population.domain import household as households
from population.domain.building import Dwelling
from population.domain.person import PRESENT
from population.domain.powers import DIVISIONS, REGISTER, REGISTER_AREA, REGISTER_BUILDING, REGISTER_HOUSEHOLD
from population.rules import Rules
from population.schemas import (
    AreaIn,
    AreaOut,
    AreaPage,
    BuildingIn,
    BuildingOut,
    BuildingPage,
    DwellingIn,
    DwellingOut,
    DwellingPage,
    HeadIn,
    HouseholdIn,
    HouseholdOut,
    HouseholdPage,
    NamesIn,
)
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import Caller, caller
from suizhuan.kernel.area import contains, trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.service import Parts
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["areas 区域与房屋"], dependencies=[Depends(caller)], route_class=CommandRoute)

AreaQuery = Annotated[str, Query(max_length=40, description="区域（含下级）/ this area and all in it")]


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def rules_of(request: Request) -> Rules:
    rules: Rules = request.app.state.rules
    return rules


def area_of(request: Request, area: str | None) -> str:
    """The area asked for; the whole jurisdiction where none is. Errors: `area_malformed`."""
    return trim(area) if area is not None else rules_of(request).profile.root_area


@router.post("/areas", status_code=201, response_model=AreaOut, summary="登记区域 / Register an area")
async def register_area(request: Request, command: CommandDep, body: AreaIn) -> Response:
    """上级须已登记；权力按其上级区域判断 / under the power over the area that it belongs to."""
    rules = rules_of(request)

    async def work(tx: Tx) -> AreaOut:
        code = trim(body.area)
        root = rules.profile.root_area
        parent = areas.parent_of(code)
        place = parent if parent is not None and contains(root, parent) else root
        if not contains(root, code):
            raise Refusal("area_outside", area=code, root=root)
        authority = await desk.act(tx, command, REGISTER_AREA, DIVISIONS, place)
        if (found := await store.areas.find(tx.conn, code)) is not None:
            raise Refusal("area_given_up", area=code, now=found.now) if found.now else Refusal("area_known", area=code)
        await _nothing_changes(tx, code)
        known = parent is not None and await store.areas.find(tx.conn, parent) is not None
        change = areas.register(code, body.name, body.name_en, root=root, parent_known=known)
        return AreaOut.of(await store.areas.add(tx, change, authority))

    return await desk.carry_out(command, work, status=201)


async def _nothing_changes(tx: Tx, code: str) -> None:
    """The register there is as the announcement found it, until that takes effect. Errors: `rekeying_under_way`."""
    if (announced := await store_rekeyings.announced(tx.conn)) is not None and announced.reaches(code):
        raise Refusal("rekeying_under_way", rekeying=announced.id)


@router.post("/areas/{area}/names", response_model=AreaOut, summary="区域改名 / Give an area other names")
async def rename_area(command: CommandDep, area: str, body: NamesIn) -> Response:
    """代码不变 / its code stays."""

    async def work(tx: Tx) -> AreaOut:
        code = trim(area)
        found = await store.areas.get(tx.conn, code, lock=tx.locks)
        authority = await desk.act(tx, command, REGISTER_AREA, DIVISIONS, code)
        command.check_version(found.version)
        if found.now is not None:
            raise Refusal("area_given_up", area=code, now=found.now)
        await _nothing_changes(tx, code)
        return AreaOut.of(await store.areas.save(tx, areas.rename(found, body.name, body.name_en), authority))

    return await desk.carry_out(command, work)


@router.get("/areas", response_model=AreaPage, summary="区域列表 / List areas")
async def list_areas(
    request: Request,
    area: AreaQuery | None = None,
    kind: Annotated[str | None, Query(max_length=20, description="district street community grid")] = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> AreaPage:
    """按代码排序 / by code."""
    if kind is not None and kind not in areas.KINDS.values():
        raise Refusal("invalid_request", reason="kind")
    after = paging.decode(cursor)
    async with parts_of(request).database.read() as conn:
        found = await store_views.areas(conn, area_of(request, area), kind, after, limit + 1)
    page, following = paging.cut(found, limit, lambda a: a.code)
    return AreaPage(items=[AreaOut.of(a) for a in page], next=following)


@router.get("/areas/{area}", response_model=AreaOut, summary="区域 / An area")
async def get_area(request: Request, response: Response, area: str) -> AreaOut:
    """`ETag` 为版本 / is its version."""
    async with parts_of(request).database.read() as conn:
        found = await store.areas.get(conn, trim(area))
    response.headers["ETag"] = etag(found.version)
    return AreaOut.of(found)


@router.post("/buildings", status_code=201, response_model=BuildingOut, summary="登记楼栋 / Register a building")
async def register_building(command: CommandDep, body: BuildingIn) -> Response:
    """楼栋只属于一个网格 / a building stands in one grid."""

    async def work(tx: Tx) -> BuildingOut:
        grid = await desk.known_grid(tx, body.grid)
        authority = await desk.act(tx, command, REGISTER_BUILDING, REGISTER, grid)
        if (known := await store.building_named(tx.conn, grid, body.name)) is not None:
            raise Refusal("building_known", building=known)
        await store.refreshed(tx, grid)
        change = buildings.register(new_id(), grid, body.name, body.floors, tx.now)
        return BuildingOut.of(await store.buildings.add(tx, change, authority))

    return await desk.carry_out(command, work, status=201)


@router.post(
    "/buildings/{building_id}/dwellings",
    status_code=201,
    response_model=DwellingOut,
    summary="登记房屋 / Register a dwelling",
)
async def register_dwelling(command: CommandDep, building_id: str, body: DwellingIn) -> Response:
    """楼栋内单元与房号唯一 / unit and room are unique in a building."""

    async def work(tx: Tx) -> DwellingOut:
        found = await store.buildings.get(tx.conn, desk.key_of(building_id, "building"), lock=tx.locks)
        authority = await desk.act(tx, command, REGISTER_BUILDING, REGISTER, found.grid)
        command.check_version(found.version)
        if (known := await store.dwelling_at(tx.conn, found.id, body.unit, body.room)) is not None:
            raise Refusal("dwelling_known", dwelling=known)
        made = Dwelling(id=new_id(), building=found.id, grid=found.grid, unit=body.unit, room=body.room)
        await store.buildings.save(tx, buildings.add_dwelling(found, made, tx.now), authority)
        await store.add_dwelling(tx, made)
        await store.refreshed(tx, found.grid)
        return DwellingOut.of(made)

    return await desk.carry_out(command, work, status=201)


@router.get("/buildings", response_model=BuildingPage, summary="楼栋列表 / List buildings")
async def list_buildings(
    request: Request, area: AreaQuery | None = None, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> BuildingPage:
    """按网格排序 / by grid."""
    found = await _listed(request, store.buildings, area, cursor, limit)
    page, following = paging.cut(found, limit, store_views.place)
    return BuildingPage(items=[BuildingOut.of(b) for b in page], next=following)


@router.get("/buildings/{building_id}", response_model=BuildingOut, summary="楼栋 / A building")
async def get_building(request: Request, response: Response, building_id: str) -> BuildingOut:
    """`ETag` 为版本 / is its version."""
    async with parts_of(request).database.read() as conn:
        found = await store.buildings.get(conn, desk.key_of(building_id, "building"))
    response.headers["ETag"] = etag(found.version)
    return BuildingOut.of(found)


@router.get("/buildings/{building_id}/dwellings", response_model=DwellingPage, summary="房屋列表 / Its dwellings")
async def list_dwellings(
    request: Request, building_id: str, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> DwellingPage:
    """按登记先后 / in the order in which they were registered."""
    after = paging.decode(cursor)
    async with parts_of(request).database.read() as conn:
        building = await store.buildings.get(conn, desk.key_of(building_id, "building"))
        found = await store_views.dwellings(conn, building.id, after, limit + 1)
    page, following = paging.cut(found, limit, lambda d: d.id)
    return DwellingPage(items=[DwellingOut.of(d) for d in page], next=following)


@router.post("/households", status_code=201, response_model=HouseholdOut, summary="登记户 / Register a household")
async def register_household(command: CommandDep, body: HouseholdIn) -> Response:
    """户只属于一个网格 / a household lives in one grid."""

    async def work(tx: Tx) -> HouseholdOut:
        home = await desk.home(tx, body.grid, body.dwelling, None)
        authority = await desk.act(tx, command, REGISTER_HOUSEHOLD, REGISTER, home.grid)
        if (known := await store.household_numbered(tx.conn, home.grid, body.number)) is not None:
            raise Refusal("household_known", household=known)
        await store.refreshed(tx, home.grid)
        change = households.register(new_id(), home.grid, body.number, home.dwelling)
        return HouseholdOut.of(await store.households.add(tx, change, authority))

    return await desk.carry_out(command, work, status=201)


@router.post("/households/{household_id}/head", response_model=HouseholdOut, summary="确定户主 / Name its head")
async def name_head(command: CommandDep, household_id: str, body: HeadIn) -> Response:
    """户主须为该户在住成员 / one who lives in it."""

    async def work(tx: Tx) -> HouseholdOut:
        found = await store.households.get(tx.conn, desk.key_of(household_id, "household"), lock=tx.locks)
        authority = await desk.act(tx, command, REGISTER_HOUSEHOLD, REGISTER, found.grid)
        command.check_version(found.version)
        person = await store.people.get(tx.conn, body.person)
        change = households.name_head(found, person.id, member_of=person.household, present=person.state == PRESENT)
        return HouseholdOut.of(await store.households.save(tx, change, authority))

    return await desk.carry_out(command, work)


@router.get("/households", response_model=HouseholdPage, summary="户列表 / List households")
async def list_households(
    request: Request,
    identity: Caller,
    area: AreaQuery | None = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> HouseholdPage:
    """仅限工作人员 / for staff. 按网格排序 / by grid."""
    desk.staff_of(identity)
    found = await _listed(request, store.households, area, cursor, limit)
    page, following = paging.cut(found, limit, store_views.place)
    return HouseholdPage(items=[HouseholdOut.of(h) for h in page], next=following)


@router.get("/households/{household_id}", response_model=HouseholdOut, summary="户 / A household")
async def get_household(request: Request, response: Response, identity: Caller, household_id: str) -> HouseholdOut:
    """仅限工作人员 / for staff."""
    desk.staff_of(identity)
    async with parts_of(request).database.read() as conn:
        found = await store.households.get(conn, desk.key_of(household_id, "household"))
    response.headers["ETag"] = etag(found.version)
    return HouseholdOut.of(found)


async def _listed(
    request: Request, kind: store.Aggregates[Any], area: str | None, cursor: str, limit: int
) -> list[Any]:
    after = paging.decode(cursor)
    async with parts_of(request).database.read() as conn:
        return await store_views.listed(conn, kind, area_of(request, area), after, limit + 1)
