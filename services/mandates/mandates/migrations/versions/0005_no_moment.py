"""Whether a re-keying is done is when it was: what else was kept of that nobody reads

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from suizhuan.db import platform_migrations
from suizhuan.db.types import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    platform_migrations.changes_without_their_moment()
    _kept(nullable=True)


def downgrade() -> None:
    op.execute(sa.text("UPDATE rekeying SET state = 'announced' WHERE done_at IS NULL"))
    op.execute(sa.text("UPDATE rekeying SET state = 'done' WHERE done_at IS NOT NULL"))
    op.execute(sa.text("UPDATE rekeying SET heard_at = '1970-01-01T00:00:00.000000Z' WHERE heard_at IS NULL"))
    _kept(nullable=False)
    platform_migrations.back_from_changes_without_their_moment()


def _kept(*, nullable: bool) -> None:
    """Processes of the release before still write these, so they are dropped in a later one."""
    with op.batch_alter_table("rekeying") as table:
        table.alter_column("state", existing_type=sa.String(), nullable=nullable)
        table.alter_column("heard_at", existing_type=UtcDateTime(timezone=True), nullable=nullable)
