"""Where an item goes next that is brought back: on to whoever waits, home, or nowhere, as it is wanted where it is.

Says so beforehand, has it stay, and calls home what stays. Only between locations where people answer: no library
system that is called could be told that a copy of another's is on its shelves. See docs/floating.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.aside import aside
from app.database import Connection
from app.lending.availability import system_of
from app.lending.choose import LARGE_CALLS
from app.lending.forward import Forward, find_forward, onward_of
from app.lending.ground import Ground
from app.lending.happen import happen
from app.lending.lifecycle import Event, NotAllowed, Supplying, allowed_in
from app.lending.record import state_of
from app.lending.snapshot import State
from app.lending.track import Way, plan
from app.store.events import Told
from app.store.floated import (
    Row,
    count_away,
    count_wanted,
    get_floated,
    leave,
    list_at,
    list_wanted,
    lock_floating,
    note_called,
    note_home,
    read_material,
)
from app.store.loans import Loan, lock_loan
from app.store.placements import Placement, find_lead
from app.store.waiting import titles_of
from routing import Floating, Lending, Past, Returned, Wanted, WhereNext, Whither, where_next

ASKED_BEFORE = timedelta(days=365)
MOST_OF_TITLE = 50
MOST_OF_ALL = 5000
"""How many loan requests for whatever title say where anything is asked for: the last ones."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where an item goes next, and what that rests on. `title`: None where several share the number asked for."""

    next: WhereNext
    forward: Forward | None
    returned: Returned
    past: Past
    lending: Lending
    title: int | None


async def find_next(ground: Ground, state: State, loan: Loan, *, at: datetime, dry: bool) -> Found:
    """Return where an item goes that is brought back at `at`. A `dry` run asks no system to let its order go.

    The loan request can be sent back. Raises routing.UnknownLocation, NotReady or DatabaseUnavailable.
    """
    assert loan.supplying_location is not None
    async with ground.database.connection() as connection:
        titles = await titles_of(connection, loan.id)
        staying = await list_at(connection, titles, loan.supplying_location)
        placement = await find_lead(connection, loan.id)
    forward = None
    called = any(copy["called_at"] is not None for copy in staying)
    if not called and Event.SHIPPED_FORWARD in allowed_in(state_of(loan)):
        forward = await find_forward(ground, state, loan, at=at, dry=dry)
    lending = state.lending_for(loan.supplying_location, at)
    hindrances = _hindrances(state, loan, titles, staying, placement)
    returned, past = await _gather(ground, state, loan, titles, lending, hindrances, at=at)
    policy = state.policy_for(loan.pickup_location, at)
    onward = None if forward is None else onward_of(forward, policy.weights)

    def decided() -> WhereNext:
        return where_next(
            returned, past, state.network, state.register, policy=policy, lending=lending, onward=onward
        )

    large = len(state.network.timetable.stop_times.trip) >= LARGE_CALLS
    found = await aside(decided) if large else decided()
    return Found(found, forward, returned, past, lending, titles[0] if len(titles) == 1 else None)


async def _gather(
    ground: Ground,
    state: State,
    loan: Loan,
    titles: list[int],
    lending: Lending,
    hindrances: list[str],
    *,
    at: datetime,
) -> tuple[Returned, Past]:
    """Return what is known of the item, and (where it might stay) who asked for its title before."""
    home = loan.supplying_location
    assert home is not None
    material, away, past = None, 0, Past()
    if lending.floating not in (None, Floating.NEVER) and len(titles) == 1:
        async with ground.database.one_moment() as connection:
            material = await read_material(connection, titles[0], home)
            away = await count_away(connection, home, loan.supplying_agency)
            of_title = await list_wanted(connection, titles[0], since=at - ASKED_BEFORE, limit=MOST_OF_TITLE)
            past = Past([Wanted(*one) for one in of_title], await count_wanted(connection, limit=MOST_OF_ALL))
        if material is None:
            hindrances.append(f"{home} does not list it any more.")
    returned = Returned(
        location=loan.pickup_location,
        home=home,
        material=material or "unknown",
        at=at.astimezone(state.network.zone),
        away=away,
        hindrances=tuple(hindrances),
    )
    return returned, past


