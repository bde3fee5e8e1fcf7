"""Two suppliers may be asked at once: the first that says yes has it, and the other is let go.

One placement leads: the state of its loan request speaks of it. The other stands beside it, is asked by a task of its
own, and says yes by taking the lead. That can be as long as whoever leads has not answered; so one stands beside
another only while the loan request is `asked`, or with nobody whose system has it yet. Who asks for a loan request to
be cancelled, or for another supplier, lets both go. See docs/decisions/0058.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from app.database import Connection
from app.lending.kinds import LAPSE, PLACE, PLACE_BESIDE, WITHDRAW
from app.lending.lifecycle import Event, Requesting, Supplying
from app.lending.record import US, record, record_beside
from app.store.events import Told
from app.store.loans import Loan, change
from app.store.placements import (
    LIVE,
    Placement,
    close_placement,
    find_beside,
    is_its_last,
    note_answered,
    note_leads,
    note_let_go,
)
from app.store.tasks import drop, ensure, schedule

SAYING_YES = frozenset({Event.EXPECT_TO_SUPPLY, Event.WILL_SUPPLY, Event.LOANED})
SAYING_NO = frozenset({Event.UNFILLED, Event.RETRY_POSSIBLE})
ALONE_FROM = SAYING_YES | {
    Event.CANCEL,
    Event.CANCEL_ASKED,
    Event.OVERRIDE,
    Event.OVERRIDE_ASKED,
    Event.FORWARDED_TO_US,
}
"""What whoever is asked beside is no longer needed after."""


def as_leading(loan: Loan, placement: Placement) -> Loan:
    """Return a loan request as it would be if a placement led."""
    return replace(
        loan,
        supplying_agency=placement.supplying_agency,
        supplying_location=placement.supplying_location,
        expected_at=placement.expected_at,
    )


def without(loan: Loan, *locations: str | None) -> list[str]:
    """Return who was asked, but for some that have not said no: they may have their turn again."""
    return [place for place in loan.asked if place not in locations]


async def let_beside_go(connection: Connection, loan: Loan, *, at: datetime) -> Loan:
    """Let whoever is asked beside go, if anybody is; return the loan request as it then is.

    What its system has is taken back, and only then it may have its turn again. One whose system is still being asked
    stays open until it is known what that has; its task sees to it, when what was sent to it has settled.
    """
    beside = await find_beside(connection, loan.id)
    if beside is None:
        return loan
    told = Told(at=at, by=US, note="It need not be supplied any more.")
    again = without(loan, beside.supplying_location) if beside.system is None else list(loan.asked)
    loan = await record_beside(connection, loan, beside, Event.LET_GO_BESIDE, told, asked=again)
    if beside.state == LIVE:
        await close(connection, beside, end=Event.LET_GO, reason=None, at=at)
        await have_withdrawn(connection, beside, at=at)
        return loan
    await note_let_go(connection, beside)
    if beside.untouched:
        await schedule(connection, PLACE_BESIDE, beside.key, at)
    else:
        await ensure(connection, PLACE_BESIDE, beside.key, at)
    return loan


async def take_the_lead(
    connection: Connection, loan: Loan, beside: Placement, *, at: datetime, data: dict[str, Any] | None = None
) -> Loan:
    """Have whoever is asked beside be the one that has it; nobody else has by now. Raises lifecycle.NotAllowed."""
    told = Told(at=at, by=US, note="It was asked beside another, and is asked first from now on.", data=data)
    after = await record(
        connection,
        loan,
        Event.TOOK_OVER,
        told,
        supplying_agency=beside.supplying_agency,
        supplying_location=beside.supplying_location,
        expected_at=beside.expected_at,
    )
    await note_leads(connection, beside)
    return after


async def decline_beside(connection: Connection, loan: Loan, beside: Placement, end: Event, told: Told) -> Loan:
    """Note that whoever is asked beside does not supply, and have another asked. Raises lifecycle.NotAllowed."""
    data = {"end": end.value, **(told.data or {})}
    loan = await record_beside(connection, loan, beside, Event.DECLINED_BESIDE, replace(told, data=data))
    if end in SAYING_NO:
        await note_answered(connection, beside, at=told.at)
    await close(connection, beside, end=end, reason=told.reason, at=told.at)
    await schedule(connection, PLACE, str(loan.id), told.at)
    return loan


async def have_its_turn_again(connection: Connection, loan: Loan, placement: Placement, *, at: datetime) -> None:
    """Note that whoever was let go has nothing of it any more: it may have its turn again."""
    if loan.requesting == Requesting.CLOSED or not await is_its_last(connection, placement):
        return
    await change(connection, loan, asked=without(loan, placement.supplying_location))
    if loan.supplying in (Supplying.NOBODY, Supplying.ASKED):  # else whoever is asked has time of its own
        await schedule(connection, PLACE, str(loan.id), at)


async def have_withdrawn(connection: Connection, placement: Placement, *, at: datetime) -> None:
    """Have a system told that a closed placement is no longer wanted; people read it in the event."""
    if placement.system is not None:
        await schedule(connection, WITHDRAW, placement.key, at)


async def close(
    connection: Connection, placement: Placement, *, end: Event, reason: str | None, at: datetime
) -> None:
    """Close a placement, and wait for no answer to it any more."""
    await close_placement(connection, placement, end=end, reason=reason, at=at)
    await drop(connection, LAPSE, placement.key)
