"""How what an event says is written into a table, for whoever takes over after a restore."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from population import store, store_imports
from population.rules import Rules
from suizhuan.cloudevents import Event
from suizhuan.unit_of_work import Tx

# What is said of something comes back only if the thing itself does; of whom an import brought, nothing does.
Taker = Callable[[Tx, Event, Any, Rules], Awaitable[None]]
UNKNOWN = ""


async def put(tx: Tx, kind: store.Aggregates[Any], one: Any) -> None:
    await store_imports.put_all(tx, kind.table, [kind.row(one)])


def setter(kind: store.Aggregates[Any], key: str, changes: Callable[[Any, Event, Any], dict[str, Any]]) -> Taker:
    """One that changes some fields of what is there."""

    async def take(tx: Tx, event: Event, fact: Any, _: Rules) -> None:
        found = await kind.find(tx.conn, getattr(fact, key), lock=True)
        if found is not None:
            await put(tx, kind, replace(found, version=event.sequence, **changes(fact, event, found)))

    return take


def nothing(_fact: Any, _event: Event, _found: Any) -> dict[str, Any]:
    return {}
