"""Open holds are counted without reading those of the past."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    op.create_index("hold_open", "hold", ["amount_fen"], postgresql_where=OPEN, sqlite_where=OPEN)


def downgrade() -> None:
    op.drop_index("hold_open", "hold")
