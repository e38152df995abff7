"""The tables of the platform, which stand in every service's database

Revision ID: 0001
Revises:
"""

from suizhuan.db import platform_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    platform_tables.create()


def downgrade() -> None:
    platform_tables.drop()
