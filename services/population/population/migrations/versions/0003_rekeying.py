"""Areas that get other codes: what is announced, what was given up

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from suizhuan.db import platform_migrations
from suizhuan.db.types import BigInt, Json, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ANNOUNCED = sa.text("state = 'announced'")


def upgrade() -> None:
    platform_migrations.areas_that_change()
    op.add_column("area", sa.Column("now", sa.Text(), nullable=True))
    op.create_table(
        "rekeying",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("within", sa.String(), nullable=False),
        sa.Column("moves", Json, nullable=False),
        sa.Column("areas", Json, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", BigInt, nullable=False),
        sa.Column("announced_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("done_at", UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "rekeying_one_announced",
        "rekeying",
        ["state"],
        unique=True,
        postgresql_where=ANNOUNCED,
        sqlite_where=ANNOUNCED,
    )


def downgrade() -> None:
    op.drop_table("rekeying")
    op.execute("DELETE FROM area WHERE now IS NOT NULL")
    op.drop_column("area", "now")
    platform_migrations.back_from_areas_that_change()
