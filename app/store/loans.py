"""Loan requests: written whole at submission, locked and advanced afterwards, and read in pages."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
import orjson

from app.store.events import CHANNEL, Told, written
from app.store.placements import DECLINED


class UnknownLoanRequest(Exception):  # noqa: N818 - named as the problem it becomes
    """There is no loan request of this id."""


class DuplicateRequestId(Exception):  # noqa: N818 - named as the problem it becomes
    """The requesting agency has used this request id before."""


class KeyTaken(Exception):  # noqa: N818 - says what happened
    """The Idempotency-Key was used before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLoan:
    """What is written at submission. `question` and `decision` are JSON texts."""

    id: UUID
    requesting_agency: str
    requesting_agency_request_id: str
    patron_reference: str | None
    service_level: str
    isbn: str | None
    ppn: str | None
    pickup_location: str
    question: str
    decision: str
    submitted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a loan request stands after an event: the parts of its state, and what is read off them."""

    supplying: str
    requesting: str
    item: str
    status: str
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """A loan request as its events have left it; read under a lock by whoever is going to advance it."""

    id: UUID
    requesting_agency: str
    requesting_agency_request_id: str
    service_level: str
    isbn: str | None
    ppn: str | None
    pickup_location: str
    question: dict[str, Any]
    supplying: str
    requesting: str
    item: str
    supplying_agency: str | None
    supplying_location: str | None
    asked: tuple[str, ...]
    chosen: str | None
    placements: int
    events: int
    itinerary: list[dict[str, Any]] | None
    itinerary_by: str | None
    expected_at: datetime | None
    seen_at_location: str | None
    seen_at: datetime | None
    due_at: datetime | None
    due_since: datetime | None
    renewals: int
    submitted_at: datetime
    shipped_at: datetime | None
    received_at: datetime | None


_LOAN = (
    "id, requesting_agency, requesting_agency_request_id, service_level, isbn, ppn, pickup_location, question,"
    " supplying, requesting, item, supplying_agency, supplying_location, asked, chosen, placements, events,"
    " itinerary, itinerary_by, expected_at, seen_at_location, seen_at, due_at, due_since, renewals,"
    " submitted_at, shipped_at, received_at"
)

# One statement, so one round trip and one transaction. A second one with the same key or id waits for the first to
# end and then fails on the constraint.
_SUBMIT = """
with loan as (
    insert into loan_request (id, requesting_agency, requesting_agency_request_id, patron_reference, service_level,
        isbn, ppn, pickup_location, question, supplying, requesting, item, status, outcome, events, submitted_at,
        ended_at)
    values ($1, $2, $3, case when $14::text is null then $4 end, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
            $16, case when $14 is not null then $16::timestamptz end)
    returning id),
decided as (insert into loan_decision (loan_request, number, document) select id, 1, $17 from loan),
told as (
    insert into loan_event (loan_request, sequence, requesting_agency, event, at, by, status)
    select loan.id, told.sequence, $2, told.event, $16, $2, told.status
      from loan, unnest($18::text[], $19::text[]) with ordinality as told (event, status, sequence)),
due as (insert into task (kind, subject, due_at) select 'place', $1::text, $16 where $14 is null),
tell as (
    insert into task (kind, subject, due_at)
    select 'deliver', webhook.id || ':' || $1::text, $16 from webhook where agency = $2),
once as (
    insert into idempotency_key (caller, key, digest, loan_request)
    select $20, $21, $22, id from loan where $21::text is not null)
