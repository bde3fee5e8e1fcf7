"""Sends an item that is on its way back straight on to the next who waits for it, where that is better.

Better is: it arrives earlier than by whoever has been asked and by the first of a renewed decision, and costs no more
than either. A system that was asked gives its order back before: see docs/decisions/0022.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from adapters.contract import NotFound, SystemFault
from app.database import Connection
from app.lending.beside import as_leading, let_beside_go
from app.lending.choose import UnknownTitle
from app.lending.ground import Ground
from app.lending.happen import Circumstances, happen
from app.lending.kinds import FOLLOW
from app.lending.lifecycle import Event, NotAllowed, Supplying
from app.lending.record import US
from app.lending.renew import renew
from app.lending.snapshot import State
from app.lending.track import Way, plan
from app.store.events import Told
from app.store.loans import Loan, change, lock_loan, read_loan
from app.store.placements import LIVE, Placement, find_beside, find_both, find_lead
from app.store.tasks import schedule
from app.store.waiting import list_waiting, take_over, titles_of
from routing import Onward, Reckoned, Weights, charge_for_supply

MOST_LOOKED_AT = 20
NO_LONGER = "It comes from elsewhere, and sooner: it need not be supplied."
LET_GO_SECONDS = 10.0
"""How long whoever sends something back waits for the system of another's supplier."""


class Offer(NamedTuple):
    """When something would be there, what it would cost (euro cents), and by how many rides."""

    arrives_at: datetime
    cost_cents: int
    rides: int = 0


@dataclass(frozen=True, slots=True)
class Forward:
    """Who gets the item next, by which way, and what they could have had otherwise."""

    to: Loan
    way: Way
    cost_cents: int
    otherwise: tuple[Offer, ...]


async def find_forward(
    ground: Ground, state: State, loan: Loan, *, at: datetime, dry: bool = False
) -> Forward | None:
    """Return the first who waits for an item and for whom its being sent on is better than what they can have.

    What lies with a system for them has been given back by then: of an order that was shipped unheard two items would
    travel. If nothing comes of it after all, their order is gone, which the next look at that system shows. A `dry`
    run asks for nothing back.
    """
    async with ground.database.connection() as connection:
        titles = await titles_of(connection, loan.id)
        waiting = [
            await read_loan(connection, other)
            for other in await list_waiting(connection, titles, limit=MOST_LOOKED_AT)
            if other != loan.id
        ]
    for other in waiting:
        found = await _for(ground, state, loan, other, at=at)
        if found is not None and (dry or await _lets_go(ground, other)):
            return found
    return None


async def _lets_go(ground: Ground, other: Loan) -> bool:
    """Have whoever was asked give their orders back; people read in the event that they are no longer asked."""
    async with ground.database.connection() as connection:
        lead, beside = await find_both(connection, other.id)
    if beside is not None and not await _gives_back(ground, beside):
        return False
    if lead is None or await _gives_back(ground, lead):
        return True
    if beside is not None:  # it has given it back, and has not said no
        at = ground.clock.now()
        async with ground.database.transaction() as connection:
            loan = await lock_loan(connection, other.id)
            current = await find_beside(connection, other.id)
            if current is not None and current.number == beside.number:
                await let_beside_go(connection, loan, at=at)
    return False


async def _gives_back(ground: Ground, placement: Placement) -> bool:
    async with ground.database.connection() as connection:
        system = await ground.systems.find(connection, placement.system)
    if placement.state != LIVE:
        return False  # its system is being asked, and nobody knows yet what it has
    if system is None or placement.receipt is None:
        return True
    try:
        async with asyncio.timeout(LET_GO_SECONDS):
            lets_go = await system.cancel(placement.receipt)
    except NotFound:
        return True
    except (SystemFault, TimeoutError):
        lets_go = False
    if not lets_go:
        async with ground.database.transaction() as connection:
            await schedule(
                connection, FOLLOW, placement.key, ground.clock.now()
            )  # it has news that nobody has fetched
    return lets_go


async def _for(ground: Ground, state: State, loan: Loan, other: Loan, *, at: datetime) -> Forward | None:
    assert loan.supplying_location is not None
    excluded = set(other.question.get("exclude") or ())
    if not excluded.isdisjoint((loan.supplying_agency, loan.supplying_location)):
        return None
    way = plan(state, loan.pickup_location, other.pickup_location, at=at)
    cost = _cost(state, loan.supplying_location, other, at=at)
    limit = state.policy_for(other.pickup_location, at).max_cost_cents
    if way.arrives_at is None or not _wanted(other, way.arrives_at, cost) or (limit is not None and cost > limit):
        return None
    otherwise = await _otherwise(ground, state, other, at=at)
    if any(way.arrives_at >= offer.arrives_at or cost > offer.cost_cents for offer in otherwise):
        return None
    return Forward(other, way, cost, otherwise)


