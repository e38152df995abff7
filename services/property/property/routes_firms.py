"""Firms and their contracts: listed, struck off, filed, given notice."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from property import desk, serving
from property import store_firms as firms_store
from property.domain import contract as contracts
from property.domain import facts_owners as facts
from property.domain import firm as firms
from property.domain.change import Change
from property.domain.contract import DISMISSAL, OWNERS, STATES, Contract
from property.queries import AreaQuery, Word, page, parts, rules
from property.schemas_firms import (
    ContractIn,
    ContractOut,
    ContractPage,
    FirmIn,
    FirmOut,
    FirmPage,
    NoticeIn,
    StrikeIn,
)
from property.store_estates import ESTATES
from property.store_firms import CONTRACTS, FIRMS
from property.store_meetings import MEETINGS
from property.tables import organisations
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.worktime import Limit
from suizhuan.profile_property import Contracts
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["firms 物业企业"], dependencies=[Depends(caller)], route_class=CommandRoute)


@router.post("/firms", status_code=201, response_model=FirmOut, summary="列入名录 / List a firm")
async def enlist(request: Request, command: CommandDep, body: FirmIn) -> Response:
    """须为已登记的企业 / an organisation that is registered, and a company."""
    known = rules(request)

    async def work(tx: Tx) -> FirmOut:
        area = await desk.known_area(tx, known, body.area)
        before = await FIRMS.find(tx.conn, body.firm, lock=tx.locks)
        authority = await desk.act(tx, command, desk.LIST_FIRM, desk.ESTATES, before.area if before else area)
        if before is not None:
            command.check_version(before.version)
        registered = await organisations.kind_and_areas(tx.conn, body.firm)
        kind = registered[0] if registered else None
        change = firms.enlist(before, body.firm, kind, area, body.grade, tx.now)
        return FirmOut.model_validate(await FIRMS.put(tx, change, authority))

    return await command.decide(work, status=201)


@router.post("/firms/{firm_id}/strike", response_model=FirmOut, summary="移出名录 / Strike a firm off")
async def strike(command: CommandDep, firm_id: str, body: StrikeIn) -> Response:
    """不得再签新合同 / it may be hired no more."""

    async def work(tx: Tx) -> FirmOut:
        firm = await FIRMS.get(tx.conn, desk.key_of(firm_id, "firm"), lock=tx.locks)
        authority = await desk.act(tx, command, desk.LIST_FIRM, desk.ESTATES, firm.area)
        command.check_version(firm.version)
        return FirmOut.model_validate(await FIRMS.put(tx, firms.strike(firm, body.reason, tx.now), authority))

    return await command.decide(work)


@router.post("/contracts", status_code=201, response_model=ContractOut, summary="备案合同 / File a contract")
async def file(command: CommandDep, body: ContractIn) -> Response:
    """一个小区同时只有一家；业主选聘的须有业主大会决定 / one firm at a time; the owners' with their decision."""
    limit = _limit(body.answer_limit)

    async def work(tx: Tx) -> ContractOut:
        estate = await ESTATES.get(tx.conn, body.estate, lock=True)
        authority = await desk.act(tx, command, desk.FILE_CONTRACT, desk.ESTATES, estate.area)
        firm = await FIRMS.get(tx.conn, body.firm, lock=True)
        await _decided(tx, body.meeting, estate.id)
        said = body.model_dump(exclude={"cuts_utilities", "answer_limit"})
        fact = facts.ContractFiled(contract=new_id(), area=estate.area, answer_limit=limit, **said)
        others = await firms_store.of_estate(tx.conn, estate.id)
        change = contracts.file(fact, firm, others, cuts_utilities=body.cuts_utilities, now=tx.now)
        contract = await CONTRACTS.put(tx, change, authority)
        await serving.watch(tx, contract)
        return ContractOut.model_validate(contract)

    return await command.run(work, status=201)


