"""Working time: examples for every rule, and the laws that hold for any calendar."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suizhuan.kernel.clock import SHANGHAI
from suizhuan.kernel.worktime import (
    MAX_AMOUNT,
    Hours,
    Limit,
    add_working_time,
    check_hours,
    due,
    red,
    working_days_between,
    working_time_between,
    yellow,
)

OFFICE: Hours = ((time(9), time(12)), (time(13, 30), time(17, 30)))
DAY_OF_WORK = timedelta(hours=7)


class FakeCalendar:
    """Monday to Friday, except for the days that are turned round."""

    def __init__(self, turned: frozenset[date] = frozenset(), hours: Hours = OFFICE) -> None:
        self.turned = turned
        self.hours = hours

    def is_workday(self, day: date) -> bool:
        return (day.weekday() < 5) != (day in self.turned)


PLAIN = FakeCalendar()


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A Shanghai time in March 2026, as UTC; the 2nd, 9th and 16th are Mondays."""
    return datetime(2026, 3, day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "amount", "ends"),
    [
        (at(2, 9), 3, at(2, 12)),  # used up exactly at the end of a span: due then
        (at(2, 9), 4, at(2, 14, 30)),  # the break does not count
        (at(2, 12, 30), 1, at(2, 14, 30)),
        (at(2, 3), 4, at(2, 14, 30)),  # before work
        (at(2, 16, 30), 4, at(3, 12)),
        (at(6, 16, 30), 4, at(9, 12)),  # over the weekend
        (at(7, 10), 7, at(9, 17, 30)),  # a Saturday
        (at(2, 17, 30), 1, at(3, 10)),
    ],
)
def test_working_hours_count_inside_the_spans_only(start: datetime, amount: int, ends: datetime) -> None:
    assert due(start, Limit(amount, "WH"), PLAIN) == ends


@pytest.mark.parametrize(
    ("start", "amount", "ends"),
    [
        (at(2, 9), 1, at(3, 17, 30)),
        (at(2, 23, 59), 1, at(3, 17, 30)),  # the hour of the start does not matter, its Shanghai day does
        (at(3, 0, 1), 1, at(4, 17, 30)),
        (at(5, 9), 2, at(9, 17, 30)),
        (at(7, 9), 1, at(9, 17, 30)),  # from a Saturday: Monday is the first day
    ],
)
def test_working_days_end_with_the_nth_working_day_after_the_start_day(
    start: datetime, amount: int, ends: datetime
) -> None:
    assert due(start, Limit(amount, "WD"), PLAIN) == ends


def test_hours_and_days_are_plain_time() -> None:
    assert due(at(6, 23), Limit(2, "H"), PLAIN) == at(7, 1)
    assert due(at(6, 23), Limit(7, "D"), PLAIN) == at(13, 23)


def test_the_answer_is_in_utc() -> None:
    local = at(2, 9).astimezone(SHANGHAI)
    for unit in ("WH", "WD", "H", "D"):
        assert due(local, Limit(1, unit), PLAIN).tzinfo is UTC


@pytest.mark.parametrize(
    ("due_at", "card"),
    [(at(4, 17, 30), at(3, 17, 30)), (at(9, 10), at(6, 10)), (at(8, 10), at(6, 10))],
)
def test_yellow_is_one_working_day_before_due(due_at: datetime, card: datetime) -> None:
    assert yellow(due_at, PLAIN) == card


@pytest.mark.parametrize(
    ("due_at", "card"),
    [
        (at(3, 17, 30), at(4, 9)),
        (at(3, 10, 30), at(4, 9)),
        (at(6, 17, 30), at(9, 9)),
        (at(8, 10), at(9, 9)),
        (at(3, 3), at(3, 9)),  # plain hours that end before work
        (at(3, 9), at(4, 9)),  # strictly after the due moment
    ],
)
def test_red_is_the_start_of_the_first_overdue_working_day(due_at: datetime, card: datetime) -> None:
    assert red(due_at, PLAIN) == card


def test_cards_may_be_set_further_away() -> None:
    assert yellow(at(9, 10), PLAIN, workdays=2) == at(5, 10)
    assert red(at(6, 17, 30), PLAIN, workdays=2) == at(10, 9)


@pytest.mark.parametrize("text", ["4 WH", "20 WD", "2 H", "7 D"])
def test_a_limit_reads_as_it_is_written(text: str) -> None:
    assert str(Limit.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "4", "4WH", "WH 4", "-1 WD", "0 WD", "1.5 H", "4 wh", "4  WH", f"{MAX_AMOUNT + 1} D", "٤ D"]
)
def test_a_limit_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="limit"):
        Limit.parse(text)


@pytest.mark.parametrize("amount", [True, 1.0, "1", 0, -1])
def test_an_amount_is_a_whole_number_from_one(amount: object) -> None:
    with pytest.raises(ValueError, match="whole number"):
        Limit(amount, "H")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "hours",
    [
        (),
        ((time(9), time(9)),),
        ((time(9), time(12)), (time(11), time(17))),
        ((time(13), time(17)), (time(9), time(12))),
        ((time(9, tzinfo=SHANGHAI), time(12, tzinfo=SHANGHAI)),),
    ],
)
def test_spans_that_make_no_sense_are_refused(hours: Hours) -> None:
    with pytest.raises(ValueError, match=r"working"):
        check_hours(hours)


