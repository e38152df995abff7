"""The end of a case, and the rest of its money."""

from __future__ import annotations

from datetime import datetime

from complaints.domain import facts
from complaints.domain.case import CLOSED, MOVABLE, VERIFIED, Case, Change, answers_for
from complaints.domain.handover import CLOSED_MEANWHILE, Handover, refuse

VALID, INVALID = "verified", "invalid"
REASONS = ("duplicate", "out_of_scope")


def close(case: Case, *, by: str, now: datetime) -> Change:
    """A verified case is closed; if its money has come already, it is settled too. Errors: `case_state`."""
    responsible, _, _ = answers_for(case)
    case.needs(VERIFIED)
    fact = facts.CaseClosed(
        case=case.id, case_term=case.case_term, responsible=responsible, outcome=VALID, closed_by=by
    )
    closed = case.after(fact, state=CLOSED, outcome=VALID, closed_at=now)
    return closed.then(_settle(closed.case, now))


def close_invalid(
    case: Case, waiting: Handover | None, *, by: str, reason: str, redirect: str | None, now: datetime
) -> Change:
    """Out of scope or a duplicate: nothing is paid, finance releases what is held; a waiting handover is refused.

    Errors: `case_state` once the work was verified."""
    responsible, _, _ = answers_for(case)
    case.needs(*sorted(MOVABLE))
    before = refuse(case, waiting, CLOSED_MEANWHILE) if waiting else Change(case)
    fact = facts.CaseClosed(
        case=case.id, case_term=case.case_term, responsible=responsible, outcome=INVALID, closed_by=by
    )
    return before.then(
        before.case.after(
            fact,
            state=CLOSED,
            outcome=INVALID,
            invalid_reason=reason,
            redirect=redirect,
            closed_at=now,
            switch=None,
            holds=(),
        )
    )


def paid(case: Case, paid_fen: int, now: datetime) -> Change:
    """Finance has paid, in full or in part, or could not. A repeat changes nothing."""
    if case.paid_fen is not None or case.state not in (VERIFIED, CLOSED) or case.outcome == INVALID:
        return Change(case)
    noted = case.after(paid_fen=paid_fen, holds=())
    return noted.then(_settle(noted.case, now))


def _settle(case: Case, now: datetime) -> Change:
    if case.state != CLOSED or case.paid_fen is None or case.settled_at is not None:
        return Change(case)
    fact = facts.CaseSettled(case=case.id, paid_fen=case.paid_fen, price_fen=case.price_fen)
    return case.after(fact, settled_at=now)
