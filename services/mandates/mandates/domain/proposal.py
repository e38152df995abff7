"""Proposing a mandate and completing a proposal. What is lacking is named; it stands as proposed until it is there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from mandates.domain.facts import MandateProposed
from mandates.domain.mandate import PROPOSED, Change, Mandate
from suizhuan.kernel.fen import fen
from suizhuan.kernel.refusal import Refusal


def propose(draft: Mandate, *, now: datetime, earliest: datetime, priced: bool, employed: Collection[str]) -> Change:
    """The proposal stands. `draft` is version 0; `employed` are those of its staff who work for the holder.

    Errors: `window_invalid`, `lead_time_short`, `amount_not_positive`, `amount_not_fen`, `staff_not_of_holder`.
    """
    if draft.emergency is None and draft.starts_at < earliest:
        raise Refusal("lead_time_short", earliest=earliest.isoformat())
    _check(draft, now=now, priced=priced, employed=employed)
    return _stated(draft)


def amend(
    mandate: Mandate,
    *,
    now: datetime,
    priced: bool,
    employed: Collection[str],
    powers: tuple[str, ...] | None = None,
    staff: tuple[str, ...] | None = None,
    ends_at: datetime | None = None,
    amount_fen: int | None = None,
) -> Change:
    """Complete or correct a proposal; what is None stays. Errors: `wrong_state`, and those of `propose`."""
    mandate.expect(PROPOSED)
    changed = replace(
        mandate,
        powers=mandate.powers if powers is None else powers,
        staff=mandate.staff if staff is None else staff,
        ends_at=mandate.ends_at if ends_at is None else ends_at,
        amount_fen=mandate.amount_fen if amount_fen is None else amount_fen,
    )
    _check(changed, now=now, priced=priced, employed=employed)
    return _stated(changed)


def _check(draft: Mandate, *, now: datetime, priced: bool, employed: Collection[str]) -> None:
    if draft.ends_at is not None and (draft.ends_at <= draft.starts_at or draft.ends_at <= now):
        raise Refusal("window_invalid", starts_at=draft.starts_at.isoformat(), ends_at=draft.ends_at.isoformat())
    # Work without a price (authority §4) may come without money; priced work never for 0.
    if draft.amount_fen is not None and (draft.amount_fen != 0 or priced):
        fen(draft.amount_fen)
    if strangers := sorted(set(draft.staff) - set(employed)):
        raise Refusal("staff_not_of_holder", staff=", ".join(strangers), org=draft.holder)


def _stated(mandate: Mandate) -> Change:
    return Change.of(
        mandate,
        MandateProposed(
            mandate=mandate.id,
            affair=mandate.affair,
            area=mandate.area,
            role=mandate.role,
            giver=mandate.giver,
            holder=mandate.holder,
            powers=list(mandate.powers),
            staff_count=len(mandate.staff),
            starts_at=mandate.starts_at,
            ends_at=mandate.ends_at,
            basis=mandate.basis,
            amount_fen=mandate.amount_fen or 0,
            replaces=mandate.replaces,
            emergency=mandate.emergency,
            missing=mandate.missing,
        ),
    )
