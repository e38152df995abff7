"""Changes of the platform's own tables, which stand in every service's database: written once, called by the
migration of each service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from suizhuan.db.types import BigInt, UtcDateTime


def relay_at_full_strength() -> None:
    """Rows of the outbox know their partition and their aggregate; what changed of the grants is found by sequence."""
    op.add_column("outbox", sa.Column("partition", sa.Integer(), nullable=True))
    op.create_index("outbox_by_key", "outbox", ["key", "id"])
    op.create_index("authority_grant_by_sequence", "authority_grant", ["sequence"])
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("outbox", "headers", type_=sa.Text(), postgresql_using="headers::text")
    outbox_at_its_pace()


def outbox_at_its_pace() -> None:
    """On PostgreSQL the outbox is cleared of dead rows as fast as they come. The one thing about the platform's tables
    that their metadata does not say: a service that begins with all of them calls it after making them."""
    if op.get_bind().dialect.name == "postgresql":
        # Every row is written once and deleted once, so the table is mostly dead rows unless they are cleared away at
        # the pace at which they come: after every few thousand, without pauses, whatever the size of the table.
        op.execute(
            "ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,"
            " autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,"
            " autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0,"
            " autovacuum_analyze_threshold = 50000)"
        )


def back_from_relay_at_full_strength() -> None:
    op.drop_index("authority_grant_by_sequence", "authority_grant")
    op.drop_index("outbox_by_key", "outbox")
    op.drop_column("outbox", "partition")
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("outbox", "headers", type_=JSONB(), postgresql_using="to_jsonb(headers)")
        op.execute(
            "ALTER TABLE outbox RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,"
            " autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold,"
            " autovacuum_vacuum_cost_delay, autovacuum_analyze_scale_factor, autovacuum_analyze_threshold)"
        )


def restores() -> None:
    """Which incarnation ran last, which of its topics it published on, and what the log knows further than we do."""
    op.add_column("published", sa.Column("topic_id", sa.Text(), nullable=True))
    op.create_table(
        "incarnation",
        sa.Column("id", sa.Integer(), autoincrement=False, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("recovered", sa.Boolean(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
    )
    op.create_table(
        "log_ahead",
        sa.Column("event_id", sa.Text(), primary_key=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", BigInt, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sequence", BigInt, nullable=False),
        sa.Column("locked", sa.Boolean(), nullable=False),
    )
    op.create_index("log_ahead_by_aggregate", "log_ahead", ["topic", "key"])
    op.create_index("log_ahead_locked", "log_ahead", ["locked"])


def back_from_restores() -> None:
    op.drop_table("log_ahead")
    op.drop_table("incarnation")
    op.drop_column("published", "topic_id")


def areas_that_change() -> None:
    """Codes of areas that were given up, and what stands for them."""
    op.create_table(
        "area_change",
        sa.Column("switch", sa.Text(), primary_key=True),
        sa.Column("old", sa.Text(), primary_key=True),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("sequence", BigInt, nullable=False),
    )


def back_from_areas_that_change() -> None:
    op.drop_table("area_change")


def changes_without_their_moment() -> None:
    """Nobody reads `at`. Processes of the release before still write it, so it is dropped in a later one."""
    _moment(nullable=True)


def back_from_changes_without_their_moment() -> None:
    op.execute(sa.text("UPDATE area_change SET at = '1970-01-01T00:00:00.000000Z' WHERE at IS NULL"))
    _moment(nullable=False)


def _moment(*, nullable: bool) -> None:
    with op.batch_alter_table("area_change") as table:
        table.alter_column("at", existing_type=UtcDateTime(timezone=True), nullable=nullable)
