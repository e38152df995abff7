"""What the gateway hears of finance: entries, earmarks, holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway import store, views
from gateway import tables as t
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound
from suizhuan.unit_of_work import Tx

F = "finance."
Changed = Callable[..., None]


def register(inbound: Inbound, changed: Changed) -> None:
    """Add the handlers."""
    _ledger(inbound, changed)
    _holds(inbound, changed)


def _ledger(inbound: Inbound, changed: Changed) -> None:
    async def entries(tx: Tx, heard: Sequence[tuple[Event, views.EntryView]]) -> None:
        rows = [
            {
                "id": view.entry,
                "kind": view.kind,
                "cause": view.cause,
                "memo": view.memo,
                "event": event.id,
                "at": event.time,
                "lines": [line.model_dump() for line in view.lines],
            }
            for event, view in heard
        ]
        await store.put_all(tx.conn, t.entry, rows)
        await store.post(tx.conn, [line for row in rows for line in row["lines"]])  # type: ignore[attr-defined]
        changed(tx, *sorted({f"org:{line.org}" for _, view in heard for line in view.lines}))

    inbound.on_sets("finance.entry", {F + "entry.posted": views.EntryView}, entries)

    @inbound.on("finance.earmark", F + "earmark.funded", views.FundedView)
    async def funded(tx: Tx, event: Event, view: views.FundedView) -> None:
        await store.put(tx.conn, t.earmark, **view.model_dump(), returned_fen=0, state="funded")
        changed(tx, f"org:{view.payer}", f"org:{view.holder}")

    @inbound.on("finance.earmark", F + "earmark.returned", views.ReturnedView)
    async def returned(tx: Tx, event: Event, view: views.ReturnedView) -> None:
        await store.returned(tx.conn, view.mandate, view.amount_fen)
        changed(tx, f"org:{view.payer}", f"org:{view.holder}")

    @inbound.on("finance.earmark", F + "earmark.settled", views.SettledView)
    async def settled(tx: Tx, event: Event, view: views.SettledView) -> None:
        await store.change(tx.conn, t.earmark, view.mandate, state="settled")


def _holds(inbound: Inbound, changed: Changed) -> None:
    @inbound.on("finance.hold", F + "hold.placed", views.PlacedView)
    async def placed(tx: Tx, event: Event, view: views.PlacedView) -> None:
        row = view.model_dump(exclude={"hold"})
        await store.put(tx.conn, t.hold, id=view.hold, **row, captured_fen=0, released_fen=0, state="placed")
        await store.add_step(tx.conn, view.case, event)
        changed(tx, f"org:{view.payer}")

    @inbound.on("finance.hold", F + "hold.captured", views.CapturedView)
    async def captured(tx: Tx, event: Event, view: views.CapturedView) -> None:
        await store.capture(tx.conn, view.hold, view.amount_fen, payee=view.payee, entry=view.entry)
        await store.add_step(tx.conn, view.case, event)
        changed(tx, f"org:{view.payer}", f"org:{view.payee}")

    @inbound.on("finance.hold", F + "hold.released", views.ReleasedView)
    async def released(tx: Tx, event: Event, view: views.ReleasedView) -> None:
        await store.release(tx.conn, view.hold, view.amount_fen)
        await store.add_step(tx.conn, view.case, event)
        changed(tx, f"org:{view.payer}")

    async def step(tx: Tx, event: Event, view: views.CaseView) -> None:
        await store.add_step(tx.conn, view.case, event)

    for name in ("hold.refused", "case.paid", "case.unpaid"):
        inbound.on("finance.hold", F + name, views.CaseView)(step)
