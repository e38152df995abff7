"""The pure rules: ages, minutes, bills."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suizhuan.kernel.refusal import Refusal
from volunteers.domain.shift import PLANNED, Shift, served
from volunteers.domain.volunteer import Ages, age_on, birthday, coarse

NINE = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
AGES = Ages(14, 18, 60)
minutes_away = st.integers(-300, 600).map(lambda m: NINE + timedelta(minutes=m))


def shift(begins: datetime, hours: int) -> Shift:
    return Shift(
        id="s",
        state=PLANNED,
        version=1,
        activity="a",
        area="321302002907",
        starts_at=begins,
        ends_at=begins + timedelta(hours=hours),
        capacity=1,
        taken=1,
    )


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2008, 3, 3), date(2026, 3, 2), 17),
        (date(2008, 3, 3), date(2026, 3, 3), 18),
        (date(2012, 2, 29), date(2026, 2, 28), 13),
        (date(2012, 2, 29), date(2026, 3, 1), 14),
        (date(2012, 2, 29), date(2028, 2, 29), 16),
        (date(1880, 1, 1), date(2026, 1, 1), 146),
    ],
)
def test_a_year_is_full_on_the_birthday(born: date, day: date, age: int) -> None:
    assert age_on(born, day) == age


@given(st.dates(date(1900, 1, 1), date(2012, 1, 1)), st.dates(date(2026, 1, 1), date(2030, 1, 1)))
def test_the_band_changes_on_the_day_that_is_told_and_not_before(born: date, today: date) -> None:
    coming = AGES.next_band_on(born, today)
    band = AGES.band(age_on(born, today))
    if coming is None:
        assert band == "senior"
        return
    assert coming > today
    assert AGES.band(age_on(born, coming - timedelta(days=1))) == band
    assert AGES.band(age_on(born, coming)) != band


@given(st.dates(date(1900, 1, 1), date(2020, 1, 1)), st.integers(0, 120))
def test_on_a_birthday_one_is_that_old_and_on_the_day_before_a_year_younger(born: date, years: int) -> None:
    day = birthday(born, years)
    assert age_on(born, day) == years
    if years:
        assert age_on(born, day - timedelta(days=1)) == years - 1


@given(minutes_away, minutes_away)
def test_minutes_are_never_more_than_the_shift_nor_than_one_was_there(in_at: datetime, out_at: datetime) -> None:
    found = served(shift(NINE, 4), in_at, out_at)
    assert 0 <= found <= 240
    assert timedelta(minutes=found) <= max(out_at - in_at, timedelta())


@given(minutes_away, minutes_away, minutes_away)
def test_shifts_that_follow_each_other_never_count_a_minute_twice(a: datetime, b: datetime, c: datetime) -> None:
    """Also where somebody checks in early for the second and checks out late from the first."""
    first, second = shift(NINE, 2), shift(NINE + timedelta(hours=2), 2)
    in_first, in_second, out = sorted((a, b, c))
    total = served(first, in_first, out) + served(second, in_second, out)
    assert timedelta(minutes=total) <= out - in_first


def test_nothing_finer_than_a_community_is_kept() -> None:
    assert coarse("321302002907001") == "321302002907"
    assert coarse("321302") == "321302"


def test_a_shift_that_is_cancelled_refuses() -> None:
    with pytest.raises(Refusal, match="shift_cancelled"):
        replace(shift(NINE, 1), state="cancelled").planned()
