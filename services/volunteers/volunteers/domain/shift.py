"""A shift: places, who has signed up for them, and the minutes that they served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from suizhuan.kernel.refusal import Refusal
from volunteers.domain import facts_service as facts
from volunteers.domain.activity import Activity
from volunteers.domain.change import Change, after

PLANNED, CANCELLED = "planned", "cancelled"
SIGNED, WITHDRAWN, IN, OUT, CONFIRMED, ABSENT = "signed", "withdrawn", "in", "out", "confirmed", "absent"
UNSETTLED = (SIGNED, IN, OUT)
HOLDS_A_PLACE = (SIGNED, IN, OUT, CONFIRMED)
CODE, ORGANISER = "code", "organiser"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """`taken` of its `capacity` places are taken."""

    id: str
    state: str
    version: int
    activity: str
    area: str
    starts_at: datetime
    ends_at: datetime
    capacity: int
    taken: int

    def planned(self) -> None:
        """Errors: `shift_cancelled`."""
        if self.state != PLANNED:
            raise Refusal("shift_cancelled", shift=self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """A volunteer in a shift. `minutes` were counted; `confirmed_minutes` the organiser stands for."""

    shift: str
    volunteer: str
    activity: str
    state: str
    starts_at: datetime
    ends_at: datetime
    in_at: datetime | None = None
    out_at: datetime | None = None
    minutes: int = 0
    confirmed_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Placing:
    """What became of a shift and of one sign-up for it."""

    shift: Change[Shift]
    sign_up: SignUp


def plan(*, shift: str, activity: Activity, starts_at: datetime, ends_at: datetime, capacity: int) -> Change[Shift]:
    """A part of an activity. Errors: `activity_state`, `outside_activity`."""
    activity.needs("planned", "unfunded", "open")
    if not activity.starts_at <= starts_at < ends_at <= activity.ends_at:
        raise Refusal(
            "outside_activity", starts_at=activity.starts_at.isoformat(), ends_at=activity.ends_at.isoformat()
        )
    made = Shift(
        id=shift,
        state=PLANNED,
        version=0,
        activity=activity.id,
        area=activity.area,
        starts_at=starts_at,
        ends_at=ends_at,
        capacity=capacity,
        taken=0,
    )
    fact = facts.ShiftPlanned(
        shift=shift, activity=activity.id, area=activity.area, starts_at=starts_at, ends_at=ends_at, capacity=capacity
    )
    return after(made, fact)


def sign_up(shift: Shift, before: SignUp | None, volunteer: str, elsewhere: SignUp | None, now: datetime) -> Placing:
    """A volunteer takes a place. `elsewhere`: a place of his in another shift at that time.

    Errors: `shift_cancelled`, `shift_over`, `signed_up_already`, `two_at_once`, `shift_full`."""
    shift.planned()
    if now >= shift.ends_at:
        raise Refusal("shift_over", shift=shift.id)
    if before is not None and before.state != WITHDRAWN:
        raise Refusal("signed_up_already", shift=shift.id)
    if elsewhere is not None:
        raise Refusal("two_at_once", shift=elsewhere.shift)
    if shift.taken >= shift.capacity:
        raise Refusal("shift_full", shift=shift.id, capacity=shift.capacity)
    made = SignUp(
        shift=shift.id,
        volunteer=volunteer,
        activity=shift.activity,
        state=SIGNED,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
    )
    fact = facts.SignedUp(shift=shift.id, volunteer=volunteer)
    return Placing(after(shift, fact, taken=shift.taken + 1), made)


def withdraw(shift: Shift, place: SignUp) -> Placing:
    """The place is free again; nobody is kept who does not want to. Errors: `sign_up_state`."""
    _needs(place, SIGNED)
    fact = facts.SignUpWithdrawn(shift=shift.id, volunteer=place.volunteer)
    return Placing(after(shift, fact, taken=shift.taken - 1), replace(place, state=WITHDRAWN))


def check_in(
    shift: Shift, place: SignUp, elsewhere: SignUp | None, *, by: str, early: timedelta, now: datetime
) -> Placing:
    """Service begins. `elsewhere`: another shift that is not over, in which the volunteer still is.

    Errors: `shift_cancelled`, `sign_up_state`, `not_the_time`, `checked_in_elsewhere`."""
    shift.planned()
    _needs(place, SIGNED)
    if not shift.starts_at - early <= now < shift.ends_at:
        raise Refusal("not_the_time", starts_at=shift.starts_at.isoformat(), ends_at=shift.ends_at.isoformat())
    if elsewhere is not None:
        raise Refusal("checked_in_elsewhere", shift=elsewhere.shift)
    fact = facts.CheckedIn(shift=shift.id, volunteer=place.volunteer, by=by)
    return Placing(after(shift, fact), replace(place, state=IN, in_at=now))


def check_out(shift: Shift, place: SignUp, *, by: str, now: datetime) -> Placing:
    """Service is over. Errors: `sign_up_state`."""
    _needs(place, IN)
    minutes = served(shift, place.in_at or now, now)
    fact = facts.CheckedOut(shift=shift.id, volunteer=place.volunteer, by=by, minutes=minutes)
    return Placing(after(shift, fact), replace(place, state=OUT, out_at=now, minutes=minutes))


def served(shift: Shift, in_at: datetime, out_at: datetime) -> int:
    """Whole minutes from check-in to check-out, as far as they lie in the shift: who comes early or stays longer does
    not serve in two shifts at once."""
    spent = min(out_at, shift.ends_at) - max(in_at, shift.starts_at)
    return max(0, spent // timedelta(minutes=1))


def confirm(shift: Shift, place: SignUp, minutes: int | None) -> Placing:
    """The organiser stands for the minutes, or for fewer. Errors: `sign_up_state`, `above_counted`."""
    _needs(place, OUT)
    stands_for = place.minutes if minutes is None else minutes
    if stands_for > place.minutes:
        raise Refusal("above_counted", minutes=stands_for, counted=place.minutes)
    fact = facts.ServiceConfirmed(shift=shift.id, volunteer=place.volunteer, minutes=stands_for)
    return Placing(after(shift, fact), replace(place, state=CONFIRMED, confirmed_minutes=stands_for))


def correct(shift: Shift, place: SignUp, minutes: int) -> Placing:
    """The organiser puts its word right. Errors: `sign_up_state`, `above_counted`, `nothing_to_correct`."""
    _needs(place, CONFIRMED)
    if minutes == place.confirmed_minutes:
        raise Refusal("nothing_to_correct")
    if minutes > place.minutes:
        raise Refusal("above_counted", minutes=minutes, counted=place.minutes)
    fact = facts.ServiceCorrected(shift=shift.id, volunteer=place.volunteer, minutes=minutes)
    return Placing(after(shift, fact), replace(place, confirmed_minutes=minutes))


def absent(shift: Shift, place: SignUp, now: datetime) -> Placing:
    """Who had signed up did not come. Errors: `sign_up_state`, `not_over`."""
    _needs(place, SIGNED)
    if now < shift.ends_at:
        raise Refusal("not_over", ends_at=shift.ends_at.isoformat())
    fact = facts.VolunteerAbsent(shift=shift.id, volunteer=place.volunteer)
    return Placing(after(shift, fact, taken=shift.taken - 1), replace(place, state=ABSENT))


def cancel(shift: Shift) -> Change[Shift]:
    """It will not be, as its activity will not. A second time changes nothing."""
    if shift.state == CANCELLED:
        return Change(shift)
    return after(shift, facts.ShiftCancelled(shift=shift.id), state=CANCELLED)


def _needs(place: SignUp, state: str) -> None:
    if place.state != state:
        raise Refusal("sign_up_state", state=place.state, needed=state)
