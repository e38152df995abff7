"""A mandate (委托): an affair placed on an organisation for an area and a time. Its states, and how facts change it.

    proposed → admitted → funded → active ⇄ suspended → ending → settled, or refused

`ending` lasts from the decision to end it until its money is settled; `ended_at` says since when its duty and
powers are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from suizhuan.kernel.refusal import Refusal

PROPOSED, ADMITTED, FUNDED, ACTIVE, SUSPENDED = "proposed", "admitted", "funded", "active", "suspended"
ENDING, SETTLED, REFUSED = "ending", "settled", "refused"
STATES = (PROPOSED, ADMITTED, FUNDED, ACTIVE, SUSPENDED, ENDING, SETTLED, REFUSED)
ROOT_PREFIX = "root:"
PLACE = "mandates.mandate.place"  # what a giver can do next, by the power it needs
POWERS, STAFF, END, MONEY = "powers", "staff", "ends_at", "amount_fen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """A mandate as it stands. `held_from` is set once it has held a slot, `slot_from` when its area got the present
    code since; a root has no `ends_at`."""

    id: str
    affair: str
    area: str
    role: str
    giver: str
    holder: str
    powers: tuple[str, ...]
    staff: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime | None
    basis: str
    amount_fen: int | None
    replaces: str | None
    emergency: str | None
    state: str
    version: int
    created_at: datetime
    admitted_by: str | None = None
    earmark: str | None = None
    term: int | None = None
    held_from: datetime | None = None
    slot_from: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    shortfall_fen: int = 0
    next_org: str | None = None
    next_action: str | None = None

    @property
    def is_root(self) -> bool:
        return self.id.startswith(ROOT_PREFIX)

    @property
    def missing(self) -> list[str]:
        """What a proposal still lacks (domain.md §5: powers, named staff, an end date, money)."""
        lacks = ((POWERS, not self.powers), (STAFF, not self.staff), (END, self.ends_at is None))
        return [name for name, absent in (*lacks, (MONEY, self.amount_fen is None)) if absent]

    @property
    def holds_slot(self) -> bool:
        """Whether its slot is not free for another lead."""
        return self.state in (ACTIVE, SUSPENDED) or (self.state == ENDING and self.ended_at is None)

    @property
    def has_powers(self) -> bool:
        """Whether a grant of it is in force: its holder is responsible."""
        return self.state == ACTIVE or (self.state == ENDING and self.ended_at is None and self.term is not None)

    def over(self, now: datetime) -> bool:
        """Whether its planned end has come."""
        return self.ends_at is not None and now >= self.ends_at

    def expect(self, *states: str) -> None:
        """Errors: `wrong_state` when it is in none of these."""
        if self.state not in states or self.is_root:
            raise Refusal("wrong_state", mandate=self.id, state=self.state, needed=", ".join(states))


@dataclass(frozen=True, slots=True)
class Change:
    """A mandate after something happened, and the facts that say so; each raised the version by one."""

    mandate: Mandate
    facts: tuple[object, ...]

    @staticmethod
    def of(mandate: Mandate, *facts: object, **values: Any) -> Change:
        return Change(replace(mandate, version=mandate.version + len(facts), **values), facts)

    def then(self, following: Change) -> Change:
        """This change and one that was made from its outcome."""
        return Change(following.mandate, (*self.facts, *following.facts))
