"""What happens to firms, their contracts, owners and their meetings: the data of their events. Never personal data:
an owner is an id, and how somebody voted stands in no event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractFiled:
    """A firm serves an estate from `starts_on` until before `ends_on`.

    `basis`: lump_sum 包干制 or commission 酬金制. `fee_fen` is for one m² and month. `answer_limit`: within what it
    answers a repair request; None: the profile's. `meeting`: the owners' meeting that hired it; None: the developer."""

    contract: str
    estate: str
    area: str
    firm: str
    basis: str
    fee_fen: int
    starts_on: date
    ends_on: date
    answer_limit: str | None
    meeting: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractNoticed:
    """Notice was given in time: a `dismissal` 解聘 or `non_renewal` 不续聘, so it ends on `ends_on`."""

    contract: str
    kind: str
    by: str
    ends_on: date
    meeting: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractContinued:
    """Its time was over and nobody had given notice: it goes on without an end."""

    contract: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractEnded:
    """The firm serves the estate no more."""

    contract: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmListed:
    """A firm 物业企业 may be hired. `grade` is its quality grade, as the city gives it."""

    firm: str
    area: str
    grade: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmStruck:
    """It may be hired no more; contracts that run stay."""

    firm: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRegistered:
    """Somebody owns units of an estate: one head, however many units; so does the developer for what is unsold."""

    owner: str
    estate: str
    area: str
    kind: str
    units: int
    size_dm2: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRevised:
    """What somebody owns has changed; without units no owner any more."""

    owner: str
    units: int
    size_dm2: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRead:
    """Somebody read who an owner is, under a power and for a purpose."""

    owner: str
    power: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """A matter to be voted on: `item` is its number in Civil Code 278."""

    number: int
    item: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingCalled:
    """Owners meet: `callers` of `heads` owners call them, and the residents' committee `told` knows.

    `size_dm2` and `heads` are those of all owners on that day; they vote in [`opens_at`, `closes_at`)."""

    meeting: str
    estate: str
    area: str
    callers: int
    heads: int
    size_dm2: int
    told: str
    opens_at: datetime
    closes_at: datetime
    motions: list[Motion]


@dataclass(frozen=True, slots=True, kw_only=True)
class BallotCast:
    """An owner has voted, or changed the vote. What for, nobody is told."""

    meeting: str
    owner: str
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a motion. The four fractions as integers: who took part of all, who was for it of these.

    `passed` needs the quorum, and more than half, or at least three quarters for items 6 to 8, of area and of heads."""

    number: int
    item: int
    passed: bool
    quorum: bool
    size_dm2: int
    took_part_size_dm2: int
    for_size_dm2: int
    heads: int
    took_part_heads: int
    for_heads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingClosed:
    """The vote is over. Where a committee was elected, it is filed by `filing_due_at`."""

    meeting: str
    results: list[Result]
    filing_due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeFiled:
    """The elected committee 业委会 is on file."""

    meeting: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingOverdue:
    """The elected committee was not filed in time."""

    meeting: str