def test_a_moment_without_an_offset_is_refused() -> None:
    naive = datetime(2026, 3, 2, 9)  # noqa: DTZ001  (the point of the test)
    for unit in ("WH", "WD", "H", "D"):
        with pytest.raises(ValueError, match="offset"):
            due(naive, Limit(1, unit), PLAIN)
    for card in (yellow, red):
        with pytest.raises(ValueError, match="offset"):
            card(naive, PLAIN)


def test_a_calendar_without_working_days_is_an_error_and_no_endless_loop() -> None:
    class Never(FakeCalendar):
        def is_workday(self, day: date) -> bool:
            return False

    with pytest.raises(ValueError, match="no working day"):
        due(at(2, 9), Limit(1, "WH"), Never())


LAW = settings(deadline=None)  # a loaded machine is no counterexample

# Laws, for calendars with holidays and make-up days strewn over 2026.
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.integers(0, 300 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))
calendars = st.builds(
    FakeCalendar,
    st.frozensets(st.integers(0, 400).map(lambda n: date(2025, 12, 20) + timedelta(days=n)), max_size=60),
    st.sampled_from([OFFICE, ((time(8, 30), time(18)),), ((time(0), time(8)), (time(8, 1), time(23, 59, 59)))]),
)
units = st.sampled_from(["WH", "WD", "H", "D"])
working_units = st.sampled_from(["WH", "WD"])
amounts = st.integers(1, 40)


def works(moment: datetime, calendar: FakeCalendar) -> bool:
    local = moment.astimezone(SHANGHAI)
    return calendar.is_workday(local.date()) and any(a <= local.time() <= b for a, b in calendar.hours)


@LAW
@given(moments, amounts, units, calendars)
def test_due_is_later_than_the_start(start: datetime, amount: int, unit: str, calendar: FakeCalendar) -> None:
    assert due(start, Limit(amount, unit), calendar) > start


@LAW
@given(moments, moments, amounts, units, calendars)
def test_a_later_start_is_never_due_earlier(
    a: datetime, b: datetime, amount: int, unit: str, calendar: FakeCalendar
) -> None:
    limit = Limit(amount, unit)
    assert due(min(a, b), limit, calendar) <= due(max(a, b), limit, calendar)


@LAW
@given(moments, amounts, amounts, units, calendars)
def test_limits_of_one_unit_add_up(start: datetime, n: int, m: int, unit: str, calendar: FakeCalendar) -> None:
    first = due(start, Limit(n, unit), calendar)
    both = due(start, Limit(n + m, unit), calendar)
    assert due(first, Limit(m, unit), calendar) == both
    assert first < both


@LAW
@given(moments, amounts, working_units, calendars)
def test_working_limits_end_in_working_time(start: datetime, amount: int, unit: str, calendar: FakeCalendar) -> None:
    assert works(due(start, Limit(amount, unit), calendar), calendar)


@LAW
@given(moments, amounts, calendars)
def test_working_days_are_counted_as_due_counts_them(start: datetime, amount: int, calendar: FakeCalendar) -> None:
    assert working_days_between(start, due(start, Limit(amount, "WD"), calendar), calendar) == amount


@LAW
@given(moments, moments, moments, calendars)
def test_working_days_between_add_up(a: datetime, b: datetime, c: datetime, calendar: FakeCalendar) -> None:
    direct = working_days_between(a, c, calendar)
    assert working_days_between(a, b, calendar) + working_days_between(b, c, calendar) == direct


@LAW
@given(moments, st.integers(0, 50 * 3600), calendars)
def test_adding_working_time_is_the_inverse_of_measuring_it(
    start: datetime, seconds: int, calendar: FakeCalendar
) -> None:
    duration = timedelta(seconds=seconds)
    assert working_time_between(start, add_working_time(start, duration, calendar), calendar) == duration


@LAW
@given(moments, amounts, units, calendars)
def test_yellow_comes_before_due_and_red_after_it(
    start: datetime, amount: int, unit: str, calendar: FakeCalendar
) -> None:
    ends = due(start, Limit(amount, unit), calendar)
    assert yellow(ends, calendar) < ends < red(ends, calendar)
    assert working_days_between(yellow(ends, calendar), ends, calendar) in (0, 1)
    assert red(ends, calendar).astimezone(SHANGHAI).time() == calendar.hours[0][0]
    assert works(red(ends, calendar), calendar)


@LAW
@given(moments, moments, calendars)
def test_cards_never_come_earlier_for_a_later_due(a: datetime, b: datetime, calendar: FakeCalendar) -> None:
    assert red(min(a, b), calendar) <= red(max(a, b), calendar)


def test_a_paused_limit_goes_on_with_what_was_left() -> None:
    ends = due(at(2, 9), Limit(4, "WH"), PLAIN)
    left = working_time_between(at(2, 11), ends, PLAIN)
    assert left == timedelta(hours=2)
    assert add_working_time(at(9, 16, 30), left, PLAIN) == at(10, 10)
    assert working_time_between(at(2), at(9), PLAIN) == 5 * DAY_OF_WORK
