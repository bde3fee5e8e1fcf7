"""Feeds of trip updates: of when the newest is that each sender sent, so that an older one changes nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; of feeds so far nothing is known."""
    op.create_table(
        "trip_feed",
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("by", "operator", name=op.f("pk_trip_feed")),
    )


def downgrade() -> None:
    """Forget it, and the words that a trip runs as planned, which older code does not know."""
    op.execute("delete from trip_change where delays = '[]' and skipped = '[]'")
    op.drop_table("trip_feed")
