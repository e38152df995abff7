"""Imports of people: a file is sent in, taken in the background, and what is wrong with it comes back as a file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from population import columns, desk, sheets, store, store_imports, store_views
from population.domain.change import changed
from population.domain.facts import ImportErrorsRead
from population.domain.job import STATES
from population.domain.powers import IMPORT, REGISTER
from population.importing import HEADER, Imports
from population.routes_areas import AreaQuery, area_of, parts_of, rules_of
from population.schemas_imports import JobOut, JobPage
from population.settings import own
from suizhuan import paging
from suizhuan.commands import CommandDep, etag
from suizhuan.identity import Caller, caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["imports 导入"], dependencies=[Depends(caller)])

Format = Literal["csv", "xlsx"]
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in sheets.TYPES},
    }
}


@router.post("/imports", status_code=202, response_model=JobOut, summary="导入人口 / Import people", openapi_extra=BODY)
async def begin(request: Request, command: CommandDep, area: AreaQuery) -> Response:
    """正文为 CSV 或 XLSX；后台逐批处理 / the body is the file; it is taken in the background."""
    desk.staff_of(command.identity)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    format_ = sheets.TYPES.get(media)
    if format_ is None:
        raise Refusal("format_unknown")
    content = await request.body()
    limit = own(parts_of(request).settings).max_import_bytes
    if len(content) > limit:
        raise Refusal("import_too_large", limit=limit)
    imports: Imports = request.app.state.imports
    await imports.check(content, format_)

    async def work(tx: Tx) -> JobOut:
        return JobOut.of(await imports.begin(tx, command, trim(area), format_, content))

    return await command.decide(work, status=202)


@router.get("/imports", response_model=JobPage, summary="导入列表 / List imports")
async def list_imports(
    request: Request,
    identity: Caller,
    area: AreaQuery | None = None,
    state: Annotated[str | None, Query(max_length=20, description=" ".join(STATES))] = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> JobPage:
    """仅限工作人员 / for staff. 按区域与先后 / by area and time."""
    desk.staff_of(identity)
    if state is not None and state not in STATES:
        raise Refusal("invalid_request", reason="state")
    after = paging.decode(cursor)
    async with parts_of(request).database.read() as conn:
        found = await store_views.jobs(conn, area_of(request, area), state, after, limit + 1)
    page, following = paging.cut(found, limit, lambda j: f"{j.area}{store_views.PLACE}{j.id}")
    return JobPage(items=[JobOut.of(j) for j in page], next=following)


@router.get("/imports/template", response_class=Response, summary="导入模板 / A template")
async def template(request: Request, format: Format = "csv", lang: Literal["zh", "en"] = "zh") -> Response:
    """只有表头的空文件 / a file with nothing but its header."""
    return _file(sheets.written([columns.template(rules_of(request), lang)], format), format, "template")


@router.get("/imports/{import_id}", response_model=JobOut, summary="导入进度 / How far an import is")
async def get_import(request: Request, response: Response, identity: Caller, import_id: str) -> JobOut:
    """仅限工作人员 / for staff."""
    desk.staff_of(identity)
    async with parts_of(request).database.read() as conn:
        found = await store.jobs.get(conn, desk.key_of(import_id, "import"))
    response.headers["ETag"] = etag(found.version)
    return JobOut.of(found)


@router.get("/imports/{import_id}/errors", response_class=Response, summary="待改的行 / The rows to be mended")
async def errors(request: Request, command: CommandDep, import_id: str) -> Response:
    """与所交文件同格式，末列说明错误；改后可重新导入。查阅留痕 / as the file came, with a column that says what is
    wrong; mended it can be sent again. The read is recorded."""
    uow, rules = parts_of(request).uow, rules_of(request)

    async def work(tx: Tx) -> _Lines:
        found = await store.jobs.get(tx.conn, desk.key_of(import_id, "import"), lock=tx.locks)
        authority = await desk.act(tx, command, IMPORT, REGISTER, found.area)
        rows = await store_imports.errors(tx.conn, found.id)
        mended = [row for row in rows if row.line != HEADER]
        if not mended:
            raise Refusal("no_errors")
        fact = ImportErrorsRead(import_id=found.id, power=IMPORT, rows=len(mended))
        await store.jobs.save(tx, changed(found, fact), authority)
        header = next(list(row.cells) for row in rows if row.line == HEADER)
        keep = [i for i, text in enumerate(header) if text not in columns.MISTAKES]
        lines = [[*(header[i] for i in keep), columns.MISTAKES[0]]]
        for row in mended:
            cells = [*row.cells, *[""] * len(header)]
            lines.append([*(cells[i] for i in keep), columns.told(row.errors, rules)])
        return _Lines(lines=lines, format=found.format)

    told = await uow.decide(command.context, work)
    return _file(sheets.written(told.lines, told.format), told.format, "errors")


class _Lines(BaseModel):
    lines: list[list[str]]
    format: str


def _file(content: bytes, format_: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.{format_}"'}
    return Response(content, media_type=sheets.MEDIA[format_], headers=headers)
