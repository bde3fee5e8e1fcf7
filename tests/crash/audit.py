"""What must be true afterwards, whatever was killed when: each thing that is not, as one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from app.lending.lifecycle import START, Event, State, advance, outcome_of, status_of
from tests.crash.world import province_of

UUID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that is written, read in one go: rows as the database has them."""

    loans: Sequence[asyncpg.Record]
    events: Mapping[str, Sequence[asyncpg.Record]]
    open_placements: Sequence[asyncpg.Record]
    let_go: frozenset[str]  # keys of placements that were, for another
    ledger: Sequence[asyncpg.Record]
    tasks: Sequence[asyncpg.Record]

    @property
    def outcomes(self) -> Counter[str]:
        """How many ended how."""
        return Counter(loan["outcome"] or "open" for loan in self.loans)

    @property
    def happened(self) -> Counter[str]:
        """How often each event happened."""
        return Counter(event["event"] for events in self.events.values() for event in events)


async def read_books(database_url: str) -> Books:
    """Read everything."""
    connection = await asyncpg.connect(database_url)
    try:
        events: dict[str, list[asyncpg.Record]] = {}
        for event in await connection.fetch("select * from loan_event order by loan_request, sequence"):
            events.setdefault(str(event["loan_request"]), []).append(event)
        return Books(
            loans=await connection.fetch("select * from loan_request"),
            events=events,
            open_placements=await connection.fetch("select * from placement where state <> 'closed'"),
            let_go=frozenset(
                row["key"]
                for row in await connection.fetch(
                    "select loan_request || '-' || number as key from placement where \"end\" = 'LetGo'"
                )
            ),
            ledger=await connection.fetch("select * from settlement_entry"),
            tasks=await connection.fetch("select kind, subject, attempts, dead_at, error from task"),
        )
    finally:
        await connection.close()


def find_faults(books: Books, *, accepted: Sequence[str], bound: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what is wrong. `accepted` were answered 201; `bound` are the desk's receipts that bind a copy."""
    return [
        *_accepted_once(books, accepted),
        *(fault for loan in books.loans for fault in _history(loan, books.events.get(str(loan["id"]), ()))),
        *_bound_once(books, bound),
        *_ledger(books),
        *(f"task {task['kind']} {task['subject']} was given up: {task['error']}" for task in _dead(books)),
    ]


def _accepted_once(books: Books, accepted: Sequence[str]) -> Iterator[str]:
    known = {str(loan["id"]) for loan in books.loans}
    yield from (f"{loan} was answered 201 and is lost" for loan in accepted if loan not in known)
    yield from (f"{loan} exists, and nobody was told" for loan in known.difference(accepted))
    yield from (f"{loan} was given to two" for loan, count in Counter(accepted).items() if count > 1)
    named = Counter((loan["requesting_agency"], loan["requesting_agency_request_id"]) for loan in books.loans)
    yield from (f"{name} was accepted {count} times" for name, count in named.items() if count > 1)


def _history(loan: asyncpg.Record, events: Sequence[asyncpg.Record]) -> Iterator[str]:
    """Replay the events: nothing but the lifecycle's table says where they lead."""
    if loan["outcome"] is None:
        yield f"{loan['id']} has not ended: {loan['supplying']}, {loan['requesting']}, {loan['item']}"
    sequences = [event["sequence"] for event in events]
    if sequences != list(range(1, loan["events"] + 1)):
        yield f"{loan['id']} has {loan['events']} events, numbered {sequences}"
    state: State = START
    for event in events:
        state = advance(state, Event(event["event"]))
        if event["status"] != status_of(state):
            yield f"{loan['id']}: after {event['event']} it says {event['status']}, which is {status_of(state)}"
    stands = (loan["supplying"], loan["requesting"], loan["item"], loan["status"], loan["outcome"])
    led_to: tuple[Any, ...] = (*state, status_of(state), outcome_of(state))
    if stands != led_to:
        yield f"{loan['id']} stands at {stands}, and its events lead to {led_to}"


def _bound_once(books: Books, bound: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A copy is bound for a loan request that was filled, one; for others, none.

    An item that was sent straight on is still bound by the order of whoever had it first. What was sent all the same
    by one of two that were asked at once is known, and for people to see.
    """
    known = Counter(task["subject"][:UUID_LENGTH] for task in books.tasks if _sent_all_the_same(task, books))
    sent_on = {
        str(loan)
        for loan, events in books.events.items()
        if any(event["event"] == Event.FORWARDED_TO_US for event in events)
    }
    for loan in books.loans:
        receipts = bound.get(str(loan["id"]), ())
        one = loan["outcome"] == "filled" and str(loan["id"]) not in sent_on
        if len(receipts) != one + known[str(loan["id"])]:
            yield f"{loan['id']} ended {loan['outcome']}, and the desk holds {list(receipts)} for it"
    ended = {loan["id"] for loan in books.loans if loan["outcome"] is not None}
    yield from (
        f"{p['loan_request']} has an open placement" for p in books.open_placements if p["loan_request"] in ended
    )


def _ledger(books: Books) -> Iterator[str]:
    """Whatever was delivered is in the ledger, once: what the supplier is owed and what the requester owes."""
    entries: dict[str, list[asyncpg.Record]] = {}
    for entry in books.ledger:
        entries.setdefault(str(entry["loan_request"]), []).append(entry)
    for loan in books.loans:
        found = entries.pop(str(loan["id"]), [])
        names = [event["event"] for event in books.events.get(str(loan["id"]), ())]
        delivered = names.count("Received")
        sides = sorted((entry["what"], entry["agency"]) for entry in found)
        if sides != (_sides(loan) if delivered else []):
            yield f"{loan['id']} was received {delivered} times, and the ledger has {sides}"
        if sum(entry["cents"] for entry in found if entry["what"] == "supplier"):
            yield f"{loan['id']}: what the supplier is owed is not what the requester owes"
    yield from (f"{loan} is in the ledger and nowhere else" for loan in entries)


def _sides(loan: asyncpg.Record) -> list[tuple[str, str]]:
    """Return what a delivery is charged, and to whom: something where it crosses from one province to another."""
    requesting, supplying = loan["requesting_agency"], loan["supplying_agency"]
    if province_of(requesting) == province_of(supplying):
        return []
    return sorted([("supplier", requesting), ("supplier", supplying), ("transport", requesting)])


def _dead(books: Books) -> list[asyncpg.Record]:
    return [task for task in books.tasks if task["dead_at"] is not None and not _sent_all_the_same(task, books)]


def _sent_all_the_same(task: asyncpg.Record, books: Books) -> bool:
    """Say whether a task is a dead letter about one of two asked at once, who sent it before it was told."""
    events = books.events.get(task["subject"][:UUID_LENGTH], ())
    two = any(event["event"] == Event.ASKED_BESIDE for event in events)
    dead = task["kind"] == "withdraw" and task["dead_at"] is not None
    return bool(two and dead and task["subject"] in books.let_go and (task["error"] or "").startswith("OnItsWay"))
