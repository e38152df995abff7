"""Volunteers, teams, activities, shifts, courses, recognition and pairings

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import suizhuan.db.types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("affair", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("mandate", sa.Text(), nullable=False),
        sa.Column("term", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column(
            "training", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column(
            "skills", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("min_age", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("max_age", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("dangerous", sa.Boolean(), nullable=False),
        sa.Column("insurance", sa.Text(), nullable=True),
        sa.Column("planned_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("bill", sa.Text(), nullable=True),
        sa.Column("bills", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.Column("shortfall_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("begun", sa.Boolean(), nullable=False),
        sa.Column("cancelled", sa.Text(), nullable=True),
        sa.Column("cost_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("minutes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("paid_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("waits_since", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "activity_by_area", "activity", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"}
    )
    op.create_index("activity_by_bill", "activity", ["bill"], unique=False)
    op.create_index("activity_by_mandate", "activity", ["mandate"], unique=False)
    op.create_index("activity_by_org", "activity", ["org", "id"], unique=False)
    op.create_index("activity_by_state", "activity", ["state", "id"], unique=False)
    op.create_table(
        "award",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("volunteer", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("giver", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("given_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("award_by_state", "award", ["state", "id"], unique=False)
    op.create_index("award_by_volunteer", "award", ["volunteer", "id"], unique=False)
    op.create_table(
        "award_private",
        sa.Column("award", sa.Text(), nullable=False),
        sa.Column("volunteer", sa.Text(), nullable=False),
        sa.Column("shown_as", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("award"),
    )
    op.create_index(op.f("ix_award_private_volunteer"), "award_private", ["volunteer"], unique=False)
    op.create_table(
        "certificate",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("volunteer", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("minutes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("issued_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("certificate_by_volunteer", "certificate", ["volunteer", "number"], unique=False)
    op.create_table("closed_file", sa.Column("file", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("file"))
    op.create_table(
        "course",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("training", sa.Text(), nullable=False),
        sa.Column("starts_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "course_by_area", "course", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"}
    )
    op.create_table(
        "ended_mandate",
        sa.Column("mandate", sa.Text(), nullable=False),
        sa.Column("ended_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mandate"),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "organisation_area",
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org", "area"),
    )
    op.create_index(
        "organisation_area_by_area",
        "organisation_area",
        ["area"],
        unique=False,
        postgresql_ops={"area": "text_pattern_ops"},
    )
    op.create_table(
        "pairing",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("volunteer", sa.Text(), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("need", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("arranged_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("begun_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("pairing_by_org", "pairing", ["org", "id"], unique=False)
    op.create_index("pairing_by_volunteer", "pairing", ["volunteer", "id"], unique=False)
    op.create_table(
        "pairing_private",
        sa.Column("pairing", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("file_consent", sa.Text(), nullable=False),
        sa.Column("volunteer_consent", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("pairing"),
    )
    op.create_index(op.f("ix_pairing_private_file"), "pairing_private", ["file"], unique=False)
    op.create_table(
        "shift",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("starts_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("taken", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("shift_by_activity", "shift", ["activity", "id"], unique=False)
    op.create_table(
        "shift_code",
        sa.Column("shift", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("shift"),
    )
    op.create_table(
        "sign_up",
        sa.Column("shift", sa.Text(), nullable=False),
        sa.Column("volunteer", sa.Text(), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("starts_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("in_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("out_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("minutes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("confirmed_minutes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("shift", "volunteer"),
    )
    op.create_index("sign_up_by_activity", "sign_up", ["activity"], unique=False)
    op.create_index("sign_up_by_volunteer", "sign_up", ["volunteer", "shift"], unique=False)
    op.create_table(
        "team",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("org", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("members", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("team_by_area", "team", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"})
    op.create_table(
        "team_member",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("volunteer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("team", "volunteer"),
    )
    op.create_index("team_member_by_volunteer", "team_member", ["volunteer"], unique=False)
    op.create_table(
        "title",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ref"),
    )
    op.create_table(
        "trained",
        sa.Column("volunteer", sa.Text(), nullable=False),
        sa.Column("training", sa.Text(), nullable=False),
        sa.Column("course", sa.Text(), nullable=False),
        sa.Column("attended_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("valid_until", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("volunteer", "training"),
    )
    op.create_table(
        "visit",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("pairing", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("minutes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_visit_pairing"), "visit", ["pairing"], unique=False)
    op.create_table(
        "volunteer",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("age_band", sa.Text(), nullable=False),
        sa.Column(
            "skills", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("minutes", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("star", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("registered_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "volunteer_by_area", "volunteer", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"}
    )
    op.create_table(
        "volunteer_private",
        sa.Column("volunteer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("id_number", sa.Text(), nullable=True),
        sa.Column("born", sa.Date(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("skill_note", sa.Text(), nullable=True),
        sa.Column("guardian_consent", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("volunteer"),
        sa.UniqueConstraint("id_number"),
        sa.UniqueConstraint("subject"),
    )


def downgrade() -> None:
    op.drop_table("volunteer_private")
    op.drop_index("volunteer_by_area", table_name="volunteer", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("volunteer")
    op.drop_index(op.f("ix_visit_pairing"), table_name="visit")
    op.drop_table("visit")
    op.drop_table("trained")
    op.drop_table("title")
    op.drop_index("team_member_by_volunteer", table_name="team_member")
    op.drop_table("team_member")
    op.drop_index("team_by_area", table_name="team", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("team")
    op.drop_index("sign_up_by_volunteer", table_name="sign_up")
    op.drop_index("sign_up_by_activity", table_name="sign_up")
    op.drop_table("sign_up")
    op.drop_table("shift_code")
    op.drop_index("shift_by_activity", table_name="shift")
    op.drop_table("shift")
    op.drop_index(op.f("ix_pairing_private_file"), table_name="pairing_private")
    op.drop_table("pairing_private")
    op.drop_index("pairing_by_volunteer", table_name="pairing")
    op.drop_index("pairing_by_org", table_name="pairing")
    op.drop_table("pairing")
    op.drop_index(
        "organisation_area_by_area", table_name="organisation_area", postgresql_ops={"area": "text_pattern_ops"}
    )
    op.drop_table("organisation_area")
    op.drop_table("organisation")
    op.drop_table("ended_mandate")
    op.drop_index("course_by_area", table_name="course", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("course")
    op.drop_table("closed_file")
    op.drop_index("certificate_by_volunteer", table_name="certificate")
    op.drop_table("certificate")
    op.drop_index(op.f("ix_award_private_volunteer"), table_name="award_private")
    op.drop_table("award_private")
    op.drop_index("award_by_volunteer", table_name="award")
    op.drop_index("award_by_state", table_name="award")
    op.drop_table("award")
    op.drop_index("activity_by_state", table_name="activity")
    op.drop_index("activity_by_org", table_name="activity")
    op.drop_index("activity_by_mandate", table_name="activity")
    op.drop_index("activity_by_bill", table_name="activity")
    op.drop_index("activity_by_area", table_name="activity", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("activity")
