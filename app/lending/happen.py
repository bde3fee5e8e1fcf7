"""Something happened to a loan request: the event, and all that follows from it, in one transaction.

People report through `act`, systems through `follow`; what they report has the same consequences.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.database import Connection
from app.lending.beside import (
    ALONE_FROM,
    SAYING_NO,
    SAYING_YES,
    as_leading,
    close,
    decline_beside,
    have_withdrawn,
    let_beside_go,
    take_the_lead,
    without,
)
from app.lending.book import have_booked
from app.lending.kinds import FOLLOW
from app.lending.lapse import NOBODY, pass_on, take_back
from app.lending.lifecycle import Event, NotAllowed, Supplying, allowed_in, outcome_of
from app.lending.record import US, record, record_beside, state_of
from app.lending.track import LATE_AFTER, STRANDED, Way
from app.store.events import Told
from app.store.loans import Loan
from app.store.placements import Placement, find_lead, note_alone, note_answered, note_shipped
from app.store.settlement import Charge, enter
from app.store.tasks import ensure, schedule
from app.store.under_way import REPLAN

LOAN_DAYS = 21
RENEWAL_DAYS = 21
MOST_RENEWALS = 2
OVERDUE = "overdue"
LATE = "late"
HANDED_OVER = frozenset({Event.LOANED, Event.SHIPPED_RETURN, Event.FORWARDED_TO_US})
"""From then on the vans have it."""

ANSWERS = frozenset({Event.EXPECT_TO_SUPPLY, Event.WILL_SUPPLY, Event.UNFILLED, Event.RETRY_POSSIBLE, Event.LOANED})
PASSING_ON = frozenset({Event.UNFILLED, Event.RETRY_POSSIBLE, Event.LAPSED})
LETTING_GO = frozenset({Event.CANCEL, Event.OVERRIDE, Event.LET_GO})
"""What a supplier that was asked is no longer wanted after: a system has let go before, and people read it."""
TO_BE_TAKEN_BACK = frozenset({Event.CANCEL_ASKED, Event.OVERRIDE_ASKED})
"""What a system is asked after whether it can let go."""
WOULD_NOT_LET_GO = frozenset({Event.CANCEL_REFUSED, Event.OVERRIDE_REFUSED})
"""What says that it is on its way, for all that is known: nobody is asked beside it any more."""
ANOTHER_WAY_OUT = frozenset({Event.CANCEL_ASKED, Event.OVERRIDE_REFUSED, Event.LOANED, Event.FORWARDED_TO_US})
"""What staff's choice of a supplier holds no longer after."""

HEARD_OF_LATE = frozenset({Event.RECEIVED, Event.SHIPPED_RETURN})
"""What a system that has said more already is asked again after, where that was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What an event comes with: the way that was planned, what delivery costs, whom staff chose, when it is due.

    `supplier` is the agency and location that supply from now on, and `loan_days` how long a reader may keep it.
    """

    way: Way | None = None
    seen_at_location: str | None = None
    charges: tuple[Charge, ...] = ()
    chosen: str | None = None
    supplier: tuple[str | None, str] | None = None
    due_at: datetime | None = None
    loan_days: int | None = None


async def happen(
    connection: Connection, loan: Loan, event: Event, told: Told, circumstances: Circumstances | None = None
) -> Loan:
    """Record an event of a locked loan request with its consequences, and return it as it then is.

    Raises lifecycle.NotAllowed, and then nothing has changed.
    """
    given = circumstances or Circumstances()
    if event in ALONE_FROM and event in allowed_in(state_of(loan)):
        loan = await let_beside_go(connection, loan, at=told.at)
    placement = await find_lead(connection, loan.id)
    changes = _changes(loan, event, told, given, by_hand=placement is None or placement.system is None)
    after = await record(connection, loan, event, told, **changes)
    if placement is not None:
        await have_booked(connection, placement, event, told)
        if event in ANSWERS:
            await note_answered(connection, placement, at=told.at)
        if event is Event.LOANED:
            await note_shipped(connection, placement, at=told.at)
        if event in PASSING_ON or event in LETTING_GO or outcome_of(state_of(after)) is not None:
            await close(connection, placement, end=event, reason=told.reason, at=told.at)
        if event in HEARD_OF_LATE and placement.system is not None:
            await ensure(connection, FOLLOW, placement.key, told.at)
        if event in WOULD_NOT_LET_GO:
            await note_alone(connection, placement)
        if event in TO_BE_TAKEN_BACK:
            await take_back(connection, placement, at=told.at)
    if given.way is not None and outcome_of(state_of(after)) is None:
        if given.way.arrives_at is None:
            await schedule(connection, REPLAN, str(loan.id), told.at + STRANDED)
        else:
            await schedule(connection, LATE, str(loan.id), given.way.arrives_at + LATE_AFTER)
    if event in PASSING_ON or event in (Event.OVERRIDE, Event.RESUME):
        after = await pass_on(connection, after, at=told.at)
    if event is Event.RECEIVED:
        await enter(connection, loan.id, given.charges)
    if event in (Event.RECEIVED, Event.RENEW) and after.due_at is not None:
        await schedule(connection, OVERDUE, str(loan.id), after.due_at)
    return after


