"""Changes of a case that no index hears of

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEX, TABLE = "complaint_case_open_by_mandate", "complaint_case"


def upgrade() -> None:
    _index_where("verified_at IS NULL AND closed_at IS NULL")
    if op.get_bind().dialect.name == "postgresql":
        # Room in each page for the next version of its rows.
        op.execute(f"ALTER TABLE {TABLE} SET (fillfactor = 85)")


def downgrade() -> None:
    _index_where("state NOT IN ('verified', 'closed')")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {TABLE} RESET (fillfactor)")


def _index_where(condition: str) -> None:
    where = sa.text(condition)
    op.drop_index(INDEX, table_name=TABLE)
    op.create_index(INDEX, TABLE, ["mandate"], postgresql_where=where, sqlite_where=where)
