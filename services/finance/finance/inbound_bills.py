"""What finance hears of bills: of every department on the platform that has a topic of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field

from finance.bills import Bills
from suizhuan import bills as asked
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound, View, services_with
from suizhuan.kernel.fen import MAX_FEN
from suizhuan.unit_of_work import Tx


class IncomeDueView(View):
    """What is due to an organisation."""

    bill: str
    org: str
    debtor: str
    amount_fen: int = Field(gt=0, le=MAX_FEN)
    what: Literal["rent", "fee", "other"] = "other"
    period: str = ""


class CostPlannedView(View):
    """What work under a mandate will cost at most."""

    bill: str
    mandate: str
    amount_fen: int = Field(ge=0, le=MAX_FEN)
    what: str = ""


class CostIncurredView(View):
    """What it did cost."""

    bill: str
    payee: str
    amount_fen: int = Field(ge=0, le=MAX_FEN)


class BillView(View):
    """A bill that something has become of."""

    bill: str


def register(inbound: Inbound, bills: Callable[[], Bills], topics: Sequence[str]) -> None:
    """A handler of each kind for each department."""
    for service in services_with(asked.KIND, topics):
        if service != inbound.group:  # ours are the answers
            _of(inbound, bills, service)


def _of(inbound: Inbound, bills: Callable[[], Bills], service: str) -> None:
    topic = f"{service}.{asked.KIND}"

    @inbound.on(topic, f"{topic}.income_due", IncomeDueView)
    async def income_due(tx: Tx, _: Event, seen: IncomeDueView) -> None:
        await bills().income_due(tx, service, asked.IncomeDue(**seen.model_dump()))

    @inbound.on(topic, f"{topic}.income_received", BillView)
    async def income_received(tx: Tx, _: Event, seen: BillView) -> None:
        await bills().income_received(tx, service, seen.bill)

    @inbound.on(topic, f"{topic}.cost_planned", CostPlannedView)
    async def cost_planned(tx: Tx, event: Event, seen: CostPlannedView) -> None:
        said = asked.CostPlanned(**seen.model_dump())
        await bills().cost_planned(tx, service, said, org=event.attribute("org"), under=event.attribute("mandate"))

    @inbound.on(topic, f"{topic}.cost_incurred", CostIncurredView)
    async def cost_incurred(tx: Tx, _: Event, seen: CostIncurredView) -> None:
        await bills().cost_incurred(tx, service, asked.CostIncurred(**seen.model_dump()))

    @inbound.on(topic, f"{topic}.withdrawn", BillView)
    async def withdrawn(tx: Tx, _: Event, seen: BillView) -> None:
        await bills().withdrawn(tx, service, seen.bill)
