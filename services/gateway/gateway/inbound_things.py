"""What the gateway hears of departments that it knows nothing of: whatever they say in public, by what every event says
of itself. A department that joins is in the overview and the figures without a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gateway import store
from gateway.positions import departments
from suizhuan.areas import Codes
from suizhuan.cloudevents import Event
from suizhuan.inbox import Inbound
from suizhuan.unit_of_work import Tx

Heard = Sequence[tuple[Event, Any]]
Changed = Callable[..., None]


def register(inbound: Inbound, changed: Changed, topics: Sequence[str]) -> None:
    """Take every topic of every department."""

    async def things(tx: Tx, heard: Heard) -> None:
        rows = fold(heard, await tx.codes())
        await store.put_things(tx.conn, rows)
        changed(tx, *(f"area:{area}" for area in sorted({row["area"] for row in rows if row["area"]})))

    for topic in departments(topics):
        inbound.on_topic(topic, things)


def fold(heard: Heard, codes: Codes) -> list[dict[str, Any]]:
    """A row for each thing, as the last of these events leaves it; one that says no area leaves it where it was."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for event, _ in heard:
        service, _, kind = event.topic.partition(".")
        before = rows.get((service, kind, event.key), {})
        if event.sequence < before.get("version", 0):
            continue
        rows[service, kind, event.key] = {
            "service": service,
            "kind": kind,
            "id": event.key,
            "area": codes.now(event.attribute("area") or "") or before.get("area"),
            "org": event.attribute("org") or before.get("org"),
            "state": event.name.rpartition(".")[2],
            "at": event.time,
            "version": event.sequence,
        }
    return [rows[key] for key in sorted(rows)]
