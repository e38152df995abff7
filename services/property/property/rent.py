"""Rent and finance: what falls due, comes or is withdrawn is said of the lease and of its bill in one transaction."""

from __future__ import annotations

from collections.abc import Iterable

from property import store_leases as store
from property.domain import lease as leases
from property.domain.lease import Due, Lease
from property.domain.periods import moment
from suizhuan.bills import BillWithdrawn, IncomeDue, IncomeReceived
from suizhuan.unit_of_work import Authority, Tx

RENT, END = "lease.rent", "lease.end"
ISSUED, SETTLED = 1, 2
"""The two steps of a bill, as its events count them."""


def bill_of(lease: Lease) -> str:
    """The bill of the next period: the same whenever it is asked for."""
    return f"{lease.id}-{lease.next_period}"


async def watch(tx: Tx, lease: Lease) -> None:
    """Have the next rent fall due in time, and the lease end. Both are asked for by day, in Shanghai."""
    due_on = lease.next_due() if lease.state == leases.ACTIVE else None
    if due_on is not None:
        await tx.deadline(RENT, lease.id, moment(due_on))
    else:
        await tx.cancel_deadline(RENT, lease.id)
    if lease.state == leases.ACTIVE and due_on is None:
        await tx.deadline(END, lease.id, moment(lease.ends_on))
    else:
        await tx.cancel_deadline(END, lease.id)


async def fall_due(tx: Tx, lease: Lease) -> Lease:
    """The next rent falls due, if it is time, and finance is asked to book it as income of its period.

    Said for the lessor, under no mandate: rent is owed by the lease, whoever holds the power to let by then."""
    made = leases.fall_due(lease, bill_of(lease), tx.now)
    if made is None:
        return lease
    change, due = made
    now = await store.LEASES.put(tx, change, None, org=lease.lessor)
    await store.add_due(tx, due)
    asked = IncomeDue(
        bill=due.bill,
        org=lease.lessor,
        debtor=lease.lessee,
        amount_fen=due.amount_fen,
        what="rent",
        period=f"{due.begins.isoformat()}/{due.until.isoformat()}",
    )
    tx.emit(asked, key=due.bill, sequence=ISSUED, area=lease.area, org=lease.lessor)
    if due.state == leases.RECEIVED:
        _received(tx, lease, due, None)
    return now


async def receive(tx: Tx, lease: Lease, due: Due, authority: Authority) -> Lease:
    """The rent of one period has come. Errors: `due_settled`."""
    change, settled = leases.receive(lease, due, tx.now)
    now = await store.LEASES.put(tx, change, authority)
    await store.settle(tx, settled)
    _received(tx, lease, settled, authority)
    return now


async def withdraw(tx: Tx, lease: Lease, dues: Iterable[Due], authority: Authority) -> None:
    """Bills of periods that will not be are undone."""
    for due in dues:
        await store.settle(tx, due)
        fact = BillWithdrawn(bill=due.bill, reason="lease_cut")
        tx.emit(fact, key=due.bill, sequence=SETTLED, area=lease.area, authority=authority, org=lease.lessor)


def _received(tx: Tx, lease: Lease, due: Due, authority: Authority | None) -> None:
    fact = IncomeReceived(bill=due.bill)
    tx.emit(fact, key=due.bill, sequence=SETTLED, area=lease.area, authority=authority, org=lease.lessor)
