"""The end of a mandate: planned, early, replaced or withdrawn; then settled when finance has returned the rest."""

from __future__ import annotations

from datetime import datetime

from mandates.domain.admission import refused
from mandates.domain.facts import MandateEnded, MandateEnding, MandateSettled
from mandates.domain.mandate import (
    ACTIVE,
    ADMITTED,
    ENDING,
    FUNDED,
    PLACE,
    PROPOSED,
    REFUSED,
    SETTLED,
    SUSPENDED,
    Change,
    Mandate,
)
from suizhuan.kernel.refusal import Refusal

PLANNED, REPLACED, WITHDRAWN, EXPIRED, SLOT_TAKEN = "planned_end", "replaced", "withdrawn", "expired", "slot_taken"


def end_early(mandate: Mandate, *, reason: str, now: datetime) -> Change:
    """It is to end before its time. A suspended one has no power left that would have to move: it ends at once.

    Errors: `wrong_state`.
    """
    mandate.expect(ACTIVE, SUSPENDED)
    ending = Change.of(mandate, MandateEnding(mandate=mandate.id, reason=reason), state=ENDING, reason=reason)
    if mandate.state == SUSPENDED:
        return ending.then(ended(ending.mandate, at=now, reason=reason, switch=None))
    return ending


def ended(mandate: Mandate, *, at: datetime, reason: str, switch: str | None, earmark: str | None = None) -> Change:
    """Duty and powers are gone since `at`; finance returns what is left. One that finance never knew is settled."""
    begun = mandate.slot_from or mandate.held_from
    at = max(at, begun) if begun else at
    fact = MandateEnded(
        mandate=mandate.id,
        affair=mandate.affair,
        area=mandate.area,
        giver=mandate.giver,
        holder=mandate.holder,
        reason=reason,
        basis=mandate.basis,
        amount_fen=mandate.amount_fen or 0,
        starts_at=mandate.held_from or mandate.starts_at,
        ends_at=mandate.ends_at,
        # Nothing of a lump sum was earned by one that never began: it ends where it would have started.
        ended_at=at if mandate.held_from else min(at, mandate.starts_at),
        switch=switch,
    )
    known = earmark or mandate.earmark
    change = Change.of(mandate, fact, state=ENDING, ended_at=at, reason=reason, earmark=known)
    last = settled(change.mandate, returned_fen=0) if mandate.admitted_by is None else None
    return change.then(last) if last is not None else change


def end_by_plan(mandate: Mandate, *, now: datetime) -> Change | None:
    """Its time is over. No message is needed: every copy of the grant knew. None: there was nothing left to end."""
    if mandate.is_root or mandate.ended_at is not None or not mandate.over(now) or mandate.ends_at is None:
        return None
    if mandate.holds_slot:
        return ended(mandate, at=mandate.ends_at, reason=PLANNED, switch=None)
    return give_up(mandate, why=EXPIRED, now=now)


def give_up(mandate: Mandate, *, why: str, now: datetime) -> Change | None:
    """It will never begin. Money that is set aside already goes back. None: it is over already."""
    if mandate.state in (PROPOSED, ADMITTED) and mandate.earmark is None:
        return refused(mandate, why=why, next_org=mandate.giver, next_action=PLACE)
    if mandate.state in (ADMITTED, FUNDED):
        return ended(mandate, at=now, reason=why, switch=None)
    return None


def withdraw(mandate: Mandate, *, now: datetime) -> Change:
    """The giver takes it back before it has begun. Errors: `wrong_state`."""
    mandate.expect(PROPOSED, ADMITTED, FUNDED)
    change = give_up(mandate, why=WITHDRAWN, now=now)
    if change is None:
        raise Refusal("wrong_state", mandate=mandate.id, state=mandate.state, needed="proposed")
    return change


def settled(mandate: Mandate, *, returned_fen: int) -> Change | None:
    """Finance has nothing of it any more. None: it is not at its end, or settled already."""
    if mandate.state not in (ENDING, REFUSED) or mandate.ended_at is None:
        return None
    return Change.of(mandate, MandateSettled(mandate=mandate.id, returned_fen=returned_fen), state=SETTLED)
