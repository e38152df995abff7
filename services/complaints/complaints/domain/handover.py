"""The handover 转办: requested → its money held → moved, or refused. Only this service decides (authority §4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from complaints.domain import facts
from complaints.domain.case import AT_WORK, DISPATCHED, SUSPENDED, Case, Change, Hold, Movement, answers_for
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant

WAITING, MOVED, REFUSED = "waiting", "moved", "refused"

SHORTFALL, EXPIRED, CLOSED_MEANWHILE = "shortfall", "expired", "closed"
RECEIVER, GIVER, SWITCH = "receiver_without_power", "giver_without_power", "switch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One request to move a case. `hold` is set as soon as finance has answered, also while the move still waits."""

    id: str
    case: str
    case_term: int
    giver: str
    receiver: str
    affair: str
    mandate: str | None
    price_fen: int
    carried_fen: int
    needed_fen: int
    state: str
    requested_at: datetime
    expires_at: datetime
    reason: str | None = None
    shortfall_fen: int = 0
    hold: str | None = None
    held_fen: int | None = None
    decided_at: datetime | None = None

    def counts_for(self, case: Case) -> bool:
        """Whether the case still waits for this very handover at this very case_term."""
        return self.state == WAITING and case.handover == self.id and case.case_term == self.case_term

    def decided(self, state: str, now: datetime, reason: str | None = None, shortfall_fen: int = 0) -> Handover:
        return replace(self, state=state, decided_at=now, reason=reason, shortfall_fen=shortfall_fen)


def request(
    case: Case, *, handover: str, receiver: Grant, price_fen: int, now: datetime, expires_at: datetime
) -> tuple[Change, Handover]:
    """Ask to hand the case over to `receiver`'s holder; finance is asked for what is not held yet.

    Errors: `case_state`, `movement_under_way`, `handover_to_self`, `not_routed`."""
    giver, _, _ = answers_for(case)
    case.needs(*sorted(AT_WORK))
    case.at_rest()
    if receiver.holder == giver:
        raise Refusal("handover_to_self", org=giver)
    carried = case.carried_fen
    made = Handover(
        id=handover,
        case=case.id,
        case_term=case.case_term,
        giver=giver,
        receiver=receiver.holder,
        affair=receiver.affair,
        mandate=case.earmark,
        price_fen=price_fen,
        carried_fen=carried,
        needed_fen=max(0, price_fen - carried),
        state=WAITING,
        requested_at=now,
        expires_at=expires_at,
    )
    fact = facts.HandoverRequested(
        case=case.id,
        case_term=case.case_term,
        handover=handover,
        giver=giver,
        receiver=made.receiver,
        affair=made.affair,
        area=case.area,
        mandate=made.mandate,
        price_fen=price_fen,
        carried_fen=carried,
        needed_fen=made.needed_fen,
        expires_at=expires_at,
    )
    return case.after(fact, handover=handover), made


def move(case: Case, handover: Handover, grant: Grant, hold: Hold, now: datetime) -> Change:
    """The money is held: the receiver is responsible from now on, under `grant`."""
    giver, mandate, _ = answers_for(case)
    placed = (hold,) if hold.amount_fen > 0 else ()
    movement = Movement(
        handover.id, giver, mandate, case.affair, case.price_fen, tuple(placed_hold.hold for placed_hold in placed)
    )
    fact = facts.CaseHandedOver(
        case=case.id,
        case_term=case.case_term + 1,
        handover=handover.id,
        giver=giver,
        receiver=grant.holder,
        affair=grant.affair,
        area=case.area,
        mandate=grant.mandate,
        term=grant.term,
        price_fen=handover.price_fen,
        hold=hold.hold if placed else None,
    )
    suspended = case.state == SUSPENDED
    return case.after(
        fact,
        state=case.state if suspended else DISPATCHED,
        suspended_from=DISPATCHED if suspended else None,
        case_term=case.case_term + 1,
        responsible=grant.holder,
        mandate=grant.mandate,
        term=grant.term,
        affair=grant.affair,
        price_fen=handover.price_fen,
        moved_at=now,
        started_at=None,
        handover=None,
        taken=False,
        stack=(*case.stack, movement),
        holds=(*case.holds, *placed),
    )


def refuse(case: Case, handover: Handover, reason: str, shortfall_fen: int = 0) -> Change:
    """Nothing moves: the giver stays responsible, and whatever was or will be held for it is released."""
    fact = facts.HandoverRefused(
        case=case.id,
        case_term=case.case_term,
        handover=handover.id,
        giver=handover.giver,
        receiver=handover.receiver,
        reason=reason,
        shortfall_fen=shortfall_fen,
    )
    return case.after(fact, handover=None)