select pg_notify($23, '')
"""


async def insert_loan(
    connection: asyncpg.Connection,
    loan: NewLoan,
    *,
    events: Sequence[tuple[str, str]],
    standing: Standing,
    caller: str,
    key: str | None,
    digest: bytes,
) -> None:
    """Write a loan request with its decision, first events, due task and idempotency key, or nothing.

    `events` are (event, status after it), and led to `standing`; one that has ended at once keeps no patron
    reference. Raises DuplicateRequestId or KeyTaken.
    """
    try:
        await connection.execute(
            _SUBMIT,
            *(loan.id, loan.requesting_agency, loan.requesting_agency_request_id, loan.patron_reference),
            *(loan.service_level, loan.isbn, loan.ppn, loan.pickup_location, loan.question),
            *(standing.supplying, standing.requesting, standing.item, standing.status, standing.outcome),
            *(len(events), loan.submitted_at, loan.decision),
            *([event for event, _ in events], [status for _, status in events], caller, key, digest, CHANNEL),
        )
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "pk_idempotency_key":
            raise KeyTaken(key) from None
        if error.constraint_name and error.constraint_name.startswith("uq_loan_request"):
            raise DuplicateRequestId(
                f"{loan.requesting_agency} has a loan request {loan.requesting_agency_request_id} already."
            ) from None
        raise


class Submitted(NamedTuple):
    """What was submitted with a key: the loan request, the digest of the body, and the first decision (JSON).

    `patron_reference` is None once it has `ended`.
    """

    loan: UUID
    digest: bytes
    decision: str
    patron_reference: str | None
    ended: bool


async def find_submitted(connection: asyncpg.Connection, *, caller: str, key: str) -> Submitted | None:
    """Return what was submitted with a key."""
    row = await connection.fetchrow(
        "select loan_request, digest, document, patron_reference, outcome is not null from idempotency_key"
        " join loan_decision using (loan_request) join loan_request on loan_request.id = idempotency_key.loan_request"
        " where caller = $1 and key = $2 and number = 1",
        *(caller, key),
    )
    return None if row is None else Submitted(*row)


async def find_loan(connection: asyncpg.Connection, *, agency: str, request_id: str) -> Loan | None:
    """Return the loan request that an agency knows by a number of its own."""
    found = await connection.fetchval(
        "select id from loan_request where requesting_agency = $1 and requesting_agency_request_id = $2",
        *(agency, request_id),
    )
    return None if found is None else await read_loan(connection, found)


async def lock_loan(connection: asyncpg.Connection, loan: UUID) -> Loan:
    """Return a loan request, kept from all others until the transaction ends. Raises UnknownLoanRequest.

    Rows that refer to it can be written meanwhile: whoever delivers has its task, notes that here, and must not wait
    for somebody who waits for that task.
    """
    return await _loan(connection, loan, "for no key update")


async def read_loan(connection: asyncpg.Connection, loan: UUID) -> Loan:
    """Return a loan request as it is now. Raises UnknownLoanRequest."""
    return await _loan(connection, loan, "")


async def _loan(connection: asyncpg.Connection, loan: UUID, lock: str) -> Loan:
    row = await connection.fetchrow(f"select {_LOAN} from loan_request where id = $1 {lock}", loan)  # noqa: S608
    if row is None:
        raise UnknownLoanRequest(f"There is no loan request {loan}.")
    return _read(row)


async def read_loans(connection: asyncpg.Connection, loans: Sequence[UUID]) -> list[Loan]:
    """Return these loan requests as they are now, those that there are, by id."""
    rows = await connection.fetch(
        f"select {_LOAN} from loan_request where id = any($1::uuid[]) order by id",  # noqa: S608
        list(loans),
    )
    return [_read(row) for row in rows]


def _read(row: asyncpg.Record) -> Loan:
    itinerary = row["itinerary"]
    return Loan(
        **{
            **row,
            "asked": tuple(row["asked"]),
            "question": orjson.loads(row["question"]),
            "itinerary": None if itinerary is None else orjson.loads(itinerary),
        }
    )


async def write_event(
    connection: asyncpg.Connection,
    loan: Loan,
    event: str,
    told: Told,
    standing: Standing,
    *,
    beside: tuple[str | None, str] | None = None,
    **changes: Any,
) -> Loan:
    """Write an event of a locked loan request and where it then stands; return it as it then is.

    `changes` are columns of loan_request, such as `supplying_location=…`. Whoever has a webhook is due to be told.
    The patron reference is unlinked when the event ends the loan request. `beside` is the agency and location that
    the event is about, where that is not whoever has it.
    """
    columns = {
        **changes,
        **{name: getattr(standing, name) for name in ("supplying", "requesting", "item", "status", "outcome")},
        "events": loan.events + 1,
    }
    if standing.outcome is not None:
        columns |= {"ended_at": told.at, "patron_reference": None}
    await change(connection, loan, **columns)
    # A supplier that is let go is in the event that lets it go.
    kept = changes.get("supplying_location") is None
    names = ("supplying_agency", "supplying_location")
    supplier = beside or [getattr(loan, name) if kept else changes[name] for name in names]
    await connection.execute(
        _TELL,
        *(loan.id, loan.events + 1, event, told.at, told.by, standing.status, *supplier),
        *(told.reason, told.note, written(told.data), loan.requesting_agency, CHANNEL),
    )
    return await read_loan(connection, loan.id)


_TELL = """
with told as (
    insert into loan_event (loan_request, sequence, event, at, by, status, supplying_agency, supplying_location,
                            reason, note, data, requesting_agency)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)),
