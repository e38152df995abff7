"""What happens in complaints: the data of its events. Ids and coarse attributes only, never personal data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReported:
    """Somebody reported a matter. Nobody needs a power for this."""

    case: str
    category: str
    affair: str
    area: str
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralTaken:
    """What `service` referred is a case now."""

    service: str
    referral: str
    case: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralRefused:
    """What `service` referred is no case: `reason` is the code of the refusal, such as unknown_category."""

    service: str
    referral: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRouted:
    """The case has a responsible organisation, found by the longest area prefix; `case_term` is 1.

    `price_fen` is what its work is worth by the tariff; it is paid from the earmark of `mandate`."""

    case: str
    case_term: int
    affair: str
    area: str
    responsible: str
    mandate: str
    term: int
    price_fen: int
    due_at: datetime
    yellow_at: datetime
    red_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStarted:
    """The responsible organisation has begun to work on it."""

    case: str
    case_term: int
    org: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHandled:
    """The responsible organisation reports the work as done; it waits for verification."""

    case: str
    case_term: int
    org: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseVerified:
    """The work was checked and is good: it is to be paid, once, to `payee`, who did it. That is not `responsible` where
    the case has moved with its slot between the work and its check; None in events of before this field was there.

    From the open holds of the case, else from the earmark of `mandate`, else from `owner`'s budget."""

    case: str
    case_term: int
    affair: str
    responsible: str
    mandate: str
    owner: str
    price_fen: int
    verified_by: str
    satisfied: bool | None
    payee: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRejected:
    """The check failed: back to work, with the same organisation."""

    case: str
    case_term: int
    responsible: str
    verified_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClosed:
    """The end of the case. `outcome`: verified, or invalid (out of scope, a duplicate): then nothing is paid."""

    case: str
    case_term: int
    responsible: str
    outcome: str
    closed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSettled:
    """The closed case's money has come to rest. `paid_fen` of `price_fen` was paid."""

    case: str
    paid_fen: int
    price_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseExtended:
    """More time was signed off."""

    case: str
    due_at: datetime
    yellow_at: datetime
    red_at: datetime
    signed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSuspended:
    """The clock stands still (season, conditions): 挂账."""

    case: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResumed:
    """The clock runs again."""

    case: str
    due_at: datetime
    yellow_at: datetime
    red_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRaised:
    """A warning: `card` is yellow (one working day before due) or red (the first overdue working day)."""

    case: str
    card: str
    responsible: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverRequested:
    """The responsible organisation asks to hand the case over; finance is asked to hold `needed_fen`.

    `mandate` is the earmark under which the giver holds the case; without one its own budget pays.
    `carried_fen` of the price lies in holds that go along already."""

    case: str
    case_term: int
    handover: str
    giver: str
    receiver: str
    affair: str
    area: str
    mandate: str | None
    price_fen: int
    carried_fen: int
    needed_fen: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHandedOver:
    """Money was held and the duty has moved: `receiver` is responsible under `mandate` and `term` from now on."""

    case: str
    case_term: int
    handover: str
    giver: str
    receiver: str
    affair: str
    area: str
    mandate: str
    term: int
    price_fen: int
    hold: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverRefused:
    """Nothing moved: the giver stays responsible; whatever finance held, or will hold, for it is released.

    `reason`: shortfall, expired, closed, receiver_without_power, moved, switch, giver_without_power."""

    case: str
    case_term: int
    handover: str
    giver: str
    receiver: str
    reason: str
    shortfall_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReturned:
    """The case came back as wrongly dispatched; the holds placed for that movement are to be released.

    `to` is the giver, or the slot's holder where the giver has lost the grant."""

    case: str
    case_term: int
    handover: str | None
    from_org: str
    to: str
    mandate: str
    term: int
    affair: str
    price_fen: int
    releases: list[str]
    taken: bool = False  # by the affair's owner, as owner of the whole area; older events do not say


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHoldRequested:
    """A switch is opening over the case: its price is to be held from the earmark it was routed under.

    Short: from `owner`'s budget; short again: the owner takes the case itself. `needed_fen` may be 0."""

    case: str
    case_term: int
    switch: str
    mandate: str
    owner: str
    price_fen: int
    needed_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CasesReady:
    """Every case in the slots of this switch has its answer from finance: the switch may go on."""

    switch: str
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRepointed:
    """The case has moved without a handover. `cause`: `switch` or `planned_end`, to the slot's present holder;
    `returned`, a case that was routed wrongly, to the affair's owner.

    `taken`: the affair's owner took it itself, as owner of the whole area (false in older events)."""

    case: str
    case_term: int
    cause: str
    switch: str | None
    from_org: str
    to: str
    mandate: str
    term: int
    affair: str
    area: str
    price_fen: int
    hold: str | None
    taken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRekeyed:
    """The place of the case has another code, `area`; who answers for it does so under `term` of the same mandate.
    Nothing has moved: `case_term` is as before."""

    case: str
    case_term: int
    switch: str
    responsible: str
    mandate: str
    term: int
    area: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchHoldsDropped:
    """A switch was given up, or its hold came when nobody waited for it any more: the case stays where it is.

    Everything held for this case with `ref` = `switch` is to be released, whenever it was placed; `holds` are those
    known here."""

    switch: str
    case: str
    holds: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRead:
    """Somebody read the personal data of a case, under a power and for a purpose (design §4). None of it is here."""

    case: str
    case_term: int
    power: str
    purpose: str
