"""What a jurisdiction says about property 物业: norms, notice periods, how owners meet, which repairs there are."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt, StringConstraints

from suizhuan.datamodel import LimitText, Model, Slug, Words

Percent = Annotated[StrictInt, Field(ge=0, le=100)]
Days = Annotated[StrictInt, Field(ge=1, le=3660)]


class Premises(Model):
    """社区用房: so many whole m² for every 100 households, and the least share of them for activity."""

    m2_per_100_households: Annotated[StrictInt, Field(ge=1, le=10_000)]
    activity_percent: Percent


class Leases(Model):
    """The longest lease, in years."""

    longest_years: Annotated[StrictInt, Field(ge=1, le=70)]


class Contracts(Model):
    """Days ahead at which a firm is dismissed, or told that its contract is not renewed."""

    dismissal_notice_days: Days
    non_renewal_notice_days: Days


class Meetings(Model):
    """业主大会: the least share of owners that calls one, its notice, and within what its committee is filed."""

    callers_percent: Percent
    notice_days: Days
    longest_vote_days: Days
    committee_filing_days: Days


class RepairKind(Model):
    """A kind of repair. `category` is that of the case it becomes when the firm does not answer in time."""

    code: Slug
    name: Words
    category: Annotated[str, StringConstraints(pattern=r"^\d{2}-\d{2}$")]


class Repairs(Model):
    """Within what a firm answers, where its contract does not say."""

    answer_limit: LimitText
    kinds: tuple[RepairKind, ...] = Field(min_length=1)


class Property(Model):
    """The whole section."""

    premises: Premises
    leases: Leases
    contracts: Contracts
    meetings: Meetings
    repairs: Repairs
