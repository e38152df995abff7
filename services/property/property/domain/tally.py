"""The vote of owners by Civil Code 278, in exact fractions: nothing is rounded, so no border moves.

Quorum: owners of at least 2/3 of the area and at least 2/3 of the heads take part. Items 6 to 8 (raise the maintenance
fund, rebuild, change the use of common parts or earn from them): at least 3/4 of the area and of the heads that take
part are for it; any other: more than half of both. “以上” includes the number, “过半数” does not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from property.domain.facts_owners import Result

QUORUM = Fraction(2, 3)
GRAVE = Fraction(3, 4)
HALF = Fraction(1, 2)
GRAVE_ITEMS = frozenset({6, 7, 8})
COMMITTEE, FIRM = 3, 4
"""Items 3, to elect or replace the committee, and 4, to hire or dismiss the firm."""

FOR, AGAINST, ABSTAIN = "for", "against", "abstain"
CHOICES = (FOR, AGAINST, ABSTAIN)


@dataclass(frozen=True, slots=True)
class Vote:
    """One owner, with the area that was on the roll, and the choice."""

    size_dm2: int
    choice: str


def enough(part: int, whole: int, share: Fraction, *, above: bool) -> bool:
    """Whether `part` of `whole` is at least `share`, or above it; of nothing, nothing is enough."""
    if whole <= 0:
        return False
    reached = Fraction(part, whole)
    return reached > share if above else reached >= share


def count(number: int, item: int, size_dm2: int, heads: int, votes: Iterable[Vote]) -> Result:
    """What became of a motion. `size_dm2` and `heads` are those of all owners; every vote is one head of them."""
    cast = list(votes)
    took_size, took_heads = sum(vote.size_dm2 for vote in cast), len(cast)
    for_it = [vote for vote in cast if vote.choice == FOR]
    for_size, for_heads = sum(vote.size_dm2 for vote in for_it), len(for_it)
    quorum = enough(took_size, size_dm2, QUORUM, above=False) and enough(took_heads, heads, QUORUM, above=False)
    grave = item in GRAVE_ITEMS
    share = GRAVE if grave else HALF
    agreed = enough(for_size, took_size, share, above=not grave) and enough(
        for_heads, took_heads, share, above=not grave
    )
    return Result(
        number=number,
        item=item,
        passed=quorum and agreed,
        quorum=quorum,
        size_dm2=size_dm2,
        took_part_size_dm2=took_size,
        for_size_dm2=for_size,
        heads=heads,
        took_part_heads=took_heads,
        for_heads=for_heads,
    )
