"""Areas that get other codes: what was announced, since when a mandate has its present slot, one switch over all affairs

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from suizhuan.db import platform_migrations
from suizhuan.db.types import Json, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SINCE, BEFORE = "coalesce({0}slot_from, {0}held_from)", "{0}held_from"
OVERLAPS = "s.id <> new.id AND s.state = 'open' AND s.lo < new.hi AND new.lo < s.hi"
# The constraint of 0001 compares one affair with itself; a switch of every affair is for these to see. Both are opened
# under the lock of the head, so each sees the other.
OF_EVERY_AFFAIR = {
    "postgresql": (
        f"""
        CREATE FUNCTION no_other_open_switch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF EXISTS (SELECT 1 FROM switch AS s WHERE {OVERLAPS} AND '*' IN (s.affair, new.affair)) THEN
            RAISE EXCEPTION USING ERRCODE = 'exclusion_violation', MESSAGE = 'one_open_switch_per_place';
          END IF;
          RETURN new;
        END $$
        """,  # noqa: S608  (constants of this migration)
        """
        CREATE TRIGGER one_open_switch_of_every_affair BEFORE INSERT OR UPDATE ON switch
        FOR EACH ROW WHEN (new.state = 'open') EXECUTE FUNCTION no_other_open_switch()
        """,
    ),
    "sqlite": tuple(
        f"""
        CREATE TRIGGER one_open_switch_of_every_affair_{event.lower()} BEFORE {event} ON switch
        WHEN new.state = 'open'
          AND EXISTS (SELECT 1 FROM switch AS s WHERE {OVERLAPS} AND '*' IN (s.affair, new.affair))
        BEGIN SELECT RAISE(ABORT, 'one_open_switch_per_place'); END
        """  # noqa: S608
        for event in ("INSERT", "UPDATE")
    ),
}
NO_MORE = {
    "postgresql": ("DROP TRIGGER one_open_switch_of_every_affair ON switch", "DROP FUNCTION no_other_open_switch"),
    "sqlite": tuple(f"DROP TRIGGER one_open_switch_of_every_affair_{event}" for event in ("insert", "update")),
}


def one_lead_per_slot(dialect: str, since: str) -> None:
    """Say anew from when on a lead has its slot to itself."""
    if dialect == "postgresql":
        op.execute("ALTER TABLE mandate DROP CONSTRAINT one_lead_per_slot")
        op.execute(
            f"""
            ALTER TABLE mandate ADD CONSTRAINT one_lead_per_slot EXCLUDE USING gist (
              affair WITH =, area WITH =, tstzrange({since.format("")}, coalesce(ended_at, ends_at), '[)') WITH &&
            ) WHERE (role = 'lead' AND held_from IS NOT NULL)
            """
        )
        return
    for event in ("INSERT", "UPDATE"):
        op.execute(f"DROP TRIGGER one_lead_per_slot_{event.lower()}")
        op.execute(
            f"""
            CREATE TRIGGER one_lead_per_slot_{event.lower()} BEFORE {event} ON mandate
            WHEN new.role = 'lead' AND new.held_from IS NOT NULL AND EXISTS (
              SELECT 1 FROM mandate AS m
              WHERE m.id <> new.id AND m.role = 'lead' AND m.held_from IS NOT NULL
                AND m.affair = new.affair AND m.area = new.area
                AND {since.format("m.")} < coalesce(new.ended_at, new.ends_at, '9999')
                AND {since.format("new.")} < coalesce(m.ended_at, m.ends_at, '9999')
            )
            BEGIN SELECT RAISE(ABORT, 'one_lead_per_slot'); END
            """  # noqa: S608
        )


def upgrade() -> None:
    platform_migrations.areas_that_change()
    op.create_table(
        "rekeying",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("moves", Json, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("heard_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("done_at", UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("mandate", sa.Column("slot_from", UtcDateTime(timezone=True), nullable=True))
    dialect = op.get_bind().dialect.name
    one_lead_per_slot(dialect, SINCE)
    for statement in OF_EVERY_AFFAIR[dialect]:
        op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for statement in NO_MORE[dialect]:
        op.execute(statement)
    one_lead_per_slot(dialect, BEFORE)
    op.drop_column("mandate", "slot_from")
    op.drop_table("rekeying")
    platform_migrations.back_from_areas_that_change()
