"""The life of a mandate over HTTP: proposed, completed, decided on, suspended, resumed, ended, withdrawn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from mandates import desk, powers, store
from mandates import store_switches as switches
from mandates.domain import admission, ending, proposal
from mandates.domain.catalogue import check_placing
from mandates.domain.mandate import ACTIVE, ENDING, SUSPENDED, Change, Mandate
from mandates.domain.switch import ACTIVATION, RESUMPTION, SUSPENSION
from mandates.domain.switch import ENDING as TO_END
from mandates.routes import Id, parts_of, switching_of
from mandates.schemas import AdmissionIn, AmendmentIn, NoteIn, ProposalIn, ReasonIn
from mandates.schemas_out import HistoryOut, MandateDetail, MandateOut, MandatePage
from mandates.timers import watch_planned_end
from suizhuan import paging
from suizhuan.commands import Command, CommandDep
from suizhuan.context import new_id
from suizhuan.identity import Caller, caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx

router = APIRouter(tags=["mandates 委托"], dependencies=[Depends(caller)])
Filter = Annotated[str | None, Query(max_length=100)]


@router.post("/mandates", status_code=201, summary="提出委托 / propose a mandate", response_model=MandateOut)
async def propose(body: ProposalIn, request: Request, command: CommandDep) -> Response:
    """需要权力 mandates.mandate.place。应急委托立即开始，资金随后 / an emergency starts at once, its money follows."""
    profile = parts_of(request).profile
    giver = command.staff()

    async def work(tx: Tx) -> MandateOut:
        change = await desk.draft(tx, body, giver=giver, profile=profile, mandate=new_id())
        wanted = change.mandate
        grant = await powers.act_as_giver(tx, powers.PLACE, wanted.affair, wanted.area)
        if wanted.emergency is not None:
            change = change.then(
                admission.admit(wanted, by=wanted.giver, now=tx.now, price_fen=profile.price_fen(wanted.affair))
            )
        after = await store.save(tx, change, authority=Authority.of(grant), new=True)
        if after.emergency is None:
            return MandateOut.of(after)
        await watch_planned_end(tx, after)
        switch = await switching_of(request).request(tx, after, ACTIVATION, after.emergency)
        return MandateOut.of(after, switch)

    return await command.run(work, status=201)


@router.post("/mandates/{mandate}/amendments", summary="补正 / complete a proposal", response_model=MandateOut)
async def amend(mandate: Id, body: AmendmentIn, request: Request, command: CommandDep) -> Response:
    profile = parts_of(request).profile

    async def work(tx: Tx, found: Mandate) -> MandateOut:
        grant = await powers.act_as_giver(tx, powers.PLACE, found.affair, found.area)
        affair = await store.affair(tx.conn, found.affair)
        holder = await store.organisation(tx.conn, found.holder)
        given = tuple(sorted(set(body.powers))) if body.powers is not None else None
        staff = tuple(sorted(set(body.staff))) if body.staff is not None else None
        check_placing(affair, role=found.role, holder=holder.id, holder_kind=holder.kind, powers=given or ())
        change = proposal.amend(
            found,
            now=tx.now,
            priced=desk.is_priced(profile, affair.code),
            employed=await store.employed(tx.conn, holder.id, staff if staff is not None else found.staff),
            powers=given,
            staff=staff,
            ends_at=body.ends_at,
            amount_fen=body.amount_fen,  # type: ignore[arg-type]  # judged by `amend`
        )
        await desk.check_slot(tx, change.mandate)
        return MandateOut.of(await store.save(tx, change, authority=Authority.of(grant)))

    return await _on_one(command, mandate, work)


@router.post("/mandates/{mandate}/admission", summary="准入决定 / decide on admission", response_model=MandateOut)
async def decide(mandate: Id, body: AdmissionIn, request: Request, command: CommandDep) -> Response:
    """需要承接方所在区域的 mandates.mandate.admit;承接方自己可以拒绝 / the holder itself may refuse."""
    profile = parts_of(request).profile

    async def work(tx: Tx, found: Mandate) -> MandateOut:
        holder = await store.organisation(tx.conn, found.holder)
        me = command.staff()
        if body.decision == "refuse" and me == found.holder:
            authority = None  # not an exercise of power: nobody need take on what comes without powers or funds
        else:
            authority = Authority.of(await powers.act_on_admission(tx, found, holder))
        if body.decision == "refuse":
            if body.reason is None:
                raise Refusal("reason_missing")
            return MandateOut.of(await store.save(tx, admission.refuse(found, reason=body.reason), authority=authority))
        change = admission.admit(found, by=me, now=tx.now, price_fen=profile.price_fen(found.affair))
        await desk.check_slot(tx, found)
        after = await store.save(tx, change, authority=authority)
        await watch_planned_end(tx, after)
        return MandateOut.of(after)

    return await _on_one(command, mandate, work)


@router.post("/mandates/{mandate}/suspension", status_code=202, summary="中止 / suspend", response_model=MandateOut)
async def suspend(mandate: Id, body: ReasonIn, request: Request, command: CommandDep) -> Response:
    """移交完成后生效 / takes effect when the switch is done."""

    async def work(tx: Tx, found: Mandate) -> MandateOut:
        await powers.act_as_giver(tx, powers.SUSPEND, found.affair, found.area)
        found.expect(ACTIVE)
        return MandateOut.of(found, await switching_of(request).request(tx, found, SUSPENSION, body.reason))

    return await _on_one(command, mandate, work, status=202)


@router.post("/mandates/{mandate}/resumption", status_code=202, summary="恢复 / resume", response_model=MandateOut)
async def resume(mandate: Id, body: NoteIn, request: Request, command: CommandDep) -> Response:
    """在新的任期下生效 / takes effect under a new term."""

    async def work(tx: Tx, found: Mandate) -> MandateOut:
        await powers.act_as_giver(tx, powers.SUSPEND, found.affair, found.area)
        found.expect(SUSPENDED)
        if found.emergency is not None and found.earmark is None:
            raise Refusal("not_funded", mandate=found.id, next_org=found.giver)
        return MandateOut.of(found, await switching_of(request).request(tx, found, RESUMPTION, body.reason or ""))

    return await _on_one(command, mandate, work, status=202)


@router.post("/mandates/{mandate}/end", status_code=202, summary="提前终止 / end early", response_model=MandateOut)
async def end(mandate: Id, body: ReasonIn, request: Request, command: CommandDep) -> Response:
    """权力由委托方行使，或由当地准入机关 / by the giver, or by who decides on admission there."""

    async def work(tx: Tx, found: Mandate) -> MandateOut:
        holder = await store.organisation(tx.conn, found.holder)
        grant = await powers.act_to_end(tx, found, holder)
        found.expect(ACTIVE, SUSPENDED)
        other = await switches.under_way(tx.conn, found.id)
        if other is not None:
            raise Refusal("switch_under_way", mandate=found.id, switch=other.id, why=other.why, retry_after=2)
        change = ending.end_early(found, reason=body.reason, now=tx.now)
        after = await store.save(tx, change, authority=Authority.of(grant))
        if after.state == ENDING and after.ended_at is None:
            return MandateOut.of(after, await switching_of(request).request(tx, after, TO_END, body.reason))
        return MandateOut.of(after)

    return await _on_one(command, mandate, work, status=202)


@router.post("/mandates/{mandate}/withdrawal", summary="撤回 / withdraw before it has begun", response_model=MandateOut)
async def withdraw(mandate: Id, body: NoteIn, request: Request, command: CommandDep) -> Response:
    async def work(tx: Tx, found: Mandate) -> MandateOut:
        grant = await powers.act_as_giver(tx, powers.PLACE, found.affair, found.area)
        change: Change = ending.withdraw(found, now=tx.now)
        return MandateOut.of(await store.save(tx, change, authority=Authority.of(grant)))

    return await _on_one(command, mandate, work)


@router.get("/mandates", summary="委托列表 / mandates, by id")
async def mandates(
    request: Request,
    caller: Caller,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
    affair: Filter = None,
    area: Filter = None,
    holder: Filter = None,
    giver: Filter = None,
    state: Filter = None,
) -> MandatePage:
    wanted = {"affair": affair, "area": trim(area) if area else None, "holder": holder, "giver": giver, "state": state}
    async with parts_of(request).database.read() as conn:
        found = await store.mandates(conn, after=paging.decode(cursor), limit=limit + 1, **wanted)
    page, following = paging.cut(found, limit, lambda m: m.id)
    return MandatePage(items=[MandateOut.of(m) for m in page], next=following)


@router.get("/mandates/{mandate}", summary="委托及其经过 / a mandate with its history")
async def mandate(mandate: Id, request: Request, response: Response, caller: Caller) -> MandateDetail:
    async with parts_of(request).database.read() as conn:
        found = await store.mandate(conn, mandate)
        history = await store.history(conn, mandate)
        switch = await switches.under_way(conn, mandate)
    response.headers["ETag"] = f'"{found.version}"'
    happened = [HistoryOut.model_validate({n: row[n] for n in HistoryOut.model_fields}) for row in history]
    return MandateDetail.model_validate(
        {**MandateOut.values(found, switch.id if switch else None), "history": happened}
    )


async def _on_one(
    command: Command, mandate: str, work: Callable[[Tx, Mandate], Awaitable[MandateOut]], *, status: int = 200
) -> Response:
    """Run a command on one mandate, locked, at the version that the caller has seen."""

    command.staff()

    async def locked(tx: Tx) -> MandateOut:
        found = await store.mandate(tx.conn, mandate, lock=True)
        command.check_version(found.version)
        return await work(tx, found)

    return await command.run(locked, status=status)
