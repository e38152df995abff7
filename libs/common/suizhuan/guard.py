"""The last statement before COMMIT: what was decided is still allowed *now*, and is written with its events, together.

Source: authority.md §2. On PostgreSQL one statement takes a shared advisory lock per grant, then the grants' rows FOR
SHARE, judges them, makes the command's changes and inserts the outbox rows, if every act passes and the aggregate is
still as it was read. The advisory lock lets the consumer of the authority log wait its turn without starving; the row
lock makes the statement judge the row as it stands after that wait. Either alone is not enough. SQLite has one
writer, so there reading inside the transaction (BEGIN IMMEDIATE) is the lock, and the same is done step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import ahead
from suizhuan.authority import grants as granted
from suizhuan.authority import locks
from suizhuan.db.database import Database
from suizhuan.db.tables import authority_state, outbox
from suizhuan.decision import Decision, Outdated
from suizhuan.guard_statement import carry_out
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Act, Timing, check_act, check_beat


async def commit(database: Database, conn: AsyncConnection, decision: Decision, clock: Clock, timing: Timing) -> int:
    """Judge, write, append; returns the sequence up to which the replica has applied the authority log.

    Errors: those of `check_beat` and `check_act`, `aggregate_behind_log`, and `Outdated`; then nothing stays.
    """
    if database.one_statement:
        now = clock.now()
        verdict = await carry_out(conn, decision, now, timing)
        if verdict.behind is not None:
            raise Refusal(ahead.LOCKED, topic=verdict.behind[0], key=verdict.behind[1])
        if not verdict.ok:
            await explain(conn, decision.acts, now, timing)
            raise Outdated("a grant changed between the verdict and its explanation, or a pinned one has moved")
        if not verdict.decided:
            raise Outdated("the aggregate was changed by somebody else")
        return verdict.sequence or 0
    return await _in_steps(conn, decision, clock.now(), timing)


async def explain(conn: AsyncConnection, acts: Sequence[Act], now: datetime, timing: Timing) -> None:
    """Raise the refusal that applies to the first act that does not pass."""
    replica, beat = await granted.newest_beat(conn)
    check_beat(beat, replica, now, timing)
    for act in acts:
        grant = await granted.by_mandate(conn, act.mandate)
        lead = await granted.responsible(conn, act.affair, act.place, now)
        check_act(act, grant, now, timing, holder=lead.holder if lead else None)


async def _in_steps(conn: AsyncConnection, decision: Decision, now: datetime, timing: Timing) -> int:
    mandates = sorted({a.mandate for a in decision.acts} | {g.mandate for g in decision.pins})
    await locks.share(conn, mandates)
    held = {m: await granted.by_mandate(conn, m, lock=True) for m in mandates}
    for pin in decision.pins:
        grant = held[pin.mandate]
        if grant is None or grant.term != pin.term or not grant.live:
            raise Outdated(f"{pin.mandate} has moved")
    if decision.acts:
        await explain(conn, decision.acts, now, timing)
    await ahead.check(conn, set(decision.about))
    published = await ahead.on_log(conn, [p.event_id for p in decision.pending])
    for write in decision.writes:
        done = await conn.execute(write.on(conn.dialect.name), dict(write.values))
        if write.decides and done.rowcount != 1:
            raise Outdated("the aggregate was changed by somebody else")
    query = select(authority_state.c.sequence, authority_state.c.offset, authority_state.c.beat_at)
    state = (await conn.execute(query.where(authority_state.c.id == 1))).one_or_none()
    rows = [
        {
            "event_id": p.event_id,
            "lane": p.lane,
            "topic": p.topic,
            "partition": p.partition,
            "key": p.key,
            "value": p.value,
            "headers": p.headers,
            "authority_offset": state.offset if state else -1,
            "beat_time": state.beat_at if state and decision.acts else None,
            "created_at": now,
        }
        for p in decision.pending
        if p.event_id not in published
    ]
    if rows:
        await conn.execute(insert(outbox), rows)
    return state.sequence if state else 0
