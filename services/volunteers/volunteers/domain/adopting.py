"""After a restore: what an aggregate is after one more fact of the log (authority.md §5).

Where a command of this domain says a fact it is carried out once more, at the time of the first time, and must say the
same again; where it would have to know what only its caller knew, the fact itself says what has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from volunteers.domain import activity as a
from volunteers.domain import course as c
from volunteers.domain import facts as f
from volunteers.domain import facts_service as s
from volunteers.domain import pairing as p
from volunteers.domain import team as t
from volunteers.domain import volunteer as v
from volunteers.domain.activity import Activity
from volunteers.domain.change import Aggregate, Change, after
from volunteers.domain.course import Course
from volunteers.domain.pairing import Pairing
from volunteers.domain.team import Team
from volunteers.domain.volunteer import Volunteer

A = TypeVar("A", bound=Aggregate)
Step = Callable[[Any, Any, datetime], Change[Any]]


def begun_by(fact: object, at: datetime) -> Any:
    """An aggregate that the database has never seen; None where this fact begins none."""
    first = _FIRST.get(type(fact))
    if first is None:
        return None
    change = first(fact, at)
    return _same(change, fact)


def after_fact(state: A, fact: object, at: datetime) -> A:
    """The aggregate after one more fact. Errors: ValueError where the fact does not follow from it."""
    step = _STEPS.get(type(fact))
    if step is None:
        raise ValueError(f"nothing is known of {type(fact).__name__}")
    change: Change[A] = step(state, fact, at)
    return _same(change, fact)


def _same(change: Change[A], fact: object) -> A:
    if change.facts != (fact,):
        raise ValueError(f"it would be said otherwise: {change.facts}")
    return change.state


def _registered(fact: f.VolunteerRegistered, at: datetime) -> Change[Volunteer]:
    return v.register(
        volunteer=fact.volunteer, area=fact.area, age_band=fact.age_band, skills=tuple(fact.skills), now=at
    )


def _founded(fact: f.TeamFounded, _: datetime) -> Change[Team]:
    return t.found(team=fact.team, org=fact.org, kind=fact.kind, project=fact.project, area=fact.area)


def _planned(fact: s.ActivityPlanned, at: datetime) -> Change[Activity]:
    made = Activity(
        id=fact.activity,
        state=a.PLANNED,
        version=0,
        org=fact.org,
        affair=fact.affair,
        area=fact.area,
        mandate=fact.mandate,
        term=fact.term,
        kind=fact.kind,
        team=fact.team,
        training=tuple(fact.training),
        skills=tuple(fact.skills),
        min_age=fact.min_age,
        max_age=fact.max_age,
        dangerous=fact.dangerous,
        insurance=fact.insurance,
        planned_fen=fact.planned_fen,
        bill=fact.bill,
        bills=1 if fact.bill else 0,
        starts_at=fact.starts_at,
        ends_at=fact.ends_at,
        waits_since=at if fact.bill else None,
    )
    return after(made, a.planned(made))


def _replanned(activity: Activity, fact: s.ActivityReplanned, at: datetime) -> Change[Activity]:
    return after(
        activity,
        fact,
        state=a.PLANNED,
        bill=fact.bill,
        bills=activity.bills + (fact.bill is not None),
        planned_fen=fact.planned_fen,
        mandate=fact.mandate,
        term=fact.term,
        refused=None,
        shortfall_fen=0,
        waits_since=at if fact.bill else None,
    )


def _course(fact: s.CoursePlanned, _: datetime) -> Change[Course]:
    return c.plan(
        course=fact.course,
        org=fact.org,
        area=fact.area,
        training=fact.training,
        starts_at=fact.starts_at,
        ends_at=fact.ends_at,
    )


def _arranged(fact: f.PairingArranged, at: datetime) -> Change[Pairing]:
    """Whose file it is about was never on the log: the case worker has to say it again."""
    made = Pairing(
        id=fact.pairing,
        state=p.OFFERED,
        version=0,
        volunteer=fact.volunteer,
        org=fact.org,
        need=fact.need,
        area=fact.area,
        linked=False,
        arranged_at=at,
    )
    return after(made, fact)


def _corrected(volunteer: Volunteer, fact: f.VolunteerCorrected, _: datetime) -> Change[Volunteer]:
    return v.correct(volunteer, area=fact.area, age_band=fact.age_band, skills=tuple(fact.skills), fields=fact.fields)


def _attended(volunteer: Volunteer, fact: f.TrainingAttended, _: datetime) -> Change[Volunteer]:
    return v.attend(volunteer, training=fact.training, course=fact.course, valid_until=fact.valid_until)


def _closed(activity: Activity, fact: s.ActivityClosed, at: datetime) -> Change[Activity]:
    return a.close(activity, cost_fen=fact.cost_fen, minutes=fact.minutes, now=at)


_FIRST: Mapping[type[Any], Callable[[Any, datetime], Change[Any]]] = {
    f.VolunteerRegistered: _registered,
    f.TeamFounded: _founded,
    s.ActivityPlanned: _planned,
    s.CoursePlanned: _course,
    f.PairingArranged: _arranged,
}
_STEPS: Mapping[type[Any], Step] = {
    f.VolunteerCorrected: _corrected,
    f.VolunteerAged: lambda state, fact, _: v.grow(state, fact.age_band),
    f.VolunteerErased: lambda state, _, __: v.erase(state),
    f.RecordRead: lambda state, fact, _: v.read(state, power=fact.power, purpose=fact.purpose),
    f.TrainingAttended: _attended,
    f.HoursCredited: lambda state, fact, _: after(state, fact, minutes=state.minutes + fact.minutes),
    f.HoursCorrected: lambda state, fact, _: after(state, fact, minutes=state.minutes + fact.minutes),
    f.StarAwarded: lambda state, fact, _: after(state, fact, star=fact.star),
    f.AwardGiven: lambda state, fact, _: after(state, fact),
    f.AwardConsented: lambda state, fact, _: after(state, fact),
    f.CertificateIssued: lambda state, fact, _: after(state, fact),
    f.TeamJoined: lambda state, fact, _: after(state, fact, members=state.members + 1),
    f.TeamLeft: lambda state, fact, _: t.leave(state, fact.volunteer, member=True),
    f.TeamDissolved: lambda state, _, __: t.dissolve(state),
    s.ActivityOpened: lambda state, fact, _: after(state, fact, state=a.OPEN, waits_since=None),
    s.ActivityUnfunded: lambda state, fact, _: a.not_held(state, fact.bill, fact.reason, fact.shortfall_fen),
    s.ActivityReplanned: _replanned,
    s.ActivityInsured: lambda state, fact, _: a.insure(state, fact.insurance),
    s.ActivityBegun: lambda state, _, __: a.begin(state),
    s.ActivityCancelled: lambda state, fact, at: a.cancel(state, fact.reason, at),
    s.ActivityClosed: _closed,
    s.ActivitySettled: lambda state, fact, _: a.paid(state, state.bill or "", fact.paid_fen),
    s.CourseCancelled: lambda state, _, at: c.cancel(state, at),
    f.PairingBegun: lambda state, fact, at: after(state, fact, state=p.ACTIVE, begun_at=at),
    f.PairingVisited: lambda state, fact, _: after(state, fact),
    # Said once more meanwhile, and lost once more.
    f.PairingLinked: lambda state, fact, _: after(state, fact, linked=False),
    f.PairingRead: lambda state, fact, _: p.read(state, power=fact.power, purpose=fact.purpose),
    f.PairingEnded: lambda state, fact, at: p.end(state, fact.reason, at),
}
