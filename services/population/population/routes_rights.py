"""What a person may ask of us himself, and how staff answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from population import desk, residents, rights, store, store_files, store_people, store_views
from population.domain import correction as corrections
from population.domain import person as people
from population.domain.change import changed
from population.domain.erasure import REQUESTED
from population.domain.facts import PrivateRead
from population.domain.powers import DECIDE_REQUEST, REGISTER
from population.routes_areas import AreaQuery, parts_of, rules_of
from population.routes_people import Purpose
from population.schemas_rights import (
    CorrectionIn,
    CorrectionOut,
    CorrectionPage,
    CorrectionPrivateOut,
    DecisionIn,
    ErasureIn,
    ErasureOut,
    KeptOut,
    OwnOut,
)
from population.timers_kinds import CORRECTION
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["rights 个人权利"], dependencies=[Depends(caller)], route_class=CommandRoute)
STATES = (corrections.ASKED, corrections.ACCEPTED, corrections.REJECTED)


@router.get("/me", response_model=OwnOut, summary="查阅本人信息 / What is held on you")
async def me(request: Request, command: CommandDep) -> Response:
    """含用途、依据、期限与谁查阅过 / with purpose, basis, lifetime, and who has read it."""
    return await command.decide(lambda tx: rights.read(tx, command, rules_of(request), "read"))


@router.get("/me/copy", response_model=OwnOut, summary="复制本人信息 / A copy")
async def copy(request: Request, command: CommandDep) -> Response:
    """JSON 文件 / a file of JSON."""
    answer = await command.decide(lambda tx: rights.read(tx, command, rules_of(request), "copy"))
    answer.headers["Content-Disposition"] = 'attachment; filename="personal-data.json"'
    return answer


@router.post(
    "/me/corrections", status_code=201, response_model=CorrectionOut, summary="申请更正 / Ask for a correction"
)
async def ask(request: Request, command: CommandDep, body: CorrectionIn) -> Response:
    """限期办理 / decided within the profile's limit."""
    rules = rules_of(request)

    async def work(tx: Tx) -> CorrectionOut:
        person = await rights.own_person(tx, command)
        person.needs_present()
        person.needs_data()
        personal = await store_people.personal(tx.conn, person.id)
        rights.put(personal, body.field, body.value, rules, person, tx)
        change = corrections.ask(
            new_id(), person.id, person.grid, body.field, now=tx.now, due_at=rules.correction_due(tx.now)
        )
        await store.corrections.add(tx, change, None)
        await store_files.put_value(tx, change.after.id, body.value, None)
        await tx.deadline(CORRECTION, change.after.id, change.after.due_at)
        return CorrectionOut.of(change.after)

    return await desk.carry_out(command, work, status=201)


@router.get("/me/corrections/{correction_id}", response_model=CorrectionOut, summary="我的更正请求 / My request")
async def own_correction(request: Request, command: CommandDep, correction_id: str) -> CorrectionOut:
    """含答复 / with the answer."""

    async def work(tx: Tx) -> CorrectionOut:
        person = await rights.own_person(tx, command)
        found = await store.corrections.get(tx.conn, desk.key_of(correction_id, "correction"))
        if found.person != person.id:
            raise Refusal("not_found", what="correction", id=correction_id[:80])
        _, answer = await store_files.value_of(tx.conn, found.id)
        return CorrectionOut.of(found, answer)

    return await parts_of(request).uow.decide(command.context, work)


@router.post("/me/erasure", response_model=ErasureOut, summary="申请删除 / Ask for erasure")
async def erase(request: Request, command: CommandDep, body: ErasureIn) -> Response:
    """无法定保存义务的立即删除；须保存的说明依据 / at once, but for what a statutory duty keeps, which is named."""
    rules = rules_of(request)

    async def work(tx: Tx) -> ErasureOut:
        person = await rights.own_person(tx, command)
        person.needs_data()
        groups = rules.groups()
        if body.groups is not None:
            unknown = sorted(set(body.groups) - {group.code for group in groups})
            if unknown:
                raise Refusal("unknown_code", kind="group", value=unknown[0])
            groups = [group for group in groups if group.code in body.groups]
        standing = await rights.duties(tx, rules, person)
        after, erased, kept = await rights.erase(tx, rules, person, groups, standing, REQUESTED)
        reasons = [rights.words(duty) for duty in standing.values()]
        if not erased and kept:
            zh = "、".join(sorted({reason["zh"] for reason in reasons}))
            raise Refusal("erasure_refused", kept=kept, duties=zh)
        return ErasureOut(
            person=person.id,
            erased=erased,
            kept=[KeptOut(group=group, duties=reasons) for group in kept],
            version=after.version,
        )

    return await desk.carry_out(command, work)


