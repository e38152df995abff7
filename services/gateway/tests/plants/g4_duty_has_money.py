"""有责无费: a duty without its money (G4)."""

from __future__ import annotations

from ..story import DEPT, FIRM, PRICE, Story, Written
from .planting import C, F, M, plant


@plant("activated_unfunded")
def a_mandate_active_without_its_money(s: Story) -> Written:
    s.drop(s.find(F + "earmark.funded", mandate="m2"))
    return s.find(M + "mandate.activated", mandate="m2")


@plant("moved_without_hold")
def a_case_moved_without_money(s: Story) -> Written:
    s.drop(s.find(F + "hold.placed", hold="hold-3"))
    s.drop(s.find(F + "hold.released", hold="hold-3"))
    event = s.find(C + "handed_over", case="c3")
    event.data["hold"] = None
    return event


@plant("moved_without_hold")
def a_case_moved_with_too_little(s: Story) -> Written:
    s.find(F + "hold.placed", hold="hold-3").data["amount_fen"] = PRICE - 1
    s.find(F + "hold.released", hold="hold-3").data["amount_fen"] = PRICE - 1
    return s.find(C + "handed_over", case="c3")


@plant("moved_by_foreign_hold")
def a_case_moved_by_the_hold_of_another(s: Story) -> Written:
    event = s.find(C + "repointed", case="c3")
    event.data["hold"] = "hold-2"
    return event


@plant("case_unpaid")
def good_work_without_pay(s: Story) -> Written:
    paid = s.find(F + "case.paid", case="c1")
    paid.name = F + "case.unpaid"
    paid.data |= {"shortfall_fen": PRICE, "payer": DEPT}
    return paid


@plant("returned_while_active")
def the_money_of_an_active_mandate_goes_back(s: Story) -> Written:
    data = {"earmark": "m2", "mandate": "m2", "payer": DEPT, "holder": FIRM, "amount_fen": PRICE, "entry": "opening"}
    return s.emit(F + "earmark.returned", data, key="m2")


@plant("switched_without_cases")
def switched_before_the_cases_had_their_money(s: Story) -> Written:
    s.drop(s.find("complaints.switch.cases_ready", switch="switch-end"))
    return s.find(M + "switch.done", switch="switch-end")
