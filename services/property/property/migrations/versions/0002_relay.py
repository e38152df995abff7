"""The relay at full strength: partitions and aggregates of the outbox, grants by sequence

Revision ID: 0002
Revises: 0001
"""

from suizhuan.db import platform_migrations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    platform_migrations.relay_at_full_strength()


def downgrade() -> None:
    platform_migrations.back_from_relay_at_full_strength()
