"""What complaints hears: finance's answers and prices, and the registers of mandates. Tolerant views."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from complaints import desk, inbound_referrals, store
from complaints.domain.closing import paid
from complaints.handovers import Handovers
from complaints.rules import Rules
from complaints.switches import Switches
from complaints.tables import organisations
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound, View
from suizhuan.kernel.fen import price_fen
from suizhuan.profile import load_profile
from suizhuan.unit_of_work import Tx

HANDOVER, SWITCH = "handover", "switch"


class PlacedView(View):
    """Money is held for a movement of a case; `ref` is the handover or switch that asked."""

    hold: str
    purpose: str
    ref: str
    case: str
    case_term: int
    amount_fen: int = Field(ge=0)


class RefusedView(View):
    """Nothing was held."""

    purpose: str
    ref: str
    case: str
    case_term: int
    shortfall_fen: int


class PaidView(View):
    """A verified case is paid."""

    case: str
    amount_fen: int


class UnpaidView(View):
    """A verified case could not be paid in full."""

    case: str
    price_fen: int
    shortfall_fen: int


class TariffView(View):
    """What one case of an affair is worth from now on."""

    affair: str
    price_fen: int


class AffairView(View):
    """An affair of the catalogue."""

    affair: str
    name: str
    name_en: str = ""
    owner: str


def make(rules: Rules, handovers: Handovers, switches: Switches, topics: Sequence[str] = ()) -> Inbound:
    """The handlers of the one consumer group; of `topics` it hears the referrals of every department."""
    inbound = Inbound("complaints")

    @inbound.on("finance.hold", "finance.hold.placed", PlacedView)
    async def placed(tx: Tx, _event: Event, view: PlacedView) -> None:
        if view.purpose == HANDOVER:
            await handovers.held(tx, view.ref, view.case, view.case_term, view.hold, view.amount_fen)
        elif view.purpose == SWITCH:
            await switches.answered(tx, view.ref, view.case, view.case_term, view.hold, view.amount_fen)

    @inbound.on("finance.hold", "finance.hold.refused", RefusedView)
    async def refused(tx: Tx, _event: Event, view: RefusedView) -> None:
        if view.purpose == HANDOVER:
            await handovers.short(tx, view.ref, view.case, view.case_term, view.shortfall_fen)
        elif view.purpose == SWITCH:
            await switches.answered(tx, view.ref, view.case, view.case_term, None, 0)

    @inbound.on("finance.hold", "finance.case.paid", PaidView)
    async def case_paid(tx: Tx, _event: Event, view: PaidView) -> None:
        await _settle(tx, view.case, view.amount_fen)

    @inbound.on("finance.hold", "finance.case.unpaid", UnpaidView)
    async def case_unpaid(tx: Tx, _event: Event, view: UnpaidView) -> None:
        await _settle(tx, view.case, max(0, view.price_fen - view.shortfall_fen))

    inbound.on("finance.tariff", "finance.tariff.set", TariffView)(tariff_set)
    inbound.on("mandates.affair", "mandates.affair.listed", AffairView)(affair_listed)
    organisations.hear(inbound)
    inbound_referrals.register(inbound, rules, topics)
    return inbound


def declared(topics: Sequence[str] = ()) -> Inbound:
    """What the service listens to, for documents and contract tests: nothing of it is ever run."""
    rules = Rules.of(load_profile("demonstration"))
    handovers = Handovers(rules)
    return make(rules, handovers, Switches(rules, handovers), topics)


async def _settle(tx: Tx, case_id: str, paid_fen: int) -> None:
    case = await store.find_case(tx.conn, case_id, lock=True)
    if case is None:
        return
    change = paid(case, paid_fen, tx.now)
    if change.case != case:
        await store.save(tx, change, desk.authority_of(case), org=case.responsible)


async def tariff_set(tx: Tx, event: Event, view: TariffView) -> None:
    await store.put_tariff(tx.conn, view.affair, price_fen(view.price_fen), event.sequence)


async def affair_listed(tx: Tx, event: Event, view: AffairView) -> None:
    await store.put_affair(tx.conn, view.affair, view.name, view.name_en or view.name, view.owner, event.sequence)
