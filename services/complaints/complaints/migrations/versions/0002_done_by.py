"""Who did the work of a case

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("complaint_case", sa.Column("done_by", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("complaint_case", "done_by")
