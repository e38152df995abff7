"""Subscriptions of hubs, and receipts of what they were given

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from suizhuan.db.types import BigInt, Json, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("types", Json, nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("since", UtcDateTime, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("generation", BigInt, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("failing_since", UtcDateTime, nullable=True),
        sa.Column("attempts", BigInt, nullable=False),
        sa.Column("next_at", UtcDateTime, nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("delivered", BigInt, nullable=False),
        sa.Column("version", BigInt, nullable=False),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("leased_until", UtcDateTime, nullable=True),
    )
    op.create_index("subscription_by_hub", "subscription", ["hub", "id"])
    op.create_table(
        "receipt",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("hub", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=True),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", BigInt, nullable=False),
        sa.Column("first_offset", BigInt, nullable=False),
        sa.Column("last_offset", BigInt, nullable=False),
        sa.Column("events", BigInt, nullable=False),
        sa.Column("masked", BigInt, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
    )
    op.create_index("receipt_by_service", "receipt", ["service", "id"])
    op.create_index("receipt_by_hub", "receipt", ["hub", "id"])
    op.create_index("receipt_by_time", "receipt", ["at"])


def downgrade() -> None:
    op.drop_table("receipt")
    op.drop_table("subscription")
