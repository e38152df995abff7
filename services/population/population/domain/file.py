"""Classified files 分类档案: opened, visited at an interval, reminded of, closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from population.domain import facts_files as facts
from population.domain.change import Change, changed
from suizhuan.kernel.refusal import Refusal

OPEN, CLOSED = "open", "closed"
STATES = (OPEN, CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A person has at most one open file of a kind. `due_at`: by when its person is to be visited next."""

    id: str
    person: str
    kind: str
    grid: str
    state: str
    officer: str | None
    interval_days: int
    opened_at: datetime
    due_at: datetime
    visited_at: datetime | None
    reminded: int
    version: int
    ending: str | None = None

    @property
    def key(self) -> str:
        return self.id

    @property
    def place(self) -> str:
        return self.grid

    def needs_open(self) -> None:
        """Errors: `file_closed`."""
        if self.state != OPEN:
            raise Refusal("file_closed", file=self.id)


def open_file(
    file: str, person: str, kind: str, grid: str, *, officer: str | None, interval_days: int, now: datetime
) -> Change[File]:
    """A file is kept from now on, and its person is to be visited within the interval."""
    due_at = now + timedelta(days=interval_days)
    made = File(
        id=file,
        person=person,
        kind=kind,
        grid=grid,
        state=OPEN,
        officer=officer,
        interval_days=interval_days,
        opened_at=now,
        due_at=due_at,
        visited_at=None,
        reminded=0,
        version=0,
    )
    return changed(made, facts.FileOpened(file=file, kind=kind, grid=grid, due_at=due_at))


def visit(file: File, outcome: str, *, seen: bool, now: datetime) -> Change[File]:
    """Somebody went there. Only who was seen was visited: else the visit stays due. Errors: `file_closed`."""
    file.needs_open()
    due_at = now + timedelta(days=file.interval_days) if seen else file.due_at
    fact = facts.FileVisited(file=file.id, grid=file.grid, outcome=outcome, due_at=due_at)
    if not seen:
        return changed(file, fact)
    return changed(file, fact, visited_at=now, due_at=due_at, reminded=0)


def remind(file: File, now: datetime) -> Change[File]:
    """The visit is overdue, if it is."""
    if file.state != OPEN or now < file.due_at:
        return Change(file)
    times = file.reminded + 1
    fact = facts.VisitOverdue(file=file.id, kind=file.kind, grid=file.grid, due_at=file.due_at, times=times)
    return changed(file, fact, reminded=times)


def move(file: File, grid: str) -> Change[File]:
    """Its person lives in another grid."""
    if file.state != OPEN or file.grid == grid:
        return Change(file)
    return changed(file, facts.FileMoved(file=file.id, grid=grid), grid=grid)


def close(file: File, reason: str) -> Change[File]:
    """It is kept no longer. Errors: `file_closed`."""
    file.needs_open()
    return changed(file, facts.FileClosed(file=file.id, reason=reason), state=CLOSED, ending=reason)
