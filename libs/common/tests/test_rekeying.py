"""The table of codes that become others: what a place, and what a grant, is afterwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suizhuan.kernel.area import LENGTHS, contains
from suizhuan.kernel.rekeying import Move, Table, common

STREET = "321302002"
A, B, C, N = (STREET + code for code in ("901", "902", "903", "950"))
codes = st.integers(0, 9).map(lambda n: f"{STREET}90{n}")
grids = st.integers(1, 20).map(lambda n: f"{n:03d}")


def test_the_longest_prefix_wins() -> None:
    table = Table([Move(A, N), Move(A + "001", C + "004")])
    assert table.place(A + "001") == C + "004"
    assert table.place(A + "002") == N + "002"
    assert table.place(A) == N
    assert table.place(STREET) == STREET
    assert table.place(B) == B


def test_of_a_merge_the_heirs_grants_hold_and_the_others_end() -> None:
    table = Table([Move(A, A), Move(B, A, heir=False), Move(B + "001", A + "002")])
    assert table.grant(A) == A
    assert table.grant(B) is None
    assert table.grant(B + "001") == A + "002"
    assert table.place(B) == A
    assert table.retired == {B: A, B + "001": A + "002"}


def test_of_a_split_what_is_not_listed_goes_to_the_heir() -> None:
    table = Table([Move(A + "001", A + "001"), Move(A + "001", A + "007", heir=False)])
    assert table.place(A + "001") == A + "001"
    assert table.grant(A + "001") == A + "001"
    assert table.retired == {}
    assert table.touched == (A + "001", A + "007")


def test_who_was_granted_a_code_before_it_was_in_use_makes_way() -> None:
    table = Table([Move(A, N)])
    assert table.grant(N) is None
    assert table.grant(N + "001") is None
    assert table.grant(A) == N


def test_of_leads_that_come_into_one_slot_the_heirs_stays_and_of_these_the_one_that_is_named() -> None:
    table = Table([Move(A, A), Move(B, A, heir=False), Move(B + "001", A + "051"), Move(C, N)])
    leads = [("a", A), ("a-50", A + "050"), ("b", B), ("b-50", B + "050"), ("b-1", B + "001"), ("b-51", B + "051")]
    assert table.losers((mandate, "affair", area) for mandate, area in leads) == {"b-50", "b-51"}
    assert table.losers((mandate, mandate, area) for mandate, area in leads) == set()
    stays = Table([Move(A, N), Move(B, N, heir=False), Move(B + "001", N + "050")])
    assert stays.losers([("a", "affair", A + "050"), ("b", "affair", B + "001")]) == {"a"}


@given(st.dictionaries(codes, codes.map(lambda code: code.replace("2002", "2003")), min_size=1), codes, grids)
def test_a_code_that_was_given_up_stands_nowhere_afterwards(moves: dict[str, str], code: str, grid: str) -> None:
    table = Table([Move(old, new) for old, new in moves.items()])
    for place in (code, code + grid):
        after = table.place(place)
        assert table.place(after) == after
        assert not any(contains(old, after) for old in table.retired)
        assert len(after) == len(place)


@given(st.lists(st.tuples(codes, st.sampled_from(["", "001", "002"])).map("".join), min_size=1))
def test_the_common_area_contains_all_and_nothing_narrower_does(places: list[str]) -> None:
    found = common(places)
    assert all(contains(found, place) for place in places)
    for length in LENGTHS:
        if length > len(found):
            assert len({place[:length] for place in places}) > 1 or any(len(p) < length for p in places)


def test_areas_of_different_provinces_have_nothing_in_common() -> None:
    with pytest.raises(ValueError, match="no area"):
        common(["32", "11"])