@router.get("/corrections", response_model=CorrectionPage, summary="更正请求列表 / List requests")
async def list_corrections(
    request: Request,
    command: CommandDep,
    area: AreaQuery,
    state: Annotated[str, Query(max_length=20, description=" ".join(STATES))] = corrections.ASKED,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> CorrectionPage:
    """仅限对该区域持有办理权力者 / for who holds the power to decide them there."""
    if state not in STATES:
        raise Refusal("invalid_request", reason="state")
    after, place = paging.decode(cursor), trim(area)

    async def work(tx: Tx) -> CorrectionPage:
        await desk.act(tx, command, DECIDE_REQUEST, REGISTER, place)
        found = await store_views.listed(tx.conn, store.corrections, place, after, limit + 1, state=state)
        page, following = paging.cut(found, limit, store_views.place)
        return CorrectionPage(items=[CorrectionOut.of(c) for c in page], next=following)

    return await parts_of(request).uow.decide(command.context, work)


@router.get(
    "/corrections/{correction_id}/private", response_model=CorrectionPrivateOut, summary="请求内容 / Its content"
)
async def get_private(request: Request, command: CommandDep, correction_id: str, purpose: Purpose) -> Response:
    """须有权力并说明用途；查阅留痕 / under the power and for a purpose; the read is recorded."""
    rules = rules_of(request)

    async def work(tx: Tx) -> CorrectionPrivateOut:
        found = await store.corrections.get(tx.conn, desk.key_of(correction_id, "correction"))
        authority = await desk.act(tx, command, DECIDE_REQUEST, REGISTER, found.grid)
        why = rules.purpose(purpose)
        person = await store.people.get(tx.conn, found.person, lock=tx.locks)
        fact = PrivateRead(person=person.id, power=DECIDE_REQUEST, purpose=why, fields=[f"correction.{found.field}"])
        after = await store.people.save(tx, changed(person, fact), authority)
        await store_people.note_read(tx, after.version, fact, desk.staff_of(command.identity))
        value, _ = await store_files.value_of(tx.conn, found.id)
        return CorrectionPrivateOut(
            correction=found.id, purpose=why, field=found.field, value=value, version=found.version
        )

    return await command.decide(work)


@router.post("/corrections/{correction_id}/decision", response_model=CorrectionOut, summary="办理更正 / Decide")
async def decide(request: Request, command: CommandDep, correction_id: str, body: DecisionIn) -> Response:
    """同意则随即更正 / accepted, it is put right at once."""
    rules = rules_of(request)

    async def work(tx: Tx) -> CorrectionOut:
        found = await store.corrections.get(tx.conn, desk.key_of(correction_id, "correction"), lock=tx.locks)
        authority = await desk.act(tx, command, DECIDE_REQUEST, REGISTER, found.grid)
        command.check_version(found.version)
        change = corrections.decide(found, accepted=body.accepted)
        if body.accepted:
            person = await store.people.get(tx.conn, found.person, lock=tx.locks)
            value, _ = await store_files.value_of(tx.conn, found.id)
            before = await store_people.personal(tx.conn, person.id)
            after, sex = rights.put(before, found.field, value or "", rules, person, tx)
            id_hash = rules.id_hash(after.id_number) if after.id_number is not None else None
            if id_hash is not None:
                await residents.refuse_double(tx, id_hash, person.id)
            righted = people.correct(
                person, before, after, person.registration, band_years=rules.band_years, sex=sex, now=tx.now
            )
            await store.people.save(tx, righted, authority)
            await store_people.put_personal(tx, person.id, after, id_hash)
        saved = await store.corrections.save(tx, change, authority)
        await store_files.put_value(tx, found.id, None, body.answer)
        await tx.cancel_deadline(CORRECTION, found.id)
        return CorrectionOut.of(saved)

    return await desk.carry_out(command, work)
