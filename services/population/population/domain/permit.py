"""Residence permits 居住证: applied for after months lived here, issued in days, endorsed every year.

Source: domain.md §3 (居住证暂行条例): lived ≥ 6 months with job, home or school; issued within 15 days; endorsed
yearly, and what lapsed for want of an endorsement holds again from the next one on.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from population.domain import facts_files as facts
from population.domain.change import Change, changed
from suizhuan.kernel.refusal import Refusal

APPLIED, ISSUED, LAPSED, CANCELLED = "applied", "issued", "lapsed", "cancelled"
STATES = (APPLIED, ISSUED, LAPSED, CANCELLED)
STANDING = (APPLIED, ISSUED, LAPSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """At most one stands for a person. `due_at`: by when it is to be issued; `valid_until`: by when to be endorsed."""

    id: str
    person: str
    grid: str
    ground: str
    lived_since: str
    state: str
    applied_at: datetime
    due_at: datetime
    valid_until: datetime | None
    version: int

    @property
    def key(self) -> str:
        return self.id

    @property
    def place(self) -> str:
        return self.grid

    def needs(self, *states: str) -> None:
        """Errors: `permit_state`."""
        if self.state not in states:
            raise Refusal("permit_state", permit=self.id, state=self.state, needed="/".join(states))


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month where there is none."""
    years, month = divmod(day.month - 1 + months, 12)
    last = calendar.monthrange(day.year + years, month + 1)[1]
    return date(day.year + years, month + 1, min(day.day, last))


def apply(
    permit: str,
    person: str,
    grid: str,
    *,
    ground: str,
    lived_since: date,
    today: date,
    months: int,
    issue_days: int,
    now: datetime,
) -> Change[Permit]:
    """Somebody who has lived here long enough applies. Errors: `permit_too_early`, which says from when on he may."""
    first = months_after(lived_since, months)
    if today < first:
        raise Refusal("permit_too_early", months=months, first=first.isoformat())
    due_at = now + timedelta(days=issue_days)
    made = Permit(
        id=permit,
        person=person,
        grid=grid,
        ground=ground,
        lived_since=lived_since.isoformat(),
        state=APPLIED,
        applied_at=now,
        due_at=due_at,
        valid_until=None,
        version=0,
    )
    return changed(made, facts.PermitApplied(permit=permit, grid=grid, ground=ground, due_at=due_at))


def issue(permit: Permit, *, valid_days: int, now: datetime) -> Change[Permit]:
    """It is issued. Errors: `permit_state`."""
    permit.needs(APPLIED)
    until = now + timedelta(days=valid_days)
    fact = facts.PermitIssued(permit=permit.id, grid=permit.grid, valid_until=until)
    return changed(permit, fact, state=ISSUED, valid_until=until)


def endorse(permit: Permit, *, valid_days: int, remind_days: int, now: datetime) -> Change[Permit]:
    """Another year, from its end on where that is still to come. Errors: `permit_state`, `endorsed_already`."""
    permit.needs(ISSUED, LAPSED)
    if permit.valid_until is None:
        raise Refusal("permit_state", permit=permit.id, state=permit.state, needed=ISSUED)
    if now < permit.valid_until - timedelta(days=remind_days):
        raise Refusal("endorsed_already", permit=permit.id)
    until = max(now, permit.valid_until) + timedelta(days=valid_days)
    fact = facts.PermitEndorsed(permit=permit.id, grid=permit.grid, valid_until=until)
    return changed(permit, fact, state=ISSUED, valid_until=until)


def overdue(permit: Permit, now: datetime) -> Change[Permit]:
    """It was to be issued by now, and was not."""
    if permit.state != APPLIED or now < permit.due_at:
        return Change(permit)
    return changed(permit, facts.PermitOverdue(permit=permit.id, grid=permit.grid, due_at=permit.due_at))


def end_nears(permit: Permit, now: datetime, *, remind_days: int) -> Change[Permit]:
    """It is to be endorsed soon; or it was not, and lapses."""
    if permit.state != ISSUED or permit.valid_until is None:
        return Change(permit)
    if now >= permit.valid_until:
        return changed(permit, facts.PermitLapsed(permit=permit.id, grid=permit.grid), state=LAPSED)
    if now < permit.valid_until - timedelta(days=remind_days):
        return Change(permit)
    fact = facts.PermitEndorsementDue(permit=permit.id, grid=permit.grid, valid_until=permit.valid_until)
    return changed(permit, fact)


def move(permit: Permit, grid: str) -> Change[Permit]:
    """Its holder lives in another grid."""
    if permit.grid == grid:
        return Change(permit)
    return changed(permit, facts.PermitMoved(permit=permit.id, grid=grid), grid=grid)


def cancel(permit: Permit) -> Change[Permit]:
    """Its holder has left, or is registered here now."""
    if permit.state == CANCELLED:
        return Change(permit)
    return changed(permit, facts.PermitCancelled(permit=permit.id, grid=permit.grid), state=CANCELLED)