def _hindrances(
    state: State, loan: Loan, titles: list[int], staying: list[Row], placement: Placement | None
) -> list[str]:
    found = []
    home = loan.supplying_location or ""
    if loan.supplying == Supplying.RECALLED:
        found.append(f"{home} has called it back.")
    if len(titles) != 1:
        found.append("Several titles share the number that it was asked for by, and which one it is nobody said.")
    if staying:
        found.append(f"It may be one that stays at {home}, and goes back there first.")
    asked = placement is not None and placement.system is not None
    for place, by_system in (
        (loan.pickup_location, system_of(state.register, loan.pickup_location) in state.systems),
        (home, asked or system_of(state.register, home, agency=loan.supplying_agency) in state.systems),
    ):
        if by_system:
            found.append(f"The library system of {place} could not be told that it stays.")
    return found


async def stay(connection: Connection, seen: Loan, found: Found, said: Told) -> bool:
    """Record that an item stays where it was `said` to be sent back from.

    False, and nothing written, where the loan request has gone on since it was `seen`, or others were left meanwhile
    of which there may be no more.
    """
    returned, most = found.returned, found.lending.most_floating
    loan = await lock_loan(connection, seen.id)
    if loan.events != seen.events or found.title is None:
        return False
    await lock_floating(connection, returned.home, loan.supplying_agency)
    if most is not None and await count_away(connection, returned.home, loan.supplying_agency) >= most:
        return False
    placement = await find_lead(connection, loan.id)
    if placement is None or placement.system is not None:
        return False
    why = f"It stays at {returned.location}, where it is wanted: nothing travels."
    told = Told(
        at=said.at,
        by=said.by,
        note=f"{why} {said.note}" if said.note else why,
        data=document(found) | (said.data or {}),
    )
    try:
        await happen(connection, loan, Event.FLOATED, told)
    except NotAllowed:
        raise AssertionError("it has not gone on, so this can happen") from None
    await leave(
        connection,
        loan=loan.id,
        title=found.title,
        home=returned.home,
        agency=loan.supplying_agency,
        location=returned.location,
        material=returned.material,
        at=said.at,
    )
    return True


def document(found: Found) -> dict[str, Any]:
    """Return a choice as the API shows it and events keep it: all that it was made of."""
    chosen, returned, lending = found.next, found.returned, found.lending
    return {
        "from_location": returned.location,
        "home": returned.home,
        "chosen": str(chosen.chosen),
        "to_location": chosen.location,
        "saving": {"cents": round(chosen.saving.cents, 1), "rides": round(chosen.saving.rides, 2)},
        "reasons": list(chosen.reasons),
        "options": [
            {
                "where": str(option.where),
                "location": option.location,
                "cents": round(option.cents, 1),
                "trip": {"cents": round(option.trip.cents, 1), "rides": round(option.trip.rides, 2)},
                "next_supply": {"cents": round(option.supply.cents, 1), "rides": round(option.supply.rides, 2)},
                "why_not": list(option.why_not),
            }
            for option in chosen.options
        ],
        "next_reader": [{"location": place, "chance": round(chance, 4)} for place, chance in chosen.chances],
        "asked_before": {"title": len(found.past.of_title), "anything": sum(found.past.of_all.values())},
        "policy": {
            "floating": str(lending.floating or Floating.NEVER),
            "floating_materials": None if lending.floating_materials is None else sorted(lending.floating_materials),
            "most_floating": lending.most_floating,
            "away": returned.away,
            "versions": list(lending.versions),
        },
    }


def stays(found: Found) -> bool:
    """Say whether it stays where it is."""
    return found.next.chosen is Whither.STAY


# --- what stays is called home ----------------------------------------------------------------------


async def call_home(ground: Ground, id_: int, *, by: str) -> tuple[Row, Way]:
    """Call a copy home: it is lent there no longer. Return it, and by which vans it would go now.

    Raises UnknownFloatedItem, NotReady or DatabaseUnavailable.
    """
    state = await ground.snapshot.follow()
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        await note_called(connection, id_, Told(at=at, by=by))
        row = await get_floated(connection, id_)
    if row["ended_at"] is not None:  # it is home already
        return row, Way([], None)
    return row, plan(state, row["location"], row["home"], at=at)


async def come_home(ground: Ground, id_: int, *, by: str) -> Row:
    """Note that a copy is home, called or not: from then on it is as whoever holds it says. Raises as `call_home`."""
    at = ground.clock.now()
    async with ground.database.transaction() as connection:
        await note_home(connection, id_, Told(at=at, by=by))
        return await get_floated(connection, id_)


def can_be_sent_back(loan: Loan) -> bool:
    """Say whether an item can be sent back: a reader has it."""
    return Event.SHIPPED_RETURN in allowed_in(state_of(loan))
