"""回退: a case that came to the wrong one goes back: a handover to its giver, a routing to the affair's owner."""

from __future__ import annotations

from datetime import datetime

from complaints.domain import facts
from complaints.domain.case import AT_WORK, DISPATCHED, ROOT, Case, Change, Movement, answers_for
from complaints.domain.times import Clockwork
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant
from suizhuan.kernel.worktime import Limit


def undoable(case: Case, limit: Limit, now: datetime, clockwork: Clockwork) -> Movement | None:
    """The handover that a return would undo; None when it is its routing, which the affair's owner answers for.

    Errors: `case_state`, `movement_under_way`, `nothing_to_return`, `return_too_late`."""
    responsible, mandate, _ = answers_for(case)
    case.needs(*sorted(AT_WORK))
    case.at_rest()
    if not case.stack and mandate.startswith(ROOT):
        raise Refusal("nothing_to_return", case=case.id, responsible=responsible)
    if case.moved_at is not None and not clockwork.within(case.moved_at, limit, now):
        raise Refusal("return_too_late", case=case.id, limit=str(limit))
    return case.stack[-1] if case.stack else None


def give_back(case: Case, grant: Grant, price_fen: int, now: datetime, *, taken: bool = False) -> Change:
    """The case goes to `grant`'s holder: the giver, or who stands in for it; `taken` by the affair's owner."""
    responsible, _, _ = answers_for(case)
    movement = case.stack[-1]
    fact = facts.CaseReturned(
        case=case.id,
        case_term=case.case_term + 1,
        handover=movement.handover,
        from_org=responsible,
        to=grant.holder,
        mandate=grant.mandate,
        term=grant.term,
        affair=movement.affair,
        price_fen=price_fen,
        releases=list(movement.holds),
        taken=taken,
    )
    return case.after(
        fact,
        state=DISPATCHED,
        case_term=case.case_term + 1,
        responsible=grant.holder,
        mandate=grant.mandate,
        term=grant.term,
        affair=movement.affair,
        price_fen=price_fen,
        moved_at=now,
        started_at=None,
        taken=taken,
        stack=case.stack[:-1],
        holds=tuple(h for h in case.holds if h.hold not in movement.holds),
    )
