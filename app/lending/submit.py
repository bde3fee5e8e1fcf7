"""Accepts a loan request: decides, and writes everything that follows from it in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
import uuid_utils

from app.database import Database
from app.lending.lifecycle import START, Event, State, advance, outcome_of, status_of
from app.lending.record import standing_of
from app.store.loans import DuplicateRequestId, KeyTaken, NewLoan, find_submitted, insert_loan
from routing import Decision


class KeyReused(Exception):  # noqa: N818 - named as the problem it becomes
    """The Idempotency-Key came with another body before."""

    pointer = "/Idempotency-Key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is asked, in the caller's words. `body` is what a repetition is compared by: all but the patron reference.

    That one is compared as long as the loan request has it, and nothing made of it is kept any longer.
    """

    requesting_agency: str
    requesting_agency_request_id: str
    patron_reference: str | None
    service_level: str
    isbn: str | None
    ppn: str | None
    pickup_location: str
    question: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the caller is answered, the first time and ever after: how it stood then, and the decision (JSON)."""

    id: UUID
    status: str
    outcome: str | None
    decision: bytes


async def find_accepted(database: Database, submission: Submission, *, caller: str, key: str) -> Accepted | None:
    """Return what was answered before. Raises KeyReused if the key came with another submission."""
    async with database.connection() as connection:
        found = await find_submitted(connection, caller=caller, key=key)
    if found is None:
        return None
    another_reader = not found.ended and found.patron_reference != submission.patron_reference
    if found.digest != digest_of(submission) or another_reader:
        raise KeyReused(f"The Idempotency-Key {key} was used for another loan request.")
    states = _states(_events(has_rota=bool(orjson.loads(found.decision)["rota"])))
    return _accepted(found.loan, states[-1], found.decision.encode())


async def submit(
    database: Database,
    submission: Submission,
    decision: Decision,
    *,
    write: Callable[[Decision], bytes],
    at: datetime,
    caller: str,
    key: str | None,
) -> Accepted:
    """Write a loan request and return what its caller is answered; it survives whatever happens from then on.

    Of two with the same key one is written, and both are answered the same. Raises KeyReused or DuplicateRequestId.
    """
    events = _events(has_rota=bool(decision.rota))
    document = write(decision)
    loan = NewLoan(
        id=UUID(bytes=uuid_utils.uuid7().bytes),
        requesting_agency=submission.requesting_agency,
        requesting_agency_request_id=submission.requesting_agency_request_id,
        patron_reference=submission.patron_reference if decision.rota else None,
        service_level=submission.service_level,
        isbn=submission.isbn,
        ppn=submission.ppn,
        pickup_location=submission.pickup_location,
        question=submission.question,
        decision=document.decode(),
        submitted_at=at,
    )
    states = _states(events)
    try:
        async with database.connection() as connection:
            await insert_loan(
                connection,
                loan,
                events=[(event.value, status_of(state)) for event, state in zip(events, states, strict=True)],
                standing=standing_of(states[-1]),
                caller=caller,
                key=key,
                digest=digest_of(submission),
            )
    except (KeyTaken, DuplicateRequestId):
        # Of several at once with one key, the others meet the first one's request id before its key.
        accepted = None if key is None else await find_accepted(database, submission, caller=caller, key=key)
        if accepted is None:
            raise
        return accepted
    return _accepted(loan.id, states[-1], document)


def digest_of(submission: Submission) -> bytes:
    """Return what two submissions are compared by."""
    return hashlib.sha256(submission.body).digest()


def _events(*, has_rota: bool) -> list[Event]:
    return [Event.SUBMITTED] if has_rota else [Event.SUBMITTED, Event.END_OF_ROTA]


def _states(events: list[Event]) -> list[State]:
    states, state = [], START
    for event in events:
        state = advance(state, event)
        states.append(state)
    return states


def _accepted(loan: UUID, state: State, decision: bytes) -> Accepted:
    return Accepted(loan, status_of(state), outcome_of(state), decision)