@router.post("/contracts/{contract_id}/notice", response_model=ContractOut, summary="解聘或不续聘 / Give notice")
async def give_notice(request: Request, command: CommandDep, contract_id: str, body: NoticeIn) -> Response:
    """解聘提前 60 日，不续聘提前 90 日（以辖区配置为准）/ in time, by the profile; the owners' with their decision."""
    terms = rules(request).own.contracts

    async def work(tx: Tx) -> ContractOut:
        contract = await CONTRACTS.get(tx.conn, desk.key_of(contract_id, "contract"), lock=tx.locks)
        authority = await desk.act(tx, command, desk.FILE_CONTRACT, desk.ESTATES, contract.area)
        command.check_version(contract.version)
        if body.by == OWNERS and body.meeting is None:
            raise Refusal("meeting_missing", contract=contract.id)
        await _decided(tx, body.meeting, contract.estate)
        now = await CONTRACTS.put(tx, _noticed(contract, body, terms, tx), authority)
        await serving.watch(tx, now)
        return ContractOut.model_validate(now)

    return await command.decide(work)


def _noticed(contract: Contract, body: NoticeIn, terms: Contracts, tx: Tx) -> Change[Contract]:
    if body.kind == DISMISSAL:
        if body.by != OWNERS or body.ends_on is None:
            raise Refusal("invalid_request", reason="dismissal: by owners, ends_on")
        days = terms.dismissal_notice_days
        return contracts.dismiss(contract, body.ends_on, body.by, body.meeting or "", days, tx.now)
    if body.ends_on is not None:
        raise Refusal("invalid_request", reason="non_renewal: ends_on is that of the contract")
    return contracts.not_renew(contract, body.by, body.meeting, terms.non_renewal_notice_days, tx.now)


async def _decided(tx: Tx, meeting: str | None, estate: str) -> None:
    """Errors: `not_found`, `not_decided`."""
    if meeting is not None:
        (await MEETINGS.get(tx.conn, meeting)).decided_on_firm(estate)


def _limit(text: str | None) -> str | None:
    """Errors: `limit_malformed`."""
    if text is None:
        return None
    try:
        return str(Limit.parse(text))
    except ValueError:
        raise Refusal("limit_malformed", limit=text) from None


@router.get("/firms", response_model=FirmPage, summary="物业企业名录 / List firms")
async def list_firms(
    request: Request, area: AreaQuery | None = None, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> FirmPage:
    """按列入区域筛选 / by where they are listed."""
    items, following = await page(request, FIRMS, FirmOut.model_validate, cursor=cursor, limit=limit, area=area)
    return FirmPage(items=items, next=following)


@router.get("/firms/{firm_id}", response_model=FirmOut, summary="物业企业 / A firm")
async def get_firm(request: Request, response: Response, firm_id: str) -> FirmOut:
    """`ETag` is its version."""
    async with parts(request).database.read() as conn:
        found = await FIRMS.get(conn, desk.key_of(firm_id, "firm"))
    response.headers["ETag"] = etag(found.version)
    return FirmOut.model_validate(found)


@router.get("/contracts", response_model=ContractPage, summary="合同列表 / List contracts")
async def list_contracts(
    request: Request,
    area: AreaQuery | None = None,
    estate: Word | None = None,
    firm: Word | None = None,
    state: Annotated[str | None, Query(max_length=20, description=" ".join(STATES))] = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> ContractPage:
    """按区域、小区、企业、状态筛选，新的在前 / by area, estate, firm and state, newest first."""
    if state is not None and state not in STATES:
        raise Refusal("invalid_request", reason="state")
    items, following = await page(
        request,
        CONTRACTS,
        ContractOut.model_validate,
        cursor=cursor,
        limit=limit,
        area=area,
        estate=estate,
        firm=firm,
        state=state,
    )
    return ContractPage(items=items, next=following)


@router.get("/contracts/{contract_id}", response_model=ContractOut, summary="合同 / A contract")
async def get_contract(request: Request, response: Response, contract_id: str) -> ContractOut:
    """`ETag` is its version."""
    async with parts(request).database.read() as conn:
        found = await CONTRACTS.get(conn, desk.key_of(contract_id, "contract"))
    response.headers["ETag"] = etag(found.version)
    return ContractOut.model_validate(found)
