"""Cursors: a page leads to the next one, and nothing that was made up leads anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suizhuan import paging
from suizhuan.kernel.refusal import Refusal

PLACES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=80)


@given(PLACES)
def test_a_cursor_leads_back_to_its_place_and_fits_into_an_address(place: str) -> None:
    cursor = paging.encode(place)
    assert paging.decode(cursor) == place
    assert cursor.isascii()
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.lists(PLACES, unique=True, max_size=30), st.integers(1, 7))
def test_the_pages_together_hold_every_item_once(items: list[str], limit: int) -> None:
    items.sort()
    seen: list[str] = []
    cursor = ""
    while True:
        after = paging.decode(cursor)
        page, following = paging.cut([i for i in items if i > after][: limit + 1], limit, str)
        seen += page
        assert len(page) <= limit
        if following is None:
            break
        cursor = following
    assert seen == items


def test_no_cursor_is_the_beginning() -> None:
    assert paging.decode("") == ""


@pytest.mark.parametrize("cursor", ["%%%", "YQ=", "YQ==", "YR", "a", "AA", "gICA", "YWJj\n", " YWJj"])
def test_a_cursor_that_was_made_up_is_refused(cursor: str) -> None:
    with pytest.raises(Refusal) as refused:
        paging.decode(cursor)
    assert refused.value.code == "cursor_malformed"