def _cost(state: State, supplying_location: str, other: Loan, *, at: datetime) -> int:
    tariff = state.policy_at(at).tariff
    parts = charge_for_supply(state.register, supplying_location, other.pickup_location, moment=at, tariff=tariff)
    return sum(part.cents for part in parts)


def _wanted(other: Loan, arrives_at: datetime, cost_cents: int) -> bool:
    needed, most = other.question.get("need_before"), other.question.get("max_cost_cents")
    in_time = needed is None or arrives_at <= datetime.fromisoformat(needed)
    return in_time and (most is None or cost_cents <= most)


async def _otherwise(ground: Ground, state: State, other: Loan, *, at: datetime) -> tuple[Offer, ...]:
    """What somebody who waits can have: from whoever was asked, as said then, and from the next as of now."""
    async with ground.database.connection() as connection:
        beside = await find_beside(connection, other.id)
    found = []
    for asked in (other, *([] if beside is None else [as_leading(other, beside)])):
        if asked.supplying_location is not None and asked.expected_at is not None:
            way = plan(state, asked.supplying_location, other.pickup_location, at=at)
            cost = _cost(state, asked.supplying_location, other, at=at)
            found.append(Offer(asked.expected_at, cost, len(way.legs)))
    try:
        renewed = await renew(ground, other, at=at)
    except UnknownTitle:  # its holdings are gone, and the copy in hand is not
        return tuple(found)
    found += [Offer(entry.arrives_at, entry.cost_cents, len(entry.legs)) for entry in renewed.decision.rota[:1]]
    return tuple(found)


def onward_of(forward: Forward, weights: Weights) -> Onward:
    """Return what sending it on takes, and what the first that whoever waits would have got otherwise would."""

    def weighed(cents: int, rides: int) -> Reckoned:
        return Reckoned(cents + rides * weights.cents_per_handling, rides)

    trip = weighed(forward.cost_cents, len(forward.way.legs))
    instead = [weighed(offer.cost_cents, offer.rides) for offer in forward.otherwise[:1]]
    return Onward(forward.to.pickup_location, trip, *(instead or [trip]))


async def send_on(connection: Connection, loan: Loan, forward: Forward, said: Told) -> bool:
    """Record both sides of what was `said` to be sent back.

    False, and nothing written, where one of both loan requests has gone on since it was read.

    Both are locked in the order of their ids, so that two who send on to one never wait for each other.
    """
    first, second = sorted((loan.id, forward.to.id))
    locked = {found.id: found for found in (await lock_loan(connection, first), await lock_loan(connection, second))}
    if any(locked[seen.id].events != seen.events for seen in (loan, forward.to)):
        return False
    placement = await find_lead(connection, loan.id)
    assert placement is not None
    other = locked[forward.to.id]
    try:
        await happen(connection, locked[loan.id], Event.SHIPPED_FORWARD, _told(loan, forward, said))
        if other.supplying != Supplying.NOBODY:  # whoever was asked hears of it by an event of their own
            other = await happen(connection, other, Event.LET_GO, Told(at=said.at, by=US, note=NO_LONGER))
        after = await happen(
            connection,
            other,
            Event.FORWARDED_TO_US,
            _told_to(loan, forward, said.at),
            Circumstances(
                way=forward.way,
                seen_at_location=loan.pickup_location,
                supplier=(loan.supplying_agency, loan.supplying_location or placement.supplying_location),
            ),
        )
    except NotAllowed:
        raise AssertionError("neither has gone on, so both can happen") from None
    number = after.placements + 1
    system, known = await take_over(connection, loan=after.id, number=number, other=loan.id, before=placement.number)
    await change(connection, after, placements=number)
    if system is not None and known:
        await schedule(connection, FOLLOW, f"{after.id}-{number}", said.at)
    return True


def _told(loan: Loan, forward: Forward, said: Told) -> Told:
    why = f"Sent straight on to {forward.to.pickup_location}, where somebody waits for it."
    note = f"{why} {said.note}" if said.note else why
    return Told(at=said.at, by=said.by, note=note, data=_data(loan, forward) | (said.data or {}))


def _told_to(loan: Loan, forward: Forward, at: datetime) -> Told:
    why = f"It comes straight from {loan.pickup_location}, earlier than from anybody else."
    data = _data(loan, forward) | {"let_go": forward.to.supplying_location}
    return Told(at=at, by=US, note=why, data=data)


def _data(loan: Loan, forward: Forward) -> dict[str, object]:
    arrives_at = forward.way.arrives_at
    assert arrives_at is not None
    return {
        "from_location": loan.pickup_location,
        "to_location": forward.to.pickup_location,
        "arrives_at": arrives_at.isoformat(),
        "cost_cents": forward.cost_cents,
        "otherwise": [
            {"arrives_at": offer.arrives_at.isoformat(), "cost_cents": offer.cost_cents}
            for offer in forward.otherwise
        ],
    }
