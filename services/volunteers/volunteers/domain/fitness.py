"""Who may serve in an activity: age and skill fit, training before service, nobody twice at once (domain.md §7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from suizhuan.kernel.clock import SHANGHAI
from suizhuan.kernel.refusal import Refusal
from volunteers.domain.activity import Activity
from volunteers.domain.shift import Shift
from volunteers.domain.volunteer import Volunteer, age_on


@dataclass(frozen=True, slots=True)
class Known:
    """What the service knows of a volunteer beside the coarse record: the birth date (None: lost in a restore), until
    when each course counts, whether he is in the activity's team."""

    born: date | None
    trained: Mapping[str, datetime]
    member: bool


def fits(
    volunteer: Volunteer, known: Known, activity: Activity, shift: Shift, *, training_first: tuple[str, ...]
) -> None:
    """Errors: `volunteer_erased`, `identity_missing`, `age_unfit`, `skills_missing`, `training_missing`,
    `not_in_team`. None of them says how old somebody is."""
    volunteer.active()
    if known.born is None:
        raise Refusal("identity_missing")
    age = age_on(known.born, shift.starts_at.astimezone(SHANGHAI).date())
    if age < activity.min_age or (activity.max_age is not None and age > activity.max_age):
        raise Refusal("age_unfit", min_age=activity.min_age, max_age=activity.max_age)
    if missing := sorted(set(activity.skills) - set(volunteer.skills)):
        raise Refusal("skills_missing", skills=missing)
    needed = {*training_first, *activity.training}
    if missing := sorted(one for one in needed if not _lasts(known.trained.get(one), shift.ends_at)):
        raise Refusal("training_missing", training=missing)
    if activity.team is not None and not known.member:
        raise Refusal("not_in_team", team=activity.team)


def _lasts(until: datetime | None, end: datetime) -> bool:
    return until is not None and until >= end
