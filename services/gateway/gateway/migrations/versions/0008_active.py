"""The subscriptions that are at work are found by an index: workers look every second

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    active = sa.text("state = 'active'")
    op.create_index("subscription_active", "subscription", ["id"], postgresql_where=active, sqlite_where=active)


def downgrade() -> None:
    op.drop_index("subscription_active", "subscription")
