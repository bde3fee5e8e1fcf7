"""Chooses a supplier: one look into the database, and the rest from memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter

from adapters.contract import Title
from app.aside import aside
from app.database import Database
from app.lending.availability import Availability, said
from app.lending.snapshot import Snapshot
from app.store.holders import Holders, find_holders
from app.telemetry import time_decision
from routing import Decision, Question, decide

# A look-up takes a millisecond; one that hangs must not hold its caller for as long as TCP would.
LOOK_UP_SECONDS = 10.0
# From here on a first decision may take longer than the other callers of this process should wait for.
LARGE_CALLS = 200_000
# So do promises of so many entries, each of which is reckoned with all that follow it.
LARGE_ROTA = 25


class UnknownTitle(Exception):  # noqa: N818 - says what it is
    """No holding of the title was ever imported."""


@dataclass(frozen=True, slots=True)
class TitleKey:
    """How a title is asked for: exactly one of both is set. `isbn` has 13 digits."""

    isbn: str | None = None
    ppn: str | None = None

    def __str__(self) -> str:
        return f"ISBN {self.isbn}" if self.isbn else f"PPN {self.ppn}"


async def look_up(database: Database, title: TitleKey) -> Holders:
    """Return who holds a title, and what stands. Raises DatabaseUnavailable."""
    return await find_holders(database, isbn=title.isbn, ppn=title.ppn, seconds=LOOK_UP_SECONDS)


async def choose(
    snapshot: Snapshot,
    *,
    title: TitleKey,
    holders: Holders,
    question: Question,
    availability: Availability | None = None,
    deadline_seconds: float = 0.0,
    since: float | None = None,
) -> Decision:
    """Decide on the network that stands; moments in the answer are in the network's timezone.

    With `availability` the systems of those who hold the title are asked first, and waited for no longer than
    `deadline_seconds`, counted from `since` (of `time.monotonic`; now, where that is not said).

    Raises NotReady, UnknownTitle, routing.UnknownLocation, routing.UnknownMoment or DatabaseUnavailable.
    """
    state = await snapshot.at(holders.standing)
    if not holders.known:
        raise UnknownTitle(f"No holding of {title} is known.")
    question = replace(question, requested_at=question.requested_at.astimezone(state.network.zone))
    policy = state.policy_for(question.pickup_location, question.requested_at)
    live = None
    if availability is not None and state.systems and deadline_seconds > 0:
        live = await availability.look(
            holders.holdings,
            title=Title(isbn=title.isbn, ppn=title.ppn),
            register=state.register,
            systems=state.systems,
            deadline_seconds=deadline_seconds,
            since=since,
        )
        holders = holders._replace(holdings=live.holdings)
        question = replace(question, unanswered=frozenset(live.unanswered))
    burdens = await snapshot.borne(state)
    started = perf_counter()
    asked = question, holders.holdings, state.network, state.register, policy, state.responses, burdens
    shown = min(question.limit, len(holders.holdings)) if state.responses is not None else 0
    if shown > LARGE_ROTA or len(state.network.timetable.stop_times.trip) >= LARGE_CALLS:
        decision = await aside(decide, *asked)
    else:
        decision = decide(*asked)
    time_decision(decision.objective.value, perf_counter() - started)
    return decision if live is None else said(decision, live)
