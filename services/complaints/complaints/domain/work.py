"""The responsible organisation works: start, and report back."""

from __future__ import annotations

from datetime import datetime

from complaints.domain import facts
from complaints.domain.case import AT_WORK, DISPATCHED, HANDLED, STARTED, Case, Change, answers_for
from complaints.domain.handover import CLOSED_MEANWHILE, Handover, refuse


def start(case: Case, now: datetime) -> Change:
    """It has begun. Errors: `case_state`, `not_routed`."""
    responsible, _, _ = answers_for(case)
    case.needs(DISPATCHED)
    fact = facts.CaseStarted(case=case.id, case_term=case.case_term, org=responsible)
    return case.after(fact, state=STARTED, started_at=now)


def report_back(case: Case, waiting: Handover | None, now: datetime) -> Change:
    """The work is done and waits for its check; a handover that waits has lost its purpose. Errors: `case_state`."""
    responsible, _, _ = answers_for(case)
    case.needs(*sorted(AT_WORK))
    before = refuse(case, waiting, CLOSED_MEANWHILE) if waiting else Change(case)
    fact = facts.CaseHandled(case=case.id, case_term=case.case_term, org=responsible)
    return before.then(before.case.after(fact, state=HANDLED, handled_at=now, done_by=responsible))
