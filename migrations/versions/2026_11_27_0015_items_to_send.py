"""What is still to be sent, found without looking at what is lent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index the placements of which nothing was sent."""
    op.create_index(
        "ix_placement_unshipped",
        "placement",
        ["supplying_location", "supplying_agency"],
        postgresql_where=sa.text("state <> 'closed' and shipped_at is null"),
    )


def downgrade() -> None:
    """Do without."""
    op.drop_index("ix_placement_unshipped", "placement")
