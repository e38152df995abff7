"""The borders of Civil Code 278, for every size of estate: exact, not a vote to either side."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from property.domain.tally import ABSTAIN, AGAINST, CHOICES, FOR, GRAVE_ITEMS, Vote, count

ITEMS = st.integers(1, 9)
SIZES = st.integers(1, 10**9)


def ballots(for_it: int, against: int, size: int = 1) -> list[Vote]:
    return [Vote(size, FOR)] * for_it + [Vote(size, AGAINST)] * against


@given(st.integers(1, 200), ITEMS)
def test_exactly_two_thirds_are_a_quorum_and_one_fewer_are_none(thirds: int, item: int) -> None:
    whole = 3 * thirds
    enough = count(1, item, whole, whole, ballots(2 * thirds, 0))
    assert enough.quorum and enough.passed
    fewer = count(1, item, whole, whole, ballots(2 * thirds - 1, 0))
    assert not fewer.quorum and not fewer.passed


@given(st.integers(1, 200), st.sampled_from(sorted(GRAVE_ITEMS)))
def test_exactly_three_quarters_pass_a_grave_matter_and_one_fewer_do_not(quarters: int, item: int) -> None:
    took_part = 4 * quarters
    assert count(1, item, took_part, took_part, ballots(3 * quarters, quarters)).passed
    assert not count(1, item, took_part, took_part, ballots(3 * quarters - 1, quarters + 1)).passed


@given(st.integers(1, 200), ITEMS.filter(lambda item: item not in GRAVE_ITEMS))
def test_exactly_half_pass_nothing_and_one_more_does(half: int, item: int) -> None:
    assert not count(1, item, 2 * half, 2 * half, ballots(half, half)).passed
    assert count(1, item, 2 * half, 2 * half, ballots(half + 1, half - 1)).passed


@given(ITEMS, st.integers(3, 10**12))
def test_much_area_does_not_make_up_for_few_heads_nor_many_heads_for_little_area(item: int, much: int) -> None:
    rich_for = [Vote(much * 10, FOR), *[Vote(1, AGAINST)] * 3]
    assert not count(1, item, sum(v.size_dm2 for v in rich_for), 4, rich_for).passed
    poor_for = [Vote(much * 10, AGAINST), *[Vote(1, FOR)] * 9]
    assert not count(1, item, sum(v.size_dm2 for v in poor_for), 10, poor_for).passed


@given(
    ITEMS,
    st.lists(st.tuples(SIZES, st.sampled_from(CHOICES)), max_size=60),
    st.integers(0, 10**10),
    st.integers(0, 40),
)
def test_the_result_is_what_the_law_says_in_fractions(
    item: int, cast: list[tuple[int, str]], silent_size: int, silent_heads: int
) -> None:
    votes = [Vote(size, choice) for size, choice in cast]
    took, for_it = sum(v.size_dm2 for v in votes), [v for v in votes if v.choice == FOR]
    whole, heads = took + silent_size, len(votes) + silent_heads
    found = count(1, item, whole, heads, votes)
    quorum = bool(votes) and Fraction(took, whole) >= Fraction(2, 3) and Fraction(len(votes), heads) >= Fraction(2, 3)
    assert found.quorum == quorum
    if votes:
        by_size = Fraction(sum(v.size_dm2 for v in for_it), took)
        by_head = Fraction(len(for_it), len(votes))
        least = min(by_size, by_head)
        agreed = least >= Fraction(3, 4) if item in GRAVE_ITEMS else least > Fraction(1, 2)
        assert found.passed == (quorum and agreed)
    else:
        assert not found.passed


@given(ITEMS, st.lists(SIZES, min_size=1, max_size=30))
def test_who_abstains_takes_part_and_is_not_for_it(item: int, sizes: list[int]) -> None:
    found = count(1, item, sum(sizes), len(sizes), [Vote(size, ABSTAIN) for size in sizes])
    assert found.quorum and not found.passed
    assert (found.took_part_heads, found.for_heads) == (len(sizes), 0)


def test_of_nobody_nothing_is_enough() -> None:
    assert not count(1, 1, 0, 0, []).passed
