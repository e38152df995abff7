"""What the gateway hears of cases: events that stand side by side in the log are folded and written as sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gateway import store, views
from gateway import tables as t
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound, View
from suizhuan.unit_of_work import Tx

TOPIC, C = "complaints.case", "complaints.case."
Heard = Sequence[tuple[Event, Any]]
Changed = Callable[..., None]


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
    "rekeyed": (views.CaseRekeyedView, lambda v: v.model_dump(exclude={"case"})),
    "hold_requested": (views.CaseView, lambda v: {}),
    "switch_holds_dropped": (views.CaseView, lambda v: {}),
    "private_read": (views.CaseView, lambda v: {}),
}


def register(inbound: Inbound, changed: Changed) -> None:
    """Add the one handler of all of them."""

    async def cases(tx: Tx, heard: Heard) -> None:
        new, known = fold(heard)
        await store.put_all(tx.conn, t.cases, new)
        await store.change_all(tx.conn, t.cases, known)
        await store.add_steps(tx.conn, [(view.case, event) for event, view in heard])
        areas = {area for event, view in heard if (area := event.attribute("area") or getattr(view, "area", None))}
        codes = await tx.codes()
        changed(tx, *(f"area:{area}" for area in sorted(set(map(codes.now, areas)))))

    inbound.on_sets(
        TOPIC,
        {f"{C}reported": views.ReportedView, **{C + name: view for name, (view, _) in _CHANGES.items()}},
        cases,
    )


def fold(heard: Heard) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(rows of cases that begin here, columns of known ones that change), one for each case, the last word winning."""
    new: dict[str, dict[str, Any]] = {}
    known: dict[str, dict[str, Any]] = {}
    for event, view in heard:
        name = event.name.removeprefix(C)
        if name == "reported":
            row = view.model_dump(exclude={"case"})
            start = {"state": "reported", "case_term": 0, "price_fen": 0, "reported_at": event.time}
            new[view.case] = {"id": view.case, **row, **start, "version": event.sequence}
            continue
        change = {**_CHANGES[name][1](view), "version": event.sequence}
        if view.case in new:
            new[view.case] |= change
        else:
            known.setdefault(view.case, {"id": view.case}).update(change)
    return list(new.values()), list(known.values())
