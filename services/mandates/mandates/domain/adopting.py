"""After a restore: a mandate as the facts of the log say that it stands (authority.md §5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mandates.domain import facts
from mandates.domain.mandate import (
    ACTIVE,
    ADMITTED,
    ENDING,
    FUNDED,
    PROPOSED,
    REFUSED,
    SETTLED,
    SUSPENDED,
    Mandate,
)

MandateFact = (
    facts.MandateProposed
    | facts.MandateAdmitted
    | facts.MandateRefused
    | facts.MandateFunded
    | facts.MandateActivated
    | facts.MandateSuspended
    | facts.MandateEnding
    | facts.MandateEnded
    | facts.MandateSettled
    | facts.MandateRekeyed
)


def begun(fact: MandateFact, at: datetime) -> Mandate:
    """A mandate that the database has never seen. Who its staff are is said by no event: the holder names them anew.

    Errors: ValueError for a fact that begins none."""
    if not isinstance(fact, facts.MandateProposed | facts.MandateActivated):
        raise ValueError(f"{type(fact).__name__} of a mandate of which nothing is known")
    proposed = fact if isinstance(fact, facts.MandateProposed) else None
    return Mandate(
        id=fact.mandate,
        affair=fact.affair,
        area=fact.area,
        role=fact.role,
        giver=fact.giver,
        holder=fact.holder,
        powers=tuple(fact.powers),
        staff=(),
        starts_at=fact.starts_at,
        ends_at=fact.ends_at,
        basis=fact.basis,
        amount_fen=None if proposed and "amount_fen" in proposed.missing else fact.amount_fen,
        replaces=proposed.replaces if proposed else None,
        emergency=proposed.emergency if proposed else None,
        state=PROPOSED,
        version=0,
        created_at=at,
    )


def after(mandate: Mandate, fact: MandateFact, version: int) -> Mandate:
    """The mandate after one more fact of the log."""
    now = replace(mandate, version=version)
    if isinstance(fact, facts.MandateAdmitted):
        return replace(now, state=ADMITTED, admitted_by=fact.admitted_by)
    if isinstance(fact, facts.MandateRefused):
        return replace(
            now,
            state=REFUSED,
            reason=fact.reason,
            shortfall_fen=fact.shortfall_fen,
            next_org=fact.next_org,
            next_action=fact.next_action,
        )
    if isinstance(fact, facts.MandateFunded):
        state = FUNDED if mandate.state == ADMITTED and mandate.emergency is None else mandate.state
        return replace(now, state=state, earmark=fact.earmark)
    if isinstance(fact, facts.MandateActivated):
        held_from = mandate.held_from or fact.starts_at
        return replace(now, state=ACTIVE, term=fact.term, held_from=held_from, reason=None)
    if isinstance(fact, facts.MandateRekeyed):
        slot_from = fact.since if mandate.held_from is not None else None
        return replace(now, area=fact.area, term=fact.term or mandate.term, slot_from=slot_from)
    if isinstance(fact, facts.MandateSuspended):
        return replace(now, state=SUSPENDED, reason=fact.reason)
    if isinstance(fact, facts.MandateEnding):
        return replace(now, state=ENDING, reason=fact.reason)
    if isinstance(fact, facts.MandateEnded):
        return replace(now, state=ENDING, ended_at=fact.ended_at, reason=fact.reason)
    if isinstance(fact, facts.MandateSettled):
        return replace(now, state=SETTLED)
    return now
