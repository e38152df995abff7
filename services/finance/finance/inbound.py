"""What finance hears: mandates about earmarks, complaints about holds and payments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from finance import inbound_bills, store
from finance import tables as t
from finance.bills import Bills
from finance.domain.earmark import ENDED, SETTLED, Earmark
from finance.money import Money
from suizhuan.areas import CodeOfToday
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound, View
from suizhuan.unit_of_work import Tx


class Organisation(View):
    org: str
    name: str
    areas: list[CodeOfToday]
    kind: str | None = None
    parent: str | None = None


class Admitted(View):
    mandate: str
    giver: str
    holder: str
    basis: str
    amount_fen: int
    emergency: str | None = None


class NotAdmitted(View):
    mandate: str
    reason: str


class Ended(View):
    mandate: str
    starts_at: datetime
    ends_at: datetime | None = None
    ended_at: datetime


class HandoverRequested(View):
    case: str
    case_term: int
    handover: str
    giver: str
    mandate: str | None = None
    needed_fen: int


class HandoverRefused(View):
    case: str
    handover: str


class Returned(View):
    case: str
    releases: list[str]


class HoldRequested(View):
    case: str
    case_term: int
    switch: str
    mandate: str
    owner: str
    needed_fen: int


class SwitchHoldsDropped(View):
    switch: str
    case: str


class Verified(View):
    case: str
    case_term: int
    responsible: str
    mandate: str
    owner: str
    price_fen: int
    payee: str | None = None  # who did the work; events of before that field was there have none


class Closed(View):
    case: str
    outcome: str


def make(money: Money | None, topics: Sequence[str] = ()) -> Inbound:
    """The consumer group `finance`; of `topics` it hears the bills of every department.

    Without `money`, only declared: for documents and contract tests."""
    inbound = Inbound("finance")

    def rules() -> Money:
        if money is None:
            raise RuntimeError("declared for reading only")
        return money

    @inbound.on("mandates.organisation", "mandates.organisation.registered", Organisation)
    async def organisation(tx: Tx, _: Event, seen: Organisation) -> None:
        await store.put(
            tx.conn,
            t.organisation,
            ["id"],
            id=seen.org,
            name=seen.name,
            areas=seen.areas,
            kind=seen.kind,
            parent=seen.parent,
        )

    @inbound.on("mandates.mandate", "mandates.mandate.admitted", Admitted)
    async def admitted(tx: Tx, _: Event, seen: Admitted) -> None:
        wanted = Earmark(seen.mandate, seen.giver, seen.holder, seen.basis, seen.amount_fen)
        await rules().fund(tx, wanted, emergency=seen.emergency is not None)

    @inbound.on("mandates.mandate", "mandates.mandate.refused", NotAdmitted)
    async def refused(tx: Tx, _: Event, seen: NotAdmitted) -> None:
        """Withdrawn or expired after its money was set aside: all of it goes back."""
        found = await store.earmark(tx.conn, seen.mandate, lock=True)
        if found is not None and found.state not in (ENDED, SETTLED):
            await rules().end(tx, seen.mandate, starts_at=tx.now, ends_at=tx.now, ended_at=tx.now)

    @inbound.on("mandates.mandate", "mandates.mandate.ended", Ended)
    async def ended(tx: Tx, _: Event, seen: Ended) -> None:
        await rules().end(tx, seen.mandate, starts_at=seen.starts_at, ends_at=seen.ends_at, ended_at=seen.ended_at)

    @inbound.on("complaints.case", "complaints.case.handover_requested", HandoverRequested)
    async def handover_requested(tx: Tx, _: Event, seen: HandoverRequested) -> None:
        await rules().hold(
            tx,
            purpose="handover",
            ref=seen.handover,
            case=seen.case,
            case_term=seen.case_term,
            payer=seen.giver,
            mandate=seen.mandate,
            amount=seen.needed_fen,
        )

    @inbound.on("complaints.case", "complaints.case.hold_requested", HoldRequested)
    async def hold_requested(tx: Tx, _: Event, seen: HoldRequested) -> None:
        """The earmark it was routed under; short: the affair owner's budget; short again: refused."""
        for mandate in (seen.mandate, None):
            if await rules().hold(
                tx,
                purpose="switch",
                ref=seen.switch,
                case=seen.case,
                case_term=seen.case_term,
                payer=seen.owner,
                mandate=mandate,
                amount=seen.needed_fen,
            ):
                return

    @inbound.on("complaints.case", "complaints.case.handover_refused", HandoverRefused)
    async def handover_refused(tx: Tx, _: Event, seen: HandoverRefused) -> None:
        await rules().give_up(tx, seen.handover, seen.case, "refused")

    @inbound.on("complaints.case", "complaints.case.switch_holds_dropped", SwitchHoldsDropped)
    async def switch_holds_dropped(tx: Tx, _: Event, seen: SwitchHoldsDropped) -> None:
        await rules().give_up(tx, seen.switch, seen.case, "refused")

    @inbound.on("complaints.case", "complaints.case.returned", Returned)
    async def returned(tx: Tx, _: Event, seen: Returned) -> None:
        for row in await store.holds(tx.conn, seen.case):
            if row.id in seen.releases:
                await rules().release(tx, row, "returned")

    @inbound.on("complaints.case", "complaints.case.verified", Verified)
    async def verified(tx: Tx, _: Event, seen: Verified) -> None:
        await rules().pay(
            tx,
            case=seen.case,
            case_term=seen.case_term,
            payee=seen.payee or seen.responsible,
            mandate=seen.mandate,
            owner=seen.owner,
            price=seen.price_fen,
        )

    @inbound.on("complaints.case", "complaints.case.closed", Closed)
    async def closed(tx: Tx, _: Event, seen: Closed) -> None:
        if seen.outcome != "verified":
            for row in await store.holds(tx.conn, seen.case):
                await rules().release(tx, row, "closed_unpaid")

    inbound_bills.register(inbound, lambda: Bills(rules()), topics)
    return inbound


def declared(topics: Sequence[str] = ()) -> Inbound:
    """What is listened to, for documents and contract tests."""
    return make(None, topics)
