"""The first tables: organisations, titles and holdings, the network by version, and callers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table, then the national tariff and the epoch that counts changes of the register."""
    op.create_table(
        "api_key",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
    )
    op.create_table(
        "epoch",
        sa.Column("of", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("of", name=op.f("pk_epoch")),
    )
    op.create_table(
        "network_version",
        sa.Column("number", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_network_version")),
        sa.UniqueConstraint("id", name=op.f("uq_network_version_id")),
    )
    op.create_table(
        "poi",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_poi")),
    )
    op.create_table(
        "system",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="unknown", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system")),
    )
    op.create_table(
        "tariff",
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("supplier_cents", sa.Integer(), nullable=False),
        sa.Column("transport_cents", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("valid_from", name=op.f("pk_tariff")),
    )
    op.create_table(
        "title",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_title")),
    )
    op.create_table(
        "network_activation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["version"], ["network_version.number"], name=op.f("fk_network_activation_version_network_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_activation")),
    )
    op.create_index(
        "ix_network_activation_standing",
        "network_activation",
        ["id"],
        unique=False,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.create_index(op.f("ix_network_activation_version"), "network_activation", ["version"], unique=False)
    op.create_table(
        "province",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("poi", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["poi"], ["poi.code"], name=op.f("fk_province_poi_poi")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_province")),
    )
    op.create_table(
        "timetable_operator",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"],
            ["network_version.number"],
            name=op.f("fk_timetable_operator_version_network_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version", "position", name=op.f("pk_timetable_operator")),
    )
    op.create_table(
        "timetable_route",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("operator", sa.Integer(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=False),
        sa.Column("long_name", sa.Text(), nullable=False),
        sa.Column("route_type", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"],
            ["network_version.number"],
            name=op.f("fk_timetable_route_version_network_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version", "position", name=op.f("pk_timetable_route")),
        sa.UniqueConstraint("version", "id", name=op.f("uq_timetable_route_version_id")),
    )
    op.create_table(
        "timetable_service",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("weekdays", postgresql.ARRAY(sa.Boolean()), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=False),
        sa.Column("end_date", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"],
            ["network_version.number"],
            name=op.f("fk_timetable_service_version_network_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version", "position", name=op.f("pk_timetable_service")),
        sa.UniqueConstraint("version", "id", name=op.f("uq_timetable_service_version_id")),
    )
    op.create_table(
        "timetable_service_date",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("service", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("added", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"],
            ["network_version.number"],
            name=op.f("fk_timetable_service_date_version_network_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version", "service", "day", name=op.f("pk_timetable_service_date")),
    )
    op.create_table(
        "timetable_stop",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("handling_seconds", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["version"],
            ["network_version.number"],
            name=op.f("fk_timetable_stop_version_network_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version", "position", name=op.f("pk_timetable_stop")),
        sa.UniqueConstraint("version", "id", name=op.f("uq_timetable_stop_version_id")),
    )
    op.create_table(
        "timetable_stop_time",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("trip", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("stop", sa.Integer(), nullable=False),
        sa.Column("arrival", sa.Integer(), nullable=False),
        sa.Column("departure", sa.Integer(), nullable=False),
        sa.Column("pickup_type", sa.SmallInteger(), nullable=False),
        sa.Column("drop_off_type", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version"],
            ["network_version.number"],
            name=op.f("fk_timetable_stop_time_version_network_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version", "trip", "sequence", name=op.f("pk_timetable_stop_time")),
    )
    op.create_table(
        "timetable_trip",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("route", sa.Integer(), nullable=False),
        sa.Column("service", sa.Integer(), nullable=False),
        sa.Column("headsign", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=False),
        sa.Column("crate_capacity", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["version"],
            ["network_version.number"],
            name=op.f("fk_timetable_trip_version_network_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version", "position", name=op.f("pk_timetable_trip")),
        sa.UniqueConstraint("version", "id", name=op.f("uq_timetable_trip_version_id")),
    )
    op.create_table(
        "title_isbn",
        sa.Column("isbn", sa.Text(), nullable=False),
        sa.Column("title_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["title_id"], ["title.id"], name=op.f("fk_title_isbn_title_id_title"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("isbn", "title_id", name=op.f("pk_title_isbn")),
    )
    op.create_index(op.f("ix_title_isbn_title_id"), "title_isbn", ["title_id"], unique=False)
    op.create_table(
        "title_ppn",
        sa.Column("ppn", sa.Text(), nullable=False),
        sa.Column("title_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["title_id"], ["title.id"], name=op.f("fk_title_ppn_title_id_title"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ppn", name=op.f("pk_title_ppn")),
    )
    op.create_index(op.f("ix_title_ppn_title_id"), "title_ppn", ["title_id"], unique=False)
    op.create_table(
        "agency",
        sa.Column("isil", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("poi", sa.Text(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("supplies", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("successor", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["poi"], ["poi.code"], name=op.f("fk_agency_poi_poi")),
        sa.ForeignKeyConstraint(["province"], ["province.code"], name=op.f("fk_agency_province_province")),
        sa.PrimaryKeyConstraint("isil", name=op.f("pk_agency")),
    )
    op.create_index(op.f("ix_agency_poi"), "agency", ["poi"], unique=False)
    op.create_index(op.f("ix_agency_province"), "agency", ["province"], unique=False)
    op.create_table(
        "collection_role",
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("plan_year", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "role in ('joint_plan','central_collecting','strategy_group','otherwise')",
            name=op.f("ck_collection_role_role"),
        ),
        sa.ForeignKeyConstraint(["province"], ["province.code"], name=op.f("fk_collection_role_province_province")),
        sa.PrimaryKeyConstraint("province", "role", "plan_year", name=op.f("pk_collection_role")),
    )
    op.create_table(
        "location",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="location", nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("province", sa.Text(), nullable=True),
        sa.Column("poi", sa.Text(), nullable=True),
        sa.Column("system", sa.Text(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("handling_minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("opening_hours", sa.Text(), server_default="", nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.CheckConstraint("kind in ('location','hub')", name=op.f("ck_location_kind")),
        sa.ForeignKeyConstraint(["agency"], ["agency.isil"], name=op.f("fk_location_agency_agency")),
        sa.ForeignKeyConstraint(["poi"], ["poi.code"], name=op.f("fk_location_poi_poi")),
        sa.ForeignKeyConstraint(["province"], ["province.code"], name=op.f("fk_location_province_province")),
        sa.ForeignKeyConstraint(["system"], ["system.id"], name=op.f("fk_location_system_system")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_location")),
    )
    op.create_index(op.f("ix_location_agency"), "location", ["agency"], unique=False)
    op.create_index(op.f("ix_location_poi"), "location", ["poi"], unique=False)
    op.create_index(op.f("ix_location_province"), "location", ["province"], unique=False)
    op.create_index(op.f("ix_location_system"), "location", ["system"], unique=False)
    op.create_table(
        "system_participation",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agency"], ["agency.isil"], name=op.f("fk_system_participation_agency_agency"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["system"], ["system.id"], name=op.f("fk_system_participation_system_system")),
        sa.PrimaryKeyConstraint("agency", "system", name=op.f("pk_system_participation")),
    )
    op.create_index(op.f("ix_system_participation_system"), "system_participation", ["system"], unique=False)
    op.create_table(
        "holding",
        sa.Column("title_id", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("available", sa.Integer(), nullable=True),
        sa.Column("loanable", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("title_id", "location", name=op.f("pk_holding")),
    )
    op.create_index(op.f("ix_holding_location"), "holding", ["location"], unique=False)
    op.create_table(
        "suspension",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.CheckConstraint("num_nonnulls(agency, location) = 1", name=op.f("ck_suspension_one_subject")),
        sa.ForeignKeyConstraint(
            ["agency"], ["agency.isil"], name=op.f("fk_suspension_agency_agency"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["location"], ["location.id"], name=op.f("fk_suspension_location_location"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspension")),
    )
    op.create_index(op.f("ix_suspension_agency"), "suspension", ["agency"], unique=False)
    op.create_index(op.f("ix_suspension_location"), "suspension", ["location"], unique=False)
    # The national agreement of 2021-23: 6.75 to the supplying library, 4.00 for transport between POI areas.
    op.execute("insert into tariff (valid_from, supplier_cents, transport_cents) values ('2021-01-01', 675, 400)")
    op.execute("insert into epoch (of) values ('register')")


def downgrade() -> None:
    """Drop every table, in the order that foreign keys allow."""
    op.drop_table("suspension")
    op.drop_table("holding")
    op.drop_table("system_participation")
    op.drop_table("location")
    op.drop_table("collection_role")
    op.drop_table("agency")
    op.drop_table("title_ppn")
    op.drop_table("title_isbn")
    op.drop_table("timetable_trip")
    op.drop_table("timetable_stop_time")
    op.drop_table("timetable_stop")
    op.drop_table("timetable_service_date")
    op.drop_table("timetable_service")
    op.drop_table("timetable_route")
    op.drop_table("timetable_operator")
    op.drop_table("province")
    op.drop_table("network_activation")
    op.drop_table("title")
    op.drop_table("tariff")
    op.drop_table("system")
    op.drop_table("poi")
    op.drop_table("network_version")
    op.drop_table("epoch")
    op.drop_table("api_key")
