"""An import as a job: how far it is, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from population.domain import facts
from population.domain.change import Change, changed

WAITING, RUNNING, DONE, STOPPED, LOST = "waiting", "running", "done", "stopped", "lost"
STATES = (WAITING, RUNNING, DONE, STOPPED, LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`read` rows of the file, with its header, were dealt with, in order; a crash goes on after them. `total` once it
    is known.

    `org` handed it in: its power is asked for anew at every step, for each grid."""

    id: str
    area: str
    org: str
    format: str
    state: str
    size: int
    read: int
    total: int | None
    added: int
    updated: int
    unchanged: int
    refused: int
    buildings: int
    dwellings: int
    households: int
    grids: tuple[str, ...]
    begun_at: datetime
    ended_at: datetime | None
    reason: str | None
    version: int

    @property
    def key(self) -> str:
        return self.id

    @property
    def place(self) -> str:
        return self.area

    @property
    def rows(self) -> int:
        """How many people, or mistakes, were read: the header is neither."""
        return max(0, self.read - 1)

    @property
    def ended(self) -> bool:
        return self.state in (DONE, STOPPED, LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What became of the next rows."""

    rows: int
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    buildings: int = 0
    dwellings: int = 0
    households: int = 0
    grids: frozenset[str] = frozenset()


def begin(job: str, area: str, org: str, format_: str, size: int, now: datetime) -> Change[Job]:
    """A file was handed in."""
    made = Job(
        id=job,
        area=area,
        org=org,
        format=format_,
        state=WAITING,
        size=size,
        read=0,
        total=None,
        added=0,
        updated=0,
        unchanged=0,
        refused=0,
        buildings=0,
        dwellings=0,
        households=0,
        grids=(),
        begun_at=now,
        ended_at=None,
        reason=None,
        version=0,
    )
    return changed(made, facts.ImportStarted(import_id=job, area=area, format=format_, bytes=size))


def advance(job: Job, step: Step) -> Job:
    """So many more rows are dealt with. Nobody is told of each step."""
    return replace(
        job,
        state=RUNNING,
        read=job.read + step.rows,
        added=job.added + step.added,
        updated=job.updated + step.updated,
        unchanged=job.unchanged + step.unchanged,
        refused=job.refused + step.refused,
        buildings=job.buildings + step.buildings,
        dwellings=job.dwellings + step.dwellings,
        households=job.households + step.households,
        grids=tuple(sorted({*job.grids, *step.grids})),
    )


def complete(job: Job, now: datetime) -> Change[Job]:
    """The file is at its end."""
    fact = facts.ImportCompleted(
        import_id=job.id,
        area=job.area,
        rows=job.rows,
        added=job.added,
        updated=job.updated,
        unchanged=job.unchanged,
        refused=job.refused,
        buildings=job.buildings,
        dwellings=job.dwellings,
        households=job.households,
    )
    return changed(job, fact, state=DONE, total=job.read, ended_at=now)


def stop(job: Job, reason: str, now: datetime) -> Change[Job]:
    """It cannot go on; what was taken stays."""
    fact = facts.ImportStopped(import_id=job.id, area=job.area, reason=reason, rows=job.rows)
    return changed(job, fact, state=STOPPED, ended_at=now, reason=reason)
