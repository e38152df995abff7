"""What mandates hears: replicas that join and acknowledge, cases that are ready, finance's answers, and areas that
are to get other codes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from mandates import store
from mandates import store_switches as switches
from mandates.domain import ending, funding
from mandates.domain.mandate import FUNDED
from mandates.switching import STEP
from mandates.timers import BEAT_SOON, activate_when_it_starts
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound, View, services_with
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.rekeying import Move
from suizhuan.unit_of_work import Tx

SERVICES = (
    "complaints",
    "finance",
    "gateway",
    "mandates",
)  # keep a replica of the grants, wherever there is a platform
REKEYING = "population.rekeying"
BUDGET_AFFAIR, BUDGET_POWER = "gov.budget", "finance.budget.allocate"
SMALLER = "mandates.mandate.place"
# Has areas switched that population has announced.
Request = Callable[[Tx, str, Sequence[Move]], Awaitable[None]]


class JoinedView(View):
    """A replica asks to be named by the beats."""

    replica: str
    service: str


class AcknowledgedView(View):
    """A replica has applied the opening of a switch."""

    replica: str
    service: str
    switch: str
    pending_cases: bool = False


class CasesReadyView(View):
    """Complaints has an answer from finance for every case in the slots of a switch."""

    switch: str
    cases: int


class FundedView(View):
    """Finance has set a mandate's money aside."""

    earmark: str
    mandate: str
    amount_fen: int


class ShortView(View):
    """The payer is short; nothing was set aside."""

    mandate: str
    payer: str
    shortfall_fen: int


class SettledView(View):
    """Nothing of a mandate's earmark is left."""

    mandate: str
    returned_fen: int


class MoveView(View):
    """A code of an area that becomes another one. They are taken as they are said, for they are about codes."""

    old: str
    new: str
    heir: bool = True


class RekeyingView(View):
    """Population announces that areas get other codes."""

    rekeying: str
    moves: list[MoveView]


def make(request: Request, topics: Sequence[str] = ()) -> Inbound:
    """The handlers of the one consumer group; of `topics` it hears the replicas of every service, and population where
    there is one."""
    inbound = Inbound("mandates")

    async def rekeying_announced(tx: Tx, _event: Event, view: RekeyingView) -> None:
        """Population has judged that it can be; here it only takes effect."""
        await request(tx, view.rekeying, [Move(m.old, m.new, m.heir) for m in view.moves])

    if REKEYING in topics:
        inbound.on(REKEYING, "population.rekeying.announced", RekeyingView)(rekeying_announced)
    for service in sorted({*SERVICES, *services_with("replica", topics)}):
        inbound.on(f"{service}.replica", f"{service}.replica.joined", JoinedView)(joined)
        inbound.on(f"{service}.replica", f"{service}.replica.acknowledged", AcknowledgedView)(acknowledged)
    inbound.on("complaints.switch", "complaints.switch.cases_ready", CasesReadyView)(cases_ready)
    inbound.on("finance.earmark", "finance.earmark.funded", FundedView)(funded)
    inbound.on("finance.earmark", "finance.earmark.refused", ShortView)(short)
    inbound.on("finance.earmark", "finance.earmark.settled", SettledView)(settled)
    return inbound


def declared(topics: Sequence[str] = ()) -> Inbound:
    """What mandates listens to, for documents and contract tests: nothing of it is ever run."""

    async def never(_tx: Tx, _rekeying: str, _moves: Sequence[Move]) -> None: ...

    return make(never, topics)


async def joined(tx: Tx, event: Event, view: JoinedView) -> None:
    """The next beat names it, and that beat is made at once."""
    service = event.name.split(".", 1)[0]
    if view.service != service or not view.replica.startswith(f"{service}:") or len(view.replica) > 200:
        raise Refusal("event_malformed", reason="a replica is named after its service", type=event.type)
    await switches.join(tx.conn, view.replica, service, tx.now)
    await tx.deadline(BEAT_SOON, view.replica, tx.now)


async def acknowledged(tx: Tx, _event: Event, view: AcknowledgedView) -> None:
    """Counts for the switch that it names and for no other; one that nobody awaits any more changes nothing.

    The switch steps when the last has come: a step for each would hold that one up."""
    if await switches.acknowledge(tx.conn, view.switch, view.replica, view.pending_cases, tx.now):
        await tx.deadline(STEP, view.switch, tx.now)


async def cases_ready(tx: Tx, _event: Event, view: CasesReadyView) -> None:
    """May come before or after the acknowledgement that announced it: they travel on different topics."""
    await switches.set_cases_ready(tx.conn, view.switch, view.cases, tx.now)
    await tx.deadline(STEP, view.switch, tx.now)


async def funded(tx: Tx, _event: Event, view: FundedView) -> None:
    mandate = await store.find_mandate(tx.conn, view.mandate, lock=True)
    if mandate is None:
        return
    change = funding.funded(mandate, earmark=view.earmark, amount_fen=view.amount_fen, now=tx.now)
    if change is None:
        return
    after = await store.save(tx, change)
    if after.state == FUNDED:
        await activate_when_it_starts(tx, after)


async def short(tx: Tx, _event: Event, view: ShortView) -> None:
    """Who can act next: whoever gives budgets; if that is the payer itself, it can only ask for less."""
    mandate = await store.find_mandate(tx.conn, view.mandate, lock=True)
    if mandate is None:
        return
    try:
        budget = (await store.affair(tx.conn, BUDGET_AFFAIR)).owner
    except Refusal:
        budget = view.payer
    change = funding.short(
        mandate,
        shortfall_fen=view.shortfall_fen,
        next_org=budget,
        next_action=SMALLER if budget == view.payer else BUDGET_POWER,
    )
    if change is not None:
        await store.save(tx, change)


async def settled(tx: Tx, _event: Event, view: SettledView) -> None:
    mandate = await store.find_mandate(tx.conn, view.mandate, lock=True)
    if mandate is None:
        return
    change = ending.settled(mandate, returned_fen=view.returned_fen)
    if change is not None:
        await store.save(tx, change)
