"""Relays as one would write them first. Each has a fault that a test shows; ours, beside it, has not."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class CursorRelay:
    """Remembers the last id, and goes on from there."""

    def __init__(self, *, gated: bool = False) -> None:
        self.last = 0
        self.gated = gated  # only rows older than every open transaction

    async def take(self, conn: AsyncConnection) -> list[str]:
        gate = "AND xmin::text::bigint < txid_snapshot_xmin(txid_current_snapshot())" if self.gated else ""
        query = text(f"SELECT id, event_id FROM outbox WHERE id > :last {gate} ORDER BY id")
        rows = (await conn.execute(query, {"last": self.last})).all()
        if rows:
            self.last = rows[-1].id
        return [row.event_id for row in rows]


async def gated(conn: AsyncConnection) -> list[str]:
    """All rows older than every open transaction of the whole database."""
    query = "SELECT event_id FROM outbox WHERE xmin::text::bigint < txid_snapshot_xmin(txid_current_snapshot())"
    return list((await conn.execute(text(f"{query} ORDER BY id"))).scalars())


async def in_order_of_transactions(conn: AsyncConnection) -> list[str]:
    """By transaction, then by id: it looks like the order of commits."""
    return list((await conn.execute(text("SELECT event_id FROM outbox ORDER BY xmin::text::bigint, id"))).scalars())


async def forget_up_to(conn: AsyncConnection, highest: int) -> None:
    """Delete what was published, by its highest id."""
    await conn.execute(text("DELETE FROM outbox WHERE id <= :highest"), {"highest": highest})


async def one_nobody_else_has(conn: AsyncConnection) -> str | None:
    """The oldest row that no other worker has locked."""
    query = "SELECT event_id FROM outbox ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1"
    found: str | None = (await conn.execute(text(query))).scalar_one_or_none()
    return found


async def the_oldest(conn: AsyncConnection) -> list[str]:
    """The next batch, whatever is in flight."""
    return list((await conn.execute(text("SELECT event_id FROM outbox ORDER BY id LIMIT 2000"))).scalars())
