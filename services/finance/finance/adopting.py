"""After a restore: what the log knows further of the ledger is taken over into its tables (authority.md §5).

What events of others led to (earmarks, holds, payments) depends on the ledger alone, so it is done once more, in order,
and compared with the log. What people posted, and prices, are taken over as the log says them.
"""

from __future__ import annotations

from pydantic import TypeAdapter

from finance import store
from finance import tables as t
from finance.domain import ledger
from finance.domain.facts import EntryPosted, TariffSet
from suizhuan.cloudevents import Event
from suizhuan.reconcile import Adoption
from suizhuan.unit_of_work import Tx

_ENTRY, _TARIFF = TypeAdapter(EntryPosted), TypeAdapter(TariffSet)


async def entry_posted(tx: Tx, event: Event) -> None:
    """Somebody's entry, or one of the founding, as it was posted. One that is here already is not posted again."""
    fact = _ENTRY.validate_python(event.data)
    if not await store.posted(tx.conn, fact.cause):
        await store.write_entry(tx.conn, fact, posted_by=event.attribute("actor") or "", at=event.time)


async def entry_reversed(tx: Tx, event: Event) -> None:
    """Take it over and take it back: a ledger forgets nothing (红冲)."""
    await entry_posted(tx, event)
    fact = _ENTRY.validate_python(event.data)
    await store.post(
        tx, ledger.reversed_lines(fact.lines), kind="reversal", cause=f"reverse:{fact.entry}", memo=f"冲销 {fact.memo}"
    )


async def tariff_set(tx: Tx, event: Event) -> None:
    """The newest price wins; events of one affair come in their order."""
    fact = _TARIFF.validate_python(event.data)
    await store.put(tx.conn, t.tariff, ["affair"], affair=fact.affair, price_fen=fact.price_fen, version=event.sequence)


ADOPTION = Adoption(
    facts={"finance.entry.posted": entry_posted, "finance.tariff.set": tariff_set},
    reverses={"finance.entry.posted": entry_reversed},
    again=True,
)
