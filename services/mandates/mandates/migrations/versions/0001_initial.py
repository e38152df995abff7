"""initial

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import suizhuan.db.types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# One lead per (affair, area, time), from when it began to hold the slot until it ended; and one open switch per
# affair and overlapping prefix (`lo` and `hi` span the area in 15-digit codes, so prefixes overlap when ranges do).
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    """
    ALTER TABLE mandate ADD CONSTRAINT one_lead_per_slot EXCLUDE USING gist (
      affair WITH =, area WITH =, tstzrange(held_from, coalesce(ended_at, ends_at), '[)') WITH &&
    ) WHERE (role = 'lead' AND held_from IS NOT NULL)
    """,
    """
    ALTER TABLE switch ADD CONSTRAINT one_open_switch_per_place EXCLUDE USING gist (
      affair WITH =, int8range(lo, hi) WITH &&
    ) WHERE (state = 'open')
    """,
)
_TAKEN = """
    CREATE TRIGGER one_lead_per_slot_{name} BEFORE {event} ON mandate
    WHEN new.role = 'lead' AND new.held_from IS NOT NULL AND EXISTS (
      SELECT 1 FROM mandate AS m
      WHERE m.id <> new.id AND m.role = 'lead' AND m.held_from IS NOT NULL
        AND m.affair = new.affair AND m.area = new.area
        AND m.held_from < coalesce(new.ended_at, new.ends_at, '9999')
        AND new.held_from < coalesce(m.ended_at, m.ends_at, '9999')
    )
    BEGIN SELECT RAISE(ABORT, 'one_lead_per_slot'); END
"""
_OPEN = """
    CREATE TRIGGER one_open_switch_per_place_{name} BEFORE {event} ON switch
    WHEN new.state = 'open' AND EXISTS (
      SELECT 1 FROM switch AS s
      WHERE s.id <> new.id AND s.state = 'open' AND s.affair = new.affair AND s.lo < new.hi AND new.lo < s.hi
    )
    BEGIN SELECT RAISE(ABORT, 'one_open_switch_per_place'); END
