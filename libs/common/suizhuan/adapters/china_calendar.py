"""The working days of China, on the published holiday calendar (State Council notices, by `chinesecalendar`).

The notice for a year comes out late in the year before. Until the installed library knows a year, its days are
Monday to Friday without the holidays of fixed date, and `provisional` says so: Spring Festival, the other lunar
holidays and make-up days are not in it, so a limit that reaches into such a year may still move.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import chinese_calendar

from suizhuan.kernel.worktime import Hours, check_hours

FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (10, 1), (10, 2), (10, 3)})  # month, day
DAYS_KEPT = 8192  # some twenty years


class ChinaCalendar:
    """A `suizhuan.kernel.worktime.Calendar` with the working hours of the jurisdiction profile. Errors: ValueError."""

    def __init__(self, hours: Hours) -> None:
        self.hours = check_hours(hours)

    def is_workday(self, day: date) -> bool:
        """Whether people work on that day: make-up Saturdays and Sundays count, moved holidays do not."""
        return _look_up(day)[0]

    def provisional(self, day: date) -> bool:
        """Whether the year of that day is not published yet, as far as this library knows."""
        return _look_up(day)[1]


@lru_cache(maxsize=DAYS_KEPT)
def _look_up(day: date) -> tuple[bool, bool]:
    """(is a working day, is provisional)."""
    try:
        return bool(chinese_calendar.is_workday(day)), False  # type: ignore[no-untyped-call]
    except NotImplementedError:  # the library's word for a year without data
        return day.weekday() < 5 and (day.month, day.day) not in FIXED_HOLIDAYS, True
