"""What volunteers hears: finance's answers to its bills, the registers of mandates, and, where there is a population
service, that a classified file is closed. Tolerant views."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound, View
from suizhuan.kernel.term import Timing
from suizhuan.unit_of_work import Tx
from volunteers import activities, desk, store, support
from volunteers.tables import organisations

SERVICE = "volunteers"
BILL, FILE = "finance.bill", "population.file"


class HeldView(View):
    """Money is held for a bill."""

    service: str
    bill: str


class RefusedView(View):
    """It could not be held."""

    service: str
    bill: str
    reason: str
    shortfall_fen: int = Field(0, ge=0)


class PaidView(View):
    """A bill is paid."""

    service: str
    bill: str
    amount_fen: int = Field(ge=0)


class EndedView(View):
    """A mandate is over."""

    mandate: str
    ended_at: datetime


class FileView(View):
    """A classified file is closed."""

    file: str


def make(timing: Timing, topics: Sequence[str]) -> Inbound:
    """The handlers of the one consumer group. `topics` are those of this platform: it may have no population."""
    inbound = Inbound(SERVICE)

    @inbound.on(BILL, "finance.bill.held", HeldView)
    async def held(tx: Tx, _event: Event, view: HeldView) -> None:
        if view.service == SERVICE:
            await activities.bill_held(tx, view.bill)

    @inbound.on(BILL, "finance.bill.refused", RefusedView)
    async def refused(tx: Tx, _event: Event, view: RefusedView) -> None:
        if view.service == SERVICE:
            await activities.bill_refused(tx, view.bill, view.reason, view.shortfall_fen)

    @inbound.on(BILL, "finance.bill.paid", PaidView)
    async def paid(tx: Tx, _event: Event, view: PaidView) -> None:
        if view.service == SERVICE:
            await activities.bill_paid(tx, view.bill, view.amount_fen)

    @inbound.on("mandates.mandate", "mandates.mandate.ended", EndedView)
    async def ended(tx: Tx, _event: Event, view: EndedView) -> None:
        await store.note_ended(tx, view.mandate, view.ended_at)
        await activities.mandate_over(tx, view.mandate)
        # A command that is under way now may still plan something under it, for as long as an act may take.
        await tx.deadline(desk.MANDATE_OVER, view.mandate, tx.now + timing.handover_gap)

    organisations.hear(inbound)
    if FILE in topics:
        inbound.on(FILE, "population.file.closed", FileView)(file_closed)
    return inbound


def declared(topics: Sequence[str] = ()) -> Inbound:
    """What the service listens to, for documents and contract tests: nothing of it is ever run."""
    return make(Timing(), topics)


async def file_closed(tx: Tx, _event: Event, view: FileView) -> None:
    await support.file_closed(tx, view.file)
