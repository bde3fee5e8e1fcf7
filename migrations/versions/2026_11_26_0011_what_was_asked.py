"""What was asked: the log of changes says what was changed, and what came of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of what was changed before, nobody knows."""
    op.add_column("change", sa.Column("asked", sa.JSON(), nullable=True))
    op.add_column("change", sa.Column("made", sa.JSON(), nullable=True))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("change", "made")
    op.drop_column("change", "asked")
