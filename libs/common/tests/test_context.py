"""Ids: those that a cause gives are the same each time, and stand in the order of time among fresh ones."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from suizhuan.context import dated_id, derived_id, new_id
from suizhuan.kernel.clock import SystemClock


def test_the_same_cause_gives_the_same_id_and_another_one_another() -> None:
    now = SystemClock().now()
    assert dated_id(now, "e1", "case") == dated_id(now, "e1", "case")
    assert len({dated_id(now, "e1", "case"), dated_id(now, "e2", "case"), dated_id(now, "e1", "hold")}) == 3
    assert derived_id("e1", "case") == derived_id("e1", "case")


def test_an_id_of_a_moment_stands_among_fresh_ones_where_the_moment_does() -> None:
    now = SystemClock().now()
    earlier, later = (dated_id(now + timedelta(seconds=s), "e", "case") for s in (-1, 1))
    assert earlier < new_id() < later


def test_it_is_a_uuid_of_version_7() -> None:
    found = UUID(dated_id(SystemClock().now(), "e", "case"))
    assert (found.version, found.variant) == (7, UUID(new_id()).variant)
