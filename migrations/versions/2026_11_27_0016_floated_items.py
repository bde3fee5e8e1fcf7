"""Copies that stay where they are wanted, and who asked for a title before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

OPEN = sa.text("ended_at is null")


def upgrade() -> None:
    """Add the table, in which nothing stays anywhere, and the indexes."""
    op.create_table(
        "floated_item",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("title_id", sa.BigInteger(), nullable=False),
        sa.Column("home", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("loan_request", sa.UUID(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint("home <> location", name=op.f("ck_floated_item_elsewhere")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_floated_item")),
        sa.UniqueConstraint("loan_request", name=op.f("uq_floated_item_loan_request")),
    )
    for column in ("title_id", "home", "location"):
        op.create_index(op.f(f"ix_floated_item_{column}"), "floated_item", [column], postgresql_where=OPEN)
    for column in ("isbn", "ppn"):
        op.create_index(
            op.f(f"ix_loan_request_{column}_submitted_at"),
            "loan_request",
            [column, "submitted_at"],
            postgresql_where=sa.text(f"{column} is not null"),
        )


def downgrade() -> None:
    """Forget which copies stay elsewhere: for what is imported they are home."""
    for column in ("isbn", "ppn"):
        op.drop_index(op.f(f"ix_loan_request_{column}_submitted_at"), table_name="loan_request")
    op.drop_table("floated_item")
