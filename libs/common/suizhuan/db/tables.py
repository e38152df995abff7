"""The tables that every service has beside its own: the same in each database."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Identity, Index, Integer, LargeBinary, MetaData, Table, Text, text

from suizhuan.db.types import BigInt, Json, UtcDateTime

platform = MetaData()

# Events wait here, written in the transaction that made them, until the relay has handed them to the log.
outbox = Table(
    "outbox",
    platform,
    Column("id", BigInt, Identity(always=False), primary_key=True),
    Column("event_id", Text, nullable=False, unique=True),
    Column("lane", Integer, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer),
    Column("key", Text, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False),  # suizhuan.cloudevents.pack
    Column("authority_offset", BigInt, nullable=False),
    Column("beat_time", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Index("outbox_by_key", "key", "id"),  # does an older event of this aggregate wait?
    sqlite_autoincrement=True,  # an id is never used again, also when the table was emptied
)

# What a consumer has handled: a repeat of the event changes nothing.
inbox = Table(
    "inbox",
    platform,
    Column("consumer", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("seen_at", UtcDateTime, nullable=False),
)

# How far a consumer is; moved by compare-and-set in the transaction of the batch.
consumer_offset = Table(
    "consumer_offset",
    platform,
    Column("consumer", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInt, nullable=False),
    Column("topic_id", Text, nullable=False),
)

# Up to which offset our own events are in the log (for a restore).
published = Table(
    "published",
    platform,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("last_offset", BigInt, nullable=False),
    Column("topic_id", Text),  # None: noted by a release that did not know it
)

# Under which incarnation the service ran last, and whether what the log knew further has been noted (authority §5).
incarnation = Table(
    "incarnation",
    platform,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("recovered", Boolean, nullable=False),
    Column("mark", Text, nullable=False),  # drawn by `python -m <service> restored`: part of the name
)

# Our own events that the log has and this database, restored from a backup, has not made: none of them is ever appended
# again. While one is `locked`, nothing may be said of its aggregate: `reconcile` first takes over what it says.
log_ahead = Table(
    "log_ahead",
    platform,
    Column("event_id", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInt, nullable=False),
    Column("key", Text, nullable=False),
    Column("sequence", BigInt, nullable=False),
    Column("locked", Boolean, nullable=False),
    Index("log_ahead_by_aggregate", "topic", "key"),
    Index("log_ahead_locked", "locked"),
)

# Events that could not be handled (`dead`) and those of the same key that wait behind them (`parked`).
dead_letter = Table(
    "dead_letter",
    platform,
    Column("id", BigInt, Identity(always=False), primary_key=True),
    Column("consumer", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInt, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("headers", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Index("dead_letter_by_key", "consumer", "topic", "key"),
    Index("dead_letter_by_place", "consumer", "topic", "partition", "offset", unique=True),
    sqlite_autoincrement=True,
)

# Answers to commands that carried an Idempotency-Key.
idempotency = Table(
    "idempotency",
    platform,
    Column("subject", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("etag", Text),
    Column("created_at", UtcDateTime, nullable=False),
)

# What has to happen at a time, as rows, so that a restart forgets none.
deadline = Table(
    "deadline",
    platform,
    Column("kind", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("due_at", UtcDateTime, nullable=False),
    Column("data", Json, nullable=False),
    Index("deadline_by_due", "due_at"),
)

# The replica of the grants (authority.md). One row per mandate that holds, or held, something.
grants = Table(
    "authority_grant",
    platform,
    Column("mandate", Text, primary_key=True),
    Column("affair", Text, nullable=False),
    Column("area", Text, nullable=False),
    Column("role", Text, nullable=False),  # lead | assist
    Column("holder", Text, nullable=False),
    Column("powers", Json, nullable=False),
    Column("term", BigInt, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime),
    Column("successor", Text),
    Column("yielding", Json, nullable=False),  # [{prefix, by, until}]: see suizhuan.authority.grants
    Column("live", Boolean, nullable=False),
    Column("sequence", BigInt, nullable=False),  # of the record that changed this row last
    Index("authority_grant_by_slot", "affair", "area"),
    Index("authority_grant_by_holder", "holder", "affair"),
    Index("authority_grant_by_sequence", "sequence"),
)

# The one row that says how far the replica is and which beat it holds.
authority_state = Table(
    "authority_state",
    platform,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("replica", Text, nullable=False),
    Column("sequence", BigInt, nullable=False),
    Column("offset", BigInt, nullable=False),
    Column("beat_at", UtcDateTime),
    Column("beat_replicas", Json, nullable=False),
    Column("joined_at", UtcDateTime),
)

# Switches that the replica has seen opened and not yet ended.
open_switch = Table(
    "authority_open_switch",
    platform,
    Column("switch", Text, primary_key=True),
    Column("slots", Json, nullable=False),
)

# Codes of areas that were given up, and what stands for them now: one row a move, for ever. `sequence` is that of the
# record of the authority log that said so.
area_change = Table(
    "area_change",
    platform,
    Column("switch", Text, primary_key=True),
    Column("old", Text, primary_key=True),
    Column("new", Text, nullable=False),
    Column("sequence", BigInt, nullable=False),
)

SINGLE_ROW = text("id = 1")
