"""The guard as one statement on PostgreSQL: locks, verdict, the command's changes, its events."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import ARRAY, BigInteger, Boolean, DateTime, Double, LargeBinary, Text, TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db import driver
from suizhuan.db.compose import DECIDED, GATE, Composer
from suizhuan.db.rows import Rows, size
from suizhuan.decision import Decision
from suizhuan.kernel.term import Timing


class Verdict(NamedTuple):
    """`ok`: every act was allowed, no aggregate is behind the log. `decided`: every deciding change found its row."""

    ok: bool
    decided: bool
    sequence: int | None
    behind: list[str] | None  # topic and key of one that is


_TEXT, _NUMBER, _BYTES = ("text", Text()), ("bigint", BigInteger()), ("bytea", LargeBinary())
_ABOUT = Rows("about", {"topic": _TEXT, "key": _TEXT})
_ACTS = Rows("a", {"mandate": _TEXT, "term": _NUMBER, "power": _TEXT, "place": _TEXT, "org": _TEXT, "affair": _TEXT})
_EVENTS = Rows(
    "e",
    {
        "event_id": _TEXT,
        "lane": _NUMBER,
        "topic": _TEXT,
        "partition": _NUMBER,
        "key": _TEXT,
        "value": _BYTES,
        "headers": _TEXT,
    },
)
_NOW = bindparam("now", type_=DateTime(timezone=True))
_ACTING = bindparam("acting", type_=Boolean)


def _state(events: int | None) -> str:
    return f"""
WITH state AS MATERIALIZED (
  SELECT * FROM authority_state WHERE id = 1
), behind AS MATERIALIZED (
  SELECT ARRAY[l.topic, l.key] AS which FROM {_ABOUT.source(events)}
  JOIN log_ahead AS l ON l.topic = about.topic AND l.key = about.key AND l.locked
  LIMIT 1
)"""  # noqa: S608  (constants of this program, no input)


def _free(events: int | None) -> TextClause:
    sql = f"{_state(events)}, verdict AS (SELECT NOT EXISTS (SELECT 1 FROM behind) AS ok)"  # noqa: S608
    return text(sql).bindparams(*_ABOUT.binds(events))


def _checked(acts: int | None, events: int | None) -> TextClause:
    sql = f"""{_state(events)}, act AS MATERIALIZED (
  SELECT * FROM {_ACTS.source(acts)}
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
)"""  # noqa: S608
    return text(sql).bindparams(
        *_ABOUT.binds(events),
        *_ACTS.binds(acts),
        bindparam("mandates", type_=ARRAY(Text)),
        _ACTING,
        _NOW,
        bindparam("staleness_s", type_=Double),
        bindparam("future_s", type_=Double),
        bindparam("gap_s", type_=Double),
    )


def _append(events: int | None) -> TextClause:
    # The events come after the aggregate's own change (the gate names it), so that an aggregate's ids in the outbox
    # are in the order of its commits.
    sql = f"""
, appended AS (
  INSERT INTO outbox (event_id, lane, topic, partition, key, value, headers, authority_offset, beat_time, created_at)
  SELECT e.event_id, e.lane, e.topic, e.partition, e.key, e.value, e.headers,
    coalesce((SELECT "offset" FROM state), -1), CASE WHEN :acting THEN (SELECT beat_at FROM state) END, :now
  FROM {_EVENTS.source(events)}
  WHERE {GATE} AND NOT EXISTS (SELECT 1 FROM log_ahead AS l WHERE l.event_id = e.event_id)
  ORDER BY e.ord
  RETURNING 1
)
SELECT (SELECT ok FROM verdict) AS ok, {DECIDED} AS decided, (SELECT sequence FROM state) AS sequence,
  (SELECT count(*) FROM appended) AS appended, (SELECT which FROM behind) AS behind
"""  # noqa: S608
    return text(sql).bindparams(_ACTING, _NOW, *_EVENTS.binds(events))


_OK = "(SELECT ok FROM verdict)"


@cache
def _composer(checked: bool, acts: int | None, events: int | None) -> Composer:
    head = _checked(acts, events) if checked else _free(events)
    return Composer(head, _append(events), gate=_OK)


async def carry_out(conn: AsyncConnection, decision: Decision, now: datetime, timing: Timing) -> Verdict:
    """One round trip. Unless the verdict is good, nothing was done."""
    acts, pins, pending, about = decision.acts, decision.pins, decision.pending, decision.about
    checked = bool(acts or pins)
    few_acts, few_events = size(len(acts) + len(pins)), size(len(about))  # of the aggregates, or none
    composed = _composer(checked, few_acts, few_events).of(decision.writes)
    head = _ABOUT.values(about, few_events)
    tail = {"acting": bool(acts), "now": now}
    tail |= _EVENTS.values(
        [(p.event_id, p.lane, p.topic, p.partition, p.key, p.value, p.headers) for p in pending], few_events
    )
    if checked:
        judged = [
            *((a.mandate, a.term, a.power, a.place, a.org, a.affair) for a in acts),
            *((g.mandate, g.term, None, g.area, None, g.affair) for g in pins),
        ]
        head |= _ACTS.values(judged, few_acts) | {
            "mandates": [row[0] for row in judged],
            "acting": bool(acts),
            "now": now,
            "staleness_s": timing.max_staleness.total_seconds(),
            "future_s": 2 * timing.clock_error.total_seconds(),
            "gap_s": timing.handover_gap.total_seconds(),
        }
    values = composed.parameters([head, *(w.values for w in decision.writes), tail])
    row = (await driver.fetch(conn, composed.sql, *values))[0]
    return Verdict(row["ok"], row["decided"], row["sequence"], row["behind"])
