"""Two suppliers may be asked at once: one placement leads, and another may be open beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Whoever is asked beside is let go: what its system has is taken back, and nothing is left that waits for it.
ALONE = (
    """
    insert into task (kind, subject, due_at)
    select 'withdraw', loan_request || '-' || number, now() from placement
     where beside and state <> 'closed' and system is not null
    on conflict (kind, subject) do nothing
    """,
    """
    insert into task (kind, subject, due_at)
    select 'place', id::text, now() from loan_request
     where outcome is null and supplying = 'nobody' and requesting = 'waiting'
    on conflict (kind, subject) do nothing
    """,
    "delete from task where kind = 'place_beside'",
    """
    update placement set state = 'closed', "end" = 'LetGo', closed_at = now() where beside and state <> 'closed'
    """,
)
# No version before knows the word.
UNSAID = """
update policy set document = document #- '{requesting,at_once}', says = array_remove(says, 'at_once')
 where 'at_once' = any(says) or document -> 'requesting' ? 'at_once'
"""


def upgrade() -> None:
    """Add the columns: all that are open lead."""
    op.add_column("placement", sa.Column("beside", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("placement", sa.Column("let_go", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("placement", sa.Column("alone", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("placement", sa.Column("expected_at", sa.DateTime(timezone=True)))
    op.drop_index("uq_placement_open", table_name="placement")
    op.create_index(
        "uq_placement_open",
        "placement",
        ["loan_request", "beside"],
        unique=True,
        postgresql_where=sa.text("state <> 'closed' and not let_go"),
    )
    op.create_index(
        "ix_placement_beside",
        "placement",
        ["supplying_agency"],
        postgresql_where=sa.text("beside and state <> 'closed'"),
    )


def downgrade() -> None:
    """Ask one after the other again."""
    for statement in (*ALONE, UNSAID):
        op.execute(statement)
    op.drop_index("ix_placement_beside", table_name="placement")
    op.drop_index("uq_placement_open", table_name="placement")
    op.create_index(
        "uq_placement_open",
        "placement",
        ["loan_request"],
        unique=True,
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.drop_column("placement", "expected_at")
    op.drop_column("placement", "alone")
    op.drop_column("placement", "let_go")
    op.drop_column("placement", "beside")
