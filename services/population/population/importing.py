"""Imports: a file of people, taken in step by step.

Each step is a transaction of its own that a deadline row begins: it takes the next rows, asks anew for the power over
every grid among them, writes them by a few statements, and notes how far the file is read. What crashes goes on there.
Nobody is doubled however often a file is sent: a person is found by the keyed hash of his ID.

The events are those of the import, of new buildings, and a count for each grid; a person that comes by an import is not
told by himself: a hundred thousand facts of nothing but ids would say no more than the counts, and cost every consumer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from population import columns, desk, rekeying, sheets, store, store_imports
from population import tables as t
from population.batch import Batch
from population.domain import job
from population.domain.job import Job
from population.domain.powers import IMPORT, POWERLESS, REGISTER
from population.incoming import Reader, Refused, Row
from population.rules import Rules, today
from population.timers_kinds import FORGET, STEP
from suizhuan.commands import Command
from suizhuan.context import Context, derived_id, new_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx

log = structlog.get_logger(__name__)

BATCH = 2000
HEADER = 1  # the line of the header, as spreadsheets count


@dataclass(slots=True)
class Open:
    """A file that is being read in this process: the next row is the one after `read`."""

    read: int
    lines: Iterator[list[str]]


class Imports:
    """Takes files in. One for a process; how far each file is stands in the database alone."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._open: dict[str, Open] = {}

    async def begin(self, tx: Tx, command: Command, area: str, format_: str, content: bytes) -> Job:
        """A file is handed in, and waits for its first step. Errors: those of every act."""
        authority = await desk.act(tx, command, IMPORT, REGISTER, area)
        org = desk.staff_of(command.identity)
        return await self.enqueue(tx, area, org, format_, content, authority)

    async def enqueue(
        self, tx: Tx, area: str, org: str, format_: str, content: bytes, authority: Authority | None
    ) -> Job:
        """It waits for its first step."""
        change = job.begin(new_id(), area, org, format_, len(content), tx.now)
        await store.jobs.add(tx, change, authority)
        await store_imports.add_file(tx, change.after.id, content)
        await tx.deadline(STEP, change.after.id, tx.now)
        return change.after

    async def check(self, content: bytes, format_: str) -> None:
        """The file can be read and has the columns that it needs. Errors: `file_empty`, `file_unreadable`,
        `columns_missing`, `columns_unknown`, `column_twice`."""

        def header() -> list[str] | None:
            return next(sheets.rows(content, format_), None)

        found = await asyncio.to_thread(header)
        if found is None:
            raise Refusal("file_empty")
        columns.read(found, self.rules)

    async def step(self, tx: Tx, ref: str, _: dict[str, Any]) -> None:
        """The next rows of a file; then the next step, or its end."""
        found = await store.jobs.find(tx.conn, ref, lock=True)
        if found is None or found.ended:
            return
        # The ids of what is said follow from the rows that are read, so that a step done twice says it once.
        tx.context = Context.of_system("population", derived_id(f"import:{ref}", f"row {found.read}"))
        try:
            authority = Authority.of(await tx.act(IMPORT, REGISTER, found.area, found.org))
            lines, at_end = await self._next(tx, found)
        except Refusal as refusal:
            if refusal.code not in POWERLESS | {"file_unreadable"}:
                raise  # later: nothing is wrong with the file
            await self._end(tx, job.stop(found, refusal.code, tx.now), None)
            return
        after = await self._take(tx, found, lines)
        if at_end and not lines:
            await rekeying.count(tx, sorted(after.grids))
            await self._end(tx, job.complete(after, tx.now), authority)
        elif after.read > self.rules.population.imports.max_rows:
            await self._end(tx, job.stop(after, "too_many_rows", tx.now), authority)
        else:
            await store.jobs.put(tx, after, found.version)
            await tx.deadline(STEP, ref, tx.now)
        self._reached(ref, after)

    async def _next(self, tx: Tx, found: Job) -> tuple[list[list[str]], bool]:
        """The next rows, from where the database says that we are."""
        known = self._open.pop(found.id, None)
        if known is None or known.read != found.read:
            content = await store_imports.file(tx.conn, found.id)
            if content is None:
                raise Refusal("file_unreadable", reason="lost")
            known = await asyncio.to_thread(_opened, content, found.format, found.read)
        lines = await asyncio.to_thread(_some, known.lines)
        self._open[found.id] = Open(found.read + len(lines), known.lines)
        return lines, len(lines) < BATCH

    def _reached(self, ref: str, after: Job) -> None:
        if after.ended:
            self._open.pop(ref, None)

    async def _take(self, tx: Tx, before: Job, lines: Sequence[list[str]]) -> Job:
        """Every row becomes a person or a mistake."""
        header, rows = (lines[0], lines[1:]) if before.read == 0 and lines else (None, lines)
        if header is not None:
            first = {"job": before.id, "line": HEADER, "cells": header, "errors": []}
            await store_imports.put_all(tx, t.import_error, [first])
        else:
            header = await self._header(tx, before)
        grids = await store_imports.grids_of(tx.conn, before.area)
        reader = Reader(columns.read(header, self.rules), self.rules, before.area, grids, today(tx.now))
        start = before.read + HEADER if before.read else HEADER + 1
        read = await asyncio.to_thread(_read, reader, start, rows)
        people = [one for one in read if isinstance(one, Row)]
        refused = [one for one in read if isinstance(one, Refused)]
        batch = Batch(tx, self.rules, before.org, reader.columns.given)
        step = await batch.take(people)
        await self._note(tx, before, [*refused, *batch.refused])
        step = replace(step, rows=len(lines), refused=len(refused) + len(batch.refused))
        return job.advance(before, step)

    async def _header(self, tx: Tx, before: Job) -> list[str]:
        rows = await store_imports.header(tx.conn, before.id, HEADER)
        return [str(cell) for cell in rows]

    async def _note(self, tx: Tx, before: Job, refused: Sequence[Refused]) -> None:
        rows = [
            {"job": before.id, "line": one.line, "cells": list(one.cells), "errors": [list(m) for m in one.mistakes]}
            for one in refused
        ]
        await store_imports.put_all(tx, t.import_error, rows)

    async def _end(self, tx: Tx, change: Any, authority: Authority | None) -> None:
        """The file is deleted; what was refused is kept for whoever mends it, for a while."""
        after: Job = await store.jobs.save(tx, change, authority)
        await store_imports.drop_file(tx.conn, after.id)
        keep = timedelta(days=self.rules.population.imports.errors_keep_days)
        await tx.deadline(FORGET, after.id, tx.now + keep)
        self._open.pop(after.id, None)
        log.info("import_ended", job=after.id, state=after.state, rows=after.read)

    async def forget(self, tx: Tx, ref: str, _: dict[str, Any]) -> None:
        """Nobody has mended what was refused: it is personal data, and goes."""
        await store_imports.drop_errors(tx.conn, ref)


def _opened(content: bytes, format_: str, read: int) -> Open:
    lines = sheets.rows(content, format_)
    for _ in range(read):
        next(lines, None)
    return Open(read, lines)


def _some(lines: Iterator[list[str]]) -> list[list[str]]:
    found = []
    for line in lines:
        found.append(line)
        if len(found) == BATCH:
            break
    return found


def _read(reader: Reader, start: int, rows: Sequence[list[str]]) -> list[Row | Refused]:
    return [reader.read(start + index, cells) for index, cells in enumerate(rows)]
