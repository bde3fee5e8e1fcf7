"""A day's loan requests at once: who holds what, which room is left on the vans, and the best for all together."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from app.aside import aside
from app.database import Database
from app.lending.choose import TitleKey
from app.lending.snapshot import Snapshot, State
from app.planning.forecast import Floats
from app.planning.foresight import Foresight
from app.planning.load import Grid
from app.store.holders import Key, Shelved, find_many_holders, key_of
from app.store.standing import Standing, read_standing
from routing import Policy, Question
from routing.assign import Assignment, Offers, Wanted, horizon_of, lay_out, solve
from routing.calendar import DAY_SECONDS, to_seconds
from routing.network import Longs, Window, window_for

SECONDS = 4.0
"""How long HiGHS may take at most."""

ANY = -1


@dataclass(frozen=True, slots=True)
class Asked:
    """One loan request of a batch, under the name that its caller gave it."""

    id: str
    title: TitleKey
    question: Question


class Unassignable(Exception):  # noqa: N818 - says what it is
    """The batch cannot be decided: the places in it, as one would walk there, and what is wrong with each."""

    def __init__(self, faults: Sequence[tuple[tuple[str | int, ...], str]]) -> None:
        super().__init__("; ".join(detail for _, detail in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """What was found for a batch, wholly of one network version."""

    state: State
    asked: Sequence[Asked]
    offers: Offers
    assignment: Assignment


async def assign(
    database: Database,
    snapshot: Snapshot,
    foresight: Foresight,
    asked: Sequence[Asked],
    *,
    quotas: Mapping[str, int],
    items_per_crate: int,
    turn: asyncio.Lock,
) -> Assigned:
    """Assign a batch; `turn` is held while processors are busy with it.

    Raises NotReady, Unassignable, routing.UnknownMoment or DatabaseUnavailable.
    """
    standing, shelves = await _look_up(database, asked)
    state = await snapshot.at(standing)
    moment = asked[0].question.requested_at.astimezone(state.network.zone)
    wanted = _wanted(asked, shelves, state, moment, quotas)
    policy = state.policy_at(moment)
    async with turn:
        window = await aside(window_for, state.network, to_seconds(moment), horizon_of(wanted, policy))
        first = date.fromordinal(int(window.ride_day.min())) if len(window.ride_day) else moment.date()
        grid, capacity = await foresight.under_way(
            database, state, first=first, days=window.length // DAY_SECONDS + 3
        )
        offers, assignment = await aside(
            _assign, state, policy, wanted, room=room_on(window, grid, capacity, items_per_crate), quotas=quotas
        )
    return Assigned(state, asked, offers, assignment)


def _assign(
    state: State, policy: Policy, wanted: Sequence[Wanted], *, room: Longs, quotas: Mapping[str, int]
) -> tuple[Offers, Assignment]:
    offers = lay_out(wanted, state.network, state.register, policy, room=room, quotas=quotas)
    return offers, solve(offers.problem, seconds=SECONDS)


def room_on(window: Window, under_way: Grid, capacity: Floats, items_per_crate: int) -> Longs:
    """How many items each ride of a window may still take; below 0 (`ANY`) where its trip states no capacity."""
    day = window.ride_day - under_way.first.toordinal()
    inside = (day >= 0) & (day < under_way.days)
    riding = np.where(inside, under_way.riding[window.ride_planned, np.where(inside, day, 0)], 0.0)
    crates = capacity[window.ride_trip]
    stated = ~np.isnan(crates)
    left = np.maximum(np.where(stated, crates, 0.0) * items_per_crate - riding, 0.0)
    return np.where(stated, np.floor(left), ANY).astype(np.int64)


async def _look_up(database: Database, asked: Sequence[Asked]) -> tuple[Standing, Mapping[Key, Shelved]]:
    async with database.one_moment() as connection:
        standing = await read_standing(connection)
        shelves = await find_many_holders(connection, {key_of(one.title.isbn, one.title.ppn) for one in asked})
    return standing, shelves


def _wanted(
    asked: Sequence[Asked],
    shelves: Mapping[Key, Shelved],
    state: State,
    moment: datetime,
    quotas: Collection[str],
) -> list[Wanted]:
    found: list[Wanted] = []
    known = state.register.locations.keys() | state.register.agencies.keys()
    faults: list[tuple[tuple[str | int, ...], str]] = [
        (("quotas", name), f"No location or agency {name} is registered.") for name in quotas if name not in known
    ]
    for position, one in enumerate(asked):
        shelved = shelves.get(key_of(one.title.isbn, one.title.ppn))
        counter = one.question.pickup_location
        if counter not in state.register.locations:
            faults.append((("requests", position, "pickup_location"), f"No location {counter} is registered."))
        if shelved is None:
            faults.append((("requests", position, "title"), f"No holding of {one.title} is known."))
        else:
            found.append(
                Wanted(
                    replace(one.question, requested_at=moment),
                    shelved.titles,
                    shelved.holdings,
                    policy=state.policy_for(counter, moment),
                )
            )
    if faults:
        raise Unassignable(faults)
    return found
