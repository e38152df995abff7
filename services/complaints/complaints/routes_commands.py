"""Commands on one case: intake, work, its check, its end, its times."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from complaints import desk, store
from complaints.domain import closing, limits, verification, work
from complaints.domain.case import SUPERVISE, VERIFY, Case
from complaints.domain.handover import CLOSED_MEANWHILE
from complaints.handovers import Handovers
from complaints.intake import take_in
from complaints.routes import key_of as case_key
from complaints.rules import REFERRED, Rules
from complaints.schemas import ActIn, CaseOut, ClosureIn, ExtensionIn, ReportIn, SuspensionIn, VerificationIn
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.worktime import Limit
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["cases 诉求"], dependencies=[Depends(caller)], route_class=CommandRoute)


def _rules(request: Request) -> Rules:
    rules: Rules = request.app.state.rules
    return rules


@router.post("/cases", status_code=201, response_model=CaseOut, summary="反映问题 / Report a matter")
async def report_case(request: Request, command: CommandDep, body: ReportIn) -> Response:
    """任何登录者均可反映，始终受理；无法立即派遣的稍后派遣 / always taken in; routed later if it must be."""
    rules = _rules(request)

    async def work_(tx: Tx) -> CaseOut:
        if body.channel == REFERRED:
            raise Refusal("unknown_channel", channel=body.channel)
        contact = body.contact
        personal = store.Personal(
            command.identity.subject,
            contact.name if contact else None,
            contact.phone if contact else None,
            body.address,
            body.description,
        )
        made = await take_in(
            tx,
            rules,
            case=new_id(),
            category=body.category,
            area=trim(body.area),
            channel=body.channel,
            personal=personal,
        )
        return CaseOut.of(made)

    return await command.decide(work_, status=201)


@router.post("/cases/{case_id}/start", response_model=CaseOut, summary="开始处置 / Start work")
async def start(command: CommandDep, case_id: str, body: ActIn) -> Response:
    """责任组织开始处置 / the responsible organisation begins."""

    async def work_(tx: Tx) -> CaseOut:
        org = desk.staff(command)
        case = await desk.take(tx, command, case_key(case_id), body.case_term)
        grant = await desk.act_as_responsible(tx, case, org)
        return CaseOut.of(await desk.save(tx, work.start(case, tx.now), grant))

    return await command.decide(work_)


@router.post("/cases/{case_id}/result", response_model=CaseOut, summary="反馈处置结果 / Report the work as done")
async def result(request: Request, command: CommandDep, case_id: str, body: ActIn) -> Response:
    """处置完毕，待核查；等待中的转办随之取消 / done, to be checked; a handover that waits is refused."""
    handovers: Handovers = request.app.state.handovers

    async def work_(tx: Tx) -> CaseOut:
        org = desk.staff(command)
        case = await desk.take(tx, command, case_key(case_id), body.case_term)
        grant = await desk.act_as_responsible(tx, case, org)
        waiting = await handovers.call_off(tx, case, CLOSED_MEANWHILE)
        after = await desk.save(tx, work.report_back(case, waiting, tx.now), grant)
        await desk.watch_cards(tx, after)
        return CaseOut.of(after)

    return await command.decide(work_)


@router.post("/cases/{case_id}/verification", response_model=CaseOut, summary="核查 / Check the work")
async def verify(command: CommandDep, case_id: str, body: VerificationIn) -> Response:
    """通过则结算，否则退回处置；责任组织不得自查 / passed: paid; failed: back to work. Never by the responsible."""

    async def work_(tx: Tx) -> CaseOut:
        org = desk.staff(command)
        case = await desk.take(tx, command, case_key(case_id), body.case_term)
        grant = await desk.act_as_checker(tx, case, VERIFY, org)
        if body.result == "failed":
            after = await desk.save(tx, verification.failed(case, by=org), grant)
            await desk.watch_cards(tx, after)
            return CaseOut.of(after)
        owner = await store.owner_of(tx.conn, case.affair, case.responsible or "")
        change = verification.passed(case, by=org, owner=owner, satisfied=body.satisfied, now=tx.now)
        await desk.leave_switch(tx, case)
        return CaseOut.of(await desk.save(tx, change, grant))

    return await command.decide(work_)


@router.post("/cases/{case_id}/closure", response_model=CaseOut, summary="结案 / Close")
async def close(request: Request, command: CommandDep, case_id: str, body: ClosureIn) -> Response:
    """核查通过后结案；重复或不属受理范围的按无效结案，不付费 / after the check, or as invalid: then nothing is paid."""
    handovers: Handovers = request.app.state.handovers
    rules = _rules(request)

    async def work_(tx: Tx) -> CaseOut:
        org = desk.staff(command)
        case = await desk.take(tx, command, case_key(case_id), body.case_term)
        grant = await desk.act_as_checker(tx, case, VERIFY, org)
        if body.outcome == closing.VALID:
            return CaseOut.of(await desk.save(tx, closing.close(case, by=org, now=tx.now), grant))
        redirect = await _why_invalid(tx, rules, case, body)
        waiting = await handovers.call_off(tx, case, CLOSED_MEANWHILE)
        change = closing.close_invalid(case, waiting, by=org, reason=body.reason or "", redirect=redirect, now=tx.now)
        await desk.leave_switch(tx, case)
        after = await desk.save(tx, change, grant)
        await desk.watch_cards(tx, after)
        return CaseOut.of(after)

    return await command.decide(work_)


async def _why_invalid(tx: Tx, rules: Rules, case: Case, body: ClosureIn) -> str | None:
    if body.reason is None:
        raise Refusal("invalid_request", reason="reason")
    if body.reason == "out_of_scope":
        if body.redirect is None:
            raise Refusal("redirect_missing")
        rules.check_redirect(body.redirect)
        return body.redirect
    if body.duplicate_of is None or body.duplicate_of == case.id:
        raise Refusal("duplicate_of_missing")
    await store.get_case(tx.conn, case_key(body.duplicate_of))
    return body.duplicate_of


@router.post("/cases/{case_id}/extension", response_model=CaseOut, summary="延期 / Sign off more time")
async def extend(request: Request, command: CommandDep, case_id: str, body: ExtensionIn) -> Response:
    """由督办方签批，累计不超过辖区上限 / signed off by who supervises, never beyond the limit of the profile."""
    rules = _rules(request)
    try:
        wanted = Limit.parse(body.limit)
    except ValueError:
        raise Refusal("limit_malformed", limit=body.limit) from None

    async def work_(tx: Tx) -> CaseOut:
        org = desk.staff(command)
        case = await desk.take(tx, command, case_key(case_id), body.case_term)
        grant = await desk.act_as_checker(tx, case, SUPERVISE, org)
        change = limits.extend(case, wanted, rules.profile.limits.extension, signed_by=org, clockwork=rules.clockwork)
        after = await desk.save(tx, change, grant)
        await desk.watch_cards(tx, after)
        return CaseOut.of(after)

    return await command.decide(work_)


@router.post("/cases/{case_id}/suspension", response_model=CaseOut, summary="挂账 / Suspend")
async def suspend(command: CommandDep, case_id: str, body: SuspensionIn) -> Response:
    """条件不具备时挂账，时限停止计算 / the clock stands still; by the responsible organisation or who supervises."""

    async def work_(tx: Tx) -> CaseOut:
        org = desk.staff(command)
        case = await desk.take(tx, command, case_key(case_id), body.case_term)
        grant = await desk.act_as_responsible_or_supervisor(tx, case, org)
        after = await desk.save(tx, limits.suspend(case, body.reason, tx.now), grant)
        await desk.watch_cards(tx, after)
        return CaseOut.of(after)

    return await command.decide(work_)


@router.post("/cases/{case_id}/resumption", response_model=CaseOut, summary="恢复 / Resume")
async def resume(request: Request, command: CommandDep, case_id: str, body: ActIn) -> Response:
    """恢复处置，时限接着计算 / work and clock go on."""
    rules = _rules(request)

    async def work_(tx: Tx) -> CaseOut:
        org = desk.staff(command)
        case = await desk.take(tx, command, case_key(case_id), body.case_term)
        grant = await desk.act_as_responsible_or_supervisor(tx, case, org)
        after = await desk.save(tx, limits.resume(case, tx.now, rules.clockwork), grant)
        await desk.watch_cards(tx, after)
        return CaseOut.of(after)

    return await command.decide(work_)
