"""The switch is done: duty, power and money are with the holder."""

from __future__ import annotations

from datetime import datetime

from mandates.domain.facts import MandateActivated, MandateSuspended
from mandates.domain.mandate import ACTIVE, ADMITTED, FUNDED, SUSPENDED, Change, Mandate


def may_activate(mandate: Mandate) -> bool:
    """Funded, or an emergency whose money follows, or suspended; nothing may be missing (a root has no end)."""
    if mandate.is_root:
        return mandate.state == FUNDED
    if mandate.missing:
        return False
    return mandate.state in (FUNDED, SUSPENDED) or (mandate.state == ADMITTED and mandate.emergency is not None)


def activated(mandate: Mandate, *, term: int, starts_at: datetime, switch: str) -> Change:
    """Active under `term` from `starts_at`; also when it is resumed, then under a new term."""
    fact = MandateActivated(
        mandate=mandate.id,
        affair=mandate.affair,
        area=mandate.area,
        role=mandate.role,
        giver=mandate.giver,
        holder=mandate.holder,
        powers=list(mandate.powers),
        term=term,
        starts_at=starts_at,
        ends_at=mandate.ends_at,
        staff_count=len(mandate.staff),
        amount_fen=mandate.amount_fen or 0,
        basis=mandate.basis,
        switch=switch,
    )
    held_from = mandate.held_from or starts_at
    return Change.of(mandate, fact, state=ACTIVE, term=term, held_from=held_from, reason=None)


def suspended(mandate: Mandate, *, reason: str, switch: str) -> Change:
    """Its powers are gone until it is resumed; it keeps its slot."""
    fact = MandateSuspended(mandate=mandate.id, reason=reason, switch=switch)
    return Change.of(mandate, fact, state=SUSPENDED, reason=reason)
