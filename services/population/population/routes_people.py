"""People: the register, its masked lists, and what identifies somebody, for a purpose."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from population import desk, private, residents, store, store_people, store_views
from population.domain.change import changed
from population.domain.facts import PersonLinked
from population.domain.person import PRESENT, STATES
from population.domain.powers import READ_PERSON, REGISTER, REGISTER_PERSON
from population.routes_areas import AreaQuery, area_of, parts_of, rules_of
from population.schemas import (
    DepartureIn,
    HomeIn,
    LinkIn,
    PersonalIn,
    PersonIn,
    PersonOut,
    PersonPage,
    PrivateOut,
    PrivatePage,
    SearchIn,
)
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep, etag
from suizhuan.identity import Caller, caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["people 人员"], dependencies=[Depends(caller)], route_class=CommandRoute)

Word = Annotated[str, Query(min_length=1, max_length=80, pattern=r"^[\x21-\x7e]+$")]
Purpose = Annotated[str, Query(min_length=1, max_length=64, description="用途，随查阅一并记录 / why; recorded")]
REVEALED = 50


@router.post("/people", status_code=201, response_model=PersonOut, summary="登记人员 / Register a person")
async def register_person(request: Request, command: CommandDep, body: PersonIn) -> Response:
    """同一身份证号只登记一次 / nobody is registered twice."""

    async def work(tx: Tx) -> PersonOut:
        home = await desk.home(tx, body.grid, body.dwelling, body.household)
        authority = await desk.act(tx, command, REGISTER_PERSON, REGISTER, home.grid)
        return PersonOut.of(await residents.register(tx, rules_of(request), home, body, authority))

    return await desk.carry_out(command, work, status=201)


@router.post("/people/search", response_model=PrivateOut, summary="按证号查找 / Find by ID")
async def search(request: Request, command: CommandDep, body: SearchIn) -> Response:
    """须有权力并说明用途；查阅留痕 / under the power and for a purpose; the read is recorded."""
    area = trim(body.area)
    return await command.decide(
        lambda tx: private.search(tx, command, rules_of(request), area, body.id_number, body.purpose)
    )


@router.post("/people/{person_id}/data", response_model=PersonOut, summary="更正登记 / Put the record right")
async def put_right(request: Request, command: CommandDep, person_id: str, body: PersonalIn) -> Response:
    """以所给内容取代原有个人信息 / what is given takes the place of what was held."""

    async def work(tx: Tx) -> PersonOut:
        person = await store.people.get(tx.conn, desk.key_of(person_id, "person"), lock=tx.locks)
        authority = await desk.act(tx, command, REGISTER_PERSON, REGISTER, person.grid)
        command.check_version(person.version)
        return PersonOut.of(await residents.put_right(tx, rules_of(request), person, body, authority))

    return await desk.carry_out(command, work)


@router.post("/people/{person_id}/home", response_model=PersonOut, summary="迁移 / Move")
async def move(command: CommandDep, person_id: str, body: HomeIn) -> Response:
    """迁出与迁入两处都须有权力 / under the power over both places."""

    async def work(tx: Tx) -> PersonOut:
        person = await store.people.get(tx.conn, desk.key_of(person_id, "person"), lock=tx.locks)
        await desk.act(tx, command, REGISTER_PERSON, REGISTER, person.grid)
        home = await desk.home(tx, body.grid, body.dwelling, body.household)
        authority = await desk.act(tx, command, REGISTER_PERSON, REGISTER, home.grid)
        command.check_version(person.version)
        return PersonOut.of(await residents.move(tx, person, home, authority))

    return await desk.carry_out(command, work)


@router.post("/people/{person_id}/departure", response_model=PersonOut, summary="离开 / Lives here no longer")
async def depart(request: Request, command: CommandDep, person_id: str, body: DepartureIn) -> Response:
    """保存期限自此起算 / the lifetimes of what is held begin."""

    async def work(tx: Tx) -> PersonOut:
        person = await store.people.get(tx.conn, desk.key_of(person_id, "person"), lock=tx.locks)
        authority = await desk.act(tx, command, REGISTER_PERSON, REGISTER, person.grid)
        command.check_version(person.version)
        return PersonOut.of(await residents.depart(tx, rules_of(request), person, body.reason, authority))

    return await desk.carry_out(command, work)


@router.post("/people/{person_id}/account", response_model=PersonOut, summary="关联账号 / Link his account")
async def link(command: CommandDep, person_id: str, body: LinkIn) -> Response:
    """核验证件后办理；其后本人可查阅、复制、更正、删除 / from then on he reads, copies, corrects and erases."""

    async def work(tx: Tx) -> PersonOut:
        person = await store.people.get(tx.conn, desk.key_of(person_id, "person"), lock=tx.locks)
        authority = await desk.act(tx, command, REGISTER_PERSON, REGISTER, person.grid)
        command.check_version(person.version)
        person.needs_data()
        known = await store_people.linked(tx.conn, body.subject)
        if known == person.id:
            return PersonOut.of(person)
        if known is not None or await store_people.link_of(tx.conn, person.id) is not None:
            raise Refusal("account_linked")
        await store_people.put_link(tx, body.subject, person.id)
        change = changed(person, PersonLinked(person=person.id))
        return PersonOut.of(await store.people.save(tx, change, authority))

    return await desk.carry_out(command, work)


@router.get("/people", response_model=PersonPage, summary="人员列表 / List people")
async def list_people(
    request: Request,
    identity: Caller,
    area: AreaQuery | None = None,
    building: Word | None = None,
    household: Word | None = None,
    registration: Word | None = None,
    state: Annotated[str, Query(max_length=20, description=" ".join(STATES))] = PRESENT,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> PersonPage:
    """仅限工作人员；姓名与证号已遮蔽 / for staff; names and IDs are masked."""
    desk.staff_of(identity)
    if state not in STATES:
        raise Refusal("invalid_request", reason="state")
    after = paging.decode(cursor)
    async with parts_of(request).database.read() as conn:
        found = await store_views.people(
            conn,
            area=area_of(request, area),
            cursor=after,
            limit=limit + 1,
            building=building,
            household=household,
            registration=registration,
            state=state,
        )
    page, following = paging.cut(found, limit, store_views.place)
    return PersonPage(items=[PersonOut.of(p) for p in page], next=following)


@router.get("/people/private", response_model=PrivatePage, summary="未遮蔽的列表 / An unmasked list")
async def list_private(
    request: Request,
    command: CommandDep,
    area: AreaQuery,
    purpose: Purpose,
    building: Word | None = None,
    household: Word | None = None,
    registration: Word | None = None,
    cursor: paging.Cursor = "",
    limit: Annotated[int, Query(ge=1, le=REVEALED)] = 20,
) -> Response:
    """须对所列各网格有权力并说明用途；逐人留痕 / under the power over each grid; recorded for every person."""
    after = paging.decode(cursor)
    rules = rules_of(request)
    rules.purpose(purpose)

    async def work(tx: Tx) -> PrivatePage:
        await desk.act(tx, command, READ_PERSON, REGISTER, trim(area))
        found = await store_views.people(
            tx.conn,
            area=trim(area),
            cursor=after,
            limit=limit + 1,
            building=building,
            household=household,
            registration=registration,
        )
        page, following = paging.cut(found, limit, store_views.place)
        shown = await private.reveal(tx, command, rules, [p for p in page if private.readable(p)], purpose)
        return PrivatePage(items=shown, next=following)

    return await command.decide(work)


@router.get("/people/{person_id}", response_model=PersonOut, summary="人员 / A person")
async def get_person(request: Request, response: Response, identity: Caller, person_id: str) -> PersonOut:
    """仅限工作人员；已遮蔽 / for staff; masked. `ETag` 为版本 / is its version."""
    desk.staff_of(identity)
    async with parts_of(request).database.read() as conn:
        found = await store.people.get(conn, desk.key_of(person_id, "person"))
    response.headers["ETag"] = etag(found.version)
    return PersonOut.of(found)


@router.get("/people/{person_id}/private", response_model=PrivateOut, summary="个人信息 / Personal data")
async def get_private(request: Request, command: CommandDep, person_id: str, purpose: Purpose) -> Response:
    """须有权力并说明用途；查阅留痕，本人可见 / under the power, for a purpose; recorded, and the person sees it."""
    return await command.decide(
        lambda tx: private.read(tx, command, rules_of(request), desk.key_of(person_id, "person"), purpose)
    )
