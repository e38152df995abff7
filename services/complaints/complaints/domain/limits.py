"""More time, standing time, and the warning cards."""

from __future__ import annotations

from datetime import datetime

from complaints.domain import facts
from complaints.domain.case import AT_WORK, SUSPENDED, Case, Change, answers_for
from complaints.domain.times import Clockwork
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.worktime import Limit, due

YELLOW, RED = "yellow", "red"


def extend(case: Case, by: Limit, most: Limit, *, signed_by: str, clockwork: Clockwork) -> Change:
    """延期, signed off: together never more than `most` beyond the first limit. Errors: `case_state`,
    `extension_too_long` with the latest possible moment."""
    case.needs(*sorted(AT_WORK))
    wanted = due(case.due_at, by, clockwork.calendar)
    latest = due(case.base_due_at, most, clockwork.calendar)
    if wanted > latest:
        raise Refusal("extension_too_long", due_at=wanted.isoformat(), latest=latest.isoformat())
    times = clockwork.of(wanted)
    fact = facts.CaseExtended(
        case=case.id, due_at=times.due_at, yellow_at=times.yellow_at, red_at=times.red_at, signed_by=signed_by
    )
    return case.after(fact, due_at=times.due_at, yellow_at=times.yellow_at, red_at=times.red_at, card=None)


def suspend(case: Case, reason: str, now: datetime) -> Change:
    """挂账: the clock stands still. Errors: `case_state`, `movement_under_way`."""
    answers_for(case)
    case.needs(*sorted(AT_WORK))
    case.at_rest()
    fact = facts.CaseSuspended(case=case.id, reason=reason)
    return case.after(fact, state=SUSPENDED, suspended_at=now, suspended_from=case.state)


def resume(case: Case, now: datetime, clockwork: Clockwork) -> Change:
    """The clock runs again, with what was left of the limit. Errors: `case_state`."""
    case.needs(SUSPENDED)
    since = case.suspended_at or now
    limit = Limit.parse(case.limit)
    times = clockwork.of(clockwork.standstill(case.due_at, limit, since, now))
    base = clockwork.standstill(case.base_due_at, limit, since, now)
    fact = facts.CaseResumed(case=case.id, due_at=times.due_at, yellow_at=times.yellow_at, red_at=times.red_at)
    return case.after(
        fact,
        state=case.suspended_from,
        suspended_at=None,
        suspended_from=None,
        due_at=times.due_at,
        yellow_at=times.yellow_at,
        red_at=times.red_at,
        base_due_at=base,
    )


def next_card(case: Case) -> tuple[str, datetime] | None:
    """The card that is to be raised next, and when; none while nobody is at work, or after the red one."""
    if case.state not in AT_WORK or case.card == RED:
        return None
    return (RED, case.red_at) if case.card == YELLOW else (YELLOW, case.yellow_at)


def raise_card(case: Case, now: datetime) -> Change:
    """The card that is due, if one is. Where both are, the red one alone."""
    card = next_card(case)
    if card is None or now < card[1]:
        return Change(case)
    colour = RED if now >= case.red_at else card[0]
    responsible, _, _ = answers_for(case)
    fact = facts.CardRaised(case=case.id, card=colour, responsible=responsible)
    return case.after(fact, card=colour)
