"""The tables of the platform, which stand in every service's database

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import suizhuan.db.types
from suizhuan.db import platform_migrations

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authority_grant",
        sa.Column("mandate", sa.Text(), nullable=False),
        sa.Column("affair", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column(
            "powers", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("term", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("successor", sa.Text(), nullable=True),
        sa.Column(
            "yielding", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("mandate"),
    )
    op.create_index("authority_grant_by_holder", "authority_grant", ["holder", "affair"], unique=False)
    op.create_index("authority_grant_by_sequence", "authority_grant", ["sequence"], unique=False)
    op.create_index("authority_grant_by_slot", "authority_grant", ["affair", "area"], unique=False)
    op.create_table(
        "authority_open_switch",
        sa.Column("switch", sa.Text(), nullable=False),
        sa.Column(
            "slots", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("switch"),
    )
    op.create_table(
        "authority_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("replica", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("beat_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column(
            "beat_replicas",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("joined_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "consumer_offset",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition"),
    )
    op.create_table(
        "dead_letter",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column(
            "headers", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("dead_letter_by_key", "dead_letter", ["consumer", "topic", "key"], unique=False)
    op.create_index("dead_letter_by_place", "dead_letter", ["consumer", "topic", "partition", "offset"], unique=True)
    op.create_table(
        "deadline",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("due_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column(
            "data", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("kind", "ref"),
    )
    op.create_index("deadline_by_due", "deadline", ["due_at"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("created_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key"),
    )
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("seen_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
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
        sa.Column("offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("log_ahead_by_aggregate", "log_ahead", ["topic", "key"], unique=False)
    op.create_index("log_ahead_locked", "log_ahead", ["locked"], unique=False)
    op.create_table(
        "outbox",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("authority_offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("beat_time", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("outbox_by_key", "outbox", ["key", "id"], unique=False)
    op.create_table(
        "published",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("last_offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("topic", "partition"),
    )

    platform_migrations.outbox_at_its_pace()


def downgrade() -> None:
    op.drop_table("published")
    op.drop_index("outbox_by_key", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index("log_ahead_locked", table_name="log_ahead")
    op.drop_index("log_ahead_by_aggregate", table_name="log_ahead")
    op.drop_table("log_ahead")
    op.drop_table("incarnation")
    op.drop_table("inbox")
    op.drop_table("idempotency")
    op.drop_index("deadline_by_due", table_name="deadline")
    op.drop_table("deadline")
    op.drop_index("dead_letter_by_place", table_name="dead_letter")
    op.drop_index("dead_letter_by_key", table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_table("consumer_offset")
    op.drop_table("authority_state")
    op.drop_table("authority_open_switch")
    op.drop_index("authority_grant_by_slot", table_name="authority_grant")
    op.drop_index("authority_grant_by_sequence", table_name="authority_grant")
    op.drop_index("authority_grant_by_holder", table_name="authority_grant")
    op.drop_table("authority_grant")