tell as (
    -- People may report what is yet to come: they are told of it now.
    insert into task (kind, subject, due_at)
    select 'deliver', id || ':' || $1::text, least($4, now()) from webhook where agency in ($12, $7)
    on conflict (kind, subject) do update
       set again = task.leased_until is not null,
           due_at = case when task.dead_at is null then least(task.due_at, excluded.due_at) else task.due_at end)
select pg_notify($13, '')
"""


async def change(connection: asyncpg.Connection, loan: Loan, **changes: Any) -> None:
    """Change columns of a locked loan request; by itself, for what no event is about."""
    names = ", ".join(f"{name} = ${at}" for at, name in enumerate(changes, start=2))
    values = [written(value) if name == "itinerary" else value for name, value in changes.items()]
    await connection.execute(f"update loan_request set {names} where id = $1", loan.id, *values)  # noqa: S608


# --- decisions ------------------------------------------------------------------------------------


async def add_decision(connection: asyncpg.Connection, loan: UUID, document: bytes) -> None:
    """Keep a renewed decision of a locked loan request."""
    await connection.execute(
        "insert into loan_decision (loan_request, number, document)"
        " select $1, 1 + max(number), $2 from loan_decision where loan_request = $1",
        *(loan, document.decode()),
    )


async def latest_decision(connection: asyncpg.Connection, loan: UUID) -> dict[str, Any]:
    """Return the newest decision of a loan request, as POST /v1/decisions answers it."""
    return (await numbered_decision(connection, loan))[1]


async def numbered_decision(connection: asyncpg.Connection, loan: UUID) -> tuple[int, dict[str, Any]]:
    """Return the newest decision of a loan request and its number: 1 is the first."""
    row = await connection.fetchrow(
        "select number, document from loan_decision where loan_request = $1 order by number desc limit 1", loan
    )
    return row["number"], orjson.loads(row["document"])


# --- for people -----------------------------------------------------------------------------------


class Span(NamedTuple):
    """From when (included) to when (not), and what happened then: the loan request was `submitted`, or `shipped`."""

    what: Literal["submitted", "shipped"]
    since: datetime
    until: datetime


class Declined(NamedTuple):
    """Somebody who was asked in a period declined for a reason: one of `known`, NotStated, or any Other."""

    reason: str
    known: tuple[str, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanFilters:
    """What a list is narrowed to; None takes everything. `party` takes part: as requester or as supplier.

    With it goes `poi`: whoever plans for one takes part for its locations that have no agency. `location` is where an
    item comes from or goes to, `route` one that it rides now or later on.
    `late_at`: the item is
    under way and was expected before that moment, or has been called late since it was last seen.
    """

    party: str | None = None
    poi: str | None = None
    requesting_agency: str | None = None
    supplying_agency: str | None = None
    status: str | None = None
    open_only: bool = False
    request_id: str | None = None
    location: str | None = None
    route: str | None = None
    outcome: str | None = None
    delivered: bool | None = None
    span: Span | None = None
    declined: Declined | None = None
    late_at: datetime | None = None


_SHOWN = (
    "id, requesting_agency, requesting_agency_request_id, service_level, isbn, ppn, pickup_location, status, outcome,"
    " requesting, item, supplying_agency, supplying_location, expected_at, due_at, seen_at_location, submitted_at,"
    " shipped_at, received_at, ended_at, events"
)
# Whoever takes part: the requester, and every supplier that was ever asked, maybe twice. Each half is read by its own
# index, the newest first, and no further than the page: as one condition it would be a scan of everything. The
# laterals' limit keeps the look-ups one by one; a join would read on to the end for those that the page leaves out.
_OF_PARTY = """
((select id from loan_request where {terms} and requesting_agency = {party} order by id desc limit $1)
  union
 (select distinct placement.loan_request from placement {join}
   where {asked} and placement.supplying_agency = {party} order by 1 desc limit $1){of_poi}
 order by 1 desc limit $1) page (loan)
