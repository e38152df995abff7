"""What the gateway hears: the projection behind its composed reads. It decides nothing and answers nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway import inbound_cases, inbound_money, inbound_things, store, views
from gateway import tables as t
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound
from suizhuan.unit_of_work import Tx

M = "mandates."
MANDATE_TOPIC = "mandates.mandate"

# Told which answers are not right any more: `area:…`, `org:…`.
Changed = Callable[..., None]


def _nobody(_tx: Tx, *_tags: str) -> None:
    return None


def declared(topics: Sequence[str] = ()) -> Inbound:
    """What the gateway listens to, for documents and contract tests."""
    return make(_nobody, topics)


def make(changed: Changed, topics: Sequence[str] = ()) -> Inbound:
    """The handlers of the one consumer group; of `topics` it hears those of the departments that are there."""
    inbound = Inbound("gateway")
    _registers(inbound, changed)
    _mandates(inbound, changed)
    inbound_cases.register(inbound, changed)
    inbound_money.register(inbound, changed)
    inbound_things.register(inbound, changed, topics)
    return inbound


def _registers(inbound: Inbound, changed: Changed) -> None:
    @inbound.on("mandates.organisation", M + "organisation.registered", views.OrganisationView)
    async def organisation(tx: Tx, event: Event, view: views.OrganisationView) -> None:
        await store.put(
            tx.conn,
            t.organisation,
            id=view.org,
            name=view.name,
            name_en=view.name_en,
            kind=view.kind,
            parent=view.parent,
            version=event.sequence,
        )
        await store.set_areas(tx.conn, view.org, view.areas)
        changed(tx, f"org:{view.org}", *(f"area:{area}" for area in view.areas))

    @inbound.on("mandates.affair", M + "affair.listed", views.AffairView)
    async def affair(tx: Tx, event: Event, view: views.AffairView) -> None:
        row = {"name": view.name, "name_en": view.name_en, "list": view.list, "owner": view.owner, "basis": view.basis}
        await store.put(tx.conn, t.affair, id=view.affair, **row)


def _mandates(inbound: Inbound, changed: Changed) -> None:
    async def terms(tx: Tx, event: Event, view: views.MandateTermsView) -> None:
        row = view.model_dump(exclude={"mandate"})
        state = {"activated": "active"}.get(_what(event), _what(event))
        await store.put(tx.conn, t.mandate, id=view.mandate, **row, state=state, version=event.sequence)
        changed(tx, f"area:{view.area}", f"org:{view.holder}", f"org:{view.giver}")

    async def state(tx: Tx, event: Event, view: views.MandateView) -> None:
        await store.change(tx.conn, t.mandate, view.mandate, state=_what(event), version=event.sequence)
        area = event.attribute("area")
        if area is not None:
            changed(tx, f"area:{(await tx.codes()).now(area)}")

    async def rekeyed(tx: Tx, event: Event, view: views.MandateRekeyedView) -> None:
        row = {"area": view.area, "version": event.sequence}
        await store.change(tx.conn, t.mandate, view.mandate, **row, **({"term": view.term} if view.term else {}))
        changed(tx, f"area:{view.area}", f"org:{view.holder}")

    for name in ("proposed", "admitted", "activated"):
        inbound.on(MANDATE_TOPIC, f"{M}mandate.{name}", views.MandateTermsView)(terms)
    for name in ("refused", "funded", "suspended", "ending", "ended", "settled"):
        inbound.on(MANDATE_TOPIC, f"{M}mandate.{name}", views.MandateView)(state)
    inbound.on(MANDATE_TOPIC, f"{M}mandate.rekeyed", views.MandateRekeyedView)(rekeyed)


def _what(event: Event) -> str:
    return event.name.rpartition(".")[2]
