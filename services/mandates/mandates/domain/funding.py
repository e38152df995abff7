"""费随事转: what finance's answer means for a mandate."""

from __future__ import annotations

from datetime import datetime

from mandates.domain.admission import refused
from mandates.domain.ending import ended
from mandates.domain.facts import MandateFunded
from mandates.domain.mandate import ADMITTED, FUNDED, REFUSED, Change, Mandate


def funded(mandate: Mandate, *, earmark: str, amount_fen: int, now: datetime) -> Change | None:
    """Its money is set aside. None: this changes nothing (a repeat).

    Money for a mandate that was withdrawn or refused meanwhile goes back: finance returns it when it hears the end.
    """
    if mandate.earmark is not None or mandate.is_root:
        return None
    if mandate.state == REFUSED:
        return ended(mandate, at=now, reason=mandate.reason or "withdrawn", switch=None, earmark=earmark)
    fact = MandateFunded(mandate=mandate.id, earmark=earmark, amount_fen=amount_fen)
    state = FUNDED if mandate.state == ADMITTED and mandate.emergency is None else mandate.state
    return Change.of(mandate, fact, state=state, earmark=earmark)


def short(mandate: Mandate, *, shortfall_fen: int, next_org: str, next_action: str) -> Change | None:
    """The payer is short: refused, and said who can act next. None: an emergency goes on, or nothing waits for it."""
    if mandate.state != ADMITTED or mandate.emergency is not None:
        return None
    return refused(mandate, why="shortfall", shortfall_fen=shortfall_fen, next_org=next_org, next_action=next_action)