cross join lateral (select * from loan_request where id = page.loan limit 1) found
"""
_OF_POI = """
  union
 (select distinct placement.loan_request from placement {join}
   where {asked} and placement.supplying_agency is null and {its} order by 1 desc limit $1)"""
# Locations of a POI that have no agency: who plans for it answers for them.
_ITS = """placement.supplying_location in (
    select location.id from location left join province on province.code = location.province
     where location.agency is null and coalesce(location.poi, province.poi) = {poi})"""
# Only open ones are under way: an index knows them.
_RIDES = (
    "loan_request.outcome is null and loan_request.itinerary is not null and exists ("
    "select from json_array_elements(loan_request.itinerary) leg where leg ->> 'route_id' = {route})"
)
# Whoever has it, or is asked beside: few of these are at any time, and an index knows them.
_BESIDE = """loan_request.id = any(array(
    select asked.loan_request from placement asked
     where asked.beside and asked.state <> 'closed' and not asked.let_go and {what} = {{0}}))"""
_SUPPLIES = f"(loan_request.supplying_agency = {{0}} or {_BESIDE.format(what='asked.supplying_agency')})"
_COMES_OR_GOES = (
    "(loan_request.pickup_location = {0} or loan_request.supplying_location = {0}"
    f" or {_BESIDE.format(what='asked.supplying_location')})"
)
_JOIN = "join loan_request on loan_request.id = placement.loan_request"


def _narrowing(filters: LoanFilters) -> Iterator[tuple[list[Any], str]]:
    """Yield values, and what they narrow a list to; each `{n}` is where the value stands."""
    if filters.outcome is not None:
        yield [filters.outcome], "loan_request.outcome = {0}"
    if filters.delivered is not None:
        yield [], f"loan_request.received_at is {'not null' if filters.delivered else 'null'}"
    if filters.late_at is not None:
        yield [filters.late_at], _LATE
    if filters.span is not None:
        yield [filters.span.since, filters.span.until], _SPANS[filters.span.what]
    if filters.declined is not None:
        yield list(filters.declined), _DECLINES


# As subqueries, so that the index of the moment is walked, and not all loan requests from the newest on.
_SPANS = {
    what: f"loan_request.id = any(array(select id from loan_request of_span"  # noqa: S608 - only our own text
    f" where of_span.{what}_at >= {{0}} and of_span.{what}_at < {{1}}))"
    for what in ("submitted", "shipped")
}
_DECLINES = f"""loan_request.id = any(array(
    select loan_request from placement declined
     where declined.asked_at >= {{2}} and declined.asked_at < {{3}} and {DECLINED}
       and case when declined.reason = any({{1}}) then declined.reason when declined.reason is null then 'NotStated'
                else 'Other' end = {{0}}::text))"""  # noqa: S608 - only our own text
# Once it was said that an item is late it is planned anew, and is late until somebody sees it.
_LATE = """loan_request.outcome is null and loan_request.itinerary is not null
    and loan_request.item in ('on_trip', 'at_hub', 'on_the_way_back')
    and (loan_request.expected_at < {0} or exists (
        select from loan_event said where said.loan_request = loan_request.id and said.event = 'Late'
           and said.at >= coalesce(loan_request.seen_at, loan_request.submitted_at)))"""


async def list_loans(
    connection: asyncpg.Connection, filters: LoanFilters, *, before: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Return loan requests, the newest first, with an id below `before`."""
    equal = {
        "requesting_agency": filters.requesting_agency,
        "status": filters.status,
        "requesting_agency_request_id": filters.request_id,
    }
    terms, values = [], list[Any]([limit])
    for name, value in equal.items():
        if value is not None:
            values.append(value)
            terms.append(f"loan_request.{name} = ${len(values)}")
    if filters.supplying_agency is not None:
        values.append(filters.supplying_agency)
        terms.append(_SUPPLIES.format(f"${len(values)}"))
    if filters.open_only:
        terms.append("loan_request.outcome is null")
    if filters.location is not None:
        values.append(filters.location)
        terms.append(_COMES_OR_GOES.format(f"${len(values)}"))
    if filters.route is not None:
        values.append(filters.route)
        terms.append(_RIDES.format(route=f"${len(values)}"))
    for given, term in _narrowing(filters):
        terms.append(term.format(*(f"${len(values) + at}" for at in range(1, len(given) + 1))))
        values += given
    join, asked = _JOIN if terms else "", ["true", *terms]  # only what is narrowed has to be looked at
    if before is not None:
        values.append(before)
        terms.append(f"id < ${len(values)}")
        asked.append(f"placement.loan_request < ${len(values)}")
    narrowed = " and ".join(["true", *terms])
    source = f"loan_request where {narrowed}"
    if filters.party is not None:
        values.append(filters.party)
        parts = {"terms": narrowed, "join": join, "asked": " and ".join(asked), "party": f"${len(values)}"}
        of_poi = ""
        if filters.poi is not None:
            values.append(filters.poi)
            of_poi = _OF_POI.format(**parts, its=_ITS.format(poi=f"${len(values)}"))
        source = _OF_PARTY.format(**parts, of_poi=of_poi)
    rows = await connection.fetch(f"select {_SHOWN} from {source} order by id desc limit $1", *values)  # noqa: S608
    return [dict(row) for row in rows]


