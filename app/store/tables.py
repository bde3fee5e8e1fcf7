"""Every table, as SQLAlchemy Core metadata: the one description that migrations are checked against."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    JSON,
    UUID,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _moment(name: str, *, required: bool = False) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=not required)


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
    # How it is reached, in the words of its kind (adapters.installation); none: its agencies answer by hand.
    Column("addresses", JSONB, nullable=False, server_default="{}"),
    Column("secrets", JSONB, nullable=False, server_default="{}"),  # what the kind calls it → secret.name
    Column("branches", JSONB, nullable=False, server_default="{}"),  # what the system calls a branch → location.id
    Column("options", JSONB, nullable=False, server_default="{}"),
    Column("limits", JSONB, nullable=False, server_default="{}"),
    Column("version", BigInteger, nullable=False, server_default="1"),  # counts changes, those of its secrets too
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
    Column("route", Text, index=True),  # its id in the network, whichever version is active
    Column("everything", Boolean, nullable=False, server_default=text("false")),  # no van drives at all
    Column("by", Text),  # who said so; null: an import of agencies
    Column("note", Text),
    Column("poi", Text, index=True),  # the code of a POI, or the id of an operator of the network: all its vans
    CheckConstraint("num_nonnulls(agency, location, route, poi) + everything::int = 1", name="one_subject"),
)

tariff = Table(
    "tariff",
    metadata,
    Column("valid_from", Date, primary_key=True),
    Column("supplier_cents", Integer, nullable=False),
    Column("transport_cents", Integer, nullable=False),
)

policy = Table(
    "policy",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),  # the version: no row is ever changed
    Column("province", Text, ForeignKey("province.code"), index=True),  # both null: the network's
    Column("agency", Text, ForeignKey("agency.isil"), index=True),
    Column("valid_from", Date, nullable=False),  # of two from one day the later one counts
    Column("document", JSONB, nullable=False),  # {"requesting": {…}, "supplying": {…}}: what is said, and no more
    Column("says", ARRAY(Text), nullable=False),  # the fields that are its writer's; all others it took over
    Column("by", Text, nullable=False),
    _moment("written_at", required=True),
    Column("note", Text),
    CheckConstraint("num_nonnulls(province, agency) < 2", name="one_scope"),
)

# --- titles and holdings --------------------------------------------------------------------------

title = Table(
    "title",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("author", Text, nullable=False, server_default=""),
    # What tells it apart from others of its ISBN, as app.lending.cluster writes it: a volume, or a special form.
    Column("part", Text, nullable=False, server_default=""),
    # folded() is a function of ours: without accents, capitals and signs.
    Column("heading", Text, Computed("left(folded(title), 100)", persisted=True), index=True),
    Column(
        "search",
        TSVECTOR,
        Computed(
            "setweight(to_tsvector('simple', folded(title)), 'A')"
            " || setweight(to_tsvector('simple', folded(author)), 'B')",
            persisted=True,
        ),
    ),
    Index("ix_title_search", "search", postgresql_using="gin"),
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
    # What the records of systems add up to; false: as a file said last.
    Column("harvested", Boolean, nullable=False, server_default=text("false")),
    Column("added_on", Date),  # when the copies came into the collection; null: unknown
)

floated_item = Table(
    "floated_item",
    metadata,
    # A copy that stays elsewhere than whoever holds it says, whatever is imported: `holding` is as files have it, and
    # what these come to is added when it is read. No foreign keys: a title is joined to another, and rows outlive
    # the loan request.
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("title_id", BigInteger, nullable=False),
    Column("home", Text, nullable=False),  # the location that it belongs to
    Column("agency", Text),  # that one's, when it was left here
    Column("location", Text, nullable=False),  # where it stays
    Column("material", Text, nullable=False),
    Column("loan_request", UUID, nullable=False, unique=True),  # from which it came back
    Column("added_on", Date),  # when it came into home's collection, as known when it was left here; null: unknown
    _moment("since", required=True),
    _moment("called_at"),  # from then on it is not lent there
    Column("called_by", Text),  # an agency: who of it is in the log of changes, for as long as that goes back
    _moment("ended_at"),  # when it was home
    Column("ended_by", Text),
    CheckConstraint("home <> location", name="elsewhere"),
    Index("ix_floated_item_title_id", "title_id", postgresql_where=text("ended_at is null")),
    Index("ix_floated_item_home", "home", postgresql_where=text("ended_at is null")),
    Index("ix_floated_item_location", "location", postgresql_where=text("ended_at is null")),
)

title_decision = Table(
    "title_decision",
    metadata,
    # What people said of titles that share an ISBN; no foreign keys, as a title that was the same is gone.
    Column("title_id", BigInteger, primary_key=True),  # same: the one that stayed; different: the smaller
    Column("other_id", BigInteger, primary_key=True, index=True),
    Column("decision", Text, nullable=False),  # same | different
    Column("other_title", Text, nullable=False, server_default=""),  # same: what the other one was called
    Column("other_part", Text, nullable=False, server_default=""),
    Column("by", Text, nullable=False),
    Column("decided_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("decision in ('same','different')", name="decision"),
)

# --- what systems said when they were harvested ----------------------------------------------------

harvest = Table(
    "harvest",
    metadata,
    Column("system", Text, ForeignKey("system.id", ondelete="CASCADE"), primary_key=True),
    Column("interval_seconds", Integer),  # from the end of one run to the next; null: only when somebody asks
    Column("whole_interval_seconds", Integer),  # how often all there is; null: only when something was lost
    Column("overlap_seconds", Integer),  # how much before its last change to begin; null: by the system's granularity
    Column("whole_wanted", Boolean, nullable=False, server_default=text("false")),
    _moment("until"),  # by the system's clock: everything that changed before is here
    _moment("whole_at"),  # when the last whole run began, by the service's clock
    Column("runs", BigInteger, nullable=False, server_default="0"),  # the number of the last one
    Column("errors", Integer, nullable=False, server_default="0"),  # in a row
    Column("error", Text),  # the last one, also when it is over
    _moment("error_at"),
    CheckConstraint("interval_seconds > 0", name="interval_seconds"),
    CheckConstraint("whole_interval_seconds > 0", name="whole_interval_seconds"),
    CheckConstraint("overlap_seconds >= 0", name="overlap_seconds"),
)

harvest_run = Table(
    "harvest_run",
    metadata,
    Column("system", Text, ForeignKey("harvest.system", ondelete="CASCADE"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("whole", Boolean, nullable=False),
    # running | held (it would remove too much: a person must say so) | done | lost (its cursor) | overtaken
    Column("state", Text, nullable=False, server_default="running"),
    _moment("since"),  # by the system's clock; null: all there is
    Column("cursor", Text),  # where the next page begins
    _moment("as_of"),  # the system's clock when it began
    _moment("started_at", required=True),
    _moment("seen_at"),  # when its last page landed
    _moment("ended_at"),
    Column("pages", Integer, nullable=False, server_default="0"),
    Column("records", BigInteger, nullable=False, server_default="0"),
    Column("deleted", BigInteger, nullable=False, server_default="0"),
    Column("holdings", BigInteger, nullable=False, server_default="0"),
    Column("unmapped", BigInteger, nullable=False, server_default="0"),  # holdings at branches that no map knows
    Column("rejected", BigInteger, nullable=False, server_default="0"),  # records that could not be read
    Column("rejects", ARRAY(Text), nullable=False, server_default="{}"),  # the first of them
    Column("errors", Integer, nullable=False, server_default="0"),
    Column("whole_size", BigInteger),  # how many records there are, as the system says
    Column("held_before", BigInteger, nullable=False, server_default="0"),
    Column("unseen", BigInteger),  # holdings that it did not come across, once it came to its end
    Column("removed", BigInteger, nullable=False, server_default="0"),
    Column("confirmed", Boolean, nullable=False, server_default=text("false")),
    Index("uq_harvest_run_running", "system", unique=True, postgresql_where=text("state = 'running'")),
    CheckConstraint("state in ('running','held','done','lost','overtaken')", name="state"),
)

harvest_unmapped = Table(
    "harvest_unmapped",
    metadata,
    Column("system", Text, ForeignKey("harvest.system", ondelete="CASCADE"), primary_key=True),
    Column("branch", Text, primary_key=True),
    Column("run", BigInteger, nullable=False),  # the last that met it
    Column("holdings", BigInteger, nullable=False),  # in that run
    Column("example", Text, nullable=False),  # a record's number
)

catalogue_record = Table(
    "catalogue_record",
    metadata,
    # No foreign keys, as with holdings: app.store.catalogue is the only writer.
    Column("system", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("title_id", BigInteger, nullable=False, index=True),
    Column("isbns", ARRAY(Text), nullable=False),
    Column("ppn", Text),
    Column("part", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("material", Text, nullable=False),
    Column("run", BigInteger, nullable=False),  # the last that saw it
)

catalogue_holding = Table(
    "catalogue_holding",
    metadata,
    Column("system", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("branch", Text, primary_key=True),
    # The record's: what a location holds of a title is added up from here alone.
    Column("title_id", BigInteger, nullable=False),
    Column("location", Text, nullable=False),
    Column("material", Text, nullable=False),
    Column("copies", Integer, nullable=False),
    Column("available", Integer),
    Column("loanable", Boolean, nullable=False),
    Column("run", BigInteger, nullable=False),
    Index("ix_catalogue_holding_title_id_location", "title_id", "location"),
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

# --- loan requests: what is asked, what happened, what is due ------------------------------------------


loan_request = Table(
    "loan_request",
    metadata,
    Column("id", UUID, primary_key=True),  # version 7: in order of time
    Column("requesting_agency", Text, nullable=False),
    Column("requesting_agency_request_id", Text, nullable=False),
    Column("patron_reference", Text),  # opaque; unlinked (null) when the loan ends
    Column("service_level", Text, nullable=False, server_default="Core"),
    # the question, as `QuestionShape` has it
    Column("isbn", Text),
    Column("ppn", Text),
    Column("pickup_location", Text, nullable=False),
    Column("question", JSON, nullable=False),
    # the state (app/lending/lifecycle.py), and what is read off it
    Column("supplying", Text, nullable=False),
    Column("requesting", Text, nullable=False),
    Column("item", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("outcome", Text),
    Column("supplying_agency", Text),  # whoever has it now, or had it at the end
    Column("supplying_location", Text),
    Column("asked", ARRAY(Text), nullable=False, server_default="{}"),  # locations that had their turn
    Column("chosen", Text),  # by staff: the location to ask next
    Column("placements", Integer, nullable=False, server_default="0"),
    Column("events", Integer, nullable=False, server_default="0"),  # how many; the last one's sequence
    # the way there or back: dated legs, when it should be there, and where it was seen last
    Column("itinerary", JSON),
    Column("itinerary_by", Text),  # who chose it by hand; null: planned
    _moment("expected_at"),
    Column("seen_at_location", Text),
    _moment("seen_at"),  # when it was last scanned or handed to the vans
    _moment("due_at"),  # when the reader must have brought it back
    _moment("due_since"),  # from when on the days until then count
    Column("renewals", SmallInteger, nullable=False, server_default="0"),
    _moment("submitted_at", required=True),
    _moment("shipped_at"),
    _moment("received_at"),
    _moment("returned_at"),  # when it was sent back, or on
    _moment("ended_at"),
    _moment("stripped_at"),  # when retention took away what could point at a person
    CheckConstraint("outcome is null or patron_reference is null", name="unlinked"),
    # The number first: staff look for it without saying whose it is.
    UniqueConstraint("requesting_agency_request_id", "requesting_agency"),
    Index("ix_loan_request_requesting_agency_id", "requesting_agency", "id"),
    Index("ix_loan_request_supplying_agency_id", "supplying_agency", "id"),
    Index("ix_loan_request_status_id", "status", "id"),
    Index("ix_loan_request_submitted_at", "submitted_at"),
    Index("ix_loan_request_shipped_at", "shipped_at", postgresql_where=text("shipped_at is not null")),
    Index("ix_loan_request_open", "id", postgresql_where=text("outcome is null")),
    # Who asked for a title before.
    Index("ix_loan_request_isbn_submitted_at", "isbn", "submitted_at", postgresql_where=text("isbn is not null")),
    Index("ix_loan_request_ppn_submitted_at", "ppn", "submitted_at", postgresql_where=text("ppn is not null")),
    Index("ix_loan_request_open_isbn", "isbn", postgresql_where=text("outcome is null")),
    Index("ix_loan_request_open_ppn", "ppn", postgresql_where=text("outcome is null")),
    Index("ix_loan_request_under_way", "id", postgresql_where=text("outcome is null and itinerary is not null")),
    Index("ix_loan_request_lent", "id", postgresql_where=text("outcome is null and due_at is not null")),
    Index(
        "ix_loan_request_unstripped",
        "ended_at",
        postgresql_where=text("ended_at is not null and stripped_at is null"),
    ),
)

loan_decision = Table(
    "loan_decision",
    metadata,
    # The first is what the requester was answered; each renewal before a placement is another.
    Column("loan_request", UUID, ForeignKey("loan_request.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("document", JSON, nullable=False),  # as POST /v1/decisions answers; json keeps it to the letter
)

loan_event = Table(
    "loan_event",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    # Rows become visible in the order of their transactions' ends, not of `id`: see app/store/events.py.
    Column("transaction", BigInteger, nullable=False, server_default=text("((pg_current_xact_id())::text)::bigint")),
    Column("loan_request", UUID, ForeignKey("loan_request.id", ondelete="CASCADE"), nullable=False),
    Column("sequence", Integer, nullable=False),  # 1, 2, 3 … without a gap
    Column("requesting_agency", Text, nullable=False),  # the loan request's: each party's stream has its own index
    Column("event", Text, nullable=False),
    _moment("at", required=True),  # when it happened
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("by", Text, nullable=False),  # an agency's ISIL, a name it gave, or `leenpad`
    Column("status", Text, nullable=False),  # after it
    Column("supplying_agency", Text),
    Column("supplying_location", Text),
    Column("reason", Text),
    Column("note", Text),
    Column("data", JSON),
    UniqueConstraint("loan_request", "sequence"),
    Index("ix_loan_event_stream", "transaction", "id"),
    Index("ix_loan_event_requesting", "requesting_agency", "transaction", "id"),
    Index("ix_loan_event_supplying", "supplying_agency", "transaction", "id"),
    Index("ix_loan_event_event_at", "event", "at"),
)

placement = Table(
    "placement",
    metadata,
    Column("loan_request", UUID, ForeignKey("loan_request.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),  # the system hears `<loan request>-<number>` as idempotency key
    Column("supplying_agency", Text),
    Column("supplying_location", Text, nullable=False),
    Column("system", Text),  # null: answers by hand
    Column("titles", ARRAY(BigInteger), nullable=False),
    Column("receipt", Text),  # what the system calls it
    Column("state", Text, nullable=False),  # asking | live | closed
    # Its system was away, and surely knows nothing of it: until it is asked again, which takes this back first.
    Column("untouched", Boolean, nullable=False, server_default=text("false")),
    # The state of its loan request speaks of another: two are asked at once, and this one does not lead.
    Column("beside", Boolean, nullable=False, server_default=text("false")),
    # Nobody wants it any more; open until it is known whether its system has it.
    Column("let_go", Boolean, nullable=False, server_default=text("false")),
    # Nobody is asked beside it: staff chose it, or it is on its way and could not be let go.
    Column("alone", Boolean, nullable=False, server_default=text("false")),
    # Its copy came straight from another reader: whoever it belongs to was not asked.
    Column("forwarded", Boolean, nullable=False, server_default=text("false")),
    Column("end", Text),  # the event that closed it
    Column("reason", Text),
    _moment("expected_at"),  # when its item would arrive, as was reckoned when it was chosen
    _moment("asked_at", required=True),
    _moment("placed_at"),
    _moment("lapses_at"),
    _moment("answered_at"),
    _moment("shipped_at"),
    _moment("closed_at"),
    # A placement is never made twice: at most one leads, and at most one is asked beside it.
    Index(
        "uq_placement_open",
        "loan_request",
        "beside",
        unique=True,
        postgresql_where=text("state <> 'closed' and not let_go"),
    ),
    # Whoever is asked beside looks for it.
    Index("ix_placement_beside", "supplying_agency", postgresql_where=text("beside and state <> 'closed'")),
    Index("ix_placement_committed", "supplying_location", postgresql_where=text("state <> 'closed'")),
    # What a system calls an order is one order's at a time; later it may call another so, as where it is a barcode.
    Index(
        "uq_placement_receipt",
        "system",
        "receipt",
        unique=True,
        postgresql_where=text("state <> 'closed' and receipt is not null"),
    ),
    Index("ix_placement_bound", "system", postgresql_where=text("state <> 'closed'")),
    Index("ix_placement_asked_at", "asked_at"),
    Index(
        "ix_placement_unshipped",
        "supplying_location",
        "supplying_agency",
        postgresql_where=text("state <> 'closed' and shipped_at is null"),
    ),
    Index("ix_placement_supplying_agency_loan_request", "supplying_agency", "loan_request"),
    CheckConstraint("state in ('asking','live','closed')", name="state"),
)

task = Table(
    "task",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),  # what it is about: with `kind`, at most one task
    Column("due_at", DateTime(timezone=True), nullable=False),  # by the service's clock
    Column("leased_until", DateTime(timezone=True)),  # by the database's clock; null: nobody has it
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("again", Boolean, nullable=False, server_default=text("false")),  # wanted once more while it ran
    Column("dead_at", DateTime(timezone=True)),  # given up: a person must look
    Column("error", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint("kind", "subject"),
    Index("ix_task_due", "due_at", postgresql_where=text("dead_at is null")),
    Index("ix_task_dead", "id", postgresql_where=text("dead_at is not null")),
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("caller", Text, primary_key=True),  # the agency of the key
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the body, which is without the patron reference
    Column("loan_request", UUID, ForeignKey("loan_request.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("ix_idempotency_key_created_at", "created_at"),
)

lapse_rule = Table(
    "lapse_rule",
    metadata,
    # '' stands for every agency, every service level; the agency counts before the level.
    Column("agency", Text, primary_key=True),
    Column("service_level", Text, primary_key=True),
    Column("open_days", Integer, nullable=False),  # days on which the location opens
    CheckConstraint("open_days between 1 and 365", name="open_days"),
)

trip_cancellation = Table(
    "trip_cancellation",
    metadata,
    Column("trip_id", Text, primary_key=True),
    Column("service_date", Date, primary_key=True),
    Column("route_id", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("note", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("source", Text, nullable=False, server_default=text("'planner'")),  # a feed takes back only its own
    CheckConstraint("source in ('planner','feed')", name="source"),
)

trip_change = Table(
    "trip_change",
    metadata,
    # A trip that runs late or skips stops on a service day; calls by location and which of those there it is, so that
    # they are found again in another version.
    Column("trip_id", Text, primary_key=True),
    Column("service_date", Date, primary_key=True),
    Column("route_id", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("delays", JSONB, nullable=False),  # [{location, visit, arrival, departure}], in the order of the calls
    Column("skipped", JSONB, nullable=False),  # [{location, visit}]; without either: as planned, whatever a feed says
    Column("source", Text, nullable=False),  # planner | feed
    Column("by", Text, nullable=False),
    Column("note", Text),
    _moment("changed_at", required=True),
    CheckConstraint("source in ('planner','feed')", name="source"),
    Index("ix_trip_change_service_date_trip_id", "service_date", "trip_id"),
)

response_model = Table(
    "response_model",
    metadata,
    # How suppliers answer, as it was learned; the newest is the one that holds.
    Column("number", Integer, Identity(always=True), primary_key=True),
    _moment("learned_at", required=True),
    _moment("since", required=True),  # of the answers that it was learned from: included
    _moment("until", required=True),  # not included
    Column("observations", BigInteger, nullable=False),
    Column("weight", Double, nullable=False),  # of those, after fading
    Column("locations", Integer, nullable=False),  # how many answered
    Column("document", LargeBinary, nullable=False),  # JSON, compressed (app/store/responses.py)
)

trip_feed = Table(
    "trip_feed",
    metadata,
    # Of when the newest feed of trip updates is that a sender sent of an operator's trips; an older one is overtaken.
    Column("by", Text, primary_key=True),
    Column("operator", Text, primary_key=True),
    _moment("at", required=True),
)

webhook = Table(
    "webhook",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("agency", Text, nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),  # signs what is sent; shown once
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

webhook_progress = Table(
    "webhook_progress",
    metadata,
    # Up to which event of a loan request a receiver has confirmed: deliveries are in order for each loan request.
    Column("webhook", BigInteger, ForeignKey("webhook.id", ondelete="CASCADE"), primary_key=True),
    Column("loan_request", UUID, ForeignKey("loan_request.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("delivered", Integer, nullable=False),  # loan_event.sequence
)

settlement_entry = Table(
    "settlement_entry",
    metadata,
    # One row for each side of each charge of a delivered item. No title, no reader.
    Column("loan_request", UUID, primary_key=True),
    Column("agency", Text, primary_key=True),
    Column("what", Text, primary_key=True),  # supplier | transport
    Column("cents", Integer, nullable=False),  # credit is positive, debit negative
    Column("counterparty", Text),
    Column("day", Date, nullable=False),  # of delivery
    # In the order of their pages.
    Index("ix_settlement_entry_agency_day", "agency", "day", "loan_request", "what"),
    Index("ix_settlement_entry_day", "day", "loan_request", "what", "agency"),
)

# --- what planners try ----------------------------------------------------------------------------

scenario = Table(
    "scenario",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("base", Text, nullable=False),  # the id of a network version
    Column("definition", JSON, nullable=False),  # as app.planning.scenario has it
    Column("by", Text),  # who made it
    Column("agency", Text),  # of the key; null: an admin
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("done", BigInteger, nullable=False, server_default="0"),  # decisions, of both sides
    Column("total", BigInteger),  # null: not known yet
    Column("runs", Integer, nullable=False, server_default="0"),  # how often it was begun: a worker may die
    _moment("created_at", required=True),
    _moment("started_at"),
    _moment("ended_at"),
    Column("error", Text),
    Column("summary", JSON),
    CheckConstraint("state in ('waiting','running','done','failed','cancelled')", name="state"),
    CheckConstraint("state <> 'done' or summary is not null", name="done"),
)

scenario_part = Table(
    "scenario_part",
    metadata,
    # The long tables of a result, each as one array of rows.
    Column("scenario", BigInteger, ForeignKey("scenario.id", ondelete="CASCADE"), primary_key=True),
    Column("part", Text, primary_key=True),  # legs | locations | overfull
    Column("document", JSON, nullable=False),
)

# --- drafts of the network ------------------------------------------------------------------------

network_draft = Table(
    "network_draft",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("base", Integer, ForeignKey("network_version.number"), nullable=False, index=True),
    Column("revision", Integer, nullable=False, server_default="0"),  # counts what was done to it, undoing too
    Column("by", Text, nullable=False),
    Column("agency", Text),  # of the key that made it; null: an admin's
    _moment("created_at", required=True),
    _moment("changed_at", required=True),
    Column("version", Integer, ForeignKey("network_version.number"), index=True),  # what it became
)

network_draft_change = Table(
    "network_draft_change",
    metadata,
    Column("draft", BigInteger, ForeignKey("network_draft.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True),  # of the draft, from then on
    _moment("at", required=True),
    Column("by", Text, nullable=False),
    Column("operations", Text, nullable=False),  # JSON, as the API takes them
    Column("undone_revision", Integer),
    Column("undone_by", Text),
)

network_schedule = Table(
    "network_schedule",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("version", Integer, ForeignKey("network_version.number"), nullable=False, index=True),
    _moment("at", required=True),
    Column("by", Text, nullable=False),
    Column("agency", Text),
    Column("own", ARRAY(Text)),  # the operators whose routes it may change; null: all
    Column("expected", Integer, ForeignKey("network_version.number"), index=True),  # must be active then; null: any
    Column("draft", BigInteger, ForeignKey("network_draft.id", ondelete="SET NULL"), index=True),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    _moment("created_at", required=True),
    _moment("ended_at"),
    CheckConstraint("state in ('waiting','done','cancelled','refused')", name="state"),
)

day_exception = Table(
    "day_exception",
    metadata,
    Column("operator", Text, primary_key=True),  # its agency_id in the network
    Column("day", Date, primary_key=True),
    Column("runs", Boolean, nullable=False),
    Column("note", Text),
    Column("by", Text, nullable=False),
)

# --- callers, and what tells a process that something changed -------------------------------------

api_key = Table(
    "api_key",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the key, hex; the key itself is never kept
    Column("agency", Text),  # null: a session of the bootstrap key
    Column("scopes", ARRAY(Text), nullable=False),
    Column("poi", Text),  # whom a planner plans for: the code of a POI, or the id of an operator of the network
    Column("live_deadline_ms", Integer),  # how long its decisions wait for library systems; null: the setting
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True)),
    # A person signed in is a key that does not last, bears their name, and ends with the key they signed in with.
    Column("session", Boolean, nullable=False, server_default=text("false")),
    Column("name", Text),
    Column("parent", BigInteger, ForeignKey("api_key.id", ondelete="CASCADE"), index=True),
    CheckConstraint("session or agency is not null", name="agency"),
    CheckConstraint("not session or expires_at is not null", name="lasts"),
)

change = Table(
    "change",
    metadata,
    # Who changed what over the API; loan requests have a history of their own.
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("name", Text),  # of a person who signed in
    Column("agency", Text),
    Column("key", BigInteger),  # it may be gone by now
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("status", Integer),  # null: it was begun, and nobody knows what became of it
    Column("asked", JSON),  # what of the body and the query may be kept (app/api/kept.py), and is not long
    Column("made", JSON),  # ids, versions and counts of its answer
    Index("ix_change_at", "at"),
)

secret = Table(
    "secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # opened only with LEENPAD_SECRETS_KEY, which is not here
    _moment("changed_at", required=True),
)

breaker = Table(
    "breaker",
    metadata,
    # What each process made of a system when it last changed its mind; one that is closed has no row.
    Column("system", Text, ForeignKey("system.id", ondelete="CASCADE"), primary_key=True),
    Column("process", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),
    _moment("since", required=True),
    _moment("seen_at", required=True),
    CheckConstraint("state in ('open','half_open')", name="state"),
)

epoch = Table(
    "epoch",
    metadata,
    # One row per thing that processes keep in memory; whoever changes the thing adds one in the same transaction.
    Column("of", Text, primary_key=True),  # register
    Column("number", BigInteger, nullable=False, server_default="0"),
)
