"""回退: a case that was wrongly handed over goes back, and its held money with it."""

from __future__ import annotations

from datetime import datetime

from complaints.domain import facts
from complaints.domain.case import AT_WORK, DISPATCHED, Case, Change, Movement, answers_for
from complaints.domain.times import Clockwork
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant
from suizhuan.kernel.worktime import Limit


def undoable(case: Case, limit: Limit, now: datetime, clockwork: Clockwork) -> Movement:
    """The movement that a return would undo.

    Errors: `case_state`, `movement_under_way`, `nothing_to_return`, `return_too_late`."""
    responsible, _, _ = answers_for(case)
    case.needs(*sorted(AT_WORK))
    case.at_rest()
    if not case.stack:
        raise Refusal("nothing_to_return", case=case.id, responsible=responsible)
    if case.moved_at is not None and not clockwork.within(case.moved_at, limit, now):
        raise Refusal("return_too_late", case=case.id, limit=str(limit))
    return case.stack[-1]


def give_back(case: Case, grant: Grant, price_fen: int, now: datetime) -> Change:
    """The case goes to `grant`'s holder: the giver, or the slot's holder where the giver has lost the grant."""
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
        taken=False,
        stack=case.stack[:-1],
        holds=tuple(h for h in case.holds if h.hold not in movement.holds),
    )
