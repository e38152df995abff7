"""Grants and what they allow: the rule of authority §2 as plain functions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from suizhuan.kernel.area import contains
from suizhuan.kernel.refusal import Refusal

LEAD = "lead"
ASSIST = "assist"
CLOCK_OFF = "clock_off"


@dataclass(frozen=True, slots=True)
class Timing:
    """S, A and the error of any one clock (authority.md), from the jurisdiction profile."""

    max_staleness: timedelta = timedelta(minutes=15)
    max_act: timedelta = timedelta(seconds=5)
    clock_error: timedelta = timedelta(milliseconds=50)

    @property
    def handover_gap(self) -> timedelta:
        """How long after a planned end the successor's acts pass: 2ε + A."""
        return 2 * self.clock_error + self.max_act

    @property
    def lease(self) -> timedelta:
        """How long a replica that is not heard of may still act: S + 2ε."""
        return self.max_staleness + 2 * self.clock_error


@dataclass(frozen=True, slots=True)
class Yielding:
    """A part of a grant's area in which its holder may not act.

    `switch` set: the part is about to move. `mandate` set: a narrower lead grant holds it, until `until`
    (plus the handover gap) or, without `until`, until a switch takes that grant away. `to` set: the code was given up,
    for good; that one stands for it.
    """

    prefix: str
    switch: str | None = None
    mandate: str | None = None
    until: datetime | None = None
    to: str | None = None

    def covers(self, place: str, now: datetime, gap: timedelta) -> bool:
        return contains(self.prefix, place) and (self.until is None or now < self.until + gap)


@dataclass(frozen=True, slots=True)
class Grant:
    """Organisation `holder` holds `powers` for `affair` in `area`, term `term`, under `mandate`, until `ends_at`."""

    mandate: str
    affair: str
    area: str
    role: str
    holder: str
    powers: frozenset[str]
    term: int
    starts_at: datetime
    ends_at: datetime | None = None
    successor: str | None = None
    yielding: tuple[Yielding, ...] = ()
    live: bool = True

    def in_time(self, now: datetime) -> bool:
        return self.live and self.starts_at <= now and (self.ends_at is None or now < self.ends_at)

    def yields(self, place: str, now: datetime, gap: timedelta) -> Yielding | None:
        """The reason for which the holder may not act at `place`, if any; a switch before a narrower grant."""
        hits = [y for y in self.yielding if y.covers(place, now, gap)]
        return next((y for y in hits if y.switch), max(hits, key=lambda y: len(y.prefix), default=None))


@dataclass(frozen=True, slots=True)
class Act:
    """A write (or read) that needs a power at a place. `mandate` and `term` are those the caller relied on."""

    power: str
    affair: str
    place: str
    org: str
    mandate: str
    term: int


@dataclass(frozen=True, slots=True)
class Beat:
    """The newest beat a replica holds: when mandates sent it, and which replicas it names."""

    sent_at: datetime | None
    replicas: frozenset[str] = field(default_factory=frozenset)


def route(grants: Iterable[Grant], affair: str, place: str, now: datetime) -> Grant | None:
    """Who is responsible for `affair` at `place`: of the lead grants that are in time, the longest prefix (G1)."""
    candidates = [g for g in grants if g.affair == affair and g.role == LEAD and g.in_time(now)]
    matching = [g for g in candidates if contains(g.area, place)]
    return max(matching, key=lambda g: (len(g.area), g.term), default=None)


def holding(grants: Iterable[Grant], org: str, power: str, affair: str, place: str, now: datetime) -> Grant | None:
    """The grant by which `org` may use `power` at `place`: the narrowest of its own that is in time."""
    own = [
        g
        for g in grants
        if g.holder == org and g.affair == affair and power in g.powers and contains(g.area, place) and g.in_time(now)
    ]
    return max(own, key=lambda g: (len(g.area), g.role == LEAD, g.term), default=None)


def check_beat(beat: Beat, replica: str, now: datetime, timing: Timing) -> None:
    """The replica may decide at all. Errors: `replica_stale`, `clock_off`."""
    if beat.sent_at is None or replica not in beat.replicas:
        raise Refusal("replica_stale", reason="not named by mandates yet", retry_after=1)
    if beat.sent_at - now > 2 * timing.clock_error:
        raise Refusal(CLOCK_OFF, retry_after=1)
    if now - beat.sent_at >= timing.max_staleness:
        raise Refusal("replica_stale", reason=f"last beat at {beat.sent_at.isoformat()}", retry_after=5)


def check_act(act: Act, grant: Grant | None, now: datetime, timing: Timing, *, holder: str | None = None) -> None:
    """The act is allowed under `grant`, the present row of `act.mandate`. `holder` fills the words of a refusal.

    Errors: `missing_power`, `term_passed`, `power_in_transition`, `area_given_up`.
    """
    missing = Refusal("missing_power", power=act.power, affair=act.affair, area=act.place, org=act.org, holder=holder)
    if grant is None or grant.holder != act.org or grant.affair != act.affair or act.power not in grant.powers:
        raise missing
    if not contains(grant.area, act.place):
        raise missing
    if grant.term != act.term or not grant.in_time(now):
        raise Refusal("term_passed", term=act.term, current=grant.term, holder=holder or grant.successor)
    yielding = grant.yields(act.place, now, timing.handover_gap)
    if yielding is not None and yielding.switch:
        raise Refusal("power_in_transition", switch=yielding.switch, retry_after=1)
    if yielding is not None and yielding.to:
        raise Refusal("area_given_up", area=act.place, now=f"{yielding.to}{act.place[len(yielding.prefix) :]}")
    if yielding is not None:
        raise missing


def narrowest_first(grants: Sequence[Grant]) -> list[Grant]:
    """In the order in which routing asks."""
    return sorted(grants, key=lambda g: (-len(g.area), g.mandate))
