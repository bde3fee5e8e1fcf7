"""Sessions: a person signed in, kept as a key that does not last and says whose it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let keys be sessions."""
    op.alter_column("api_key", "agency", nullable=True)
    op.add_column("api_key", sa.Column("session", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("api_key", sa.Column("name", sa.Text(), nullable=True))
    op.add_column("api_key", sa.Column("parent", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_api_key_parent_api_key"), "api_key", "api_key", ["parent"], ["id"], ondelete="CASCADE"
    )
    op.create_index(op.f("ix_api_key_parent"), "api_key", ["parent"])
    op.create_check_constraint(op.f("ck_api_key_agency"), "api_key", "session or agency is not null")
    op.create_check_constraint(op.f("ck_api_key_lasts"), "api_key", "not session or expires_at is not null")


def downgrade() -> None:
    """End all sessions."""
    op.execute("delete from api_key where session")
    op.drop_constraint(op.f("ck_api_key_lasts"), "api_key")
    op.drop_constraint(op.f("ck_api_key_agency"), "api_key")
    op.drop_index(op.f("ix_api_key_parent"), "api_key")
    op.drop_constraint(op.f("fk_api_key_parent_api_key"), "api_key")
    for column in ("parent", "name", "session"):
        op.drop_column("api_key", column)
    op.alter_column("api_key", "agency", nullable=False)
