"""Library systems as data: how each is reached, with secrets that are sealed, and how it is doing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give systems what their adapters need, and make the tables for secrets and breakers."""
    for name in ("addresses", "secrets", "branches", "options", "limits"):
        op.add_column("system", sa.Column(name, postgresql.JSONB(), server_default="{}", nullable=False))
    op.add_column("system", sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))
    op.add_column("api_key", sa.Column("live_deadline_ms", sa.Integer(), nullable=True))
    op.create_index("ix_placement_bound", "placement", ["system"], postgresql_where=sa.text("state <> 'closed'"))
    op.create_table(
        "secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )
    op.create_table(
        "breaker",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('open','half_open')", name=op.f("ck_breaker_state")),
        sa.ForeignKeyConstraint(["system"], ["system.id"], name=op.f("fk_breaker_system_system"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("system", "process", name=op.f("pk_breaker")),
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("breaker")
    op.drop_table("secret")
    op.drop_index("ix_placement_bound", table_name="placement")
    op.drop_column("api_key", "live_deadline_ms")
    for name in ("version", "limits", "options", "branches", "secrets", "addresses"):
        op.drop_column("system", name)
