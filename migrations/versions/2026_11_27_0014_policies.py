"""Policies as data, and the day on which copies came into the collection."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, in which nothing is agreed, and the column, of which nobody knows."""
    op.create_table(
        "policy",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("num_nonnulls(province, agency) < 2", name=op.f("ck_policy_one_scope")),
        sa.ForeignKeyConstraint(["agency"], ["agency.isil"], name=op.f("fk_policy_agency_agency")),
        sa.ForeignKeyConstraint(["province"], ["province.code"], name=op.f("fk_policy_province_province")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy")),
    )
    op.create_index(op.f("ix_policy_province"), "policy", ["province"])
    op.create_index(op.f("ix_policy_agency"), "policy", ["agency"])
    op.add_column("holding", sa.Column("added_on", sa.Date(), nullable=True))


def downgrade() -> None:
    """Forget both."""
    op.drop_column("holding", "added_on")
    op.drop_table("policy")
