"""What finance is told of an activity: its bills (`suizhuan.bills`), each by its first and its last word."""

from __future__ import annotations

from suizhuan.bills import BillWithdrawn, CostIncurred, CostPlanned
from suizhuan.unit_of_work import Authority, Tx
from volunteers.domain.activity import UNFUNDED, Activity

FIRST, LAST = 1, 2  # the sequence of a bill: it is planned once, and ends once


def ask(tx: Tx, activity: Activity, authority: Authority) -> None:
    """Ask finance to hold what the activity may cost, from the earmark of its own mandate. Nothing where it is free."""
    if activity.bill is None:
        return
    fact = CostPlanned(
        bill=activity.bill,
        mandate=activity.mandate,
        amount_fen=activity.planned_fen,
        what=f"activity {activity.kind}",
    )
    _emit(tx, activity, fact, FIRST, authority)


def withdraw(tx: Tx, before: Activity, reason: str, authority: Authority) -> None:
    """The activity, as it was `before`, will not be: what finance holds for it, or is about to hold, is free again."""
    if before.bill is not None and before.state != UNFUNDED:
        _emit(tx, before, BillWithdrawn(bill=before.bill, reason=reason), LAST, authority)


def settle(tx: Tx, closed: Activity, authority: Authority) -> None:
    """The activity is closed: what it cost goes to its organiser; where nothing was spent all of it is free again."""
    if closed.bill is None:
        return
    if closed.cost_fen:
        fact: object = CostIncurred(bill=closed.bill, payee=closed.org, amount_fen=closed.cost_fen)
    else:
        fact = BillWithdrawn(bill=closed.bill, reason="unspent")
    _emit(tx, closed, fact, LAST, authority)


def _emit(tx: Tx, activity: Activity, fact: object, sequence: int, authority: Authority) -> None:
    tx.emit(
        fact,
        key=activity.bill or "",
        sequence=sequence,
        area=activity.area,
        authority=authority,
        org=activity.org,
    )
