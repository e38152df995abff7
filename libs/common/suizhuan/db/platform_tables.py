"""The platform's own tables as a service begins with them: called by its first migration.

A migration that was run is never changed, so neither is this: what comes later is a function of
`suizhuan.db.platform_migrations`, which every service calls from a migration of its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from suizhuan.db.platform_migrations import outbox_at_its_pace
from suizhuan.db.types import BigInt, Json, UtcDateTime


def create() -> None:
    """All of them: the replica of the grants, outbox, inbox, offsets, dead letters, deadlines, restores."""
    _grants()
    _heard()
    _said()
    _restores()
    outbox_at_its_pace()


def drop() -> None:
    for table in TABLES:
        op.drop_table(table)


TABLES = (
    "published",
    "outbox",
    "log_ahead",
    "incarnation",
    "inbox",
    "idempotency",
    "deadline",
    "dead_letter",
    "consumer_offset",
    "authority_state",
    "authority_open_switch",
    "authority_grant",
)


def _grants() -> None:
    op.create_table(
        "authority_grant",
        sa.Column("mandate", sa.Text(), nullable=False),
        sa.Column("affair", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("powers", Json, nullable=False),
        sa.Column("term", BigInt, nullable=False),
        sa.Column("starts_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("successor", sa.Text(), nullable=True),
        sa.Column("yielding", Json, nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("sequence", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("mandate"),
    )
    op.create_index("authority_grant_by_holder", "authority_grant", ["holder", "affair"])
    op.create_index("authority_grant_by_sequence", "authority_grant", ["sequence"])
    op.create_index("authority_grant_by_slot", "authority_grant", ["affair", "area"])
    op.create_table(
        "authority_open_switch",
        sa.Column("switch", sa.Text(), nullable=False),
        sa.Column("slots", Json, nullable=False),
        sa.PrimaryKeyConstraint("switch"),
    )
    op.create_table(
        "authority_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("replica", sa.Text(), nullable=False),
        sa.Column("sequence", BigInt, nullable=False),
        sa.Column("offset", BigInt, nullable=False),
        sa.Column("beat_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("beat_replicas", Json, nullable=False),
        sa.Column("joined_at", UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )


def _heard() -> None:
    op.create_table(
        "consumer_offset",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", BigInt, nullable=False),
        sa.Column("topic_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition"),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", BigInt, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("headers", Json, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("dead_letter_by_key", "dead_letter", ["consumer", "topic", "key"])
    op.create_index("dead_letter_by_place", "dead_letter", ["consumer", "topic", "partition", "offset"], unique=True)
    op.create_table(
        "deadline",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("due_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.PrimaryKeyConstraint("kind", "ref"),
    )
    op.create_index("deadline_by_due", "deadline", ["due_at"])
    op.create_table(
        "idempotency",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key"),
    )
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("seen_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )


def _said() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", BigInt, sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("authority_offset", BigInt, nullable=False),
        sa.Column("beat_time", UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_by_key", "outbox", ["key", "id"])
    op.create_table(
        "published",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("last_offset", BigInt, nullable=False),
        sa.Column("topic_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("topic", "partition"),
    )


def _restores() -> None:
    op.create_table(
        "incarnation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("recovered", sa.Boolean(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "log_ahead",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", BigInt, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sequence", BigInt, nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("log_ahead_by_aggregate", "log_ahead", ["topic", "key"])
    op.create_index("log_ahead_locked", "log_ahead", ["locked"])
