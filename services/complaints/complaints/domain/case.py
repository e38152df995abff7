"""A case: what it is, who answers for it, and by which movements it came there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from suizhuan.kernel.refusal import Refusal

REPORTED, DISPATCHED, STARTED = "reported", "dispatched", "started"
HANDLED, VERIFIED, CLOSED, SUSPENDED = "handled", "verified", "closed", "suspended"
STATES = (REPORTED, DISPATCHED, STARTED, HANDLED, VERIFIED, CLOSED, SUSPENDED)
AT_WORK = frozenset({DISPATCHED, STARTED})
MOVABLE = frozenset({DISPATCHED, STARTED, HANDLED, SUSPENDED})
"""States in which a switch or a planned end moves a case: from `verified` on it only waits for its money."""

HANDLE, VERIFY, SUPERVISE = "complaints.case.handle", "complaints.case.verify", "complaints.case.supervise"
VERIFICATION = "gov.verification"
"""The affair whose holders check cases and sign for them."""
ROOT = "root:"


@dataclass(frozen=True, slots=True)
class Hold:
    """Money that finance holds for this case. `ref` is the handover or switch it was placed for."""

    hold: str
    ref: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Movement:
    """What a handover changed, so that a return can undo it. `holds` were placed for it or since."""

    handover: str
    giver: str
    mandate: str
    affair: str
    price_fen: int
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """What finance had answered when the case was read. That is noted without an event, so the version does not tell
    whether it still stands."""

    paid_fen: int | None
    holds: tuple[Hold, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Exactly one `responsible` at every moment from its routing on (G1), under `mandate` and `term` (G2).

    `case_term` counts movements. `handover` or `switch` name the one movement under way. `taken`: the affair's owner
    took the case itself, since nobody's money could be held for it; it then acts as owner of the whole area,
    also where a narrower holder has the slot."""

    id: str
    category: str
    affair: str
    area: str
    channel: str
    state: str
    version: int
    case_term: int
    responsible: str | None
    mandate: str | None
    term: int | None
    price_fen: int
    limit: str
    reported_at: datetime
    due_at: datetime
    yellow_at: datetime
    red_at: datetime
    base_due_at: datetime
    routed_at: datetime | None = None
    moved_at: datetime | None = None
    started_at: datetime | None = None
    handled_at: datetime | None = None
    verified_at: datetime | None = None
    closed_at: datetime | None = None
    settled_at: datetime | None = None
    suspended_at: datetime | None = None
    suspended_from: str | None = None
    handover: str | None = None
    switch: str | None = None
    taken: bool = False
    done_by: str | None = None  # who reported the work as done: is paid for it, wherever the case has moved since
    card: str | None = None
    outcome: str | None = None
    invalid_reason: str | None = None
    redirect: str | None = None
    satisfied: bool | None = None
    paid_fen: int | None = None
    stack: tuple[Movement, ...] = ()
    holds: tuple[Hold, ...] = ()
    noted: Noted | None = field(default=None, compare=False, repr=False)  # as it was read; no change touches it

    @property
    def workers(self) -> frozenset[str]:
        """Who has done its work or answers for it: none of them may check it."""
        return frozenset(org for org in (self.responsible, self.done_by) if org is not None)

    @property
    def carried_fen(self) -> int:
        """What is held for it already and goes along when it moves."""
        return sum(hold.amount_fen for hold in self.holds)

    @property
    def earmark(self) -> str | None:
        """The mandate whose earmark pays; None for a root, which its owner pays from its budget."""
        return None if self.mandate is None or self.mandate.startswith(ROOT) else self.mandate

    def needs(self, *states: str) -> None:
        """Errors: `case_state` unless the case is in one of these."""
        if self.state not in states:
            raise Refusal("case_state", case=self.id, state=self.state, needed="/".join(states))

    def at_rest(self) -> None:
        """Errors: `movement_under_way`: one movement per case at a time."""
        if self.handover or self.switch:
            raise Refusal("movement_under_way", case=self.id, movement=self.handover or self.switch)

    def at_term(self, case_term: int | None) -> None:
        """Errors: `case_term_passed` when the caller relied on an earlier movement."""
        if case_term is not None and case_term != self.case_term:
            raise Refusal("case_term_passed", case_term=case_term, current=self.case_term, responsible=self.responsible)

    def after(self, *facts: object, **changes: Any) -> Change:
        """The case with these changes, a version higher for each fact."""
        return Change(replace(self, version=self.version + len(facts), **changes), facts, frozenset(changes))


@dataclass(frozen=True, slots=True)
class Change:
    """What a command made of a case, and the facts that say so, in order. No facts: nothing happened.

    `changed` names the fields that may differ, beside the version."""

    case: Case
    facts: tuple[object, ...] = ()
    changed: frozenset[str] = frozenset()

    def then(self, other: Change) -> Change:
        """Both, as one."""
        return Change(other.case, (*self.facts, *other.facts), self.changed | other.changed)


def answers_for(case: Case) -> tuple[str, str, int]:
    """(responsible, mandate, term) of a routed case. Errors: `not_routed`."""
    if case.responsible is None or case.mandate is None or case.term is None:
        raise Refusal("not_routed", case=case.id)
    return case.responsible, case.mandate, case.term
