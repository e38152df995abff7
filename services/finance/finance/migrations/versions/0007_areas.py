"""Areas that get other codes: what was given up, and what stands for it

Revision ID: 0007
Revises: 0006
"""

from suizhuan.db import platform_migrations

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    platform_migrations.areas_that_change()


def downgrade() -> None:
    platform_migrations.back_from_areas_that_change()
