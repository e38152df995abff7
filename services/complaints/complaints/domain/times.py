"""When a case is due and when its cards are raised (domain.md §4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from suizhuan.kernel.worktime import Calendar, Limit, add_working_time, due, red, working_time_between, yellow


@dataclass(frozen=True, slots=True)
class Times:
    """The moments of one limit. The yellow one may lie before the case began."""

    due_at: datetime
    yellow_at: datetime
    red_at: datetime


@dataclass(frozen=True, slots=True)
class Clockwork:
    """The calendar, and how many working days before and after the due day the cards are raised."""

    calendar: Calendar
    yellow_workdays: int
    red_workdays: int

    def of(self, due_at: datetime) -> Times:
        return Times(
            due_at,
            yellow(due_at, self.calendar, self.yellow_workdays),
            red(due_at, self.calendar, self.red_workdays),
        )

    def start(self, begin: datetime, limit: Limit) -> Times:
        """The times of a limit that begins now."""
        return self.of(due(begin, limit, self.calendar))

    def standstill(self, due_at: datetime, limit: Limit, since: datetime, until: datetime) -> datetime:
        """`due_at` after the clock stood still: what was left of it then is left now. What was overdue stays so."""
        if due_at <= since:
            return due_at
        if limit.unit in ("H", "D"):
            return due_at + (until - since)
        left: timedelta = working_time_between(since, due_at, self.calendar)
        return add_working_time(until, left, self.calendar)

    def within(self, since: datetime, limit: Limit, now: datetime) -> bool:
        """Whether a limit that began at `since` has not run out."""
        return now <= due(since, limit, self.calendar)
