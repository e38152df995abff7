"""An activity: planned under a mandate, open once its money is held (G4), closed with its real cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant
from volunteers.domain import facts_service as facts
from volunteers.domain.change import Change, after

PLANNED, UNFUNDED, OPEN = "planned", "unfunded", "open"
CLOSED, SETTLED, CANCELLED = "closed", "settled", "cancelled"
STATES = (PLANNED, UNFUNDED, OPEN, CLOSED, SETTLED, CANCELLED)
TO_COME = frozenset({PLANNED, UNFUNDED, OPEN})
ORGANISER, MANDATE_ENDED = "organiser", "mandate_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What an organisation plans, and whom it wants: ages in full years on the day of the shift, skills, courses,
    members of a team. Each field is the activity's field of that name."""

    kind: str
    training: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    min_age: int
    max_age: int | None = None
    team: str | None = None
    dangerous: bool = False
    insurance: str | None = None
    planned_fen: int
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """`bill` is the one by which finance was asked last; None: it is free. `begun`: somebody has checked in.

    `waits_since`: from when on finance's answer is awaited, for its hold or for its payment."""

    id: str
    state: str
    version: int
    org: str
    affair: str
    area: str
    mandate: str
    term: int
    kind: str
    team: str | None
    training: tuple[str, ...]
    skills: tuple[str, ...]
    min_age: int
    max_age: int | None
    dangerous: bool
    insurance: str | None
    planned_fen: int
    bill: str | None
    bills: int
    starts_at: datetime
    ends_at: datetime
    refused: str | None = None
    shortfall_fen: int = 0
    begun: bool = False
    cancelled: str | None = None
    cost_fen: int | None = None
    minutes: int | None = None
    paid_fen: int | None = None
    waits_since: datetime | None = None

    def needs(self, *states: str) -> None:
        """Errors: `activity_state` unless it is in one of these."""
        if self.state not in states:
            raise Refusal("activity_state", activity=self.id, state=self.state, needed="/".join(states))

    def takes(self) -> None:
        """Volunteers may sign up and serve. Errors: `activity_state`, `insurance_missing`."""
        self.needs(OPEN)
        if self.dangerous and self.insurance is None:
            raise Refusal("insurance_missing", activity=self.id, org=self.org)


def plan(
    *, activity: str, grant: Grant, area: str, outline: Outline, adult_age: int, now: datetime
) -> Change[Activity]:
    """An activity under `grant`.

    What costs nothing opens at once: there is nothing to hold, and neither finance being away nor a mandate without an
    earmark may keep neighbours from helping. Errors: `times_wrong`, `outlasts_mandate`, `danger_for_minors`,
    `ages_wrong`."""
    _check_times(grant, outline.starts_at, outline.ends_at, now)
    _check_ages(outline, adult_age)
    bill = bill_of(activity, 1) if outline.planned_fen else None
    made = Activity(
        id=activity,
        state=PLANNED,
        version=0,
        org=grant.holder,
        affair=grant.affair,
        area=area,
        mandate=grant.mandate,
        term=grant.term,
        bill=bill,
        bills=1 if bill else 0,
        waits_since=now if bill else None,
        **asdict(outline),
    )
    change = after(made, planned(made))
    return change if bill else change.then(_open(change.state))


def planned(made: Activity) -> facts.ActivityPlanned:
    """The fact that says all of a new activity."""
    return facts.ActivityPlanned(
        activity=made.id,
        org=made.org,
        affair=made.affair,
        area=made.area,
        mandate=made.mandate,
        term=made.term,
        kind=made.kind,
        team=made.team,
        training=list(made.training),
        skills=list(made.skills),
        min_age=made.min_age,
        max_age=made.max_age,
        dangerous=made.dangerous,
        insurance=made.insurance,
        planned_fen=made.planned_fen,
        bill=made.bill,
        starts_at=made.starts_at,
        ends_at=made.ends_at,
    )


def bill_of(activity: str, number: int) -> str:
    """Each time the money is asked for it is another bill: the answer to an old one changes nothing."""
    return f"{activity}.{number}"


def held(activity: Activity, bill: str) -> Change[Activity]:
    """Finance holds the money. An answer to another bill, or to an activity that is not to be any more, is none."""
    if activity.bill != bill or activity.state != PLANNED:
        return Change(activity)
    return _open(activity)


