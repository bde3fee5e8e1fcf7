"""Every table, as SQLAlchemy Core metadata: the one description that migrations are checked against."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# --- organisations --------------------------------------------------------------------------------

poi = Table(
    "poi",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
)

province = Table(
    "province",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("poi", Text, ForeignKey("poi.code")),  # the POI that distributes in this province
)

collection_role = Table(
    "collection_role",
    metadata,
    Column("province", Text, ForeignKey("province.code"), primary_key=True),
    # joint_plan | central_collecting | strategy_group | otherwise (the collection plan's four columns)
    Column("role", Text, primary_key=True),
    Column("plan_year", SmallInteger, primary_key=True),
    CheckConstraint("role in ('joint_plan','central_collecting','strategy_group','otherwise')", name="role"),
)

system = Table(
    "system",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False, server_default="unknown"),
)

agency = Table(
    "agency",
    metadata,
    Column("isil", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("province", Text, ForeignKey("province.code"), index=True),
    Column("poi", Text, ForeignKey("poi.code"), index=True),
    Column("lat", Double),
    Column("lon", Double),
    Column("supplies", Boolean, nullable=False, server_default=text("true")),
    Column("valid_from", Date),  # included
    Column("valid_until", Date),  # not included
    Column("successor", Text),  # ISIL of the agency it merged into; may be registered later
)

system_participation = Table(
    "system_participation",
    metadata,
    Column("agency", Text, ForeignKey("agency.isil", ondelete="CASCADE"), primary_key=True),
    Column("system", Text, ForeignKey("system.id"), primary_key=True, index=True),
    Column("since", Date),  # included; null: always
    Column("until", Date),  # not included; null: still
)

location = Table(
    "location",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False, server_default="location"),
    Column("name", Text, nullable=False),
    Column("agency", Text, ForeignKey("agency.isil"), index=True),
    Column("province", Text, ForeignKey("province.code"), index=True),  # null: its agency's
    Column("poi", Text, ForeignKey("poi.code"), index=True),  # null: its agency's
    Column("system", Text, ForeignKey("system.id"), index=True),  # null: its agency's
    Column("lat", Double),
    Column("lon", Double),
    Column("handling_minutes", Integer, nullable=False, server_default="0"),
    Column("opening_hours", Text, nullable=False, server_default=""),
    Column("valid_from", Date),
    Column("valid_until", Date),
    CheckConstraint("kind in ('location','hub')", name="kind"),
)

suspension = Table(
    "suspension",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("agency", Text, ForeignKey("agency.isil", ondelete="CASCADE"), index=True),
    Column("location", Text, ForeignKey("location.id", ondelete="CASCADE"), index=True),
    Column("since", Date),  # included
    Column("until", Date),  # not included
    CheckConstraint("num_nonnulls(agency, location) = 1", name="one_subject"),
)

tariff = Table(
    "tariff",
    metadata,
    Column("valid_from", Date, primary_key=True),
    Column("supplier_cents", Integer, nullable=False),
    Column("transport_cents", Integer, nullable=False),
)

# --- titles and holdings --------------------------------------------------------------------------

title = Table(
    "title",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("author", Text, nullable=False, server_default=""),
)

title_isbn = Table(
    "title_isbn",
    metadata,
    # Volumes of one work may share an ISBN, so an ISBN may name several titles; a PPN names one.
    Column("isbn", Text, primary_key=True),
    Column("title_id", BigInteger, ForeignKey("title.id", ondelete="CASCADE"), primary_key=True, index=True),
)

title_ppn = Table(
    "title_ppn",
    metadata,
    Column("ppn", Text, primary_key=True),
    Column("title_id", BigInteger, ForeignKey("title.id", ondelete="CASCADE"), nullable=False, index=True),
)

holding = Table(
    "holding",
    metadata,
    # No foreign keys: checked row by row they take a third of a bulk import. holdings_merge, the only writer,
    # takes ids from both tables in the same transaction, and no location is ever deleted.
    Column("title_id", BigInteger, primary_key=True),
    Column("location", Text, primary_key=True, index=True),
    Column("material", Text, nullable=False),
    Column("copies", Integer, nullable=False),
    Column("available", Integer),  # null: unknown
    Column("loanable", Boolean, nullable=False),
)

# --- the network, by version ----------------------------------------------------------------------

network_version = Table(
    "network_version",
    metadata,
    Column("number", Integer, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),  # a hash of the content: the same feed is the same version
    Column("timezone", Text, nullable=False),
    Column("first_day", Date),
    Column("last_day", Date),
    Column("counts", JSONB, nullable=False),
    Column("imported_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

network_activation = Table(
    "network_activation",
    metadata,
    # The newest row that is not undone names the active version.
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("version", Integer, ForeignKey("network_version.number"), nullable=False, index=True),
    Column("activated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("undone_at", DateTime(timezone=True)),
    Index("ix_network_activation_standing", "id", postgresql_where=text("undone_at is null")),
)


def _of_version() -> Column[int]:
    return Column("version", Integer, ForeignKey("network_version.number", ondelete="CASCADE"), primary_key=True)


timetable_stop = Table(
    "timetable_stop",
    metadata,
    _of_version(),
    Column("position", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("lat", Double),
    Column("lon", Double),
    Column("handling_seconds", Integer),  # null: nothing changes trips here
    UniqueConstraint("version", "id"),
)

timetable_operator = Table(
    "timetable_operator",
    metadata,
    _of_version(),
    Column("position", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
)

timetable_route = Table(
    "timetable_route",
    metadata,
    _of_version(),
    Column("position", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("operator", Integer, nullable=False),  # position of a timetable_operator
    Column("short_name", Text, nullable=False),
    Column("long_name", Text, nullable=False),
    Column("route_type", Integer, nullable=False),
    UniqueConstraint("version", "id"),
)

timetable_service = Table(
    "timetable_service",
    metadata,
    _of_version(),
    Column("position", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("weekdays", ARRAY(Boolean), nullable=False),  # seven, Monday first
    Column("start_date", Date, nullable=False),
    Column("end_date", Date, nullable=False),  # included
    UniqueConstraint("version", "id"),
)

timetable_service_date = Table(
    "timetable_service_date",
    metadata,
    _of_version(),
    Column("service", Integer, primary_key=True),  # position of a timetable_service
    Column("day", Date, primary_key=True),
    Column("added", Boolean, nullable=False),  # false: taken out
)

timetable_trip = Table(
    "timetable_trip",
    metadata,
    _of_version(),
    Column("position", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("route", Integer, nullable=False),
    Column("service", Integer, nullable=False),
    Column("headsign", Text, nullable=False),
    Column("short_name", Text, nullable=False),
    Column("crate_capacity", Integer),  # null: not stated
    UniqueConstraint("version", "id"),
)

timetable_stop_time = Table(
    "timetable_stop_time",
    metadata,
    _of_version(),
    Column("trip", Integer, primary_key=True),  # position of a timetable_trip
    Column("sequence", Integer, primary_key=True),
    Column("stop", Integer, nullable=False),  # position of a timetable_stop
    Column("arrival", Integer, nullable=False),  # GTFS seconds
    Column("departure", Integer, nullable=False),
    Column("pickup_type", SmallInteger, nullable=False),
    Column("drop_off_type", SmallInteger, nullable=False),
)

# --- callers, and what tells a process that something changed -------------------------------------

api_key = Table(
    "api_key",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the key, hex; the key itself is never kept
    Column("agency", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True)),
)

epoch = Table(
    "epoch",
    metadata,
    # One row per thing that processes keep in memory; whoever changes the thing adds one in the same transaction.
    Column("of", Text, primary_key=True),  # register
    Column("number", BigInteger, nullable=False, server_default="0"),
)
