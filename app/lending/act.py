"""What people report or ask for: an action of the ISO 18626 vocabulary, of the vans, or of staff."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.database import Connection, Contended
from app.lending.availability import system_of
from app.lending.beside import as_leading
from app.lending.forward import send_on
from app.lending.ground import Ground
from app.lending.happen import MOST_RENEWALS, Circumstances, happen, happen_beside, renewed_from
from app.lending.lifecycle import Event, Item, NotAllowed, Supplying, allowed_in
from app.lending.next_up import still_has
from app.lending.record import US, state_of
from app.lending.settle import charges_of
from app.lending.snapshot import State
from app.lending.stay import Found, can_be_sent_back, find_next, stay, stays
from app.lending.submit import KeyReused
from app.lending.track import Way, by_hand, is_old, moved, plan, plan_back, plan_there, rest_of, still_right
from app.store.events import Told, was_heard
from app.store.idempotency import find_use, keep_use
from app.store.loans import Loan, lock_loan, read_loan
from app.store.placements import LIVE, Placement, find_beside, find_both, find_lead, get_placement, list_coming_back
from app.store.under_way import still_stands
from routing import ChosenLeg


class Action(StrEnum):
    """What can be sent to a loan request."""

    # the supplying side
    EXPECT_TO_SUPPLY = "ExpectToSupply"
    WILL_SUPPLY = "WillSupply"
    UNFILLED = "Unfilled"
    RETRY_POSSIBLE = "RetryPossible"
    LOANED = "Loaned"
    RECALL = "Recall"
    LOAN_COMPLETED = "LoanCompleted"
    # the requesting side
    RECEIVED = "Received"
    RENEW = "Renew"
    SHIPPED_RETURN = "ShippedReturn"
    CANCEL = "Cancel"
    LOST = "Lost"
    NOTIFICATION = "Notification"
    # the vans
    SCAN = "Scan"
    # staff
    OVERRIDE = "Override"
    HOLD = "Hold"
    RESUME = "Resume"


SUPPLYING_SIDE = frozenset(
    {
        Action.EXPECT_TO_SUPPLY,
        Action.WILL_SUPPLY,
        Action.UNFILLED,
        Action.RETRY_POSSIBLE,
        Action.LOANED,
        Action.RECALL,
        Action.LOAN_COMPLETED,
    }
)
REQUESTING_SIDE = frozenset(
    {
        Action.RECEIVED,
        Action.RENEW,
        Action.SHIPPED_RETURN,
        Action.CANCEL,
        Action.OVERRIDE,
        Action.HOLD,
        Action.RESUME,
    }
)
PLANNING = frozenset({Action.LOANED, Action.SHIPPED_RETURN, Action.SCAN, Action.OVERRIDE})
"""What an itinerary may be written with."""
ON_THE_WAY = frozenset({Event.SCANNED_ON_THE_WAY, Event.SCANNED_ON_THE_WAY_BACK})
OF_WHOEVER_LEADS = frozenset({Action.SCAN, Action.LOST, Action.RECALL, Action.LOAN_COMPLETED})
"""What nobody reports of an item that it has not said yes to."""
BOTH_SIDES = frozenset({Action.LOST, Action.SCAN, Action.NOTIFICATION})
MOST_COLLISIONS = 3
"""How often others may come in the way of an action before its caller hears of it."""


class ActionNotAllowed(Exception):  # noqa: N818 - named as the problem it becomes
    """The action is not possible now; `members` lists those that are."""

    def __init__(self, action: Action, loan: Loan, why: str = "") -> None:
        status, allowed = NotAllowed(Event.SUBMITTED, state_of(loan)), actions_in(loan)
        self.members = {"allowed": allowed}
        detail = why or f"{action} is not possible now: {str(status).partition(': ')[2]}"
        super().__init__(f"{detail} Possible: {', '.join(allowed) or 'nothing'}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An action with what it says; `location` is where a scan was made, or whom an override chooses.

    `legs` are the itinerary that an override chooses instead; `forward`: what is sent back may go on, or stay.
    `message` names what it came in, where that may come twice: it is carried out once.
    `placement` is the number of the one that whoever reports was found to answer for; None: whichever is the last.
    `expects` is where the supplying side must still stand (None: anywhere).
    """

    action: Action
    at: datetime
    by: str
    note: str | None = None
    reason: str | None = None
    location: str | None = None
    legs: tuple[ChosenLeg, ...] = ()
    forward: bool = True
    message: str | None = None
    placement: int | None = None
    expects: Supplying | None = None
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class Once:
    """An Idempotency-Key that an action came with: whose it is, and a digest of the loan request and the action."""

    caller: str
    key: str
    digest: bytes


