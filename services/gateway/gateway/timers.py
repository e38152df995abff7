"""What the gateway does when a time has come: receipts are kept as long as the profile says, and no longer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gateway import store_hub
from suizhuan.context import Context
from suizhuan.deadlines import DeadlineHandler
from suizhuan.unit_of_work import Tx, UnitOfWork

FORGET, ALL = "receipts.forget", "all"
EVERY = timedelta(days=1)
AT_ONCE = 5000  # rows of one transaction: what a hub is given meanwhile waits for it on SQLite


def make(receipts_days: int) -> Mapping[str, DeadlineHandler]:
    """The handlers by kind."""
    kept = timedelta(days=receipts_days)

    async def forget(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        gone = await store_hub.forget_receipts(tx.conn, tx.now - kept, AT_ONCE)
        await tx.deadline(FORGET, ref, tx.now if gone == AT_ONCE else tx.now + EVERY)

    return {FORGET: forget}


async def begin(uow: UnitOfWork) -> None:
    """Whenever a worker starts it looks at once, and then every day."""
    async with uow.begin(Context.of_system("gateway"), limited=False) as tx:
        await tx.deadline(FORGET, ALL, tx.now)
