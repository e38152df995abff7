"""Repair requests: asked by residents, answered by firms, followed into complaints."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from property import complaining, desk, store_firms
from property import store_repairs as store
from property.domain import facts
from property.domain import repair as repairs
from property.domain.change import by
from property.domain.periods import day_of
from property.domain.repair import STATES, Repair
from property.queries import AreaQuery, Word, page, parts, rules
from property.rules import Rules
from property.schemas_repairs import (
    ActIn,
    ConfirmationIn,
    Purpose,
    RepairIn,
    RepairKindOut,
    RepairKindsOut,
    RepairOut,
    RepairPage,
    RepairPrivateOut,
)
from property.store_estates import ESTATES
from property.store_repairs import REPAIRS
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import Command, CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.area import contains, trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx

router = APIRouter(tags=["repairs 报修"], dependencies=[Depends(caller)], route_class=CommandRoute)
CASE_HANDLE = "complaints.case.handle"


@router.post("/repairs", status_code=201, response_model=RepairOut, summary="报修 / Ask for a repair")
async def ask(request: Request, command: CommandDep, body: RepairIn) -> Response:
    """任何登录者均可报修；物业企业逾期未应答的自动转诉求 / to complaints when the firm does not answer in time."""
    known = rules(request)

    async def work(tx: Tx) -> RepairOut:
        change = repairs.request(await _asked(tx, known, body), tx.now)
        repair = await REPAIRS.put(tx, change, None)
        contact = body.contact
        personal = store.Personal(
            command.identity.subject,
            contact.name if contact else None,
            contact.phone if contact else None,
            body.address,
            body.description,
        )
        await store.add_personal(tx, repair.id, personal)
        await complaining.watch(tx, repair)
        return RepairOut.model_validate(repair)

    return await command.decide(work, status=201)


async def _asked(tx: Tx, known: Rules, body: RepairIn) -> facts.RepairRequested:
    kind = known.repair_kind(body.kind)
    estate = await ESTATES.get(tx.conn, body.estate)
    area = trim(body.area) if body.area is not None else estate.area
    if not contains(estate.area, area):
        raise Refusal("outside_estate", estate=estate.id, area=area)
    today = day_of(tx.now)
    serving = [c for c in await store_firms.of_estate(tx.conn, estate.id) if c.serves_on(today)]
    contract = serving[-1] if serving else None
    return facts.RepairRequested(
        repair=new_id(),
        estate=estate.id,
        area=area,
        kind=kind.code,
        category=kind.category,
        firm=contract.firm if contract else None,
        contract=contract.id if contract else None,
        due_at=known.answered_by(tx.now, contract.answer_limit if contract else None),
    )


@router.post("/repairs/{repair_id}/answer", response_model=RepairOut, summary="应答 / The firm answers")
async def answer(command: CommandDep, repair_id: str, body: ActIn) -> Response:
    """合同物业企业在时限内应答；逾期已转诉求的不再受理 / in time: afterwards it is with complaints."""

    async def work(tx: Tx) -> RepairOut:
        repair, org, authority = await _taken(tx, command, repair_id)
        now = await REPAIRS.put(tx, repairs.answer(repair, org, tx.now), authority)
        await complaining.watch(tx, now)
        return RepairOut.model_validate(now)

    return await command.decide(work)


@router.post("/repairs/{repair_id}/completion", response_model=RepairOut, summary="修复完成 / The firm is done")
async def finish(command: CommandDep, repair_id: str, body: ActIn) -> Response:
    """待报修人确认 / who asked is to confirm."""

    async def work(tx: Tx) -> RepairOut:
        repair, org, authority = await _taken(tx, command, repair_id)
        return RepairOut.model_validate(await REPAIRS.put(tx, repairs.finish(repair, org, tx.now), authority))

    return await command.decide(work)


async def _taken(tx: Tx, command: Command, key: str) -> tuple[Repair, str, Authority]:
    repair = await REPAIRS.get(tx.conn, desk.key_of(key, "repair"), lock=tx.locks)
    authority = await desk.act(tx, command, desk.HANDLE_REPAIR, desk.UPKEEP, repair.area)
    command.check_version(repair.version)
    return repair, repair.served_by(desk.staff(command)), authority


@router.post("/repairs/{repair_id}/confirmation", response_model=RepairOut, summary="确认 / Who asked confirms")
async def confirm(command: CommandDep, repair_id: str, body: ConfirmationIn) -> Response:
    """仅限报修人；未修好的转诉求 / only who asked; if it is not done, complaints takes it."""

    async def work(tx: Tx) -> RepairOut:
        repair = await REPAIRS.get(tx.conn, desk.key_of(repair_id, "repair"), lock=tx.locks)
        command.check_version(repair.version)
        if (await store.personal(tx.conn, repair.id)).requester != command.identity.subject:
            raise Refusal("not_the_requester", repair=repair.id)
        now = await REPAIRS.put(tx, repairs.confirm(repair, done=body.done, now=tx.now), None)
        await complaining.watch(tx, now)
        return RepairOut.model_validate(now)

    return await command.decide(work)


@router.get("/repair-kinds", response_model=RepairKindsOut, summary="报修类别 / Kinds of repairs")
async def list_kinds(request: Request) -> RepairKindsOut:
    """辖区配置中的报修类别及转诉求的事件类别 / the kinds of this jurisdiction and the category each becomes."""
    own = rules(request).own.repairs
    items = [RepairKindOut(code=k.code, zh=k.name.zh, en=k.name.en, category=k.category) for k in own.kinds]
    return RepairKindsOut(items=items, answer_limit=str(own.answer_limit))


@router.get("/repairs", response_model=RepairPage, summary="报修列表 / List repair requests")
async def list_repairs(
    request: Request,
    area: AreaQuery | None = None,
    estate: Word | None = None,
    firm: Word | None = None,
    state: Annotated[str | None, Query(max_length=20, description=" ".join(STATES))] = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> RepairPage:
    """按区域、小区、物业企业、状态筛选，新的在前 / by area, estate, firm and state, newest first."""
    if state is not None and state not in STATES:
        raise Refusal("invalid_request", reason="state")
    items, following = await page(
        request,
        REPAIRS,
        RepairOut.model_validate,
        cursor=cursor,
        limit=limit,
        area=area,
        estate=estate,
        firm=firm,
        state=state,
    )
    return RepairPage(items=items, next=following)


@router.get("/repairs/{repair_id}", response_model=RepairOut, summary="报修 / A repair request")
async def get_repair(request: Request, response: Response, repair_id: str) -> RepairOut:
    """不含个人信息 / without personal data. `ETag` is its version."""
    async with parts(request).database.read() as conn:
        found = await REPAIRS.get(conn, desk.key_of(repair_id, "repair"))
    response.headers["ETag"] = etag(found.version)
    return RepairOut.model_validate(found)


@router.get("/repairs/{repair_id}/private", response_model=RepairPrivateOut, summary="个人信息 / Its personal data")
async def get_private(
    request: Request,
    command: CommandDep,
    repair_id: str,
    purpose: Annotated[Purpose, Query(description="用途，随查阅一并记录 / why; recorded with the read")],
) -> Response:
    """合同物业企业、监管方，或（转诉求后）该事项的承办组织 / the firm, who oversees it, or who handles its case."""
    known = rules(request)

    async def work(tx: Tx) -> RepairPrivateOut:
        repair = await REPAIRS.get(tx.conn, desk.key_of(repair_id, "repair"), lock=tx.locks)
        power, authority = await _reader(tx, command, known, repair)
        found = await store.personal(tx.conn, repair.id)
        fact = facts.RepairRead(repair=repair.id, power=power, purpose=purpose)
        now = await REPAIRS.put(tx, by(repairs.after, repair, tx.now, fact), authority)
        return RepairPrivateOut(
            repair=now.id,
            purpose=purpose,
            requester=found.requester,
            contact_name=found.contact_name,
            contact_phone=found.contact_phone,
            address=found.address,
            description=found.description,
            version=now.version,
        )

    return await command.decide(work)


async def _reader(tx: Tx, command: Command, known: Rules, repair: Repair) -> tuple[str, Authority]:
    """By which power the caller may read it: as its firm; once it is with complaints, as who handles such cases there;
    else as who oversees estates."""
    if desk.staff(command) == repair.firm:
        return desk.HANDLE_REPAIR, await desk.act(tx, command, desk.HANDLE_REPAIR, desk.UPKEEP, repair.area)
    if repair.referred_for is not None:
        affair = known.affair_of(repair.category)
        try:
            return CASE_HANDLE, await desk.act(tx, command, CASE_HANDLE, affair, repair.area)
        except Refusal as refusal:
            if refusal.code != "missing_power":
                raise
    return desk.READ_REPAIR, await desk.act(tx, command, desk.READ_REPAIR, desk.ESTATES, repair.area)
