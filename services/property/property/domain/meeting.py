"""Owners' meetings 业主大会: called, voted in, closed; an elected committee 业委会 is filed in time (domain.md §6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from property.domain import facts_owners as facts
from property.domain.change import Change, by, unknown
from property.domain.facts_owners import Motion, Result
from property.domain.tally import COMMITTEE, FIRM, Vote, count, enough
from suizhuan.kernel.refusal import Refusal

CALLED, CLOSED = "called", "closed"
STATES = (CALLED, CLOSED)
LOWEST_ITEM, HIGHEST_ITEM = 1, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Owners vote on `motions` in [`opens_at`, `closes_at`). `size_dm2` and `heads` are those of the roll, which was
    closed when it was called; `results` come with its end. `committee` is the reference of the committee's filing."""

    id: str
    estate: str
    area: str
    callers: int
    heads: int
    size_dm2: int
    told: str
    opens_at: datetime
    closes_at: datetime
    motions: tuple[Motion, ...]
    state: str
    results: tuple[Result, ...] = ()
    filing_due_at: datetime | None = None
    filing_overdue: bool = False
    committee: str | None = None
    called_at: datetime
    version: int

    def passed(self, item: int) -> bool:
        """Whether it has decided a matter of that item."""
        return any(result.passed and result.item == item for result in self.results)

    def decided_on_firm(self, estate: str) -> None:
        """Hiring and dismissing the firm is for the owners of that very estate. Errors: `not_decided`."""
        if self.estate != estate or not self.passed(FIRM):
            raise Refusal("not_decided", meeting=self.id, item=FIRM, estate=estate)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the profile says about calling and filing."""

    callers_percent: int
    notice_days: int
    longest_vote_days: int
    committee_filing_days: int


def after(before: Meeting | None, fact: Any, at: datetime) -> Meeting:
    """The meeting once `fact` has happened."""
    if before is None:
        if not isinstance(fact, facts.MeetingCalled):
            raise unknown(fact)
        return Meeting(
            id=fact.meeting,
            estate=fact.estate,
            area=fact.area,
            callers=fact.callers,
            heads=fact.heads,
            size_dm2=fact.size_dm2,
            told=fact.told,
            opens_at=fact.opens_at,
            closes_at=fact.closes_at,
            motions=tuple(fact.motions),
            state=CALLED,
            called_at=at,
            version=1,
        )
    version = before.version + 1
    match fact:
        case facts.BallotCast():
            return replace(before, version=version)
        case facts.MeetingClosed():
            return replace(
                before,
                state=CLOSED,
                results=tuple(fact.results),
                filing_due_at=fact.filing_due_at,
                version=version,
            )
        case facts.CommitteeFiled():
            return replace(before, committee=fact.reference, version=version)
        case facts.FilingOverdue():
            return replace(before, filing_overdue=True, version=version)
    raise unknown(fact)


def call(fact: facts.MeetingCalled, conditions: Conditions, now: datetime) -> Change[Meeting]:
    """Owners call a meeting. Errors: `too_few_callers`, `meeting_notice`, `meeting_times`, `motions_malformed`.

    Callers count by heads, at least the profile's share of all owners."""
    share = Fraction(conditions.callers_percent, 100)
    if not enough(fact.callers, fact.heads, share, above=False):
        needed = -(-fact.heads * conditions.callers_percent // 100)
        raise Refusal("too_few_callers", callers=fact.callers, heads=fact.heads, needed=needed)
    earliest = now + timedelta(days=conditions.notice_days)
    if fact.opens_at < earliest:
        raise Refusal("meeting_notice", days=conditions.notice_days, earliest=earliest.isoformat())
    latest = fact.opens_at + timedelta(days=conditions.longest_vote_days)
    if not fact.opens_at < fact.closes_at <= latest:
        raise Refusal("meeting_times", latest=latest.isoformat())
    if not fact.motions or any(not LOWEST_ITEM <= motion.item <= HIGHEST_ITEM for motion in fact.motions):
        raise Refusal("motions_malformed")
    return by(after, None, now, fact)


def cast(meeting: Meeting, owner: str, choices: Mapping[int, str], *, changed: bool, now: datetime) -> Change[Meeting]:
    """An owner of the roll votes on some motions, or votes anew. Errors: `not_voting_now`, `unknown_motion`."""
    if meeting.state != CALLED or not meeting.opens_at <= now < meeting.closes_at:
        raise Refusal(
            "not_voting_now",
            meeting=meeting.id,
            opens_at=meeting.opens_at.isoformat(),
            closes_at=meeting.closes_at.isoformat(),
        )
    if unheard := sorted(set(choices) - {motion.number for motion in meeting.motions}):
        raise Refusal("unknown_motion", meeting=meeting.id, motions=unheard)
    return by(after, meeting, now, facts.BallotCast(meeting=meeting.id, owner=owner, changed=changed))


def close(
    meeting: Meeting, votes: Mapping[int, Sequence[Vote]], conditions: Conditions, now: datetime
) -> Change[Meeting] | None:
    """The vote is over; `votes` are those on each motion. None while it goes on, or once it was closed."""
    if meeting.state != CALLED or now < meeting.closes_at:
        return None
    results = [
        count(motion.number, motion.item, meeting.size_dm2, meeting.heads, votes.get(motion.number, ()))
        for motion in meeting.motions
    ]
    elected = any(result.passed and result.item == COMMITTEE for result in results)
    due_at = meeting.closes_at + timedelta(days=conditions.committee_filing_days) if elected else None
    fact = facts.MeetingClosed(meeting=meeting.id, results=results, filing_due_at=due_at)
    return by(after, meeting, now, fact)


def file_committee(meeting: Meeting, reference: str, now: datetime) -> Change[Meeting]:
    """The elected committee is put on file; late is better than never. Errors: `no_committee`, `committee_filed`."""
    if meeting.filing_due_at is None:
        raise Refusal("no_committee", meeting=meeting.id)
    if meeting.committee is not None:
        raise Refusal("committee_filed", meeting=meeting.id)
    return by(after, meeting, now, facts.CommitteeFiled(meeting=meeting.id, reference=reference))


def filing_overdue(meeting: Meeting, now: datetime) -> Change[Meeting] | None:
    """Nobody has filed the committee in time."""
    due_at = meeting.filing_due_at
    if due_at is None or now < due_at or meeting.committee is not None or meeting.filing_overdue:
        return None
    return by(after, meeting, now, facts.FilingOverdue(meeting=meeting.id))
