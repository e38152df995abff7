"""Repair requests 报修: the firm under contract answers in time, or complaints takes the matter (首接负责 stays)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from property.domain import facts
from property.domain.change import Change, by, unknown
from suizhuan.kernel.refusal import Refusal

REQUESTED, ANSWERED, DONE, CONFIRMED = "requested", "answered", "done", "confirmed"
REFERRED, CASE, TURNED_AWAY, CLOSED = "referred", "case", "turned_away", "closed"
STATES = (REQUESTED, ANSWERED, DONE, CONFIRMED, REFERRED, CASE, TURNED_AWAY, CLOSED)
OPEN = (REQUESTED, ANSWERED, DONE, REFERRED, CASE)
OVERDUE, NO_FIRM, NOT_DONE = "overdue", "no_firm", "not_done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """`category` is that of the case it becomes if need be; `referral` the id under which complaints knows it."""

    id: str
    estate: str
    area: str
    kind: str
    category: str
    firm: str | None
    contract: str | None
    state: str
    due_at: datetime
    requested_at: datetime
    answered_at: datetime | None = None
    done_at: datetime | None = None
    confirmed_at: datetime | None = None
    referred_for: str | None = None
    case_id: str | None = None
    turned_away_for: str | None = None
    outcome: str | None = None
    version: int

    def needs(self, *states: str) -> None:
        """Errors: `repair_state`."""
        if self.state not in states:
            raise Refusal("repair_state", repair=self.id, state=self.state, needed=list(states))

    def served_by(self, org: str) -> str:
        """Errors: `not_the_firm`."""
        if org != self.firm:
            raise Refusal("not_the_firm", org=org, repair=self.id, firm=self.firm)
        return org


def after(before: Repair | None, fact: Any, at: datetime) -> Repair:
    """The request once `fact` has happened."""
    if before is None:
        if not isinstance(fact, facts.RepairRequested):
            raise unknown(fact)
        return Repair(
            id=fact.repair,
            estate=fact.estate,
            area=fact.area,
            kind=fact.kind,
            category=fact.category,
            firm=fact.firm,
            contract=fact.contract,
            state=REQUESTED,
            due_at=fact.due_at,
            requested_at=at,
            version=1,
        )
    version = before.version + 1
    match fact:
        case facts.RepairAnswered():
            return replace(before, state=ANSWERED, answered_at=at, version=version)
        case facts.RepairDone():
            return replace(before, state=DONE, done_at=at, version=version)
        case facts.RepairConfirmed():
            return replace(before, state=CONFIRMED, confirmed_at=at, version=version)
        case facts.RepairReferred():
            return replace(before, state=REFERRED, referred_for=fact.reason, version=version)
        case facts.RepairTaken():
            return replace(before, state=CASE, case_id=fact.case, version=version)
        case facts.RepairTurnedAway():
            return replace(before, state=TURNED_AWAY, turned_away_for=fact.reason, version=version)
        case facts.RepairClosed():
            return replace(before, state=CLOSED, outcome=fact.outcome, version=version)
        case facts.RepairRead():
            return replace(before, version=version)
    raise unknown(fact)


def request(fact: facts.RepairRequested, now: datetime) -> Change[Repair]:
    """Somebody asks for a repair; nobody needs a power for this. Without a firm it is referred at once."""
    said: list[object] = [fact]
    if fact.firm is None:
        said.append(_referred(fact.repair, NO_FIRM))
    return by(after, None, now, *said)


def answer(repair: Repair, org: str, now: datetime) -> Change[Repair]:
    """Errors: `not_the_firm`, `repair_state`: too late, it is with complaints."""
    repair.needs(REQUESTED)
    return by(after, repair, now, facts.RepairAnswered(repair=repair.id, firm=repair.served_by(org)))


def finish(repair: Repair, org: str, now: datetime) -> Change[Repair]:
    """Errors: `not_the_firm`, `repair_state`."""
    repair.needs(ANSWERED)
    return by(after, repair, now, facts.RepairDone(repair=repair.id, firm=repair.served_by(org)))


def confirm(repair: Repair, *, done: bool, now: datetime) -> Change[Repair]:
    """The resident says whether it is done; if not, complaints takes it. Errors: `repair_state`."""
    repair.needs(DONE)
    fact = facts.RepairConfirmed(repair=repair.id) if done else _referred(repair.id, NOT_DONE)
    return by(after, repair, now, fact)


def overdue(repair: Repair, now: datetime) -> Change[Repair] | None:
    """The firm has not answered in time."""
    if repair.state != REQUESTED or now < repair.due_at:
        return None
    return by(after, repair, now, _referred(repair.id, OVERDUE))


@dataclass(frozen=True, slots=True)
class Heard:
    """What complaints has said of a referral: which case it is and how that ended, or why it was turned away."""

    case: str | None = None
    refused: str | None = None
    outcome: str | None = None


def follow(repair: Repair, heard: Heard, now: datetime) -> Change[Repair] | None:
    """Where the request stands by what was heard, in whatever order it came; None when nothing is new."""
    said: list[object] = []
    if repair.state == REFERRED and heard.case is not None:
        said.append(facts.RepairTaken(repair=repair.id, case=heard.case))
    elif repair.state == REFERRED and heard.refused is not None:
        said.append(facts.RepairTurnedAway(repair=repair.id, reason=heard.refused))
    case = repair.case_id if repair.state == CASE else heard.case if said else None
    if case is not None and heard.outcome is not None:
        said.append(facts.RepairClosed(repair=repair.id, case=case, outcome=heard.outcome))
    return by(after, repair, now, *said) if said else None


def _referred(repair: str, reason: str) -> facts.RepairReferred:
    # One referral a request: it has the request's own id, so nothing can refer it twice.
    return facts.RepairReferred(repair=repair, referral=repair, reason=reason)
