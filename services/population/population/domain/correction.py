"""A person asks to have a field put right; staff decides within a limit (PIPL 46)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from population.domain import facts
from population.domain.change import Change, changed
from suizhuan.kernel.refusal import Refusal

ASKED, ACCEPTED, REJECTED = "asked", "accepted", "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A request. What is to stand there instead is personal and lies beside it."""

    id: str
    person: str
    grid: str
    field: str
    state: str
    asked_at: datetime
    due_at: datetime
    version: int

    @property
    def key(self) -> str:
        return self.id

    @property
    def place(self) -> str:
        return self.grid


def ask(request: str, person: str, grid: str, field: str, *, now: datetime, due_at: datetime) -> Change[Correction]:
    """It has to be answered by `due_at`."""
    made = Correction(
        id=request, person=person, grid=grid, field=field, state=ASKED, asked_at=now, due_at=due_at, version=0
    )
    fact = facts.CorrectionAsked(request=request, person=person, grid=grid, field=field, due_at=due_at)
    return changed(made, fact)


def decide(request: Correction, *, accepted: bool) -> Change[Correction]:
    """Errors: `request_decided`."""
    if request.state != ASKED:
        raise Refusal("request_decided", request=request.id)
    fact = facts.CorrectionDecided(request=request.id, accepted=accepted)
    return changed(request, fact, state=ACCEPTED if accepted else REJECTED)


def overdue(request: Correction, now: datetime) -> Change[Correction]:
    """It was to be answered by now, and was not."""
    if request.state != ASKED or now < request.due_at:
        return Change(request)
    return changed(request, facts.CorrectionOverdue(request=request.id, grid=request.grid, due_at=request.due_at))
