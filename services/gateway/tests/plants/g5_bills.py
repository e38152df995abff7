"""有费无事, of what departments asked finance to pay or to book (G5)."""

from __future__ import annotations

from ..story import COMMUNITY, DEPT, FIRM, Story, Written
from .planting import F, plant


@plant("bill_unasked")
def a_cost_that_nobody_planned(s: Story) -> Written:
    s.drop(s.find("volunteers.bill.cost_planned", bill="b2"))
    return s.find(F + "bill.held", bill="b2")


@plant("bill_unasked")
def paid_to_another_than_was_said(s: Story) -> Written:
    event = s.find(F + "bill.paid", bill="b1")
    event.data["payee"] = DEPT
    return event


@plant("bill_unasked")
def released_though_nobody_withdrew_it(s: Story) -> Written:
    s.drop(s.find("volunteers.bill.withdrawn", bill="b2"))
    return s.find(F + "bill.released", bill="b2")


@plant("bill_unasked")
def income_of_an_organisation_to_which_nothing_is_due(s: Story) -> Written:
    event = s.find(F + "bill.booked", bill="r1")
    event.data["org"] = FIRM
    return event


@plant("bill_of_anothers_mandate")
def planned_under_one_mandate_from_the_money_of_another(s: Story) -> Written:
    s.find("volunteers.bill.cost_planned", bill="b1").attributes |= {"mandate": "m1", "org": COMMUNITY}
    return s.find(F + "bill.held", bill="b1")


@plant("bill_held_twice")
def one_bill_held_again(s: Story) -> Written:
    return s.answer("held", "b2", mandate="m2", amount_fen=1000)


@plant("bill_booked_twice")
def one_rent_booked_again(s: Story) -> Written:
    data = s.find(F + "bill.booked", bill="r1").data
    return s.answer("booked", "r1", service="property", **{k: data[k] for k in ("org", "amount_fen", "entry")})


@plant("bill_ended_twice")
def paid_and_then_released(s: Story) -> Written:
    return s.answer("released", "b1", amount_fen=1000, entry=None)


@plant("bill_paid_unheld")
def paid_without_having_been_held(s: Story) -> Written:
    s.drop(s.find(F + "bill.held", bill="b1"))
    return s.find(F + "bill.paid", bill="b1")


@plant("bill_overspent")
def more_paid_than_was_held(s: Story) -> Written:
    s.find("volunteers.bill.cost_incurred", bill="b1").data["amount_fen"] = 1200
    event = s.find(F + "bill.paid", bill="b1")
    event.data["amount_fen"] = 1200
    return event


@plant("bill_left_open")
def a_mandate_settled_over_an_open_bill(s: Story) -> Written:
    s.plan("b3", 0, mandate="m1", org=COMMUNITY)
    s.answer("held", "b3", mandate="m1", amount_fen=0)
    return s.find(F + "earmark.settled", mandate="m1")
