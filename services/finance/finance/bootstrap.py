"""The founding of the books: opening balances, budgets and the year's entries, one entry each, once."""

from __future__ import annotations

import structlog

from finance import store
from finance import tables as t
from finance.domain.facts import Line, TariffSet
from suizhuan.ahead import is_locked
from suizhuan.context import Context, derived_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.seed import Seed, load_seed
from suizhuan.service import Service
from suizhuan.unit_of_work import Tx

log = structlog.get_logger(__name__)


async def from_file(service: Service, arguments: list[str]) -> None:
    """`python -m finance bootstrap FILE`."""
    if len(arguments) != 1:
        raise SystemExit("usage: python -m finance bootstrap FILE")
    done = await bootstrap(service, load_seed(arguments[0], service.parts.profile))
    log.info("founded" if done else "founded_before")


async def bootstrap(service: Service, seed: Seed) -> bool:
    """Post every entry of the founding document that is not posted yet; False when there was none."""
    news = False
    for entry in seed.entries:
        cause = f"seed:{entry.id}"
        context = Context.of_system("finance", derived_id("founding", cause))
        async with service.parts.uow.begin(context, limited=False) as tx:
            if await store.posted(tx.conn, cause):
                continue
            lines = [
                Line(org=one.org, account=one.account, earmark=None, amount_fen=one.amount_fen) for one in entry.lines
            ]
            await store.post(tx, lines, kind=entry.kind, cause=cause, memo=entry.memo)
            news = True
    return news


async def publish_tariffs(service: Service) -> None:
    """Publish the profile's prices where they differ from what was published last; of several workers one does.

    After a restore that is not known until somebody has reconciled; then the next start does it."""
    context = Context.of_system("finance")
    try:
        async with service.parts.uow.begin(context, limited=False) as tx:
            await store.lock_tariffs(tx.conn)
            known = {row.affair: row for row in await store.tariffs(tx.conn)}
            for affair, price in sorted(service.parts.profile.tariffs.items()):
                row = known.get(affair)
                if row is None or row.price_fen != price:
                    await _set(tx, affair, price, row.version + 1 if row else 1)
    except Refusal as refusal:
        if not is_locked(refusal):
            raise
        log.warning("tariffs_not_published", code=refusal.code)


async def _set(tx: Tx, affair: str, price: int, version: int) -> None:
    await store.put(tx.conn, t.tariff, ["affair"], affair=affair, price_fen=price, version=version)
    tx.emit(TariffSet(affair=affair, price_fen=price), key=affair, sequence=version)
