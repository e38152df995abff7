"""Restores: the incarnation that ran last, topics by their id, what the log knows further

Revision ID: 0003
Revises: 0002
"""

from suizhuan.db import platform_migrations

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    platform_migrations.restores()


def downgrade() -> None:
    platform_migrations.back_from_restores()
