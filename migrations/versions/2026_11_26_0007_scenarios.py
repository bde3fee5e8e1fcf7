"""Scenarios: what planners try, and what it came to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for scenarios."""
    op.create_table(
        "scenario",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("runs", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("summary", sa.JSON(), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting','running','done','failed','cancelled')", name=op.f("ck_scenario_state")
        ),
        sa.CheckConstraint("state <> 'done' or summary is not null", name=op.f("ck_scenario_done")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenario")),
    )
    op.create_table(
        "scenario_part",
        sa.Column("scenario", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scenario"], ["scenario.id"], name=op.f("fk_scenario_part_scenario_scenario"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("scenario", "part", name=op.f("pk_scenario_part")),
    )


def downgrade() -> None:
    """Forget all scenarios."""
    op.drop_table("scenario_part")
    op.drop_table("scenario")
