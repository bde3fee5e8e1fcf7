"""Suspensions of a POI: all its vans stand still."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NAME = "ck_suspension_one_subject"


def upgrade() -> None:
    """Let a suspension be of a POI."""
    op.add_column("suspension", sa.Column("poi", sa.Text(), nullable=True))
    op.create_index(op.f("ix_suspension_poi"), "suspension", ["poi"])
    op.drop_constraint(op.f(NAME), "suspension")
    op.create_check_constraint(
        op.f(NAME), "suspension", "num_nonnulls(agency, location, route, poi) + everything::int = 1"
    )


def downgrade() -> None:
    """Forget those of POIs."""
    op.execute("delete from suspension where poi is not null")
    op.drop_constraint(op.f(NAME), "suspension")
    op.drop_index(op.f("ix_suspension_poi"), "suspension")
    op.drop_column("suspension", "poi")
    op.create_check_constraint(
        op.f(NAME), "suspension", "num_nonnulls(agency, location, route) + everything::int = 1"
    )
