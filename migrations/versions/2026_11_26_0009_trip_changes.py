"""Trip changes: trips that run late or skip stops, and which cancellations a feed brought."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; what was cancelled so far, people cancelled."""
    op.create_table(
        "trip_change",
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("route_id", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("delays", JSONB(), nullable=False),
        sa.Column("skipped", JSONB(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("source in ('planner','feed')", name=op.f("ck_trip_change_source")),
        sa.PrimaryKeyConstraint("trip_id", "service_date", name=op.f("pk_trip_change")),
    )
    op.create_index("ix_trip_change_service_date_trip_id", "trip_change", ["service_date", "trip_id"])
    op.add_column(
        "trip_cancellation", sa.Column("source", sa.Text(), server_default=sa.text("'planner'"), nullable=False)
    )
    op.create_check_constraint(
        op.f("ck_trip_cancellation_source"), "trip_cancellation", "source in ('planner','feed')"
    )


def downgrade() -> None:
    """Forget them; what a feed cancelled stays cancelled."""
    op.drop_column("trip_cancellation", "source")
    op.drop_table("trip_change")
