"""Areas that get other codes: what was given up, and what stands for it

Revision ID: 0006
Revises: 0005
"""

from suizhuan.db import platform_migrations

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    platform_migrations.areas_that_change()


def downgrade() -> None:
    platform_migrations.back_from_areas_that_change()
