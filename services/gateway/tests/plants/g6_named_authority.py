"""来路不明: an event that does not say whence it is (G6)."""

from __future__ import annotations

from ..story import Story, Written
from .planting import C, F, plant


@plant("act_unnamed")
def an_act_without_its_mandate(s: Story) -> Written:
    event = s.find(C + "handled", case="c1")
    event.attributes["mandate"] = None
    return event


@plant("act_unnamed")
def an_event_without_an_actor(s: Story) -> Written:
    event = s.find(F + "entry.posted", entry="opening")
    event.attributes["actor"] = None
    return event


@plant("authority_unknown")
def an_event_under_a_mandate_that_does_not_exist(s: Story) -> Written:
    event = s.find(C + "repointed", case="c3")
    event.attributes |= {"mandate": "m77", "term": 1}
    return event


@plant("authority_offset_unknown")
def an_event_that_knows_the_future(s: Story) -> Written:
    event = s.find(C + "closed", case="c1")
    event.attributes["authorityoffset"] = 10_000
    return event
