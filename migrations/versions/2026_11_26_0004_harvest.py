"""What systems hold, as they were harvested: runs, records and their holdings; and titles that can be searched."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Without accents, capitals and signs; plain ASCII, as most of it is, goes a shorter way. Composed letters are taken
# apart and lose what stands above or below them; those that cannot be taken apart are named. Whatever the database's
# collation knows, ASCII is all that is left of Latin letters, so that lower() needs to know no more.
FOLDED = r"""
create function folded(said text) returns text language sql immutable strict parallel safe as $$
  select case when octet_length(said) = length(said)
    then btrim(regexp_replace(lower(translate(said, '''`', '')), '[^a-z0-9]+', ' ', 'g'))
    else btrim(regexp_replace(lower(translate(
      replace(replace(replace(replace(replace(
        regexp_replace(normalize(said, nfkd), '[\u0300-\u036f''’‘ʼ`]', '', 'g'),
        'ß', 'ss'), 'æ', 'ae'), 'Æ', 'ae'), 'œ', 'oe'), 'Œ', 'oe'),
      'øØłŁđĐðÐıÞþ', 'ooLLddddiTT')), '[\s!-/:-@\[-`{-~\u00a0-\u00bf\u2010-\u205e]+', ' ', 'g')) end
$$
"""
SEARCH = (
    "setweight(to_tsvector('simple', folded(title)), 'A') || setweight(to_tsvector('simple', folded(author)), 'B')"
)


def _moment(name: str, *, required: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not required)


def _counted(name: str, kind: type[sa.Integer] = sa.BigInteger) -> sa.Column[int]:
    return sa.Column(name, kind(), server_default="0", nullable=False)


def upgrade() -> None:
    """Make the tables, and fold what titles there are."""
    op.execute(FOLDED)
    op.add_column("title", sa.Column("part", sa.Text(), server_default="", nullable=False))
    op.add_column("title", sa.Column("heading", sa.Text(), sa.Computed("left(folded(title), 100)", persisted=True)))
    op.add_column("title", sa.Column("search", postgresql.TSVECTOR(), sa.Computed(SEARCH, persisted=True)))
    op.create_index(op.f("ix_title_heading"), "title", ["heading"])
    op.create_index("ix_title_search", "title", ["search"], postgresql_using="gin")
    op.add_column("holding", sa.Column("harvested", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table(
        "title_decision",
        sa.Column("title_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("other_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("other_title", sa.Text(), server_default="", nullable=False),
        sa.Column("other_part", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("decision in ('same','different')", name=op.f("ck_title_decision_decision")),
        sa.PrimaryKeyConstraint("title_id", "other_id", name=op.f("pk_title_decision")),
    )
    op.create_index(op.f("ix_title_decision_other_id"), "title_decision", ["other_id"])
    _make_runs()
    _make_records()


def _make_runs() -> None:
    op.create_table(
        "harvest",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("interval_seconds", sa.Integer(), nullable=True),
        sa.Column("whole_interval_seconds", sa.Integer(), nullable=True),
        sa.Column("overlap_seconds", sa.Integer(), nullable=True),
        sa.Column("whole_wanted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _moment("until"),
        _moment("whole_at"),
        _counted("runs"),
        _counted("errors", sa.Integer),
        sa.Column("error", sa.Text(), nullable=True),
        _moment("error_at"),
        sa.CheckConstraint("interval_seconds > 0", name=op.f("ck_harvest_interval_seconds")),
        sa.CheckConstraint("whole_interval_seconds > 0", name=op.f("ck_harvest_whole_interval_seconds")),
        sa.CheckConstraint("overlap_seconds >= 0", name=op.f("ck_harvest_overlap_seconds")),
        sa.ForeignKeyConstraint(["system"], ["system.id"], name=op.f("fk_harvest_system_system"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("system", name=op.f("pk_harvest")),
    )
    op.create_table(
        "harvest_run",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        _moment("since"),
        sa.Column("cursor", sa.Text(), nullable=True),
        _moment("as_of"),
        _moment("started_at", required=True),
        _moment("seen_at"),
        _moment("ended_at"),
        _counted("pages", sa.Integer),
        *(_counted(name) for name in ("records", "deleted", "holdings", "unmapped", "rejected")),
        sa.Column("rejects", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        _counted("errors", sa.Integer),
        sa.Column("whole_size", sa.BigInteger(), nullable=True),
        _counted("held_before"),
        sa.Column("unseen", sa.BigInteger(), nullable=True),
        _counted("removed"),
        sa.Column("confirmed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint(
            "state in ('running','held','done','lost','overtaken')", name=op.f("ck_harvest_run_state")
        ),
        sa.ForeignKeyConstraint(
            ["system"], ["harvest.system"], name=op.f("fk_harvest_run_system_harvest"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("system", "number", name=op.f("pk_harvest_run")),
    )
    op.create_index(
        "uq_harvest_run_running",
        "harvest_run",
        ["system"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "harvest_unmapped",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("holdings", sa.BigInteger(), nullable=False),
        sa.Column("example", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["system"], ["harvest.system"], name=op.f("fk_harvest_unmapped_system_harvest"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("system", "branch", name=op.f("pk_harvest_unmapped")),
    )


def _make_records() -> None:
    op.create_table(
        "catalogue_record",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("title_id", sa.BigInteger(), nullable=False),
        sa.Column("isbns", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("ppn", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("part", "title", "author", "material")),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("system", "number", name=op.f("pk_catalogue_record")),
    )
    op.create_index(op.f("ix_catalogue_record_title_id"), "catalogue_record", ["title_id"])
    op.create_table(
        "catalogue_holding",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("system", "number", "branch")),
        sa.Column("title_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("location", "material")),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("available", sa.Integer(), nullable=True),
        sa.Column("loanable", sa.Boolean(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("system", "number", "branch", name=op.f("pk_catalogue_holding")),
    )
    op.create_index("ix_catalogue_holding_title_id_location", "catalogue_holding", ["title_id", "location"])
    # A reconcile writes every row once, and nothing of it that is indexed: let there be room for it on the page.
    op.execute("alter table catalogue_record set (fillfactor = 80)")
    op.execute("alter table catalogue_holding set (fillfactor = 80)")


def downgrade() -> None:
    """Take them away; what systems said of their holdings goes with them."""
    op.execute("delete from holding where harvested")
    for table in ("catalogue_holding", "catalogue_record", "harvest_unmapped", "harvest_run", "harvest"):
        op.drop_table(table)
    op.drop_table("title_decision")
    op.drop_column("holding", "harvested")
    op.drop_index("ix_title_search", table_name="title")
    op.drop_index(op.f("ix_title_heading"), table_name="title")
    for column in ("search", "heading", "part"):
        op.drop_column("title", column)
    op.execute("drop function folded(text)")
