"""Classified files 分类档案: opened, visited, closed; what they say, for a purpose."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from population import desk, store, store_files, store_views
from population.domain import file as files
from population.domain.change import changed
from population.domain.facts_files import FilePrivateRead
from population.domain.powers import FILES, KEEP_FILE, VISIT_FILE
from population.routes_areas import AreaQuery, parts_of, rules_of
from population.routes_people import Purpose
from population.schemas_files import (
    EndingIn,
    FileIn,
    FileOut,
    FilePage,
    FilePrivateOut,
    VisitIn,
    VisitOut,
    VisitPage,
)
from population.timers_kinds import VISIT
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["files 分类档案"], dependencies=[Depends(caller)], route_class=CommandRoute)
ABSENT = "absent"
Kind = Annotated[str, Query(min_length=1, max_length=64)]


@router.post("/files", status_code=201, response_model=FileOut, summary="建档 / Open a file")
async def open_file(request: Request, command: CommandDep, body: FileIn) -> Response:
    """一人一类一档；自建档起按周期走访 / one of a kind for a person; visits are due from now on."""
    rules = rules_of(request)

    async def work(tx: Tx) -> FileOut:
        person = await store.people.get(tx.conn, body.person, lock=tx.locks)
        authority = await desk.act(tx, command, KEEP_FILE, FILES, person.grid)
        person.needs_present()
        kind = rules.file_kind(body.kind)
        attributes = rules.attributes(kind, body.attributes)
        if kind.officer and body.officer is None:
            raise Refusal("officer_missing", kind=kind.code)
        known = [f for f in await store_files.open_of(tx.conn, person.id) if f.kind == kind.code]
        if known:
            raise Refusal("file_known", file=known[0].id)
        change = files.open_file(
            new_id(),
            person.id,
            kind.code,
            person.grid,
            officer=body.officer,
            interval_days=kind.visit_days,
            now=tx.now,
        )
        await store.files.add(tx, change, authority)
        await store_files.put_attributes(tx, change.after.id, attributes)
        await tx.deadline(VISIT, change.after.id, change.after.due_at)
        await store.refreshed(tx, person.grid)
        return FileOut.of(change.after)

    return await desk.carry_out(command, work, status=201)


@router.post("/files/{file_id}/visits", response_model=FileOut, summary="走访 / Note a visit")
async def visit(request: Request, command: CommandDep, file_id: str, body: VisitIn) -> Response:
    """未见到本人的，走访仍未完成 / whoever was not seen was not visited."""
    rules = rules_of(request)

    async def work(tx: Tx) -> FileOut:
        file = await store.files.get(tx.conn, desk.key_of(file_id, "file"), lock=tx.locks)
        authority = await desk.act(tx, command, VISIT_FILE, FILES, file.grid)
        command.check_version(file.version)
        outcome = rules.visit_outcome(body.outcome)
        change = files.visit(file, outcome, seen=outcome != ABSENT, now=tx.now)
        after = await store.files.save(tx, change, authority)
        await store_files.add_visit(tx, after, outcome, desk.staff_of(command.identity))
        if after.due_at != file.due_at:
            await tx.deadline(VISIT, after.id, after.due_at)
        await store.refreshed(tx, after.grid)
        return FileOut.of(after)

    return await desk.carry_out(command, work)


@router.post("/files/{file_id}/closure", response_model=FileOut, summary="结档 / Close")
async def close(request: Request, command: CommandDep, file_id: str, body: EndingIn) -> Response:
    """档案内容随即删除，只留事实 / what it said is erased; that it was kept stays."""
    rules = rules_of(request)

    async def work(tx: Tx) -> FileOut:
        file = await store.files.get(tx.conn, desk.key_of(file_id, "file"), lock=tx.locks)
        authority = await desk.act(tx, command, KEEP_FILE, FILES, file.grid)
        command.check_version(file.version)
        after = await store.files.save(tx, files.close(file, rules.file_ending(body.reason)), authority)
        await store_files.drop_attributes(tx, file.id)
        await tx.cancel_deadline(VISIT, file.id)
        return FileOut.of(after)

    return await desk.carry_out(command, work)


@router.get("/files", response_model=FilePage, summary="档案列表 / List files")
async def list_files(
    request: Request,
    command: CommandDep,
    area: AreaQuery,
    kind: Kind | None = None,
    state: Annotated[str, Query(max_length=20, description=" ".join(files.STATES))] = files.OPEN,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> FilePage:
    """仅限对该区域持有走访权力者 / for who holds the power to visit in that area."""
    if state not in files.STATES:
        raise Refusal("invalid_request", reason="state")
    if kind is not None:
        rules_of(request).file_kind(kind)
    after, place = paging.decode(cursor), trim(area)

    async def work(tx: Tx) -> FilePage:
        await desk.act(tx, command, VISIT_FILE, FILES, place)
        found = await store_views.listed(tx.conn, store.files, place, after, limit + 1, kind=kind, state=state)
        page, following = paging.cut(found, limit, store_views.place)
        return FilePage(items=[FileOut.of(f) for f in page], next=following)

    return await parts_of(request).uow.decide(command.context, work)


@router.get("/files/{file_id}", response_model=FileOut, summary="档案 / A file")
async def get_file(request: Request, response: Response, command: CommandDep, file_id: str) -> FileOut:
    """不含档案内容 / without what it says. `ETag` 为版本 / is its version."""

    async def work(tx: Tx) -> FileOut:
        file = await store.files.get(tx.conn, desk.key_of(file_id, "file"))
        await desk.act(tx, command, VISIT_FILE, FILES, file.grid)
        return FileOut.of(file)

    found = await parts_of(request).uow.decide(command.context, work)
    response.headers["ETag"] = etag(found.version)
    return found


@router.get("/files/{file_id}/private", response_model=FilePrivateOut, summary="档案内容 / What it says")
async def get_private(request: Request, command: CommandDep, file_id: str, purpose: Purpose) -> Response:
    """须有权力并说明用途；查阅留痕 / under the power and for a purpose; the read is recorded."""
    rules = rules_of(request)

    async def work(tx: Tx) -> FilePrivateOut:
        file = await store.files.get(tx.conn, desk.key_of(file_id, "file"), lock=tx.locks)
        authority = await desk.act(tx, command, VISIT_FILE, FILES, file.grid)
        why = rules.purpose(purpose)
        file.needs_open()
        fact = FilePrivateRead(file=file.id, power=VISIT_FILE, purpose=why)
        after = await store.files.save(tx, changed(file, fact), authority)
        attributes = await store_files.attributes(tx.conn, file.id)
        return FilePrivateOut(file=file.id, purpose=why, attributes=attributes, version=after.version)

    return await command.decide(work)


@router.get("/files/{file_id}/visits", response_model=VisitPage, summary="走访记录 / Its visits")
async def list_visits(
    request: Request,
    command: CommandDep,
    file_id: str,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> VisitPage:
    """最近的在前 / the newest first."""
    before = paging.decode(cursor)
    if before and not (before.isascii() and before.isdigit() and len(before) < 16):
        raise Refusal("cursor_malformed")

    async def work(tx: Tx) -> VisitPage:
        file = await store.files.get(tx.conn, desk.key_of(file_id, "file"))
        await desk.act(tx, command, VISIT_FILE, FILES, file.grid)
        found = await store_files.visits(tx.conn, file.id, int(before) if before else None, limit + 1)
        rows = [VisitOut(version=v.version, at=v.at, org=v.org, outcome=v.outcome) for v in found]
        page, following = paging.cut(rows, limit, lambda v: str(v.version))
        return VisitPage(items=page, next=following)

    return await parts_of(request).uow.decide(command.context, work)
