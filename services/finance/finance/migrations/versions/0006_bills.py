"""Bills of other departments

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


def upgrade() -> None:
    op.create_table(
        "bill",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("bill", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("mandate", sa.Text(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("amount_fen", BigInt, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("paid_fen", BigInt, nullable=False),
        sa.Column("version", BigInt, nullable=False),
        sa.PrimaryKeyConstraint("service", "bill"),
    )
    op.create_index("bill_by_org", "bill", ["org", "state"])
    op.create_index("bill_by_mandate", "bill", ["mandate"])


def downgrade() -> None:
    op.drop_table("bill")