"""
SQLITE = tuple(
    body.format(name=event.lower(), event=event) for body in (_TAKEN, _OPEN) for event in ("INSERT", "UPDATE")
)


def upgrade() -> None:
    op.create_table(
        "authority_grant",
        sa.Column("mandate", sa.Text(), nullable=False),
        sa.Column("affair", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column(
            "powers", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("term", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("successor", sa.Text(), nullable=True),
        sa.Column(
            "yielding", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("mandate"),
    )
    op.create_index("authority_grant_by_holder", "authority_grant", ["holder", "affair"], unique=False)
    op.create_index("authority_grant_by_slot", "authority_grant", ["affair", "area"], unique=False)
    op.create_table(
        "authority_open_switch",
        sa.Column("switch", sa.Text(), nullable=False),
        sa.Column(
            "slots", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("switch"),
    )
    op.create_table(
        "authority_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("replica", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("beat_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column(
            "beat_replicas",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("joined_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "consumer_offset",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("topic_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "topic", "partition"),
    )
    op.create_table(
        "dead_letter",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column(
            "headers", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("dead_letter_by_key", "dead_letter", ["consumer", "topic", "key"], unique=False)
    op.create_index("dead_letter_by_place", "dead_letter", ["consumer", "topic", "partition", "offset"], unique=True)
    op.create_table(
        "deadline",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("due_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column(
            "data", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("kind", "ref"),
    )
    op.create_index("deadline_by_due", "deadline", ["due_at"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("created_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", "key"),
    )
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("seen_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=False), nullable=False
        ),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column(
            "headers", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("authority_offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("beat_time", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("created_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "published",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("last_offset", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition"),
    )
    op.create_table(
        "affair",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("list", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column(
            "powers", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column(
            "owner_powers",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("listed_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "authority_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("beat_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("founded_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "mandate",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("affair", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("giver", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column(
            "powers", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column(
            "staff", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("starts_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("replaces", sa.String(), nullable=True),
        sa.Column("emergency", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("admitted_by", sa.String(), nullable=True),
        sa.Column("earmark", sa.String(), nullable=True),
        sa.Column("term", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("held_from", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("shortfall_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("next_org", sa.String(), nullable=True),
        sa.Column("next_action", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("mandate_by_giver", "mandate", ["giver"], unique=False)
    op.create_index("mandate_by_holder", "mandate", ["holder"], unique=False)
    op.create_index("mandate_by_slot", "mandate", ["affair", "area"], unique=False)
    op.create_index("mandate_by_state", "mandate", ["state"], unique=False)
    op.create_table(
        "mandate_history",
        sa.Column("mandate", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("actor_org", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("mandate", "version"),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("registered_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "organisation_area",
        sa.Column("org", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("org", "area"),
    )
    op.create_index(op.f("ix_organisation_area_area"), "organisation_area", ["area"], unique=False)
    op.create_table(
        "replica",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("joined_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("named_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "slot",
        sa.Column("affair", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("term", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mandate", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("affair", "area"),
    )
    op.create_table(
        "staff",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("org", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("duty_zh", sa.String(), nullable=False),
        sa.Column("duty_en", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_staff_org"), "staff", ["org"], unique=False)
    op.create_table(
        "switch",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("affair", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("lo", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hi", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mandate", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("on_log", sa.Boolean(), nullable=False),
        sa.Column("opened_sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("requested_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("opened_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("why_dropped", sa.String(), nullable=True),
        sa.Column("correlation_id", sa.String(), nullable=False),
        sa.Column("causation_id", sa.String(), nullable=True),
        sa.Column("traceparent", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("switch_by_mandate", "switch", ["mandate"], unique=False)
    op.create_index("switch_by_state", "switch", ["state"], unique=False)
    op.create_index(
        "switch_of_mandate_under_way",
        "switch",
        ["mandate"],
        unique=True,
        postgresql_where=sa.text("state IN ('waiting', 'open')"),
        sqlite_where=sa.text("state IN ('waiting', 'open')"),
    )
    op.create_table(
        "switch_awaited",
        sa.Column("switch", sa.String(), nullable=False),
        sa.Column("replica", sa.String(), nullable=False),
        sa.Column("acknowledged_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("pending_cases", sa.Boolean(), nullable=False),
        sa.Column("lease_over", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("switch", "replica"),
    )
    op.create_table(
        "switch_cases_ready",
        sa.Column("switch", sa.String(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("switch"),
    )
    op.bulk_insert(sa.table("authority_head", sa.column("id"), sa.column("sequence")), [{"id": 1, "sequence": 0}])
    statements = POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE
    for statement in statements:
        op.execute(statement)


def downgrade() -> None:
    # ### commands auto generated by Alembic - please adjust! ###
    op.drop_table("switch_cases_ready")
    op.drop_table("switch_awaited")
    op.drop_index(
        "switch_of_mandate_under_way",
        table_name="switch",
        postgresql_where=sa.text("state IN ('waiting', 'open')"),
        sqlite_where=sa.text("state IN ('waiting', 'open')"),
    )
    op.drop_index("switch_by_state", table_name="switch")
    op.drop_index("switch_by_mandate", table_name="switch")
    op.drop_table("switch")
    op.drop_index(op.f("ix_staff_org"), table_name="staff")
    op.drop_table("staff")
    op.drop_table("slot")
    op.drop_table("replica")
    op.drop_index(op.f("ix_organisation_area_area"), table_name="organisation_area")
    op.drop_table("organisation_area")
    op.drop_table("organisation")
    op.drop_table("mandate_history")
    op.drop_index("mandate_by_state", table_name="mandate")
    op.drop_index("mandate_by_slot", table_name="mandate")
    op.drop_index("mandate_by_holder", table_name="mandate")
    op.drop_index("mandate_by_giver", table_name="mandate")
    op.drop_table("mandate")
    op.drop_table("authority_head")
    op.drop_table("affair")
    op.drop_table("published")
    op.drop_table("outbox")
    op.drop_table("inbox")
    op.drop_table("idempotency")
    op.drop_index("deadline_by_due", table_name="deadline")
    op.drop_table("deadline")
    op.drop_index("dead_letter_by_place", table_name="dead_letter")
    op.drop_index("dead_letter_by_key", table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_table("consumer_offset")
    op.drop_table("authority_state")
    op.drop_table("authority_open_switch")
    op.drop_index("authority_grant_by_slot", table_name="authority_grant")
    op.drop_index("authority_grant_by_holder", table_name="authority_grant")
    op.drop_table("authority_grant")
    # ### end Alembic commands ###
