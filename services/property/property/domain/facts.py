"""What happens to estates, premises, leases and repairs: the data of their events. Never personal data.

`size_dm2` is an area in dm², which is 0.01 m². Facts of firms, owners and their meetings are in `facts_owners`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EstateRegistered:
    """An estate 小区 is known from now on."""

    estate: str
    area: str
    name: str
    households: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EstateRevised:
    """Its entry was corrected."""

    estate: str
    name: str
    households: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PremiseRegistered:
    """A room or building is in the register: community premises 社区用房, air-defence space 人防 or a shop 门面房.

    `title` and `delegation` are references of papers on file. `location` says where it is, in words of the register."""

    premise: str
    estate: str | None
    area: str
    kind: str
    location: str
    size_dm2: int
    structure: str
    use: str
    permanent: bool
    title: str | None
    delegation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PremisePaperFiled:
    """A paper is on file: `title` 权属, or the `delegation` 委托 by which the community may let it."""

    premise: str
    paper: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PremiseUseChanged:
    """It serves something else from now on."""

    premise: str
    use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PremiseWithdrawn:
    """It is not there any more: demolished, requisitioned, given back."""

    premise: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseConcluded:
    """`lessor` lets a premise to `lessee`, an id; who that is stands in no event.

    `rent_fen` for every month, quarter or year from `starts_on` until before `ends_on`, due on day `due_day` of the
    month in which the period begins. `prepaid`: all of it was paid beforehand, and becomes income period by period."""

    lease: str
    premise: str
    area: str
    kind: str
    lessor: str
    lessee: str
    use: str
    rent_fen: int
    every: str
    starts_on: date
    ends_on: date
    due_day: int
    prepaid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RentDue:
    """The rent of the period [`begins`, `until`) is due; `bill` asks finance to book it."""

    lease: str
    number: int
    bill: str
    begins: date
    until: date
    amount_fen: int
    prepaid: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RentReceived:
    """The rent of one period has come."""

    lease: str
    number: int
    bill: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCut:
    """It ends before its time. Bills of periods that will not be are withdrawn."""

    lease: str
    ends_on: date
    reason: str
    withdrawn: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseEnded:
    """Its time is over."""

    lease: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LesseeRead:
    """Somebody read who the lessee is, under a power and for a purpose."""

    lease: str
    power: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRequested:
    """A resident asks for a repair. The `firm` under contract answers by `due_at`; without a firm it is referred."""

    repair: str
    estate: str
    area: str
    kind: str
    category: str
    firm: str | None
    contract: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairAnswered:
    """The firm has taken it up."""

    repair: str
    firm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairDone:
    """The firm says that it is done; the resident is to confirm."""

    repair: str
    firm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairConfirmed:
    """The resident says that it is done."""

    repair: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairReferred:
    """It goes to complaints: `overdue`, no firm under contract (`no_firm`), or `not_done` says the resident."""

    repair: str
    referral: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairTaken:
    """Complaints has made it a case."""

    repair: str
    case: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairTurnedAway:
    """Complaints has not taken it in."""

    repair: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairClosed:
    """Its case is closed with that outcome."""

    repair: str
    case: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRead:
    """Somebody read who asked for it and what was described, under a power and for a purpose."""

    repair: str
    power: str
    purpose: str
