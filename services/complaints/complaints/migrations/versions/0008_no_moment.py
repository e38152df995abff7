"""A change of areas is kept without its moment, which nobody reads

Revision ID: 0008
Revises: 0007
"""

from suizhuan.db import platform_migrations

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    platform_migrations.changes_without_their_moment()


def downgrade() -> None:
    platform_migrations.back_from_changes_without_their_moment()
