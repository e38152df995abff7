"""Intake and routing. Intake needs no power and always passes (authority.md): what cannot be routed yet waits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from complaints.domain import facts
from complaints.domain.case import DISPATCHED, REPORTED, Case, Change
from complaints.domain.times import Clockwork
from suizhuan.kernel.area import contains
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import LEAD, Grant
from suizhuan.kernel.worktime import Limit


def route_case(grants: Iterable[Grant], affair: str, area: str, now: datetime) -> Grant | None:
    """Whom a case belongs to: of the lead grants that are not over, the longest prefix.

    Unlike acts, cases are routed to a grant that begins in a moment (a planned successor): the broader holder
    yields to it already, so a case given to that one could not be worked on by anybody."""
    leading = [
        g
        for g in grants
        if g.affair == affair
        and g.role == LEAD
        and g.live
        and (g.ends_at is None or now < g.ends_at)
        and contains(g.area, area)
    ]
    return max(leading, key=lambda g: (len(g.area), g.term), default=None)


def report(
    *,
    case: str,
    category: str,
    affair: str,
    area: str,
    channel: str,
    limit: Limit,
    price_fen: int,
    now: datetime,
    clockwork: Clockwork,
) -> Change:
    """Somebody reports a matter; its limit runs from now on, whether or not it can be routed at once."""
    times = clockwork.start(now, limit)
    made = Case(
        id=case,
        category=category,
        affair=affair,
        area=area,
        channel=channel,
        state=REPORTED,
        version=0,
        case_term=0,
        responsible=None,
        mandate=None,
        term=None,
        price_fen=price_fen,
        limit=str(limit),
        reported_at=now,
        due_at=times.due_at,
        yellow_at=times.yellow_at,
        red_at=times.red_at,
        base_due_at=times.due_at,
    )
    return made.after(facts.CaseReported(case=case, category=category, affair=affair, area=area, channel=channel))


def route(case: Case, grant: Grant, price_fen: int, now: datetime) -> Change:
    """The case gets its responsible organisation. Errors: `case_state`, `wrong_route`."""
    case.needs(REPORTED)
    if grant.affair != case.affair or not contains(grant.area, case.area):
        raise Refusal("wrong_route", case=case.id)
    fact = facts.CaseRouted(
        case=case.id,
        case_term=1,
        affair=case.affair,
        area=case.area,
        responsible=grant.holder,
        mandate=grant.mandate,
        term=grant.term,
        price_fen=price_fen,
        due_at=case.due_at,
        yellow_at=case.yellow_at,
        red_at=case.red_at,
    )
    return case.after(
        fact,
        state=DISPATCHED,
        case_term=1,
        responsible=grant.holder,
        mandate=grant.mandate,
        term=grant.term,
        price_fen=price_fen,
        routed_at=now,
        moved_at=now,
    )
