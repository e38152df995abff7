"""What departments keep, by what every event says of it

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from suizhuan.db.types import BigInt, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "thing",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("org", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("version", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("service", "kind", "id"),
    )
    op.create_index(
        "thing_by_area", "thing", ["area", "service", "kind", "state"], postgresql_ops={"area": "text_pattern_ops"}
    )


def downgrade() -> None:
    op.drop_table("thing")
