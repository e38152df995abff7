"""有费无事: money without its duty (G5)."""

from __future__ import annotations

from ..story import BANK, FIRM, PRICE, Story, Written
from .planting import C, F, M, plant


@plant("captured_unverified")
def paid_out_without_a_check(s: Story) -> Written:
    verified = s.find(C + "verified", case="c2")
    verified.name, verified.data = C + "resumed", {"case": "c2"}
    return s.find(F + "hold.captured", case="c2")


@plant("captured_twice")
def a_hold_captured_twice(s: Story) -> Written:
    return s.emit(F + "hold.captured", s.find(F + "hold.captured", hold="hold-2").data, key="c2")


@plant("captured_and_released")
def a_hold_captured_and_released(s: Story) -> Written:
    return s.release("hold-2", "c2")


@plant("released_twice")
def a_hold_released_twice(s: Story) -> Written:
    return s.release("hold-3", "c3")


@plant("hold_unknown")
def a_hold_that_was_never_placed(s: Story) -> Written:
    return s.release("hold-99", "c3")


@plant("hold_placed_twice")
def a_hold_placed_twice(s: Story) -> Written:
    return s.hold("hold-2", "c2", "h2")


@plant("hold_overspent")
def more_captured_than_was_held(s: Story) -> Written:
    event = s.find(F + "hold.captured", hold="hold-2")
    event.data["amount_fen"] = PRICE + 1
    return event


@plant("hold_left_open")
def a_hold_nobody_ended(s: Story) -> Written:
    s.drop(s.find(F + "hold.released", hold="hold-3"))
    return s.find(C + "settled", case="c3")


@plant("hold_exceeds_earmark")
def more_held_than_the_earmark_has(s: Story) -> Written:
    event = s.find(F + "hold.placed", hold="hold-2")
    event.data["amount_fen"] = 100 * PRICE
    return event


@plant("paid_unverified")
def a_case_paid_that_nobody_knows(s: Story) -> Written:
    paid = {"case": "c7", "case_term": 1, "payee": FIRM, "amount_fen": 1, "price_fen": 1, "entry": None}
    return s.emit(F + "case.paid", paid, key="c7")


@plant("paid_twice")
def a_case_paid_twice(s: Story) -> Written:
    return s.emit(F + "case.paid", s.find(F + "case.paid", case="c1").data, key="c1")


@plant("paid_wrong_sum")
def a_case_paid_short(s: Story) -> Written:
    event = s.find(F + "case.paid", case="c1")
    event.data["amount_fen"] = PRICE - 100
    return event


@plant("paid_another")
def another_is_paid(s: Story) -> Written:
    event = s.find(F + "case.paid", case="c1")
    event.data["payee"] = FIRM
    return event


@plant("paid_another")
def who_answers_for_the_case_is_paid_for_what_another_did(s: Story) -> Written:
    s.find(C + "handled", case="c4").data["org"] = FIRM
    return s.find(F + "case.paid", case="c4")


@plant("settled_unpaid")
def settled_but_never_paid(s: Story) -> Written:
    s.drop(s.find(F + "case.paid", case="c1"))
    return s.find(C + "settled", case="c1")


@plant("entry_unbalanced")
def an_entry_off_by_one_fen(s: Story) -> Written:
    event = s.find(F + "entry.posted", entry="pay-c1")
    event.data["lines"][2]["amount_fen"] += 1
    return event


@plant("entry_twice")
def an_entry_posted_twice(s: Story) -> Written:
    return s.emit(F + "entry.posted", s.find(F + "entry.posted", entry="opening").data, key="opening")


@plant("entry_missing")
def a_capture_without_its_entry(s: Story) -> Written:
    event = s.find(F + "hold.captured", hold="hold-2")
    event.data["entry"] = "nowhere"
    return event


@plant("earmark_overdrawn")
def more_taken_from_an_earmark_than_it_had(s: Story) -> Written:
    s.entry("theft", [(FIRM, BANK, "m2", -2 * PRICE), (FIRM, BANK, None, 2 * PRICE)])
    return s.find(F + "entry.posted", entry="theft")


@plant("earmark_funded_twice")
def a_mandate_funded_twice(s: Story) -> Written:
    return s.emit(F + "earmark.funded", s.find(F + "earmark.funded", mandate="m2").data, key="m2")


@plant("earmark_wrong_sum")
def an_earmark_whose_sums_do_not_meet(s: Story) -> Written:
    event = s.find(F + "earmark.settled", mandate="m1")
    event.data["captured_fen"] -= 1
    return event


@plant("rest_not_returned")
def an_ended_mandate_keeps_its_rest(s: Story) -> Written:
    s.drop(s.find(F + "entry.posted", entry="return-m1"))
    s.drop(s.find(F + "earmark.returned", mandate="m1"))
    return s.find(F + "earmark.settled", mandate="m1")


@plant("rest_not_returned")
def a_mandate_settled_before_its_earmark(s: Story) -> Written:
    s.drop(s.find(F + "earmark.settled", mandate="m1"))
    return s.find(M + "mandate.settled", mandate="m1")
