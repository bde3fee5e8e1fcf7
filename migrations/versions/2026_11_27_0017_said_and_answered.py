"""Which fields of a policy its writer says, which placements asked nobody, and how old a copy is that stays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Of policies written before, nobody knows who said what: they say all that could be said, and hold as they were read.
SAID = """
update policy set says = array[
    'circles', 'central_collections', 'objective', 'cents_per_hour', 'cents_per_handling', 'cents_per_net_loan',
    'cents_per_open_item', 'horizon_days', 'max_cost_cents', 'rota_order', 'not_lent', 'least_age_days',
    'embargo_days', 'loan_days', 'renewals', 'central_holders', 'floating', 'floating_materials', 'most_floating',
    'most_a_day', 'most_a_day_per_location']
"""


# Only what is taken over is asked, placed, answered and shipped in one moment.
FORWARDED = """
update placement set forwarded = true where asked_at = placed_at and asked_at = answered_at and asked_at = shipped_at
"""


ADDED = """
update floated_item set added_on = holding.added_on
  from holding where holding.title_id = floated_item.title_id and holding.location = floated_item.home
"""


def upgrade() -> None:
    """Add the columns; what policies say stays as it is."""
    op.add_column("policy", sa.Column("says", postgresql.ARRAY(sa.Text()), nullable=True))
    op.execute(SAID)
    op.alter_column("policy", "says", nullable=False)
    op.add_column("placement", sa.Column("forwarded", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute(FORWARDED)
    op.add_column("floated_item", sa.Column("added_on", sa.Date(), nullable=True))
    op.execute(ADDED)


def downgrade() -> None:
    """Forget who says what, and who was asked."""
    op.drop_column("floated_item", "added_on")
    op.drop_column("placement", "forwarded")
    op.drop_column("policy", "says")
