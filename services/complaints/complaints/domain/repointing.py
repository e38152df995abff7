"""Cases of a slot that moves: by a switch, or because a grant ends as planned (authority §3, §4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from complaints.domain import facts
from complaints.domain.case import DISPATCHED, STARTED, SUSPENDED, Case, Change, Hold, answers_for
from suizhuan.kernel.term import Grant

SWITCH, PLANNED_END, RETURNED = "switch", "planned_end", "returned"


def end_ref(mandate: str, term: int) -> str:
    """What stands for the switch in the holds of a planned end."""
    return f"end:{mandate}:{term}"


def ask_hold(case: Case, ref: str, owner: str) -> Change:
    """Ask finance to hold the price from the earmark under which the case is held now. No other movement begins
    before the answer."""
    _, mandate, _ = answers_for(case)
    fact = facts.CaseHoldRequested(
        case=case.id,
        case_term=case.case_term,
        switch=ref,
        mandate=mandate,
        owner=owner,
        price_fen=case.price_fen,
        needed_fen=max(0, case.price_fen - case.carried_fen),
    )
    return case.after(fact, switch=ref)


def keep_hold(case: Case, hold: Hold) -> Change:
    """The money of a movement to come goes along with the case. It belongs to the last movement it has made."""
    if hold.amount_fen <= 0:
        return Change(case)
    stack = case.stack
    if stack:
        stack = (*stack[:-1], replace(stack[-1], holds=(*stack[-1].holds, hold.hold)))
    return case.after(holds=(*case.holds, hold), stack=stack)


def repoint(
    case: Case, grant: Grant, *, cause: str, switch: str | None, hold: str | None, taken: bool, now: datetime
) -> Change:
    """The case follows its slot to `grant`'s holder; what was started there begins anew here."""
    responsible, _, _ = answers_for(case)
    fact = facts.CaseRepointed(
        case=case.id,
        case_term=case.case_term + 1,
        cause=cause,
        switch=switch,
        from_org=responsible,
        to=grant.holder,
        mandate=grant.mandate,
        term=grant.term,
        affair=case.affair,
        area=case.area,
        price_fen=case.price_fen,
        hold=hold,
        taken=taken,
    )
    return case.after(
        fact,
        state=DISPATCHED if case.state == STARTED else case.state,
        suspended_from=DISPATCHED if case.state == SUSPENDED else None,
        case_term=case.case_term + 1,
        responsible=grant.holder,
        mandate=grant.mandate,
        term=grant.term,
        moved_at=now,
        switch=None,
        taken=taken,
    )


def rekey(case: Case, grant: Grant, *, switch: str) -> Change:
    """The case stays with whom it is, under the grant's new term; its place has another code already. What was asked
    for the switch is not needed, and serves when the case is paid."""
    fact = facts.CaseRekeyed(
        case=case.id,
        case_term=case.case_term,
        switch=switch,
        responsible=grant.holder,
        mandate=grant.mandate,
        term=grant.term,
        area=case.area,
    )
    return case.after(fact, term=grant.term, switch=None if case.switch == switch else case.switch)


def drop_holds(case: Case, switch: str, holds: list[str]) -> Change:
    """The switch was given up: what was, or will be, held for it in this case is free again."""
    fact = facts.SwitchHoldsDropped(switch=switch, case=case.id, holds=holds)
    gone = set(holds)
    stack = tuple(replace(m, holds=tuple(h for h in m.holds if h not in gone)) for m in case.stack)
    return case.after(
        fact,
        switch=None if case.switch == switch else case.switch,
        holds=tuple(h for h in case.holds if h.hold not in gone),
        stack=stack,
    )
