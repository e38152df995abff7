"""Estates, premises, leases, repairs, firms, owners

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
        "ballot",
        sa.Column("meeting", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("choice", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("meeting", "owner", "number"),
    )
    op.create_table(
        "bill_answer",
        sa.Column("bill", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rank", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entry", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("bill"),
    )
    op.create_table(
        "closed_case",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_table(
        "contract",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("estate", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("firm", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("fee_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("answer_limit", sa.Text(), nullable=True),
        sa.Column("meeting", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=True),
        sa.Column("filed_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "contract_by_area", "contract", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"}
    )
    op.create_index("contract_by_estate", "contract", ["estate"], unique=False)
    op.create_index("contract_by_firm", "contract", ["firm", "id"], unique=False)
    op.create_table(
        "due",
        sa.Column("bill", sa.Text(), nullable=False),
        sa.Column("lease", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("begins", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("issued_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("settled_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("bill"),
    )
    op.create_index("due_by_lease", "due", ["lease", "number"], unique=True)
    op.create_table(
        "estate",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("households", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("registered_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "estate_by_area", "estate", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"}
    )
    op.create_table(
        "firm",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("listed_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("struck_for", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("firm_by_area", "firm", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"})
    op.create_table(
        "lease",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("premise", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lessor", sa.Text(), nullable=False),
        sa.Column("lessee", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("rent_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("every", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("due_day", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("prepaid", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_period", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cut_for", sa.Text(), nullable=True),
        sa.Column("concluded_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("lease_by_area", "lease", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"})
    op.create_index("lease_by_lessor", "lease", ["lessor", "id"], unique=False)
    op.create_index("lease_by_premise", "lease", ["premise"], unique=False)
    op.create_table(
        "lessee_private",
        sa.Column("lease", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lease"),
    )
    op.create_table(
        "meeting",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("estate", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("callers", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("heads", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("size_dm2", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("opens_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("closes_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column(
            "motions", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "results", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("filing_due_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("filing_overdue", sa.Boolean(), nullable=False),
        sa.Column("committee", sa.Text(), nullable=True),
        sa.Column("called_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "meeting_by_area", "meeting", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"}
    )
    op.create_index("meeting_by_estate", "meeting", ["estate", "id"], unique=False)
    op.create_table(
        "motion_words",
        sa.Column("meeting", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("meeting", "number"),
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
        "owner",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("estate", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("units", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("size_dm2", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("registered_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("owner_by_estate", "owner", ["estate", "id"], unique=False)
    op.create_table(
        "owner_private",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("owner"),
    )
    op.create_index("owner_private_by_account", "owner_private", ["account"], unique=False)
    op.create_table(
        "premise",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("estate", sa.Text(), nullable=True),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("size_dm2", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("structure", sa.Text(), nullable=False),
        sa.Column("use", sa.Text(), nullable=False),
        sa.Column("permanent", sa.Boolean(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("delegation", sa.Text(), nullable=True),
        sa.Column("registered_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_for", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "premise_by_area", "premise", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"}
    )
    op.create_table(
        "referral_answer",
        sa.Column("referral", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=True),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("referral"),
    )
    op.create_index("referral_answer_by_case", "referral_answer", ["case_id"], unique=False)
    op.create_table(
        "repair",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("estate", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("firm", sa.Text(), nullable=True),
        sa.Column("contract", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("requested_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=False),
        sa.Column("answered_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("done_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", suizhuan.db.types.UtcDateTime(timezone=True), nullable=True),
        sa.Column("referred_for", sa.Text(), nullable=True),
        sa.Column("case_id", sa.Text(), nullable=True),
        sa.Column("turned_away_for", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "repair_by_area", "repair", ["area", "id"], unique=False, postgresql_ops={"area": "text_pattern_ops"}
    )
    op.create_index("repair_by_case", "repair", ["case_id"], unique=False)
    op.create_index("repair_by_firm", "repair", ["firm", "id"], unique=False)
    op.create_index("repair_by_state", "repair", ["state"], unique=False)
    op.create_table(
        "repair_private",
        sa.Column("repair", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("contact_name", sa.Text(), nullable=True),
        sa.Column("contact_phone", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("repair"),
    )
    op.create_table(
        "roll",
        sa.Column("meeting", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("size_dm2", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("meeting", "owner"),
    )


def downgrade() -> None:
    op.drop_table("roll")
    op.drop_table("repair_private")
    op.drop_index("repair_by_state", table_name="repair")
    op.drop_index("repair_by_firm", table_name="repair")
    op.drop_index("repair_by_case", table_name="repair")
    op.drop_index("repair_by_area", table_name="repair", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("repair")
    op.drop_index("referral_answer_by_case", table_name="referral_answer")
    op.drop_table("referral_answer")
    op.drop_index("premise_by_area", table_name="premise", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("premise")
    op.drop_index("owner_private_by_account", table_name="owner_private")
    op.drop_table("owner_private")
    op.drop_index("owner_by_estate", table_name="owner")
    op.drop_table("owner")
    op.drop_index(
        "organisation_area_by_area", table_name="organisation_area", postgresql_ops={"area": "text_pattern_ops"}
    )
    op.drop_table("organisation_area")
    op.drop_table("organisation")
    op.drop_table("motion_words")
    op.drop_index("meeting_by_estate", table_name="meeting")
    op.drop_index("meeting_by_area", table_name="meeting", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("meeting")
    op.drop_table("lessee_private")
    op.drop_index("lease_by_premise", table_name="lease")
    op.drop_index("lease_by_lessor", table_name="lease")
    op.drop_index("lease_by_area", table_name="lease", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("lease")
    op.drop_index("firm_by_area", table_name="firm", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("firm")
    op.drop_index("estate_by_area", table_name="estate", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("estate")
    op.drop_index("due_by_lease", table_name="due")
    op.drop_table("due")
    op.drop_index("contract_by_firm", table_name="contract")
    op.drop_index("contract_by_estate", table_name="contract")
    op.drop_index("contract_by_area", table_name="contract", postgresql_ops={"area": "text_pattern_ops"})
    op.drop_table("contract")
    op.drop_table("closed_case")
    op.drop_table("bill_answer")
    op.drop_table("ballot")
