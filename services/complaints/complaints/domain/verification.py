"""The check of the work: passed, who did it is paid, once; failed, it goes back to work with who answers for it."""

from __future__ import annotations

from datetime import datetime

from complaints.domain import facts
from complaints.domain.case import HANDLED, STARTED, VERIFIED, Case, Change, answers_for
from suizhuan.kernel.refusal import Refusal


def independent(case: Case, org: str | None, *, others: str | None) -> None:
    """Nobody checks its own work or signs for it, also when the case has moved on since it was done.

    Errors: `self_verification`, which names who can."""
    if org is not None and org in case.workers:
        raise Refusal("self_verification", org=org, case=case.id, holder=others)


def passed(case: Case, *, by: str, owner: str, satisfied: bool | None, now: datetime) -> Change:
    """The work is good. `owner` of the affair pays what neither hold nor earmark covers. Errors: `case_state`."""
    responsible, mandate, _ = answers_for(case)
    case.needs(HANDLED)
    fact = facts.CaseVerified(
        case=case.id,
        case_term=case.case_term,
        affair=case.affair,
        responsible=responsible,
        payee=case.done_by or responsible,
        mandate=mandate,
        owner=owner,
        price_fen=case.price_fen,
        verified_by=by,
        satisfied=satisfied,
    )
    return case.after(fact, state=VERIFIED, verified_at=now, satisfied=satisfied, switch=None)


def failed(case: Case, *, by: str) -> Change:
    """Back to work. Errors: `case_state`."""
    responsible, _, _ = answers_for(case)
    case.needs(HANDLED)
    fact = facts.CaseRejected(case=case.id, case_term=case.case_term, responsible=responsible, verified_by=by)
    return case.after(fact, state=STARTED, handled_at=None, done_by=None)
