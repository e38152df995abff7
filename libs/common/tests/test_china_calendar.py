"""Real Chinese holidays, and what holds for a year that is not published yet."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from suizhuan.adapters import china_calendar
from suizhuan.adapters.china_calendar import ChinaCalendar
from suizhuan.kernel.worktime import Limit, due, red, yellow
from suizhuan.profile import load_profile

HOURS = ((time(9), time(12)), (time(13, 30), time(17, 30)))
CALENDAR = ChinaCalendar(HOURS)
UNPUBLISHED = date(2099, 1, 5)  # a Monday


def at(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    """A Shanghai time, as UTC."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def test_spring_festival_2026_is_free_from_15_to_23_february() -> None:
    free = [date(2026, 2, 15) + timedelta(days=n) for n in range(9)]
    assert not any(CALENDAR.is_workday(day) for day in free)
    assert not CALENDAR.provisional(free[0])


@pytest.mark.parametrize("day", [date(2026, 2, 14), date(2026, 2, 28), date(2026, 1, 4), date(2026, 10, 10)])
def test_make_up_days_at_the_weekend_are_working_days(day: date) -> None:
    assert day.weekday() >= 5
    assert CALENDAR.is_workday(day)


@pytest.mark.parametrize("day", [date(2026, 4, 6), date(2026, 5, 5), date(2026, 6, 19), date(2026, 10, 7)])
def test_moved_holidays_on_weekdays_are_free(day: date) -> None:
    assert day.weekday() < 5
    assert not CALENDAR.is_workday(day)


def test_an_ordinary_saturday_is_free_and_an_ordinary_monday_is_not() -> None:
    assert not CALENDAR.is_workday(date(2026, 3, 7))
    assert CALENDAR.is_workday(date(2026, 3, 9))


def test_four_working_hours_from_the_last_afternoon_before_spring_festival_end_after_it() -> None:
    # Saturday 14 February is a make-up day: 2 h are left on it; the next working day is Tuesday 24 February.
    assert due(at(2, 14, 15, 30), Limit(4, "WH"), CALENDAR) == at(2, 24, 11)


def test_two_working_days_across_spring_festival_and_their_cards() -> None:
    ends = due(at(2, 13, 10), Limit(2, "WD"), CALENDAR)
    assert ends == at(2, 24, 17, 30)  # Saturday 14 February is the first, Tuesday 24 February the second
    assert yellow(ends, CALENDAR) == at(2, 14, 17, 30)
    assert red(ends, CALENDAR) == at(2, 25, 9)


def test_a_limit_that_ends_on_friday_is_red_on_the_make_up_saturday() -> None:
    ends = due(at(2, 26, 10), Limit(1, "WD"), CALENDAR)
    assert (ends, red(ends, CALENDAR)) == (at(2, 27, 17, 30), at(2, 28, 9))


def test_an_unpublished_year_is_monday_to_friday_and_says_that_it_is_provisional() -> None:
    week = [UNPUBLISHED + timedelta(days=n) for n in range(7)]
    assert [CALENDAR.is_workday(day) for day in week] == [True] * 5 + [False] * 2
    assert all(CALENDAR.provisional(day) for day in week)


@pytest.mark.parametrize(("month", "day"), sorted(china_calendar.FIXED_HOLIDAYS))
def test_holidays_of_fixed_date_are_free_in_an_unpublished_year(month: int, day: int) -> None:
    free = [date(year, month, day) for year in range(2090, 2100)]
    assert not any(CALENDAR.is_workday(d) for d in free)


def test_a_limit_may_cross_into_an_unpublished_year() -> None:
    assert due(at(12, 31, 10, year=2098), Limit(1, "WD"), CALENDAR) == at(1, 2, 17, 30, year=2099)


def test_each_day_is_asked_of_the_library_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[date] = []

    def is_workday(day: date) -> bool:
        asked.append(day)
        return True

    monkeypatch.setattr(china_calendar.chinese_calendar, "is_workday", is_workday)
    china_calendar._look_up.cache_clear()
    try:
        assert all(CALENDAR.is_workday(date(2026, 3, 3)) for _ in range(3))
        assert asked == [date(2026, 3, 3)]
    finally:
        china_calendar._look_up.cache_clear()


def test_hours_that_make_no_sense_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="must rise"):
        ChinaCalendar(((time(13), time(12)),))


def test_the_profile_gives_the_hours() -> None:
    assert ChinaCalendar(load_profile("demonstration").working_hours).hours == HOURS
