"""What the gateway hears: the projection behind its composed reads. It decides nothing and answers nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gateway import inbound_money, store, views
from gateway import tables as t
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound, View
from suizhuan.unit_of_work import Tx

M, C = "mandates.", "complaints.case."
MANDATE_TOPIC, CASE_TOPIC = "mandates.mandate", "complaints.case"

# Told which answers are not right any more: `area:…`, `org:…`.
Changed = Callable[..., Awaitable[object]]


async def _nobody(*_tags: str) -> None:
    return None


def declared() -> Inbound:
    """What the gateway listens to, for documents and contract tests."""
    return make(_nobody)


def make(changed: Changed) -> Inbound:
    """The handlers of the one consumer group."""
    inbound = Inbound("gateway")
    _registers(inbound, changed)
    _mandates(inbound, changed)
    _cases(inbound, changed)
    inbound_money.register(inbound, changed)
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
        await changed(f"org:{view.org}", *(f"area:{area}" for area in view.areas))

    @inbound.on("mandates.affair", M + "affair.listed", views.AffairView)
    async def affair(tx: Tx, event: Event, view: views.AffairView) -> None:
        row = {"name": view.name, "name_en": view.name_en, "list": view.list, "owner": view.owner, "basis": view.basis}
        await store.put(tx.conn, t.affair, id=view.affair, **row)


def _mandates(inbound: Inbound, changed: Changed) -> None:
    async def terms(tx: Tx, event: Event, view: views.MandateTermsView) -> None:
        row = view.model_dump(exclude={"mandate"})
        state = {"activated": "active"}.get(_what(event), _what(event))
        await store.put(tx.conn, t.mandate, id=view.mandate, **row, state=state, version=event.sequence)
        await changed(f"area:{view.area}", f"org:{view.holder}", f"org:{view.giver}")

    async def state(tx: Tx, event: Event, view: views.MandateView) -> None:
        await store.change(tx.conn, t.mandate, view.mandate, state=_what(event), version=event.sequence)
        area = event.attribute("area")
        if area is not None:
            await changed(f"area:{area}")

    for name in ("proposed", "admitted", "activated"):
        inbound.on(MANDATE_TOPIC, f"{M}mandate.{name}", views.MandateTermsView)(terms)
    for name in ("refused", "funded", "suspended", "ending", "ended", "settled"):
        inbound.on(MANDATE_TOPIC, f"{M}mandate.{name}", views.MandateView)(state)


def _what(event: Event) -> str:
    return event.name.rpartition(".")[2]


# What an event says about its case, beside its version. A movement under way ends with its answer.
def _routed(v: views.RoutedView) -> dict[str, Any]:
    return {**v.model_dump(exclude={"case"}), "state": "dispatched"}


def _handed_over(v: views.HandedOverView) -> dict[str, Any]:
    moved = v.model_dump(exclude={"case", "receiver"})
    return {**moved, "responsible": v.receiver, "state": "dispatched", "movement": None}


def _moved(v: views.MovedView) -> dict[str, Any]:
    return {**v.model_dump(exclude={"case", "to"}), "responsible": v.to, "state": "dispatched", "movement": None}


def _times(v: views.TimesView) -> dict[str, Any]:
    return v.model_dump(exclude={"case"})


_CHANGES: dict[str, tuple[type[View], Callable[[Any], dict[str, Any]]]] = {
    "routed": (views.RoutedView, _routed),
    "started": (views.CaseView, lambda v: {"state": "started"}),
    "handled": (views.CaseView, lambda v: {"state": "handled"}),
    "verified": (views.CaseView, lambda v: {"state": "verified"}),
    "rejected": (views.CaseView, lambda v: {"state": "started"}),
    "closed": (views.ClosedView, lambda v: {"state": "closed" if v.outcome == "verified" else v.outcome}),
    "settled": (views.CaseView, lambda v: {"state": "settled"}),
    "extended": (views.TimesView, _times),
    "suspended": (views.CaseView, lambda v: {"state": "suspended"}),
    "resumed": (views.TimesView, lambda v: {**_times(v), "state": "started"}),
    "card_raised": (views.CardView, lambda v: {"card": v.card}),
    "handover_requested": (views.RequestedView, lambda v: {"movement": v.handover}),
    "handover_refused": (views.CaseView, lambda v: {"movement": None}),
    "handed_over": (views.HandedOverView, _handed_over),
    "returned": (views.MovedView, _moved),
    "repointed": (views.MovedView, _moved),
    "hold_requested": (views.CaseView, lambda v: {}),
    "switch_holds_dropped": (views.CaseView, lambda v: {}),
    "private_read": (views.CaseView, lambda v: {}),
}


def _cases(inbound: Inbound, changed: Changed) -> None:
    @inbound.on(CASE_TOPIC, C + "reported", views.ReportedView)
    async def reported(tx: Tx, event: Event, view: views.ReportedView) -> None:
        row = view.model_dump(exclude={"case"})
        await store.put(
            tx.conn,
            t.cases,
            id=view.case,
            **row,
            state="reported",
            case_term=0,
            price_fen=0,
            reported_at=event.time,
            version=event.sequence,
        )
        await store.add_step(tx.conn, view.case, event)
        await changed(f"area:{view.area}")

    for name, (view_type, values) in _CHANGES.items():
        inbound.on(CASE_TOPIC, C + name, view_type)(_case_handler(values, changed))


def _case_handler(values: Callable[[Any], dict[str, Any]], changed: Changed) -> Callable[..., Awaitable[None]]:
    async def handler(tx: Tx, event: Event, view: Any) -> None:
        await store.change(tx.conn, t.cases, view.case, **values(view), version=event.sequence)
        await store.add_step(tx.conn, view.case, event)
        area = event.attribute("area")
        if area is not None:
            await changed(f"area:{area}")

    return handler
