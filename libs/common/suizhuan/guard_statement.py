"""The guard as one statement on PostgreSQL: locks, verdict, the command's changes, its events."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, Double, LargeBinary, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db import driver
from suizhuan.db.compose import DECIDED, GATE, Composer
from suizhuan.decision import Decision
from suizhuan.kernel.term import Timing


class Verdict(NamedTuple):
    """`ok`: every act was allowed, no aggregate is behind the log. `decided`: every deciding change found its row."""

    ok: bool
    decided: bool
    sequence: int | None
    behind: list[str] | None  # topic and key of one that is


_STATE = """
WITH state AS MATERIALIZED (
  SELECT * FROM authority_state WHERE id = 1
), behind AS MATERIALIZED (
  SELECT ARRAY[a.topic, a.key] AS which FROM unnest(:about_topics, :about_keys) AS e(topic, key)
  JOIN log_ahead AS a ON a.topic = e.topic AND a.key = e.key AND a.locked
  LIMIT 1
)"""
_ABOUT = (bindparam("about_topics", type_=ARRAY(Text)), bindparam("about_keys", type_=ARRAY(Text)))
_FREE = text(f"{_STATE}, verdict AS (SELECT NOT EXISTS (SELECT 1 FROM behind) AS ok)").bindparams(*_ABOUT)  # noqa: S608
_CHECKED = text(
    _STATE  # noqa: S608  (constants of this program, no input)
    + """, act AS MATERIALIZED (
  SELECT * FROM unnest(:mandates, :terms, :powers, :places, :orgs, :affairs)
    AS a(mandate, term, power, place, org, affair)
), lock AS MATERIALIZED (
  SELECT pg_advisory_xact_lock_shared(hashtextextended('grant:' || mandate, 0))
  FROM (SELECT DISTINCT mandate FROM act ORDER BY mandate) AS sorted
), held AS MATERIALIZED (
  SELECT g.* FROM authority_grant AS g
  WHERE g.mandate = ANY(:mandates) AND (SELECT count(*) FROM lock) >= 0
  ORDER BY g.mandate FOR SHARE
), beat AS (
  SELECT coalesce(bool_or(
    beat_replicas ? replica AND strpos(replica, extract(epoch FROM pg_postmaster_start_time())::text
      || ':' || current_database()) > 0 AND beat_at > :now - :staleness_s * interval '1 second'
    AND beat_at <= :now + :future_s * interval '1 second'), false) AS fresh FROM state
), verdict AS MATERIALIZED (
  SELECT NOT EXISTS (SELECT 1 FROM behind) AND (NOT :acting OR (SELECT fresh FROM beat)) AND coalesce(bool_and(
    g.mandate IS NOT NULL AND g.live AND g.affair = a.affair AND g.term = a.term AND starts_with(a.place, g.area)
    AND (a.power IS NULL OR (g.holder = a.org AND g.powers ? a.power
    AND g.starts_at <= :now AND (g.ends_at IS NULL OR :now < g.ends_at) AND NOT EXISTS (
      SELECT 1 FROM jsonb_array_elements(g.yielding) AS y
      WHERE starts_with(a.place, y->>'prefix')
        AND (y->>'until' IS NULL OR :now < (y->>'until')::timestamptz + :gap_s * interval '1 second'))))
  ), false) AS ok
  FROM act AS a LEFT JOIN held AS g ON g.mandate = a.mandate
)"""
).bindparams(
    *_ABOUT,
    bindparam("mandates", type_=ARRAY(Text)),
    bindparam("terms", type_=ARRAY(BigInteger)),
    bindparam("powers", type_=ARRAY(Text)),
    bindparam("places", type_=ARRAY(Text)),
    bindparam("orgs", type_=ARRAY(Text)),
    bindparam("affairs", type_=ARRAY(Text)),
    bindparam("acting", type_=Boolean),
    bindparam("now", type_=DateTime(timezone=True)),
    bindparam("staleness_s", type_=Double),
    bindparam("future_s", type_=Double),
    bindparam("gap_s", type_=Double),
)
# The events come after the aggregate's own change (the gate names it), so that an aggregate's ids in the outbox are in
# the order of its commits.
_APPEND = text(
    f"""