async def happen_beside(
    connection: Connection,
    loan: Loan,
    beside: Placement,
    event: Event,
    told: Told,
    circumstances: Circumstances | None = None,
) -> Loan:
    """Record what whoever is asked beside says; a yes has it take the lead, and whoever led is let go.

    `circumstances` are as if it led. Raises lifecycle.NotAllowed, and then nothing has changed.
    """
    if event is Event.NOTIFICATION:
        return await record_beside(connection, loan, beside, event, told)
    if event in SAYING_NO:
        return await decline_beside(connection, loan, beside, event, told)
    can = Event.LET_GO if loan.supplying != Supplying.NOBODY else Event.TOOK_OVER
    if event not in SAYING_YES or can not in allowed_in(state_of(loan)):
        raise NotAllowed(event, state_of(as_leading(loan, beside)))
    lead = await find_lead(connection, loan.id)
    if lead is not None:
        note = f"{beside.supplying_location} was asked beside it, and has said yes: it need not be supplied."
        loan = await happen(connection, loan, Event.LET_GO, Told(at=told.at, by=US, note=note))
        await have_withdrawn(connection, lead, at=told.at)
    loan = await take_the_lead(connection, loan, beside, at=told.at)
    return await happen(connection, loan, event, told, circumstances)


def renewed_from(loan: Loan, at: datetime) -> datetime:
    """Return from when on a renewal at `at` counts: never from before the loan would have ended anyway."""
    return max(at, loan.due_at or at)


def _changes(loan: Loan, event: Event, told: Told, given: Circumstances, *, by_hand: bool) -> dict[str, object]:
    """Return the columns of loan_request that an event changes besides its state; `by_hand`: people have it."""
    changes: dict[str, object] = {}
    if event in PASSING_ON or event in LETTING_GO:
        changes |= NOBODY
    if event is Event.OVERRIDE:
        # Whoever is passed over has not said no, and staff may also choose one that had its turn.
        changes |= {"chosen": given.chosen, "asked": without(loan, given.chosen, loan.supplying_location)}
    if event is Event.OVERRIDE_ASKED:
        changes["chosen"] = given.chosen
    if event is Event.LET_GO and by_hand:  # what a system has must be back first (`follow.withdraw`)
        changes["asked"] = without(loan, loan.supplying_location)
    if event in ANOTHER_WAY_OUT:
        changes["chosen"] = None
    if given.way is not None:
        changes |= {
            "itinerary": given.way.legs,
            "itinerary_by": given.way.by,
            "expected_at": given.way.arrives_at,
        }
    if given.seen_at_location is not None:
        changes |= {"seen_at_location": given.seen_at_location, "seen_at": told.at}
    if event in HANDED_OVER:
        changes["seen_at"] = told.at
    if event in (Event.LOANED, Event.FORWARDED_TO_US):
        changes["shipped_at"] = told.at
    if event is Event.RECEIVED:
        changes |= {"received_at": told.at, "itinerary": None, "due_since": told.at}
        changes["due_at"] = told.at + timedelta(days=given.loan_days or LOAN_DAYS)
    if event in (Event.SHIPPED_RETURN, Event.SHIPPED_FORWARD, Event.FLOATED):
        changes["returned_at"] = told.at
    if event is Event.RENEW:
        since = renewed_from(loan, told.at)
        changes |= {"due_since": since, "renewals": loan.renewals + 1}
        changes["due_at"] = since + timedelta(days=given.loan_days or RENEWAL_DAYS)
    if event is Event.DUE_DATE_MOVED:
        changes["due_at"] = given.due_at
    if given.supplier is not None:
        changes |= {"supplying_agency": given.supplier[0], "supplying_location": given.supplier[1]}
    return changes