async def show_loan(connection: asyncpg.Connection, loan: UUID) -> dict[str, Any]:
    """Return one loan request for people, with its newest decision. Raises UnknownLoanRequest."""
    row = await connection.fetchrow(f"select {_SHOWN}, itinerary from loan_request where id = $1", loan)  # noqa: S608
    if row is None:
        raise UnknownLoanRequest(f"There is no loan request {loan}.")
    itinerary = row["itinerary"]
    decision = await latest_decision(connection, loan)
    return {**row, "itinerary": None if itinerary is None else orjson.loads(itinerary), "decision": decision}


async def takes_part(connection: asyncpg.Connection, loan: UUID, agency: str) -> bool:
    """Return whether an agency takes part in a loan request: it asked, or was asked."""
    found: bool = await connection.fetchval(
        "select exists (select from loan_request where id = $1 and requesting_agency = $2)"
        " or exists (select from placement where loan_request = $1 and supplying_agency = $2)",
        *(loan, agency),
    )
    return found


async def list_seen(
    connection: asyncpg.Connection, loans: Collection[UUID], *, agency: str | None, poi: str | None
) -> set[UUID]:
    """Return in which of some loan requests an agency takes part, or a POI for its locations that have no agency."""
    rows = await connection.fetch(
        "select id from loan_request where id = any($1::uuid[]) and (requesting_agency = $2 or exists ("  # noqa: S608
        "select from placement where loan_request = loan_request.id and (supplying_agency = $2"
        f" or supplying_agency is null and {_ITS.format(poi='$3')})))",
        *(loans, agency, poi),
    )
    return {row["id"] for row in rows}


async def read_patron(connection: asyncpg.Connection, loan: UUID) -> str | None:
    """Return the patron reference of a loan request, for the requesting agency's own system; None once it ended."""
    found: str | None = await connection.fetchval("select patron_reference from loan_request where id = $1", loan)
    return found


async def was_asked_for(connection: asyncpg.Connection, loan: UUID, poi: str, *, number: int | None = None) -> bool:
    """Return whether a location without an agency in the area of a POI was asked; `number`: by that placement."""
    found: bool = await connection.fetchval(
        f"select exists (select from placement where loan_request = $1 and supplying_agency is null"  # noqa: S608
        f" and ($3::int is null or number = $3) and {_ITS.format(poi='$2')})",
        *(loan, poi, number),
    )
    return found
