"""有权无责: acts without the power, and switches that went wrong (G3)."""

from __future__ import annotations

from datetime import timedelta

from suizhuan.kernel.clock import utc_text

from ..story import CHECKER, COMMUNITY, DEPT, FIRM, HANDLE, NANGUAN, RUBBISH, STREET, Story, Written, renumber
from .planting import C, M, plant


@plant("act_after_end")
def an_act_after_the_mandate_has_ended(s: Story) -> Written:
    s.routed("c5", 1)
    s.find(C + "routed", case="c5").data |= {"responsible": DEPT, "mandate": f"root:{RUBBISH}", "term": 1}
    return s.case("started", {"case_term": 1, "org": DEPT}, "c5", **{**s.act(COMMUNITY, "m1", 1), "org": COMMUNITY})


@plant("act_after_end")
def an_act_after_the_planned_end(s: Story) -> Written:
    done = s.find(M + "switch.done", switch="switch-m1")
    event = s.find(C + "started", case="c4")
    done.data["slots"][0]["new"]["ends_at"] = utc_text(s.now - timedelta(hours=5))
    event.attributes["beattime"] = utc_text(s.now - timedelta(hours=4))
    event.attributes["time"] = utc_text(s.now - timedelta(hours=4))
    return event


@plant("act_before_grant")
def an_act_before_the_grant_was_known(s: Story) -> Written:
    event = s.find(C + "started", case="c1")
    event.attributes["authorityoffset"] = 0
    return event


@plant("act_without_grant")
def an_act_under_a_term_that_never_was(s: Story) -> Written:
    event = s.find(C + "started", case="c1")
    event.attributes["term"] = 12
    return event


@plant("act_by_another")
def an_act_under_the_mandate_of_another(s: Story) -> Written:
    event = s.find(C + "started", case="c1")
    event.attributes["org"] = FIRM
    return event


@plant("act_without_power")
def verified_under_a_mandate_without_that_power(s: Story) -> Written:
    event = s.find(C + "verified", case="c1")
    event.attributes |= {"mandate": f"root:{RUBBISH}", "org": DEPT}
    return event


@plant("act_out_of_area")
def an_act_beyond_the_grants_area(s: Story) -> Written:
    for event in s.written:
        if event.key == "c1" and event.data.get("area"):
            event.data["area"] = "321302003"
    s.find(C + "routed", case="c1").data |= {"responsible": COMMUNITY}
    return s.find(C + "started", case="c1")


@plant("act_after_acknowledgement")
def an_act_under_the_old_term_after_the_acknowledgement(s: Story) -> Written:
    """Its service claims not to know of the switch, but its outbox id says that it came later."""
    event = s.find(C + "handled", case="c4")
    told = s.find("complaints.replica.acknowledged", switch="switch-end")
    event.attributes["outboxid"] = told.attributes["outboxid"] + 1
    return event


@plant("act_in_transition")
def an_act_while_the_power_moves(s: Story) -> Written:
    event = s.find(C + "handled", case="c4")
    event.attributes["authorityoffset"] = s.find(M + "switch.opened", switch="switch-end").offset
    return event


@plant("act_under_old_code")
def an_act_under_a_code_that_was_given_up(s: Story) -> Written:
    renumber(s)
    event = s.find("volunteers.shift.ended")
    event.attributes["area"] = NANGUAN + "001"
    return event


@plant("rekeyed_otherwise")
def other_codes_change_than_those_that_had_yielded(s: Story) -> Written:
    renumber(s)
    event = s.find(M + "switch.done", switch="switch-codes")
    event.data["rekeys"] = [{"old": NANGUAN, "new": STREET + "912", "heir": True}]
    return event


@plant("beat_too_old")
def an_act_on_a_beat_older_than_the_lease(s: Story) -> Written:
    event = s.find(C + "handled", case="c1")
    event.attributes["beattime"] = utc_text(s.now - timedelta(hours=2))
    return event


@plant("act_not_responsible")
def another_than_the_responsible_works_on_a_case(s: Story) -> Written:
    event = s.find(C + "started", case="c1")
    event.data["org"] = FIRM
    return event


@plant("self_verified")
def who_did_the_work_checks_it(s: Story) -> Written:
    event = s.find(C + "verified", case="c1")
    event.data["verified_by"] = COMMUNITY
    return event


@plant("self_verified")
def who_did_the_work_checks_it_when_the_case_has_moved_on(s: Story) -> Written:
    verified = s.find(C + "verified", case="c3")  # DEPT answers for it, and did the work
    s.find(C + "handled", case="c3").data["org"] = CHECKER
    return verified


@plant("switch_not_opened")
def a_switch_done_without_an_opening(s: Story) -> Written:
    s.drop(s.find(M + "switch.opened", switch="switch-m2"))
    return s.find(M + "switch.done", switch="switch-m2")


@plant("switch_too_early")
def a_switch_that_did_not_wait(s: Story) -> Written:
    s.drop(s.find("finance.replica.acknowledged", switch="switch-end"))
    return s.find(M + "switch.done", switch="switch-end")


@plant("switch_ended_twice")
def a_switch_done_and_dropped(s: Story) -> Written:
    return s.emit(M + "switch.dropped", {"switch": "switch-m1"}, key="again", topic="mandates.authority")


@plant("grant_without_mandate")
def a_grant_out_of_nothing(s: Story) -> Written:
    slot = {"affair": RUBBISH, "area": "321302002908", "role": "lead"}
    s.switch("switch-8", [slot])
    new = s.holding("m8", FIRM, RUBBISH, "321302002908", [HANDLE])
    return s.done("switch-8", [{**slot, "old": None, "new": new}])


@plant("term_not_above")
def a_term_given_twice(s: Story) -> Written:
    done = s.find(M + "switch.done", switch="switch-m2")
    done.data["slots"][0]["new"]["term"] = 1
    return done


@plant("act_by_another")
def a_department_lets_a_stranger_act(s: Story) -> Written:
    term = s.find(M + "mandate.activated", mandate="m2").data["term"]
    return s.emit("property.lease.signed", {"lease": "l1"}, key="l1", **s.act(DEPT, "m2", term))


@plant("act_without_grant")
def a_department_acts_under_what_was_never_given(s: Story) -> Written:
    return s.emit("property.lease.signed", {"lease": "l1"}, key="l1", **s.act(FIRM, "m2", 9))
