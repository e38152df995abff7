"""Several writes of a transaction as one statement on PostgreSQL: one round trip instead of one each."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db import driver
from suizhuan.db.compose import DECIDED, Composer
from suizhuan.db.statements import Write

_COMPOSER = Composer(
    text("WITH free AS (SELECT true AS ok)"), text(f" SELECT {DECIDED} AS decided"), gate="(SELECT ok FROM free)"
)


async def carry_out(conn: AsyncConnection, writes: Sequence[Write]) -> bool:
    """False: one that decides did not find its row. No two may be of the same row, and none sees what another wrote."""
    composed = _COMPOSER.of(writes)
    rows = await driver.fetch(conn, composed.sql, *composed.parameters([{}, *(w.values for w in writes), {}]))
    return bool(rows[0]["decided"])
