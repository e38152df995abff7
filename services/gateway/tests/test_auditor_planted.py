"""Planted violations: each spoils a true history in one place, and the auditor names it by its event."""

from __future__ import annotations

import pytest

from gateway.auditor import CODES, Rules, audit

from .plants import PLANTS
from .story import true_history


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_violation_is_named_by_its_event(name: str) -> None:
    code = name.partition(":")[0]
    story = true_history()
    event = PLANTS[name](story)
    report = audit(story.records(), Rules())
    found = {(v.code, v.event) for v in report.violations}
    assert (code, event.id) in found, sorted(found)
    assert report.exit_code == 1
    named = next(v for v in report.violations if (v.code, v.event) == (code, event.id))
    assert (named.topic, named.partition, named.offset) == (event.topic, event.partition, event.offset)
    assert named.zh
    assert named.en
    assert named.guarantee == CODES[code].guarantee


def test_every_kind_of_violation_is_planted() -> None:
    assert {name.partition(":")[0] for name in PLANTS} == set(CODES)


def test_the_four_names_are_among_the_kinds() -> None:
    assert {"有责无权", "有责无费", "有费无事", "有权无责"} <= {code.kind for code in CODES.values()}


def test_every_guarantee_has_violations_of_its_own() -> None:
    assert {code.guarantee for code in CODES.values()} == {f"G{n}" for n in range(1, 8)}


def test_most_plants_are_found_without_accusing_anything_else() -> None:
    """A finding is of use when it points at one place."""
    alone = 0
    for name, function in PLANTS.items():
        story = true_history()
        function(story)
        codes = {v.code for v in audit(story.records(), Rules()).violations}
        alone += codes == {name.partition(":")[0]}
    assert alone >= len(PLANTS) // 2