, appended AS (
  INSERT INTO outbox (event_id, lane, topic, partition, key, value, headers, authority_offset, beat_time, created_at)
  SELECT e.event_id, e.lane, e.topic, e.partition, e.key, e.value, e.headers,
    coalesce((SELECT "offset" FROM state), -1), CASE WHEN :acting THEN (SELECT beat_at FROM state) END, :now
  FROM unnest(:event_ids, :lanes, :topics, :partitions, :keys, :values, :headers) WITH ORDINALITY
    AS e(event_id, lane, topic, partition, key, value, headers, ord)
  WHERE {GATE} AND NOT EXISTS (SELECT 1 FROM log_ahead AS a WHERE a.event_id = e.event_id)
  ORDER BY e.ord
  RETURNING 1
)
SELECT (SELECT ok FROM verdict) AS ok, {DECIDED} AS decided, (SELECT sequence FROM state) AS sequence,
  (SELECT count(*) FROM appended) AS appended, (SELECT which FROM behind) AS behind
"""  # noqa: S608  (constants of this program, no input)
).bindparams(
    bindparam("acting", type_=Boolean),
    bindparam("now", type_=DateTime(timezone=True)),
    bindparam("event_ids", type_=ARRAY(Text)),
    bindparam("lanes", type_=ARRAY(BigInteger)),
    bindparam("topics", type_=ARRAY(Text)),
    bindparam("partitions", type_=ARRAY(BigInteger)),
    bindparam("keys", type_=ARRAY(Text)),
    bindparam("values", type_=ARRAY(LargeBinary)),
    bindparam("headers", type_=ARRAY(Text)),
)
_OK = "(SELECT ok FROM verdict)"
_BY_HEAD = {True: Composer(_CHECKED, _APPEND, gate=_OK), False: Composer(_FREE, _APPEND, gate=_OK)}


async def carry_out(conn: AsyncConnection, decision: Decision, now: datetime, timing: Timing) -> Verdict:
    """One round trip. Unless the verdict is good, nothing was done."""
    acts, pins, pending = decision.acts, decision.pins, decision.pending
    checked = bool(acts or pins)
    composed = _BY_HEAD[checked].of(decision.writes)
    about = {"about_topics": [p.topic for p in pending], "about_keys": [p.key for p in pending]}
    head = (
        {
            **about,
            "mandates": [*(a.mandate for a in acts), *(g.mandate for g in pins)],
            "terms": [*(a.term for a in acts), *(g.term for g in pins)],
            "powers": [*(a.power for a in acts), *(None for _ in pins)],
            "places": [*(a.place for a in acts), *(g.area for g in pins)],
            "orgs": [*(a.org for a in acts), *(None for _ in pins)],
            "affairs": [*(a.affair for a in acts), *(g.affair for g in pins)],
            "acting": bool(acts),
            "now": now,
            "staleness_s": timing.max_staleness.total_seconds(),
            "future_s": 2 * timing.clock_error.total_seconds(),
            "gap_s": timing.handover_gap.total_seconds(),
        }
        if checked
        else about
    )
    tail = {
        "acting": bool(acts),
        "now": now,
        "event_ids": [p.event_id for p in pending],
        "lanes": [p.lane for p in pending],
        "topics": [p.topic for p in pending],
        "partitions": [p.partition for p in pending],
        "keys": [p.key for p in pending],
        "values": [p.value for p in pending],
        "headers": [p.headers for p in pending],
    }
    values = composed.parameters([head, *(w.values for w in decision.writes), tail])
    row = (await driver.fetch(conn, composed.sql, *values))[0]
    return Verdict(row["ok"], row["decided"], row["sequence"], row["behind"])
