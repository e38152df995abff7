"""After a restore: what a shift and a place in it are after one more fact of the log (authority.md §5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from volunteers.domain import facts_service as f
from volunteers.domain import shift as s
from volunteers.domain.change import after
from volunteers.domain.shift import Placing, Shift, SignUp

ANY_TIME = timedelta(days=36_500)  # how early one may check in was judged then


def planned(fact: f.ShiftPlanned) -> Shift:
    """A shift that the database has never seen."""
    made = Shift(
        id=fact.shift,
        state=s.PLANNED,
        version=0,
        activity=fact.activity,
        area=fact.area,
        starts_at=fact.starts_at,
        ends_at=fact.ends_at,
        capacity=fact.capacity,
        taken=0,
    )
    return after(made, fact).state


def placed(shift: Shift, place: SignUp | None, fact: Any, at: datetime) -> Placing:
    """The shift and the place after one more fact. Errors: ValueError where the fact does not follow from them."""
    made = _step(shift, place, fact, at)
    if made.shift.facts != (fact,):
        raise ValueError(f"it would be said otherwise: {made.shift.facts}")
    return made


def _step(shift: Shift, place: SignUp | None, fact: Any, at: datetime) -> Placing:
    if isinstance(fact, f.SignedUp):
        return s.sign_up(shift, place, fact.volunteer, None, at)
    if place is None:
        raise ValueError("nobody is known to have signed up")
    if isinstance(fact, f.SignUpWithdrawn):
        return s.withdraw(shift, place)
    if isinstance(fact, f.CheckedIn):
        return s.check_in(shift, place, None, by=fact.by, early=ANY_TIME, now=at)
    if isinstance(fact, f.CheckedOut):
        return s.check_out(shift, place, by=fact.by, now=at)
    if isinstance(fact, f.ServiceConfirmed):
        return s.confirm(shift, place, fact.minutes)
    if isinstance(fact, f.ServiceCorrected):
        return s.correct(shift, place, fact.minutes)
    if isinstance(fact, f.VolunteerAbsent):
        return s.absent(shift, place, at)
    raise ValueError(f"nothing is known of {type(fact).__name__}")
