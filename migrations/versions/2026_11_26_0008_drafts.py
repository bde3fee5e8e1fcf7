"""Drafts of the network, activations that are to come, and what operators make of single days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "network_draft",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["base"], ["network_version.number"], name=op.f("fk_network_draft_base_network_version")
        ),
        sa.ForeignKeyConstraint(
            ["version"], ["network_version.number"], name=op.f("fk_network_draft_version_network_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_draft")),
    )
    op.create_index(op.f("ix_network_draft_base"), "network_draft", ["base"])
    op.create_index(op.f("ix_network_draft_version"), "network_draft", ["version"])
    op.create_table(
        "network_draft_change",
        sa.Column("draft", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("operations", sa.Text(), nullable=False),
        sa.Column("undone_revision", sa.Integer(), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["draft"],
            ["network_draft.id"],
            name=op.f("fk_network_draft_change_draft_network_draft"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("draft", "revision", name=op.f("pk_network_draft_change")),
    )
    _make_schedule()
    op.create_table(
        "day_exception",
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("runs", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("operator", "day", name=op.f("pk_day_exception")),
    )


def _make_schedule() -> None:
    op.create_table(
        "network_schedule",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("own", sa.ARRAY(sa.Text()), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=True),
        sa.Column("draft", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting','done','cancelled','refused')", name=op.f("ck_network_schedule_state")
        ),
        sa.ForeignKeyConstraint(
            ["version"], ["network_version.number"], name=op.f("fk_network_schedule_version_network_version")
        ),
        sa.ForeignKeyConstraint(
            ["expected"], ["network_version.number"], name=op.f("fk_network_schedule_expected_network_version")
        ),
        sa.ForeignKeyConstraint(
            ["draft"],
            ["network_draft.id"],
            name=op.f("fk_network_schedule_draft_network_draft"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_schedule")),
    )
    for column in ("draft", "expected", "version"):
        op.create_index(op.f(f"ix_network_schedule_{column}"), "network_schedule", [column])


def downgrade() -> None:
    """Forget them."""
    for table in ("day_exception", "network_schedule", "network_draft_change", "network_draft"):
        op.drop_table(table)
