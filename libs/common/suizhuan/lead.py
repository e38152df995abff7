"""Who leads a lane: PostgreSQL's advisory locks, held by the very session that fetches and deletes.

A leader that is idle and silent loses its session by `idle_session_timeout`, one whose host is gone by
`tcp_user_timeout`. Neither sees a session that waits for its client in the midst of a statement: one frozen between two
messages of the driver, or with a window of TCP that is shut and answers. So who stands by looks, and ends it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

SILENT_S = 3  # a leader that is silent for so long loses its session, and with it the lead

_TAKE = text("SELECT pg_try_advisory_lock(hashtextextended(name, 0)) FROM unnest(CAST(:names AS text[])) AS name")
_DEPOSE = text(
    """
SELECT DISTINCT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
JOIN (
  SELECT DISTINCT l.pid FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
  JOIN unnest(CAST(:names AS text[])) AS name
    ON (CAST(l.classid AS bigint) << 32 | CAST(l.objid AS bigint)) = hashtextextended(name, 0)
  WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
) AS leader USING (pid)
WHERE state = 'active' AND wait_event_type = 'Client'
  AND query_start < clock_timestamp() - make_interval(secs => :silent)
"""
)


def names_of(lanes: Sequence[int]) -> list[str]:
    """The locks of these lanes."""
    return [f"relay:{lane}" for lane in lanes]


async def take(conn: AsyncConnection, lanes: Sequence[int]) -> bool:
    """All lanes or none: who got some of them only would hold up whoever has the others."""
    got = list((await conn.execute(_TAKE, {"names": names_of(lanes)})).scalars())
    if all(got):
        return True
    if any(got):
        await conn.execute(text("SELECT pg_advisory_unlock_all()"))
    return False


async def depose_silent(conn: AsyncConnection, lanes: Sequence[int]) -> bool:
    """End the session of a leader of these lanes whom the database waits for in vain; whether there was one.

    Such a leader sends at most what it holds already, which its consumers drop as repeats; it can delete nothing.
    """
    asked = {"names": names_of(lanes), "silent": SILENT_S}
    return bool(list((await conn.execute(_DEPOSE, asked)).scalars()))
