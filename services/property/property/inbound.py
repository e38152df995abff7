"""What property hears: finance's answers to its bills, complaints' to its referrals, the register of organisations.

Every answer is kept as a row of its own, the furthest one wins: it counts whether it comes twice, late, or before the
bill is here again after a restore.
"""

from __future__ import annotations

from collections.abc import Sequence

from property import complaining, store_leases, store_repairs
from property.tables import organisations
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound, View
from suizhuan.unit_of_work import Tx

OWN = "property"


class BillView(View):
    """What finance did about a bill of a service; `entry` is that of its ledger."""

    service: str
    bill: str
    entry: str | None = None


class TakenView(View):
    """A referral of a service has become a case."""

    service: str
    referral: str
    case: str


class TurnedAwayView(View):
    """A referral of a service was not taken in."""

    service: str
    referral: str
    reason: str


class CaseClosedView(View):
    """A case has ended."""

    case: str
    outcome: str


def make(topics: Sequence[str] = ()) -> Inbound:
    """The handlers of the one consumer group, of those `topics` that the platform has; all, where they are not named.

    A district may have no complaints or no finance: then nobody answers, and nothing is waited for."""
    inbound = Inbound(OWN)
    for state in store_leases.RANKS:
        inbound.on("finance.bill", f"finance.bill.{state}", BillView)(bill_answered)
    inbound.on("complaints.referral", "complaints.referral.taken", TakenView)(referral_taken)
    inbound.on("complaints.referral", "complaints.referral.refused", TurnedAwayView)(referral_refused)
    inbound.on("complaints.case", "complaints.case.closed", CaseClosedView)(case_closed)
    organisations.hear(inbound)
    if topics:
        inbound.subscriptions = {name: s for name, s in inbound.subscriptions.items() if s.topic in topics}
    return inbound


def declared(topics: Sequence[str] = ()) -> Inbound:
    """What the service listens to, for documents and contract tests."""
    return make(topics)


async def bill_answered(tx: Tx, event: Event, view: BillView) -> None:
    if view.service == OWN:
        await store_leases.put_answer(tx.conn, view.bill, event.name.rpartition(".")[2], view.entry)


async def referral_taken(tx: Tx, _: Event, view: TakenView) -> None:
    if view.service == OWN:
        await store_repairs.note_answer(tx.conn, view.referral, case=view.case, refused=None)
        await complaining.follow(tx, view.referral)


async def referral_refused(tx: Tx, _: Event, view: TurnedAwayView) -> None:
    if view.service == OWN:
        await store_repairs.note_answer(tx.conn, view.referral, case=None, refused=view.reason)
        await complaining.follow(tx, view.referral)


async def case_closed(tx: Tx, _: Event, view: CaseClosedView) -> None:
    for referral in await store_repairs.note_closed(tx.conn, view.case, view.outcome):
        await complaining.follow(tx, referral)
