"""Working time: when a limit runs out, and when its cards are raised, by an injected calendar.

Days are days in Shanghai; moments go in and come out as aware datetimes, out always in UTC. Source of the
units and cards: domain.md §4 (工作时, 工作日; yellow 1 WD before due, red on the first overdue WD).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Protocol

from suizhuan.kernel.clock import SHANGHAI

Hours = tuple[tuple[time, time], ...]

UNITS = {"WH": "working hours 工作时", "WD": "working days 工作日", "H": "hours 小时", "D": "days 日"}
MAX_AMOUNT = 10_000  # some forty years of working days: anything above it is a slip of the keyboard
LONGEST_REST = 60  # days; a calendar without a working day for longer than that is broken


class Calendar(Protocol):
    """Which days are working days, and the hours worked on each of them."""

    @property
    def hours(self) -> Hours:
        """Spans of a working day in Shanghai time, in order, apart from each other, at least one."""
        ...

    def is_workday(self, day: date) -> bool:
        """Whether people work on that day in Shanghai."""
        ...


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` of `unit`: WH working hours, WD working days, H hours, D days. Errors: ValueError."""

    amount: int
    unit: str

    def __post_init__(self) -> None:
        if isinstance(self.amount, bool) or not isinstance(self.amount, int) or not 1 <= self.amount <= MAX_AMOUNT:
            raise ValueError(f"the amount of a limit is a whole number from 1 to {MAX_AMOUNT}")
        if self.unit not in UNITS:
            raise ValueError(f"the unit of a limit is one of {', '.join(UNITS)}")

    @classmethod
    def parse(cls, text: str) -> Limit:
        """`4 WH`, `20 WD`, `2 H`, `7 D`; the inverse of `str`. Errors: ValueError."""
        amount, _, unit = text.partition(" ")
        if not (amount.isascii() and amount.isdigit()):
            raise ValueError("a limit is written as a number and a unit: 4 WH, 20 WD, 2 H, 7 D")
        return cls(int(amount), unit)

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}"


def check_hours(hours: Hours) -> Hours:
    """The spans as they are. Errors: ValueError unless there is one, each ends after it starts, and none overlap."""
    edges = [edge for span in hours for edge in span]
    if not edges:
        raise ValueError("a working day needs at least one span of hours")
    if any(edge.tzinfo is not None for edge in edges):
        raise ValueError("working hours are Shanghai times, without an offset")
    for first, second in pairwise(edges):
        if first >= second:
            raise ValueError(f"working hours must rise: {first:%H:%M} stands before {second:%H:%M}")
    return hours


def due(start: datetime, limit: Limit, calendar: Calendar) -> datetime:
    """When a limit that began at `start` runs out (UTC).

    - WH: that much time inside the working spans; time outside them does not count. A limit used up exactly
      at the end of a span is due then, not when the next span begins.
    - WD: the end of working hours on the n-th working day *after* the day of `start`, whether or not that
      day is a working day itself.
    - H, D: plain time, 24 hours a day, holidays included.

    Promise: later than `start`; never earlier for a later start or a greater amount; n and then m of one unit
    are n + m of it. Errors: ValueError for a naive `start` or a calendar without working days.
    """
    if limit.unit == "WH":
        return add_working_time(start, timedelta(hours=limit.amount), calendar)
    if limit.unit == "WD":
        return _at(_nth_workday(_day(start), limit.amount, calendar), calendar.hours[-1][1])
    plain = timedelta(hours=limit.amount) if limit.unit == "H" else timedelta(days=limit.amount)
    return _aware(start).astimezone(UTC) + plain


def yellow(due_at: datetime, calendar: Calendar, workdays: int = 1) -> datetime:
    """When the yellow card is raised (UTC): at the hour of `due_at`, `workdays` working days before its day.

    It may lie before the case began, when the limit is shorter than that: then the card is raised at once.
    """
    clock = _aware(due_at).astimezone(SHANGHAI).time()
    return _at(_nth_workday(_day(due_at), -workdays, calendar), clock)


def red(due_at: datetime, calendar: Calendar, workdays: int = 1) -> datetime:
    """When the red card is raised (UTC): the start of the first (`workdays`-th) working day that begins after
    `due_at`. A limit of plain hours that ends before work on a working day is red when that day's work starts."""
    before = _day(due_at) - timedelta(days=1)
    first = _nth_workday(before, 1, calendar)
    if _at(first, calendar.hours[0][0]) <= due_at:
        first = _nth_workday(first, 1, calendar)
    if workdays > 1:
        first = _nth_workday(first, workdays - 1, calendar)
    return _at(first, calendar.hours[0][0])


def working_days_between(start: datetime, end: datetime, calendar: Calendar) -> int:
    """Working days after the day of `start`, up to and with the day of `end`; negative when `end` is earlier.

    The same count as `due`: from `start` to `due(start, n WD)` it is n.
    """
    first, last = _day(start), _day(end)
    if last < first:
        return -working_days_between(end, start, calendar)
    days = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    return sum(calendar.is_workday(day) for day in days)


def working_time_between(start: datetime, end: datetime, calendar: Calendar) -> timedelta:
    """The time inside working spans from `start` to `end`; zero when `end` is not later."""
    total, moment = timedelta(), _aware(end)
    for opens, closes in _spans(_aware(start), calendar):
        if opens >= moment:
            break
        total += min(closes, moment) - opens
    return total


def add_working_time(start: datetime, duration: timedelta, calendar: Calendar) -> datetime:
    """The moment (UTC) at which `duration` inside working spans has passed since `start`.

    Inverse of `working_time_between`; for a `duration` of zero, or less, it is `start` itself.
    """
    left = duration
    if left <= timedelta():
        return _aware(start).astimezone(UTC)
    for opens, closes in _spans(_aware(start), calendar):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise AssertionError("spans never end")


def _spans(start: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """The working spans from `start` on, without end, the one that holds `start` cut off there (UTC)."""
    day = _day(start) - timedelta(days=1)
    while True:
        day = _nth_workday(day, 1, calendar)
        for opens, closes in calendar.hours:
            span = max(_at(day, opens), start.astimezone(UTC)), _at(day, closes)
            if span[0] < span[1]:
                yield span


def _nth_workday(day: date, count: int, calendar: Calendar) -> date:
    """The `count`-th working day after `day`; before it, for a negative count."""
    step, left, rest = timedelta(days=1 if count > 0 else -1), abs(count), 0
    while left:
        day += step
        if calendar.is_workday(day):
            left, rest = left - 1, 0
        elif (rest := rest + 1) > LONGEST_REST:
            raise ValueError(f"the calendar knows no working day near {day}")
    return day


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, SHANGHAI).astimezone(UTC)


def _day(moment: datetime) -> date:
    return _aware(moment).astimezone(SHANGHAI).date()


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset")
    return moment