def not_held(activity: Activity, bill: str, reason: str, shortfall_fen: int) -> Change[Activity]:
    """Finance could not hold it: the activity stays shut, and says how much is missing."""
    if activity.bill != bill or activity.state != PLANNED:
        return Change(activity)
    fact = facts.ActivityUnfunded(activity=activity.id, bill=bill, reason=reason, shortfall_fen=shortfall_fen)
    return after(activity, fact, state=UNFUNDED, refused=reason, shortfall_fen=shortfall_fen, waits_since=None)


def replan(activity: Activity, grant: Grant, planned_fen: int, now: datetime) -> Change[Activity]:
    """The money is asked for anew: another amount, or the earmark is larger now. Errors: `activity_state`."""
    activity.needs(UNFUNDED)
    number = activity.bills + 1 if planned_fen else activity.bills
    bill = bill_of(activity.id, number) if planned_fen else None
    fact = facts.ActivityReplanned(
        activity=activity.id, bill=bill, planned_fen=planned_fen, mandate=grant.mandate, term=grant.term
    )
    change = after(
        activity,
        fact,
        state=PLANNED,
        bill=bill,
        bills=number,
        planned_fen=planned_fen,
        mandate=grant.mandate,
        term=grant.term,
        refused=None,
        shortfall_fen=0,
        waits_since=now if bill else None,
    )
    return change if bill else change.then(_open(change.state))


def insure(activity: Activity, insurance: str) -> Change[Activity]:
    """The policy of those who serve. Errors: `activity_state`."""
    activity.needs(*sorted(TO_COME))
    return after(activity, facts.ActivityInsured(activity=activity.id, insurance=insurance), insurance=insurance)


def begin(activity: Activity) -> Change[Activity]:
    """Somebody has checked in: from now on it is not called off any more, whatever becomes of its mandate."""
    if activity.begun:
        return Change(activity)
    return after(activity, facts.ActivityBegun(activity=activity.id), begun=True)


def has_begun(activity: Activity, now: datetime) -> bool:
    """Somebody serves, or its time has come."""
    return activity.begun or (activity.state == OPEN and activity.starts_at <= now)


def cancel(activity: Activity, reason: str, now: datetime) -> Change[Activity]:
    """It will not be. Errors: `activity_state`, `activity_begun`."""
    activity.needs(*sorted(TO_COME))
    if activity.begun or (reason == MANDATE_ENDED and has_begun(activity, now)):
        raise Refusal("activity_begun", activity=activity.id)
    fact = facts.ActivityCancelled(activity=activity.id, reason=reason)
    return after(activity, fact, state=CANCELLED, cancelled=reason, waits_since=None)


def close(activity: Activity, *, cost_fen: int, minutes: int, now: datetime) -> Change[Activity]:
    """It is over. A free one, or one that has cost nothing in the end, is settled at once.

    Errors: `activity_state`, `not_over`, `above_plan`."""
    activity.needs(OPEN)
    if now < activity.ends_at:
        raise Refusal("not_over", ends_at=activity.ends_at.isoformat())
    if cost_fen > activity.planned_fen:
        raise Refusal("above_plan", cost_fen=cost_fen, planned_fen=activity.planned_fen)
    fact = facts.ActivityClosed(activity=activity.id, cost_fen=cost_fen, minutes=minutes)
    return after(
        activity,
        fact,
        state=CLOSED if cost_fen else SETTLED,
        cost_fen=cost_fen,
        minutes=minutes,
        waits_since=now if cost_fen else None,
    )


def paid(activity: Activity, bill: str, amount_fen: int) -> Change[Activity]:
    """Finance has paid the organiser; a second time says nothing new."""
    if activity.bill != bill or activity.state != CLOSED:
        return Change(activity)
    fact = facts.ActivitySettled(activity=activity.id, paid_fen=amount_fen)
    return after(activity, fact, state=SETTLED, paid_fen=amount_fen, waits_since=None)


def _open(activity: Activity) -> Change[Activity]:
    return after(activity, facts.ActivityOpened(activity=activity.id), state=OPEN, waits_since=None)


def _check_times(grant: Grant, starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if not now < starts_at < ends_at:
        raise Refusal("times_wrong", starts_at=starts_at.isoformat(), ends_at=ends_at.isoformat())
    if grant.ends_at is not None and ends_at > grant.ends_at:
        raise Refusal("outlasts_mandate", mandate=grant.mandate, ends_at=grant.ends_at.isoformat())


def _check_ages(wanted: Outline, adult_age: int) -> None:
    if wanted.max_age is not None and wanted.max_age < wanted.min_age:
        raise Refusal("ages_wrong", min_age=wanted.min_age, max_age=wanted.max_age)
    if wanted.dangerous and wanted.min_age < adult_age:
        raise Refusal("danger_for_minors", adult=adult_age)
