"""Up to where the facts of a case knew the authority log

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_adopted",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("authority_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
    )


def downgrade() -> None:
    op.drop_table("case_adopted")
