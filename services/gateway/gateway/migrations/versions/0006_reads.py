"""Receipts of composed answers

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from suizhuan.db.types import BigInt

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PLACE = ("partition", "first_offset", "last_offset")


def upgrade() -> None:
    with op.batch_alter_table("receipt") as table:
        table.add_column(sa.Column("what", sa.Text(), nullable=True))
        for name in PLACE:
            table.alter_column(name, existing_type=BigInt, nullable=True)


def downgrade() -> None:
    op.execute(sa.text('DELETE FROM receipt WHERE "partition" IS NULL'))
    with op.batch_alter_table("receipt") as table:
        for name in PLACE:
            table.alter_column(name, existing_type=BigInt, nullable=False)
        table.drop_column("what")
