"""The last statement before COMMIT: the acts are allowed *now*, and the events are appended, together.

Source: authority.md §2. On PostgreSQL one statement takes a shared advisory lock per grant, then the grants'
rows FOR SHARE, judges them, and inserts the outbox rows only if every act passes. The advisory lock lets the
consumer of the authority log wait its turn without starving; the row lock makes the statement judge the row as
it stands after that wait. Either alone is not enough. SQLite has one writer, so there reading inside the
transaction (BEGIN IMMEDIATE) is the lock.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, LargeBinary, Text, bindparam, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.authority import grants as granted
from suizhuan.cloudevents import headers
from suizhuan.db.database import Database
from suizhuan.db.tables import authority_state, outbox
from suizhuan.events import EventType
from suizhuan.kernel.clock import Clock, utc_text
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Act, Timing, check_act, check_beat

LANES = 1


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that waits for the end of its transaction."""

    event_id: str
    type: str
    topic: str
    key: str
    value: bytes
    headers: list[list[str]]

    @staticmethod
    def of(event: EventType, fact: object, *, event_id: str, key: str, time: datetime, **about: Any) -> Pending:
        """Encode a fact with its attributes; `outboxid`, `authorityoffset` and `beattime` join at the relay."""
        pairs = headers(
            [
                ("id", event_id),
                ("source", about["source"]),
                ("type", event.type),
                ("time", utc_text(time)),
                ("subject", key),
                ("partitionkey", key),
                ("sequence", about["sequence"]),
                ("actor", about["actor"]),
                ("org", about["org"]),
                ("mandate", about["mandate"]),
                ("term", about["term"]),
                ("area", about["area"]),
                ("correlationid", about["correlation"]),
                ("causationid", about["causation"]),
                ("traceparent", about["traceparent"]),
            ]
        )
        rows = [[name, value.decode()] for name, value in pairs]
        return Pending(event_id, event.type, event.topic, key, event.encode(fact), rows)

    @property
    def lane(self) -> int:
        """The relay's share that this aggregate belongs to."""
        return zlib.crc32(self.key.encode()) % LANES


async def commit(
    database: Database,
    conn: AsyncConnection,
    acts: Sequence[Act],
    pending: Sequence[Pending],
    clock: Clock,
    timing: Timing,
) -> None:
    """Judge the acts and append the events. Errors: those of `check_beat` and `check_act`; then nothing stays."""
    if not acts and not pending:
        return
    if database.is_sqlite:
        await _commit_sqlite(conn, acts, pending, clock.now(), timing)
    else:
        await _commit_postgres(conn, acts, pending, clock.now(), timing)


async def _commit_sqlite(
    conn: AsyncConnection, acts: Sequence[Act], pending: Sequence[Pending], now: datetime, timing: Timing
) -> None:
    if acts:
        await _explain(conn, acts, now, timing)
    if not pending:
        return
    state = (
        await conn.execute(select(authority_state.c.offset, authority_state.c.beat_at).where(authority_state.c.id == 1))
    ).one_or_none()
    await conn.execute(
        insert(outbox),
        [
            {
                "event_id": p.event_id,
                "lane": p.lane,
                "topic": p.topic,
                "key": p.key,
                "value": p.value,
                "headers": p.headers,
                "authority_offset": state.offset if state else -1,
                "beat_time": state.beat_at if state and acts else None,
                "created_at": now,
            }
            for p in pending
        ],
    )


async def _explain(conn: AsyncConnection, acts: Sequence[Act], now: datetime, timing: Timing) -> None:
    """Raise the refusal that applies to the first act that does not pass."""
    replica, beat = await granted.newest_beat(conn)
    check_beat(beat, replica, now, timing)
    for act in acts:
        grant = await granted.by_mandate(conn, act.mandate)
        lead = await granted.responsible(conn, act.affair, act.place, now)
        check_act(act, grant, now, timing, holder=lead.holder if lead else None)


