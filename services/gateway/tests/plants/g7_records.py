"""记录残缺: records that are missing, or stand otherwise (G7)."""

from __future__ import annotations

from ..story import Story, Written
from .planting import C, plant


@plant("sequence_gap")
def an_event_is_missing(s: Story) -> Written:
    lost = s.find(C + "started", case="c1")
    s.drop(lost)
    return s.find(C + "handled", case="c1")


@plant("sequence_reordered")
def two_events_changed_places(s: Story) -> Written:
    first, second = s.find(C + "started", case="c1"), s.find(C + "handled", case="c1")
    first.attributes["sequence"], second.attributes["sequence"] = 4, 3
    return second


@plant("sequence_repeated")
def two_events_with_one_number(s: Story) -> Written:
    event = s.find(C + "settled", case="c1")
    event.attributes["sequence"] -= 1
    return event


@plant("duplicate_differs")
def one_id_with_two_contents(s: Story) -> Written:
    event = s.find(C + "settled", case="c1")
    again = s.case("settled", {"paid_fen": 1, "price_fen": 1}, "c1")
    again.id = event.id
    return again
