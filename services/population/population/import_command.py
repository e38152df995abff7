"""`python -m population import FILE AREA ORG`: the same import from a terminal, with a bar that shows how far it is."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from population import sheets, store
from population.domain.job import Job
from population.domain.powers import IMPORT, REGISTER
from population.importing import Imports
from population.settings import own
from population.timers_kinds import STEP
from suizhuan.context import Context
from suizhuan.deadlines import Deadlines
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.service import Service
from suizhuan.unit_of_work import Authority, Tx

PAUSE_S = 0.2


async def import_file(service: Service, arguments: list[str]) -> None:
    """Hand the file in for `ORG`, whose power is asked for as over HTTP, and work until it has ended; a worker that
    runs takes its part of the steps. Ends with 1, and a sentence, when it is refused."""
    if len(arguments) != 3:
        sys.exit("usage: python -m population import FILE AREA ORG")
    path, area, org = Path(arguments[0]), arguments[1], arguments[2]
    try:
        job = await _begun(service, path, area, org)
        job = await _worked(service, job)
    except Refusal as refusal:
        sys.exit(f"population: {refusal.code} {refusal.params}")
    except OSError as error:
        sys.exit(f"population: {path.name}: {error.strerror}")
    Console().print(
        f"{job.state}: 新增 added {job.added} · 更新 updated {job.updated} · 无变化 unchanged {job.unchanged}"
        f" · 有误 refused {job.refused} · {job.id}"
    )
    if job.reason is not None:
        sys.exit(f"population: {job.reason}")


async def _begun(service: Service, path: Path, area: str, org: str) -> Job:
    format_ = path.suffix.lower().removeprefix(".")
    if format_ not in (sheets.CSV, sheets.XLSX):
        raise Refusal("format_unknown")
    limit = own(service.parts.settings).max_import_bytes
    content = await asyncio.to_thread(path.read_bytes)
    if len(content) > limit:
        raise Refusal("import_too_large", limit=limit)
    imports: Imports = service.app.state.imports
    await imports.check(content, format_)

    async def work(tx: Tx) -> Job:
        authority = Authority.of(await tx.act(IMPORT, REGISTER, trim(area), org))
        return await imports.enqueue(tx, trim(area), org, format_, content, authority)

    context = Context("operator", org, Context.of_system("population").correlation_id)
    return await service.parts.uow.decide(context, work)


async def _worked(service: Service, job: Job) -> Job:
    parts = service.parts
    runner = Deadlines(parts.uow, {STEP: service.deadlines[STEP]}, parts.clock)
    words = TextColumn("{task.completed} 行 rows · {task.fields[told]}")
    with Progress(BarColumn(), words, TimeElapsedColumn(), console=Console()) as progress:
        task = progress.add_task("import", total=None, told="")
        while True:
            pause = await runner.step()
            async with parts.database.read() as conn:
                job = await store.jobs.get(conn, job.id)
            _show(progress, task, job)
            if job.ended:
                return job
            if pause > 0:
                await parts.clock.sleep(min(pause, PAUSE_S))


def _show(progress: Progress, task: TaskID, job: Job) -> None:
    told = f"+{job.added} ~{job.updated} ={job.unchanged} ✗{job.refused}"
    progress.update(task, completed=job.read, total=job.total, told=told)
