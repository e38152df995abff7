"""What happens in the field: the data of the events about activities, shifts and courses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPlanned:
    """An organisation plans an activity under `mandate`. `bill` asks finance to hold `planned_fen`; None: it is free.

    Who serves is of these ages (full years), has these skills and has attended these courses."""

    activity: str
    org: str
    affair: str
    area: str
    mandate: str
    term: int
    kind: str
    team: str | None
    training: list[str]
    skills: list[str]
    min_age: int
    max_age: int | None
    dangerous: bool
    insurance: str | None
    planned_fen: int
    bill: str | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityOpened:
    """Its money is held, or it needs none: volunteers may sign up."""

    activity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityUnfunded:
    """Finance could not hold its money: nobody can sign up. `reason` is finance's."""

    activity: str
    bill: str
    reason: str
    shortfall_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityReplanned:
    """The money of an unfunded activity is asked for anew, by another bill."""

    activity: str
    bill: str | None
    planned_fen: int
    mandate: str
    term: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityInsured:
    """Those who serve in a dangerous activity are insured; `insurance` is the reference of the policy."""

    activity: str
    insurance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityBegun:
    """The first volunteer has checked in."""

    activity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityCancelled:
    """It will not take place. `reason`: organiser, mandate_ended."""

    activity: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityClosed:
    """It is over and all service is settled; what it has really cost is at most what was planned."""

    activity: str
    cost_fen: int
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivitySettled:
    """Its organiser has been paid what it cost."""

    activity: str
    paid_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftPlanned:
    """A part of an activity for which at most `capacity` volunteers sign up."""

    shift: str
    activity: str
    area: str
    starts_at: datetime
    ends_at: datetime
    capacity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUp:
    """A volunteer will come, of his own will."""

    shift: str
    volunteer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpWithdrawn:
    """A volunteer will not come; the place is free again."""

    shift: str
    volunteer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedIn:
    """Service has begun. `by`: code (shown at the site) or organiser."""

    shift: str
    volunteer: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOut:
    """Service is over; `minutes` lie between check-in and check-out, inside the shift."""

    shift: str
    volunteer: str
    by: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfirmed:
    """The organiser stands for these minutes, at most those that were counted."""

    shift: str
    volunteer: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCorrected:
    """The organiser has put its word right: it stands for these minutes now."""

    shift: str
    volunteer: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VolunteerAbsent:
    """Who had signed up did not come."""

    shift: str
    volunteer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftCancelled:
    """It will not take place."""

    shift: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoursePlanned:
    """A course for volunteers, free of charge."""

    course: str
    org: str
    area: str
    training: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseCancelled:
    """It will not take place."""

    course: str
