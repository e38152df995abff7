"""Residence permits 居住证 of the floating population."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from population import desk, store, store_files, store_views
from population.domain import permit as permits
from population.domain.powers import ISSUE_PERMIT, PERMITS
from population.routes_areas import AreaQuery, parts_of, rules_of
from population.rules import Rules, today
from population.schemas_files import EmptyIn, PermitIn, PermitOut, PermitPage
from population.timers_kinds import ENDORSE, ISSUE
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["permits 居住证"], dependencies=[Depends(caller)], route_class=CommandRoute)


@router.post("/permits", status_code=201, response_model=PermitOut, summary="申领 / Apply")
async def apply(request: Request, command: CommandDep, body: PermitIn) -> Response:
    """居住满规定月数并有就业、住所或就读之一 / lived here long enough, with a job, a home or a school."""
    rules = rules_of(request)
    terms = rules.population.permit

    async def work(tx: Tx) -> PermitOut:
        person = await store.people.get(tx.conn, body.person, lock=tx.locks)
        authority = await desk.act(tx, command, ISSUE_PERMIT, PERMITS, person.grid)
        person.needs_present()
        if not rules.registration(person.registration).permit:
            raise Refusal("not_a_migrant", registration=person.registration)
        known = await store_files.permit_of(tx.conn, person.id)
        if known is not None:
            raise Refusal("permit_known", permit=known.id)
        change = permits.apply(
            new_id(),
            person.id,
            person.grid,
            ground=rules.ground(body.ground),
            lived_since=body.lived_since,
            today=today(tx.now),
            months=terms.lived_months,
            issue_days=terms.issue_days,
            now=tx.now,
        )
        await store.permits.add(tx, change, authority)
        await tx.deadline(ISSUE, change.after.id, change.after.due_at)
        return PermitOut.of(change.after)

    return await desk.carry_out(command, work, status=201)


@router.post("/permits/{permit_id}/issue", response_model=PermitOut, summary="制发 / Issue")
async def issue(request: Request, command: CommandDep, permit_id: str, body: EmptyIn) -> Response:
    """自制发起按年签注 / it is to be endorsed every year from then on."""
    rules = rules_of(request)

    async def work(tx: Tx) -> PermitOut:
        permit = await store.permits.get(tx.conn, desk.key_of(permit_id, "permit"), lock=tx.locks)
        authority = await desk.act(tx, command, ISSUE_PERMIT, PERMITS, permit.grid)
        command.check_version(permit.version)
        change = permits.issue(permit, valid_days=rules.population.permit.valid_days, now=tx.now)
        after = await store.permits.save(tx, change, authority)
        await tx.cancel_deadline(ISSUE, permit.id)
        await watch(tx, rules, after)
        return PermitOut.of(after)

    return await desk.carry_out(command, work)


@router.post("/permits/{permit_id}/endorsement", response_model=PermitOut, summary="签注 / Endorse")
async def endorse(request: Request, command: CommandDep, permit_id: str, body: EmptyIn) -> Response:
    """逾期未签注的，补签后恢复 / one that has lapsed holds again."""
    rules = rules_of(request)
    terms = rules.population.permit

    async def work(tx: Tx) -> PermitOut:
        permit = await store.permits.get(tx.conn, desk.key_of(permit_id, "permit"), lock=tx.locks)
        authority = await desk.act(tx, command, ISSUE_PERMIT, PERMITS, permit.grid)
        command.check_version(permit.version)
        change = permits.endorse(permit, valid_days=terms.valid_days, remind_days=terms.remind_days, now=tx.now)
        after = await store.permits.save(tx, change, authority)
        await watch(tx, rules, after)
        return PermitOut.of(after)

    return await desk.carry_out(command, work)


@router.get("/permits", response_model=PermitPage, summary="居住证列表 / List permits")
async def list_permits(
    request: Request,
    command: CommandDep,
    area: AreaQuery,
    state: Annotated[str | None, Query(max_length=20, description=" ".join(permits.STATES))] = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> PermitPage:
    """仅限对该区域持有权力者 / for who holds the power in that area."""
    if state is not None and state not in permits.STATES:
        raise Refusal("invalid_request", reason="state")
    after, place = paging.decode(cursor), trim(area)

    async def work(tx: Tx) -> PermitPage:
        await desk.act(tx, command, ISSUE_PERMIT, PERMITS, place)
        found = await store_views.listed(tx.conn, store.permits, place, after, limit + 1, state=state)
        page, following = paging.cut(found, limit, store_views.place)
        return PermitPage(items=[PermitOut.of(p) for p in page], next=following)

    return await parts_of(request).uow.decide(command.context, work)


@router.get("/permits/{permit_id}", response_model=PermitOut, summary="居住证 / A permit")
async def get_permit(request: Request, response: Response, command: CommandDep, permit_id: str) -> PermitOut:
    """`ETag` 为版本 / is its version."""

    async def work(tx: Tx) -> PermitOut:
        permit = await store.permits.get(tx.conn, desk.key_of(permit_id, "permit"))
        await desk.act(tx, command, ISSUE_PERMIT, PERMITS, permit.grid)
        return PermitOut.of(permit)

    found = await parts_of(request).uow.decide(command.context, work)
    response.headers["ETag"] = etag(found.version)
    return found


async def watch(tx: Tx, rules: Rules, permit: permits.Permit) -> None:
    """Have somebody reminded before it ends."""
    if permit.valid_until is not None:
        remind = timedelta(days=rules.population.permit.remind_days)
        await tx.deadline(ENDORSE, permit.id, permit.valid_until - remind)
