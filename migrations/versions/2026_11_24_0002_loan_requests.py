"""Loan requests: what is asked, what happened, what is due, who is told and what is charged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and the lapse that holds where no other is agreed: eight days on which the location opens."""
    op.create_table(
        "lapse_rule",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("service_level", sa.Text(), nullable=False),
        sa.Column("open_days", sa.Integer(), nullable=False),
        sa.CheckConstraint("open_days between 1 and 365", name=op.f("ck_lapse_rule_open_days")),
        sa.PrimaryKeyConstraint("agency", "service_level", name=op.f("pk_lapse_rule")),
    )
    op.create_table(
        "loan_request",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("requesting_agency", sa.Text(), nullable=False),
        sa.Column("requesting_agency_request_id", sa.Text(), nullable=False),
        sa.Column("patron_reference", sa.Text(), nullable=True),
        sa.Column("service_level", sa.Text(), server_default="Core", nullable=False),
        sa.Column("isbn", sa.Text(), nullable=True),
        sa.Column("ppn", sa.Text(), nullable=True),
        sa.Column("pickup_location", sa.Text(), nullable=False),
        sa.Column("question", sa.JSON(), nullable=False),
        sa.Column("supplying", sa.Text(), nullable=False),
        sa.Column("requesting", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("supplying_agency", sa.Text(), nullable=True),
        sa.Column("supplying_location", sa.Text(), nullable=True),
        sa.Column("asked", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("chosen", sa.Text(), nullable=True),
        sa.Column("placements", sa.Integer(), server_default="0", nullable=False),
        sa.Column("events", sa.Integer(), server_default="0", nullable=False),
        sa.Column("itinerary", sa.JSON(), nullable=True),
        sa.Column("itinerary_by", sa.Text(), nullable=True),
        sa.Column("expected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at_location", sa.Text(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("renewals", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stripped_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("outcome is null or patron_reference is null", name=op.f("ck_loan_request_unlinked")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan_request")),
        sa.UniqueConstraint(
            "requesting_agency_request_id",
            "requesting_agency",
            name=op.f("uq_loan_request_requesting_agency_request_id_requesting_agency"),
        ),
    )
    op.create_index(
        "ix_loan_request_open_isbn",
        "loan_request",
        ["isbn"],
        unique=False,
        postgresql_where=sa.text("outcome is null"),
    )
    op.create_index(
        "ix_loan_request_open_ppn", "loan_request", ["ppn"], unique=False, postgresql_where=sa.text("outcome is null")
    )
    op.create_index(
        "ix_loan_request_under_way",
        "loan_request",
        ["id"],
        unique=False,
        postgresql_where=sa.text("outcome is null and itinerary is not null"),
    )
    op.create_index(
        "ix_loan_request_lent",
        "loan_request",
        ["id"],
        unique=False,
        postgresql_where=sa.text("outcome is null and due_at is not null"),
    )
    op.create_index("ix_loan_request_requesting_agency_id", "loan_request", ["requesting_agency", "id"], unique=False)
    op.create_index("ix_loan_request_status_id", "loan_request", ["status", "id"], unique=False)
    op.create_index("ix_loan_request_submitted_at", "loan_request", ["submitted_at"], unique=False)
    op.create_index(
        "ix_loan_request_shipped_at",
        "loan_request",
        ["shipped_at"],
        unique=False,
        postgresql_where=sa.text("shipped_at is not null"),
    )
    op.create_index(
        "ix_loan_request_open", "loan_request", ["id"], unique=False, postgresql_where=sa.text("outcome is null")
    )
    op.create_index("ix_loan_request_supplying_agency_id", "loan_request", ["supplying_agency", "id"], unique=False)
    op.create_index(
        "ix_loan_request_unstripped",
        "loan_request",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("ended_at is not null and stripped_at is null"),
    )
    op.create_table(
        "settlement_entry",
        sa.Column("loan_request", sa.UUID(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("counterparty", sa.Text(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("loan_request", "agency", "what", name=op.f("pk_settlement_entry")),
    )
    op.create_index(
        "ix_settlement_entry_agency_day", "settlement_entry", ["agency", "day", "loan_request", "what"], unique=False
    )
    op.create_index(
        "ix_settlement_entry_day", "settlement_entry", ["day", "loan_request", "what", "agency"], unique=False
    )
    op.create_table(
        "task",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("again", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("dead_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_task_kind_subject")),
    )
    op.create_index("ix_task_dead", "task", ["id"], unique=False, postgresql_where=sa.text("dead_at is not null"))
    op.create_index("ix_task_due", "task", ["due_at"], unique=False, postgresql_where=sa.text("dead_at is null"))
    op.create_table(
        "trip_cancellation",
        sa.Column("trip_id", sa.Text(), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=False),
        sa.Column("route_id", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("trip_id", "service_date", name=op.f("pk_trip_cancellation")),
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_index(op.f("ix_webhook_agency"), "webhook", ["agency"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("loan_request", sa.UUID(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan_request"],
            ["loan_request.id"],
            name=op.f("fk_idempotency_key_loan_request_loan_request"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index("ix_idempotency_key_created_at", "idempotency_key", ["created_at"], unique=False)
    op.create_index(op.f("ix_idempotency_key_loan_request"), "idempotency_key", ["loan_request"], unique=False)
    op.create_table(
        "loan_decision",
        sa.Column("loan_request", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan_request"],
            ["loan_request.id"],
            name=op.f("fk_loan_decision_loan_request_loan_request"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("loan_request", "number", name=op.f("pk_loan_decision")),
    )
    op.create_table(
        "loan_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "transaction",
            sa.BigInteger(),
            server_default=sa.text("((pg_current_xact_id())::text)::bigint"),
            nullable=False,
        ),
        sa.Column("loan_request", sa.UUID(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("requesting_agency", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("supplying_agency", sa.Text(), nullable=True),
        sa.Column("supplying_location", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["loan_request"],
            ["loan_request.id"],
            name=op.f("fk_loan_event_loan_request_loan_request"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan_event")),
        sa.UniqueConstraint("loan_request", "sequence", name=op.f("uq_loan_event_loan_request_sequence")),
    )
    op.create_index("ix_loan_event_event_at", "loan_event", ["event", "at"], unique=False)
    op.create_index(
        "ix_loan_event_requesting", "loan_event", ["requesting_agency", "transaction", "id"], unique=False
    )
    op.create_index("ix_loan_event_stream", "loan_event", ["transaction", "id"], unique=False)
    op.create_index("ix_loan_event_supplying", "loan_event", ["supplying_agency", "transaction", "id"], unique=False)
    op.create_table(
        "placement",
        sa.Column("loan_request", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("supplying_agency", sa.Text(), nullable=True),
        sa.Column("supplying_location", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=True),
        sa.Column("titles", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("untouched", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("end", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('asking','live','closed')", name=op.f("ck_placement_state")),
        sa.ForeignKeyConstraint(
            ["loan_request"],
            ["loan_request.id"],
            name=op.f("fk_placement_loan_request_loan_request"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("loan_request", "number", name=op.f("pk_placement")),
    )
    op.create_index(
        "ix_placement_committed",
        "placement",
        ["supplying_location"],
        unique=False,
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_index("ix_placement_asked_at", "placement", ["asked_at"], unique=False)
    op.create_index(
        "ix_placement_supplying_agency_loan_request",
        "placement",
        ["supplying_agency", "loan_request"],
        unique=False,
    )
    op.create_index(
        "uq_placement_open", "placement", ["loan_request"], unique=True, postgresql_where=sa.text("state <> 'closed'")
    )
    op.create_index(
        "uq_placement_receipt",
        "placement",
        ["system", "receipt"],
        unique=True,
        postgresql_where=sa.text("state <> 'closed' and receipt is not null"),
    )
    op.create_table(
        "webhook_progress",
        sa.Column("webhook", sa.BigInteger(), nullable=False),
        sa.Column("loan_request", sa.UUID(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["loan_request"],
            ["loan_request.id"],
            name=op.f("fk_webhook_progress_loan_request_loan_request"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["webhook"], ["webhook.id"], name=op.f("fk_webhook_progress_webhook_webhook"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook", "loan_request", name=op.f("pk_webhook_progress")),
    )
    op.create_index(op.f("ix_webhook_progress_loan_request"), "webhook_progress", ["loan_request"], unique=False)
    op.add_column("suspension", sa.Column("route", sa.Text(), nullable=True))
    op.add_column(
        "suspension", sa.Column("everything", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("suspension", sa.Column("by", sa.Text(), nullable=True))
    op.add_column("suspension", sa.Column("note", sa.Text(), nullable=True))
    op.create_index(op.f("ix_suspension_route"), "suspension", ["route"], unique=False)
    op.drop_constraint(op.f("ck_suspension_one_subject"), "suspension", type_="check")
    op.create_check_constraint(
        op.f("ck_suspension_one_subject"),
        "suspension",
        "num_nonnulls(agency, location, route) + everything::int = 1",
    )
    op.add_column("api_key", sa.Column("poi", sa.Text(), nullable=True))
    op.execute("insert into lapse_rule (agency, service_level, open_days) values ('', '', 8)")


def downgrade() -> None:
    """Drop them; every loan request goes with them."""
    op.drop_column("api_key", "poi")
    op.execute("delete from suspension where route is not null or everything")
    op.drop_constraint(op.f("ck_suspension_one_subject"), "suspension", type_="check")
    op.create_check_constraint(op.f("ck_suspension_one_subject"), "suspension", "num_nonnulls(agency, location) = 1")
    op.drop_index(op.f("ix_suspension_route"), table_name="suspension")
    for column in ("note", "by", "everything", "route"):
        op.drop_column("suspension", column)
    op.drop_index(op.f("ix_webhook_progress_loan_request"), table_name="webhook_progress")
    op.drop_table("webhook_progress")
    op.drop_index(
        "uq_placement_receipt",
        table_name="placement",
        postgresql_where=sa.text("state <> 'closed' and receipt is not null"),
    )
    op.drop_index("uq_placement_open", table_name="placement", postgresql_where=sa.text("state <> 'closed'"))
    op.drop_index("ix_placement_supplying_agency_loan_request", table_name="placement")
    op.drop_index("ix_placement_asked_at", table_name="placement")
    op.drop_index("ix_placement_committed", table_name="placement", postgresql_where=sa.text("state <> 'closed'"))
    op.drop_table("placement")
    op.drop_index("ix_loan_event_supplying", table_name="loan_event")
    op.drop_index("ix_loan_event_stream", table_name="loan_event")
    op.drop_index("ix_loan_event_requesting", table_name="loan_event")
    op.drop_index("ix_loan_event_event_at", table_name="loan_event")
    op.drop_table("loan_event")
    op.drop_table("loan_decision")
    op.drop_index(op.f("ix_idempotency_key_loan_request"), table_name="idempotency_key")
    op.drop_index("ix_idempotency_key_created_at", table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index(op.f("ix_webhook_agency"), table_name="webhook")
    op.drop_table("webhook")
    op.drop_table("trip_cancellation")
    op.drop_index("ix_task_due", table_name="task", postgresql_where=sa.text("dead_at is null"))
    op.drop_index("ix_task_dead", table_name="task", postgresql_where=sa.text("dead_at is not null"))
    op.drop_table("task")
    op.drop_index("ix_settlement_entry_day", table_name="settlement_entry")
    op.drop_index("ix_settlement_entry_agency_day", table_name="settlement_entry")
    op.drop_table("settlement_entry")
    op.drop_index(
        "ix_loan_request_unstripped",
        table_name="loan_request",
        postgresql_where=sa.text("ended_at is not null and stripped_at is null"),
    )
    op.drop_index("ix_loan_request_supplying_agency_id", table_name="loan_request")
    op.drop_index("ix_loan_request_open", table_name="loan_request", postgresql_where=sa.text("outcome is null"))
    op.drop_index(
        "ix_loan_request_shipped_at", table_name="loan_request", postgresql_where=sa.text("shipped_at is not null")
    )
    op.drop_index("ix_loan_request_submitted_at", table_name="loan_request")
    op.drop_index("ix_loan_request_status_id", table_name="loan_request")
    op.drop_index("ix_loan_request_requesting_agency_id", table_name="loan_request")
    op.drop_index(
        "ix_loan_request_lent",
        table_name="loan_request",
        postgresql_where=sa.text("outcome is null and due_at is not null"),
    )
    op.drop_index(
        "ix_loan_request_under_way",
        table_name="loan_request",
        postgresql_where=sa.text("outcome is null and itinerary is not null"),
    )
    op.drop_index("ix_loan_request_open_ppn", table_name="loan_request", postgresql_where=sa.text("outcome is null"))
    op.drop_index("ix_loan_request_open_isbn", table_name="loan_request", postgresql_where=sa.text("outcome is null"))
    op.drop_table("loan_request")
    op.drop_table("lapse_rule")
