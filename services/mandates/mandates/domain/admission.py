"""准入: deciding on a proposal. Admission asks finance for the money; what lacks something is not admitted."""

from __future__ import annotations

from datetime import datetime

from mandates.domain.facts import MandateAdmitted, MandateRefused
from mandates.domain.mandate import ADMITTED, MONEY, PLACE, PROPOSED, REFUSED, Change, Mandate
from suizhuan.kernel.refusal import Refusal


def admit(mandate: Mandate, *, by: str, now: datetime, price_fen: int) -> Change:
    """Admitted by `by`. `price_fen`, the price of one case, is the least that a proposal without money is short of.

    Errors: `wrong_state`; `not_admissible`, which names what is missing and who can act next; `window_invalid`.
    """
    mandate.expect(PROPOSED)
    if mandate.missing:
        raise Refusal(
            "not_admissible",
            mandate=mandate.id,
            missing=mandate.missing,
            shortfall_fen=price_fen if MONEY in mandate.missing else 0,
            next_org=mandate.giver,
            next_action=PLACE,
        )
    ends_at, amount = mandate.ends_at, mandate.amount_fen
    assert ends_at is not None  # nothing is missing
    assert amount is not None
    if now >= ends_at:
        raise Refusal("window_invalid", starts_at=mandate.starts_at.isoformat(), ends_at=ends_at.isoformat())
    fact = MandateAdmitted(
        mandate=mandate.id,
        affair=mandate.affair,
        area=mandate.area,
        role=mandate.role,
        giver=mandate.giver,
        holder=mandate.holder,
        powers=list(mandate.powers),
        staff_count=len(mandate.staff),
        starts_at=mandate.starts_at,
        ends_at=ends_at,
        basis=mandate.basis,
        amount_fen=amount,
        admitted_by=by,
        emergency=mandate.emergency,
    )
    return Change.of(mandate, fact, state=ADMITTED, admitted_by=by)


def refuse(mandate: Mandate, *, reason: str) -> Change:
    """Not admitted; the giver can act next: with another proposal. Errors: `wrong_state`."""
    mandate.expect(PROPOSED)
    return refused(
        mandate, why="not_admitted", next_org=mandate.giver, next_action="mandates.mandate.place", note=reason
    )


def refused(
    mandate: Mandate,
    *,
    why: str,
    shortfall_fen: int = 0,
    next_org: str | None = None,
    next_action: str | None = None,
    note: str | None = None,
) -> Change:
    """Refused for good; nothing has moved."""
    fact = MandateRefused(
        mandate=mandate.id, reason=why, shortfall_fen=shortfall_fen, next_org=next_org, next_action=next_action
    )
    return Change.of(
        mandate,
        fact,
        state=REFUSED,
        reason=f"{why}: {note}" if note else why,
        shortfall_fen=shortfall_fen,
        next_org=next_org,
        next_action=next_action,
    )
