"""有责无权: a duty without its power (G2)."""

from __future__ import annotations

from ..story import COMMUNITY, NANGUAN, RUBBISH, Story, Written
from .planting import C, M, plant


@plant("receiver_without_grant")
def a_receiver_whose_grant_is_of_another_term(s: Story) -> Written:
    event = s.find(C + "handed_over", case="c2")
    event.data["term"] = 7
    return event


@plant("receiver_without_grant")
def repointed_to_who_lost_the_grant(s: Story) -> Written:
    event = s.find(C + "repointed", case="c3")
    event.data |= {"to": COMMUNITY, "mandate": "m1", "term": 1}
    return event


@plant("case_left_behind")
def an_open_case_stays_where_the_power_has_left(s: Story) -> Written:
    at = s.written.index(s.find(C + "repointed", case="c3"))
    s.written = [w for w in s.written[:at] if w.name != C + "returned" or w.data["case"] != "c3"]
    moved = s.find(C + "handed_over", case="c3")
    moved.data |= {"receiver": COMMUNITY, "mandate": "m1", "term": 1}
    s.emit(M + "switch.dropped", {"switch": "x"}, key="x", topic="mandates.authority")
    s.case("reported", {"category": "1", "channel": "app", "affair": RUBBISH, "area": NANGUAN}, "c8")
    s.drop(s.find(M + "switch.dropped", switch="x"))
    return moved


@plant("activated_without_grant")
def active_without_a_term(s: Story) -> Written:
    event = s.find(M + "mandate.activated", mandate="m2")
    event.data["term"] = 9
    return event
