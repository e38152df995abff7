"""After a restore: a case as the facts of the log say that it stands (authority.md §5).

Each fact is what a command of this domain said; so the command is carried out once more with what the fact tells of it,
at the time of the first time, and must say the same again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from complaints.domain import closing, facts, intake, limits, repointing, returning, verification, work
from complaints.domain import handover as saga
from complaints.domain.case import CLOSED, Case, Change, Hold
from complaints.domain.handover import Handover
from complaints.domain.times import Clockwork
from suizhuan.kernel.term import LEAD, Grant
from suizhuan.kernel.worktime import Limit


@dataclass(frozen=True, slots=True)
class Known:
    """What stands here beside the case: the handover that a fact names, the calendar, the limit and price of intake."""

    at: datetime
    clockwork: Clockwork
    handover: Handover | None = None
    limit: Limit | None = None
    price_fen: int = 0


def reported(fact: facts.CaseReported, known: Known) -> Case:
    """A case that the database has never seen."""
    if known.limit is None:
        raise ValueError("no limit")
    change = intake.report(
        case=fact.case,
        category=fact.category,
        affair=fact.affair,
        area=fact.area,
        channel=fact.channel,
        limit=known.limit,
        price_fen=known.price_fen,
        now=known.at,
        clockwork=known.clockwork,
    )
    return change.case


def after(case: Case, fact: object, known: Known) -> Case:
    """The case after one more fact of the log. Errors: ValueError where the fact does not follow from it."""
    command = _COMMANDS.get(type(fact))
    if command is None:
        raise ValueError(f"nothing is known of {type(fact).__name__}")
    said = getattr(fact, "area", case.area)  # its place may have got another code since
    change = command(replace(case, area=said), fact, known)
    if change.facts != (fact,):
        raise ValueError(f"it would be said otherwise: {change.facts}")
    return replace(change.case, area=case.area)


def requested(fact: facts.HandoverRequested, at: datetime) -> Handover:
    """The handover that was asked for; it waits."""
    return Handover(
        id=fact.handover,
        case=fact.case,
        case_term=fact.case_term,
        giver=fact.giver,
        receiver=fact.receiver,
        affair=fact.affair,
        mandate=fact.mandate,
        price_fen=fact.price_fen,
        carried_fen=fact.carried_fen,
        needed_fen=fact.needed_fen,
        state=saga.WAITING,
        requested_at=at,
        expires_at=fact.expires_at,
    )


def _grant(case: Case, holder: str, mandate: str, term: int, affair: str, at: datetime) -> Grant:
    return Grant(mandate, affair, case.area, LEAD, holder, frozenset(), term, at, None)


def _handover(known: Known) -> Handover:
    if known.handover is None:
        raise ValueError("the handover is not known")
    return known.handover


def _routed(case: Case, fact: facts.CaseRouted, known: Known) -> Change:
    grant = _grant(case, fact.responsible, fact.mandate, fact.term, fact.affair, known.at)
    return intake.route(case, grant, fact.price_fen, known.at)


def _verified(case: Case, fact: facts.CaseVerified, known: Known) -> Change:
    return verification.passed(case, by=fact.verified_by, owner=fact.owner, satisfied=fact.satisfied, now=known.at)


def _closed(case: Case, fact: facts.CaseClosed, known: Known) -> Change:
    if fact.outcome == closing.VALID:
        return case.after(fact, state=CLOSED, outcome=closing.VALID, closed_at=known.at)
    return closing.close_invalid(case, None, by=fact.closed_by, reason="", redirect=None, now=known.at)


def _times(case: Case, fact: facts.CaseExtended, _: Known) -> Change:
    return case.after(fact, due_at=fact.due_at, yellow_at=fact.yellow_at, red_at=fact.red_at, card=None)


def _handed_over(case: Case, fact: facts.CaseHandedOver, known: Known) -> Change:
    asked = _handover(known)
    grant = _grant(case, fact.receiver, fact.mandate, fact.term, fact.affair, known.at)
    hold = Hold(fact.hold or "", asked.id, asked.needed_fen if fact.hold else 0)
    return saga.move(case, asked, grant, hold, known.at)


def _refused(case: Case, fact: facts.HandoverRefused, known: Known) -> Change:
    return saga.refuse(case, _handover(known), fact.reason, fact.shortfall_fen)


def _returned(case: Case, fact: facts.CaseReturned, known: Known) -> Change:
    grant = _grant(case, fact.to, fact.mandate, fact.term, fact.affair, known.at)
    return returning.give_back(case, grant, fact.price_fen, known.at, taken=fact.taken)


def _repointed(case: Case, fact: facts.CaseRepointed, known: Known) -> Change:
    """Its hold came without a word of this service: it is what the case still needed then."""
    held = {hold.hold for hold in case.holds}
    if fact.hold is not None and fact.hold not in held and case.mandate is not None and case.term is not None:
        ref = fact.switch or repointing.end_ref(case.mandate, case.term)
        needed = max(0, case.price_fen - case.carried_fen)
        case = repointing.keep_hold(case, Hold(fact.hold, ref, needed)).case
    grant = _grant(case, fact.to, fact.mandate, fact.term, fact.affair, known.at)
    return repointing.repoint(
        case, grant, cause=fact.cause, switch=fact.switch, hold=fact.hold, taken=fact.taken, now=known.at
    )


def _rekeyed(case: Case, fact: facts.CaseRekeyed, known: Known) -> Change:
    grant = _grant(case, fact.responsible, fact.mandate, fact.term, case.affair, known.at)
    return repointing.rekey(case, grant, switch=fact.switch)


_COMMANDS: dict[type[Any], Callable[[Case, Any, Known], Change]] = {
    facts.CaseRouted: _routed,
    facts.CaseStarted: lambda case, _, known: work.start(case, known.at),
    facts.CaseHandled: lambda case, _, known: work.report_back(case, None, known.at),
    facts.CaseVerified: _verified,
    facts.CaseRejected: lambda case, fact, _: verification.failed(case, by=fact.verified_by),
    facts.CaseClosed: _closed,
    facts.CaseSettled: lambda case, fact, known: case.after(
        fact, settled_at=known.at, paid_fen=fact.paid_fen, holds=()
    ),
    facts.CaseExtended: _times,
    facts.CaseSuspended: lambda case, fact, known: limits.suspend(case, fact.reason, known.at),
    facts.CaseResumed: lambda case, _, known: limits.resume(case, known.at, known.clockwork),
    facts.CardRaised: lambda case, fact, _: case.after(fact, card=fact.card),
    facts.HandoverRequested: lambda case, fact, _: case.after(fact, handover=fact.handover),
    facts.CaseHandedOver: _handed_over,
    facts.HandoverRefused: _refused,
    facts.CaseReturned: _returned,
    facts.CaseHoldRequested: lambda case, fact, _: repointing.ask_hold(case, fact.switch, fact.owner),
    facts.CaseRepointed: _repointed,
    facts.CaseRekeyed: _rekeyed,
    facts.SwitchHoldsDropped: lambda case, fact, _: repointing.drop_holds(case, fact.switch, fact.holds),
    facts.PrivateRead: lambda case, fact, _: case.after(fact),
}
