"""How suppliers answer, as it was learned, version by version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for the versions."""
    op.create_table(
        "response_model",
        sa.Column("number", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("observations", sa.BigInteger(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("locations", sa.Integer(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_response_model")),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("response_model")
    op.execute("delete from epoch where of = 'responses'")
    op.execute("delete from task where kind = 'learn'")
