"""Who is responsible: one at a time, and the right one (G1)."""

from __future__ import annotations

from ..story import CHECKER, CHECKING, COMMUNITY, DEPT, DISTRICT, NANGUAN, RUBBISH, Story, Written
from .planting import C, M, plant


@plant("routed_elsewhere")
def routed_past_the_community(s: Story) -> Written:
    event = s.find(C + "routed", case="c1")
    event.data |= {"responsible": DEPT, "mandate": f"root:{RUBBISH}", "term": 1}
    return event


@plant("routed_twice")
def two_routings(s: Story) -> Written:
    data = s.find(C + "routed", case="c4").data
    return s.case("routed", {k: v for k, v in data.items() if k != "case"} | {"case_term": 2}, "c4", area=NANGUAN)


@plant("case_term_skipped")
def a_step_is_missing(s: Story) -> Written:
    event = s.find(C + "handed_over", case="c2")
    event.data["case_term"] = 3
    return event


@plant("moved_by_another")
def given_away_by_a_stranger(s: Story) -> Written:
    event = s.find(C + "handed_over", case="c2")
    event.data["giver"] = DEPT
    return event


@plant("case_not_routed")
def handled_without_anybody_responsible(s: Story) -> Written:
    return s.case("card_raised", {"card": "red", "responsible": "?"}, "c9")


@plant("holders_overlap")
def two_holders_of_one_slot(s: Story) -> Written:
    slot = {"affair": CHECKING, "area": DISTRICT, "role": "lead"}
    s.emit(M + "mandate.proposed", {"mandate": "m9"}, key="m9", **s.act(CHECKER, f"root:{CHECKING}", 1))
    s.switch("switch-9", [slot])
    new = s.holding("m9", COMMUNITY, CHECKING, DISTRICT, [])
    return s.done("switch-9", [{**slot, "old": None, "new": new}])


@plant("moved_without_request")
def a_handover_nobody_asked_for(s: Story) -> Written:
    event = s.find(C + "handover_requested", case="c2")
    event.name, event.data = C + "resumed", {"case": "c2"}
    return s.find(C + "handed_over", case="c2")
