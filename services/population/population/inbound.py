"""What population hears: which mandates for its affairs are in force, with what money and how many staff."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from population import store_coverage
from population.domain.powers import AFFAIRS
from suizhuan.areas import CodeOfToday
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound, View
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

ACTIVE, SUSPENDED, ENDED = "active", "suspended", "ended"


class ActivatedView(View):
    """A mandate is in force, with so much money and so many staff."""

    mandate: str
    affair: str
    area: CodeOfToday
    holder: str
    staff_count: int = Field(ge=0)
    amount_fen: int = Field(ge=0)


class StoppedView(View):
    """A mandate is in force no longer, for now or for good."""

    mandate: str


def make() -> Inbound:
    """The handlers of the one consumer group. Each keeps what the newest event of a mandate said: what comes again or
    late changes nothing."""
    inbound = Inbound("population")
    topic = "mandates.mandate"

    @inbound.on(topic, "mandates.mandate.activated", ActivatedView)
    async def activated(tx: Tx, event: Event, view: ActivatedView) -> None:
        if view.affair not in AFFAIRS:
            return
        if trim(view.area) != view.area:
            raise Refusal("event_malformed", reason="an area is not trimmed", type=event.type)
        await store_coverage.put_mandate(tx.conn, {**view.model_dump(), "state": ACTIVE, "sequence": event.sequence})

    @inbound.on(topic, "mandates.mandate.suspended", StoppedView)
    async def suspended(tx: Tx, event: Event, view: StoppedView) -> None:
        await store_coverage.stop_mandate(tx.conn, view.mandate, SUSPENDED, event.sequence)

    @inbound.on(topic, "mandates.mandate.ended", StoppedView)
    async def ended(tx: Tx, event: Event, view: StoppedView) -> None:
        await store_coverage.stop_mandate(tx.conn, view.mandate, ENDED, event.sequence)

    return inbound


def declared(topics: Sequence[str] = ()) -> Inbound:
    """What the service listens to, for documents and contract tests: nothing of it is ever run."""
    return make()
