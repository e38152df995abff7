"""Periods of a lease and their rent: whole calendar months, quarters and years from its first day, in exact fen."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from suizhuan.kernel.clock import SHANGHAI
from suizhuan.kernel.fen import pro_rata

MONTHS = {"month": 1, "quarter": 3, "year": 12}
LATEST_DUE_DAY = 28  # every month has it


@dataclass(frozen=True, slots=True)
class Period:
    """Days [`begins`, `until`) of a lease, the `number`-th from 1; `whole_until` is where a whole one would end."""

    number: int
    begins: date
    until: date
    whole_until: date

    def rent(self, rent_fen: int) -> int:
        """For a period that the lease's end cuts short: its share by days, rounded down to the fen."""
        return pro_rata(rent_fen, (self.until - self.begins).days, (self.whole_until - self.begins).days)

    def due_on(self, day: int) -> date:
        """Day `day` of the month in which it begins: in advance or during it, as the lease says."""
        return self.begins.replace(day=day)


def months_after(day: date, months: int) -> date:
    """The same day so many months on, or the last one of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def period(number: int, starts_on: date, ends_on: date, every: str) -> Period | None:
    """The `number`-th period of a lease of [`starts_on`, `ends_on`); None where it is over before that."""
    step = MONTHS[every]
    begins = months_after(starts_on, step * (number - 1))
    if begins >= ends_on:
        return None
    whole = months_after(starts_on, step * number)
    return Period(number, begins, min(whole, ends_on), whole)


def moment(day: date) -> datetime:
    """When that day begins in Shanghai (UTC)."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def day_of(now: datetime) -> date:
    """Which day it is in Shanghai."""
    return now.astimezone(SHANGHAI).date()