def once(caller: str, key: str, loan_id: UUID, body: bytes) -> Once:
    """Return a key with the digest of what it came with."""
    return Once(caller, key, hashlib.sha256(loan_id.bytes + body).digest())


async def done_before(connection: Connection, loan_id: UUID, key: Once | None) -> bool:
    """Say whether an action has been carried out already. Raises KeyReused where its key came with something else."""
    found = None if key is None else await find_use(connection, caller=key.caller, key=key.key)
    if key is None or found is None:
        return False
    if found != (loan_id, key.digest):
        raise KeyReused(f"The Idempotency-Key {key.key} was used for something else.")
    return True


async def _keep(connection: Connection, loan_id: UUID, key: Once | None) -> None:
    if key is None:
        return
    if not await keep_use(connection, caller=key.caller, key=key.key, loan=loan_id, digest=key.digest):
        await done_before(connection, loan_id, key)
        raise Contended  # the same was carried out since it was looked for: this one is undone, and that one answered


async def act(ground: Ground, loan_id: UUID, report: Report) -> None:
    """Carry an action out; one whose key it was carried out with before is left at that.

    Raises UnknownLoanRequest, ActionNotAllowed, KeyReused, (legs that cannot be ridden) LegRefused or
    DatabaseUnavailable, and then nothing has changed.
    """
    for _ in range(MOST_COLLISIONS):
        try:
            return await _act(ground, loan_id, report)
        except Contended:
            await asyncio.sleep(0)  # the other one is through: once more
    return await _act(ground, loan_id, report)


async def _act(ground: Ground, loan_id: UUID, report: Report) -> None:
    while True:
        state = await ground.snapshot.follow()
        async with ground.database.connection() as connection:
            if await done_before(connection, loan_id, report.once):
                return
            seen = await read_loan(connection, loan_id)
            if report.message is not None and await was_heard(connection, loan_id, report.message):
                return
            beside = await _beside_reported_of(connection, seen, report)
        circumstances = _circumstances(state, seen if beside is None else as_leading(seen, beside), report)
        onward = await _onward(ground, state, seen, report)
        async with ground.database.transaction() as connection:
            if report.action in PLANNING and not await still_stands(connection, state.standing):
                continue  # what it was planned on no longer runs
            if onward is not None and (onward.forward is not None or stays(onward)):
                told = Told(at=report.at, by=report.by, note=report.note, data=_data(seen, report, None))
                if await _goes_no_way_home(connection, seen, onward, told):
                    await _keep(connection, loan_id, report.once)
                    return
                continue  # one of both went on meanwhile
            loan = await lock_loan(connection, loan_id)
            if loan.events != seen.events:
                continue  # it went on while its way was planned
            lead = await find_lead(connection, loan_id)
            stands = loan.supplying, None if lead is None else lead.number
            if report.expects is not None and stands != (report.expects, report.placement):
                raise ActionNotAllowed(report.action, loan, "It has gone on meanwhile.")
            if report.location is not None and report.action is Action.OVERRIDE:
                await _check_choice(state, connection, loan, report.location)
            event = _event(state, loan, report, by_system=lead is not None and lead.system is not None)
            data = _data(loan, report, circumstances.way)
            told = Told(at=report.at, by=report.by, reason=report.reason, note=report.note, data=data)
            try:
                if beside is not None:
                    loan = await happen_beside(connection, loan, beside, event, told, circumstances)
                else:
                    loan = await happen(connection, loan, event, told, circumstances)
            except NotAllowed:
                raise ActionNotAllowed(report.action, loan) from None
            await _keep(connection, loan_id, report.once)
            if circumstances.seen_at_location is not None and event in ON_THE_WAY:
                await _check_way(ground, state, connection, loan, report)
        return