_POSTGRES = text(
    """
WITH act AS MATERIALIZED (
  SELECT * FROM unnest(:mandates, :terms, :powers, :places, :orgs, :affairs)
    AS a(mandate, term, power, place, org, affair)
), lock AS MATERIALIZED (
  SELECT pg_advisory_xact_lock_shared(hashtextextended('grant:' || mandate, 0))
  FROM (SELECT DISTINCT mandate FROM act ORDER BY mandate) AS sorted
), held AS MATERIALIZED (
  SELECT g.* FROM authority_grant AS g
  WHERE g.mandate = ANY(:mandates) AND (SELECT count(*) FROM lock) >= 0
  ORDER BY g.mandate FOR SHARE
), state AS MATERIALIZED (
  SELECT * FROM authority_state WHERE id = 1
), beat AS (
  SELECT coalesce(bool_or(
    beat_replicas ? replica AND beat_at > :now - :staleness_s * interval '1 second'
    AND beat_at <= :now + :future_s * interval '1 second'), false) AS fresh FROM state
), verdict AS MATERIALIZED (
  SELECT NOT :checked OR ((SELECT fresh FROM beat) AND coalesce(bool_and(
    g.mandate IS NOT NULL AND g.live AND g.holder = a.org AND g.affair = a.affair AND g.term = a.term
    AND g.powers ? a.power AND starts_with(a.place, g.area)
    AND g.starts_at <= :now AND (g.ends_at IS NULL OR :now < g.ends_at)
    AND NOT EXISTS (
      SELECT 1 FROM jsonb_array_elements(g.yielding) AS y
      WHERE starts_with(a.place, y->>'prefix')
        AND (y->>'until' IS NULL OR :now < (y->>'until')::timestamptz + :gap_s * interval '1 second'))
  ), false)) AS ok
  FROM act AS a LEFT JOIN held AS g ON g.mandate = a.mandate
), appended AS (
  INSERT INTO outbox (event_id, lane, topic, key, value, headers, authority_offset, beat_time, created_at)
  SELECT e.event_id, e.lane, e.topic, e.key, e.value, e.headers::jsonb,
    coalesce((SELECT "offset" FROM state), -1), CASE WHEN :checked THEN (SELECT beat_at FROM state) END, :now
  FROM unnest(:event_ids, :lanes, :topics, :keys, :values, :headers) WITH ORDINALITY
    AS e(event_id, lane, topic, key, value, headers, ord)
  WHERE (SELECT ok FROM verdict)
  ORDER BY e.ord
  RETURNING 1
)
SELECT (SELECT ok FROM verdict) AS ok, (SELECT count(*) FROM appended) AS appended
"""
).bindparams(
    bindparam("mandates", type_=ARRAY(Text)),
    bindparam("terms", type_=ARRAY(BigInteger)),
    bindparam("powers", type_=ARRAY(Text)),
    bindparam("places", type_=ARRAY(Text)),
    bindparam("orgs", type_=ARRAY(Text)),
    bindparam("affairs", type_=ARRAY(Text)),
    bindparam("checked", type_=Boolean),
    bindparam("now", type_=DateTime(timezone=True)),
    bindparam("event_ids", type_=ARRAY(Text)),
    bindparam("lanes", type_=ARRAY(BigInteger)),
    bindparam("topics", type_=ARRAY(Text)),
    bindparam("keys", type_=ARRAY(Text)),
    bindparam("values", type_=ARRAY(LargeBinary)),
    bindparam("headers", type_=ARRAY(Text)),
)


async def _commit_postgres(
    conn: AsyncConnection, acts: Sequence[Act], pending: Sequence[Pending], now: datetime, timing: Timing
) -> None:
    row = (
        await conn.execute(
            _POSTGRES,
            {
                "mandates": [a.mandate for a in acts],
                "terms": [a.term for a in acts],
                "powers": [a.power for a in acts],
                "places": [a.place for a in acts],
                "orgs": [a.org for a in acts],
                "affairs": [a.affair for a in acts],
                "checked": bool(acts),
                "now": now,
                "staleness_s": timing.max_staleness.total_seconds(),
                "future_s": 2 * timing.clock_error.total_seconds(),
                "gap_s": timing.handover_gap.total_seconds(),
                "event_ids": [p.event_id for p in pending],
                "lanes": [p.lane for p in pending],
                "topics": [p.topic for p in pending],
                "keys": [p.key for p in pending],
                "values": [p.value for p in pending],
                "headers": [json.dumps(p.headers) for p in pending],
            },
        )
    ).one()
    if not row.ok:
        await _explain(conn, acts, now, timing)
        # The rows changed between the verdict and its explanation; either way this transaction is refused.
        raise Refusal("unavailable", reason="power", retry_after=1)
