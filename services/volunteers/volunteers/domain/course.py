"""Courses: training comes before service (domain.md §7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from suizhuan.kernel.refusal import Refusal
from volunteers.domain import facts_service as facts
from volunteers.domain.change import Change, after

PLANNED, CANCELLED = "planned", "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A course of organisation `org` in one of the profile's trainings."""

    id: str
    state: str
    version: int
    org: str
    area: str
    training: str
    starts_at: datetime
    ends_at: datetime

    def attendable(self, now: datetime) -> None:
        """Who attended is noted once it has begun. Errors: `course_cancelled`, `not_begun`."""
        if self.state != PLANNED:
            raise Refusal("course_cancelled", course=self.id)
        if now < self.starts_at:
            raise Refusal("not_begun", starts_at=self.starts_at.isoformat())


def plan(*, course: str, org: str, area: str, training: str, starts_at: datetime, ends_at: datetime) -> Change[Course]:
    """A course is announced. Errors: `times_wrong`."""
    if starts_at >= ends_at:
        raise Refusal("times_wrong", starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat())
    made = Course(
        id=course,
        state=PLANNED,
        version=0,
        org=org,
        area=area,
        training=training,
        starts_at=starts_at,
        ends_at=ends_at,
    )
    fact = facts.CoursePlanned(
        course=course, org=org, area=area, training=training, starts_at=starts_at, ends_at=ends_at
    )
    return after(made, fact)


def cancel(course: Course, now: datetime) -> Change[Course]:
    """It will not take place. Errors: `course_cancelled`, `course_begun`."""
    if course.state != PLANNED:
        raise Refusal("course_cancelled", course=course.id)
    if now >= course.starts_at:
        raise Refusal("course_begun", course=course.id)
    return after(course, facts.CourseCancelled(course=course.id), state=CANCELLED)