async def _beside_reported_of(connection: Connection, loan: Loan, report: Report) -> Placement | None:
    """Return the placement that a supplier reports of, where that one is asked beside the one that leads.

    Whoever is not asked any more may still say something (`Notification`). Raises ActionNotAllowed for all else.
    """
    if report.action in REQUESTING_SIDE or report.placement is None:
        return None
    lead, beside = await find_both(connection, loan.id)
    if beside is not None and beside.number == report.placement:
        if beside.state != LIVE:
            raise ActionNotAllowed(report.action, loan, "Its system is still being asked.")
        if report.action in OF_WHOEVER_LEADS:
            raise ActionNotAllowed(report.action, loan, "It is asked beside another, and has not said yes.")
        return beside
    if report.placement != (loan.placements if lead is None else lead.number):
        if report.action is Action.NOTIFICATION:
            return await get_placement(connection, loan.id, report.placement)
        raise ActionNotAllowed(report.action, loan, "It has gone on to another supplier meanwhile.")
    return None


async def _check_choice(state: State, connection: Connection, loan: Loan, chosen: str) -> None:
    """Raises ActionNotAllowed where staff choose one that is asked already, or has an order to give back."""
    beside = await find_beside(connection, loan.id)
    if beside is not None and beside.supplying_location == chosen:
        raise ActionNotAllowed(Action.OVERRIDE, loan, f"{chosen} is asked already, beside whoever has it.")
    if still_has(await list_coming_back(connection, loan.id), chosen, system_of(state.register, chosen)):
        why = f"{chosen}, or its system, was let go and has not given its order back yet."
        raise ActionNotAllowed(Action.OVERRIDE, loan, why)


async def _onward(ground: Ground, state: State, loan: Loan, report: Report) -> Found | None:
    """Return where an item should go next that is sent back."""
    if report.action is not Action.SHIPPED_RETURN or not report.forward or not can_be_sent_back(loan):
        return None
    return await find_next(ground, state, loan, at=report.at, dry=False)


async def _goes_no_way_home(connection: Connection, seen: Loan, onward: Found, told: Told) -> bool:
    """Record that an item goes to whoever waits, or stays. False, and nothing written: things went on meanwhile."""
    if onward.forward is not None:
        return await send_on(connection, seen, onward.forward, told)
    return await stay(connection, seen, onward, told)


def _event(state: State, loan: Loan, report: Report, *, by_system: bool) -> Event:
    """Return the event that an action is in the loan request's present state."""
    action = report.action
    if action is Action.SCAN:
        if loan.item == Item.ON_THE_WAY_BACK:
            return Event.SCANNED_ON_THE_WAY_BACK
        at_pickup = report.location == loan.pickup_location and not is_old(loan, at=report.at)
        return Event.SCANNED_AT_PICKUP if at_pickup else Event.SCANNED_ON_THE_WAY
    if action is Action.OVERRIDE and report.legs:
        return Event.REPLANNED
    if action is Action.OVERRIDE and Event.REPLANNED in allowed_in(state_of(loan)):
        raise ActionNotAllowed(action, loan, "It is under way: an override takes `legs` now.")
    lies_with_system = by_system or loan.supplying == Supplying.ASKING
    if action is Action.OVERRIDE:
        return Event.OVERRIDE_ASKED if lies_with_system else Event.OVERRIDE
    if action is Action.LOST:
        return Event.LOST if loan.received_at is not None else Event.LOST_ON_THE_WAY
    if action is Action.CANCEL:
        return Event.CANCEL_ASKED if lies_with_system else Event.CANCEL
    if action is Action.RENEW and loan.renewals >= _most_renewals(state, loan, at=report.at):
        raise ActionNotAllowed(action, loan, f"It was renewed {loan.renewals} times, and no more is allowed.")
    return Event(action.value)


