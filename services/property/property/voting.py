"""Owners' meetings and time: the vote ends when it was said to, and an elected committee is filed in time."""

from __future__ import annotations

from property import store_meetings as store
from property.domain import meeting as meetings
from property.domain.meeting import CALLED, Conditions, Meeting
from property.rules import Rules
from property.store_meetings import MEETINGS
from suizhuan.unit_of_work import Tx

CLOSE, FILING = "meeting.close", "committee.filing"


def conditions(rules: Rules) -> Conditions:
    """What the profile says."""
    own = rules.own.meetings
    return Conditions(own.callers_percent, own.notice_days, own.longest_vote_days, own.committee_filing_days)


async def watch(tx: Tx, meeting: Meeting) -> None:
    """Have the vote end, and the time for the committee's filing run out."""
    if meeting.state == CALLED:
        await tx.deadline(CLOSE, meeting.id, meeting.closes_at)
    else:
        await tx.cancel_deadline(CLOSE, meeting.id)
    if meeting.filing_due_at is not None and meeting.committee is None and not meeting.filing_overdue:
        await tx.deadline(FILING, meeting.id, meeting.filing_due_at)
    else:
        await tx.cancel_deadline(FILING, meeting.id)


async def time_is_over(tx: Tx, rules: Rules, meeting: Meeting) -> None:
    """The vote ends: what the ballots come to is counted and told."""
    change = meetings.close(meeting, await store.votes(tx.conn, meeting.id), conditions(rules), tx.now)
    if change is not None:
        await watch(tx, await MEETINGS.put(tx, change, None))


async def filing_is_due(tx: Tx, meeting: Meeting) -> None:
    """Nobody has filed the committee: that is told."""
    change = meetings.filing_overdue(meeting, tx.now)
    if change is not None:
        await MEETINGS.put(tx, change, None)