def _most_renewals(state: State, loan: Loan, *, at: datetime) -> int:
    said = state.lending_for(loan.supplying_location, at).renewals
    return MOST_RENEWALS if said is None else said


def actions_in(loan: Loan) -> list[str]:
    """Return the actions that are possible in a loan request's present state."""
    events = set(allowed_in(state_of(loan)))
    return [action.value for action in Action if not events.isdisjoint(_EVENTS[action])]


# Most actions are the event of their name.
_EVENTS: dict[Action, frozenset[Event]] = {
    **{action: frozenset({Event(action.value)}) for action in Action if action.value in list(Event)},
    Action.SCAN: frozenset({Event.SCANNED_ON_THE_WAY, Event.SCANNED_AT_PICKUP, Event.SCANNED_ON_THE_WAY_BACK}),
    Action.LOST: frozenset({Event.LOST, Event.LOST_ON_THE_WAY}),
    Action.CANCEL: frozenset({Event.CANCEL, Event.CANCEL_ASKED}),
    Action.OVERRIDE: frozenset({Event.OVERRIDE, Event.OVERRIDE_ASKED, Event.REPLANNED}),
}


def _circumstances(state: State, loan: Loan, report: Report) -> Circumstances:
    if report.action is Action.LOANED and loan.supplying_location is not None:
        return Circumstances(way=plan_there(state, loan, at=report.at))
    if report.action is Action.SHIPPED_RETURN and loan.supplying_location is not None:
        return Circumstances(way=plan_back(state, loan, at=report.at))
    if report.action is Action.RECEIVED:
        charges = charges_of(state, loan, at=report.at)
        days = state.lending_for(loan.supplying_location, report.at).loan_days
        return Circumstances(charges=charges, seen_at_location=loan.pickup_location, loan_days=days)
    if report.action is Action.RENEW:
        since = renewed_from(loan, report.at)
        return Circumstances(loan_days=state.lending_for(loan.supplying_location, since).loan_days)
    if report.action is Action.SCAN and not is_old(loan, at=report.at):
        return Circumstances(seen_at_location=report.location)
    if report.action is Action.OVERRIDE and report.legs:
        rest = rest_of(state, loan, at=report.at)
        if rest is None:
            raise ActionNotAllowed(report.action, loan, "It is not under way: an override takes no `legs` now.")
        return Circumstances(way=by_hand(state, rest, report.legs, by=report.by))
    if report.action is Action.OVERRIDE:
        return Circumstances(chosen=report.location)
    return Circumstances()


def _data(loan: Loan, report: Report, way: Way | None) -> dict[str, str | None] | None:
    if report.action is Action.OVERRIDE and way is not None:
        return moved(loan, way)
    data = {"location": report.location, "message": report.message}
    return {name: value for name, value in data.items() if value is not None} or None


async def _check_way(ground: Ground, state: State, connection: Connection, loan: Loan, report: Report) -> None:
    """Plan the rest anew where what was going to be ridden has left already."""
    assert report.location is not None
    to = loan.supplying_location if loan.item == Item.ON_THE_WAY_BACK else loan.pickup_location
    assert to is not None
    if report.location == to or still_right(loan, report.location, at=report.at, grace=ground.scan_grace):
        return  # that it is home the supplying side says: see docs/decisions/0021
    way = plan(state, report.location, to, at=report.at)
    said = "No van takes it on from there." if way.arrives_at is None else "It missed what it was going to ride."
    told = Told(at=report.at, by=US, note=said, data=moved(loan, way))
    await happen(connection, loan, Event.REPLANNED, told, Circumstances(way=way))
