"""Says that a trip does not run, or that something stands still for a while, and takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from app.database import Connection
from app.lending.ground import Ground
from app.lending.said import hold_word
from app.lending.snapshot import State
from app.store.epochs import REGISTER, bump
from app.store.register import TIMEZONE
from app.store.stoppages import (
    Row,
    add_cancellation,
    add_suspension,
    count_again,
    get_cancellation,
    get_suspension,
    lift_suspension,
    remove_cancellation,
)
from app.store.tasks import AT_ONCE, Task, finish, schedule
from app.store.trip_changes import FEED, remove_change, says_as_planned, stand_as_planned
from app.store.under_way import CHANGED, STOPPED, plan_again
from routing import find_route

RECOUNT, EVERYTHING = "recount", "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A dated trip, with who drives it."""

    trip_id: str
    service_date: date
    route_id: str
    operator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """What stands still from `since` (included) to `until` (not); no subject: everything."""

    agency: str | None
    location: str | None
    route: str | None
    poi: str | None
    since: date | None
    until: date | None


def find_trip(state: State, trip_id: str, service_date: date) -> Trip:
    """Return a trip that the active network has run on a day. Raises routing.LegRefused, which names the field."""
    route = find_route(state.network, trip_id, service_date)
    return Trip(trip_id=trip_id, service_date=service_date, route_id=route.id, operator=route.operator)


def operator_of(state: State, route: str) -> str | None:
    """Return who drives a route; None where the active network has no such route."""
    return next((known.operator for known in state.network.timetable.routes if known.id == route), None)


async def cancel(
    ground: Ground, trip: Trip, *, by: str, note: str | None, seen: str | None = None
) -> tuple[Row, bool]:
    """Cancel a trip on a day; whoever rides it is planned again. Returns what is known, and whether that is new.

    How late it is said to be stays said, for when it runs after all. Raises SaidOtherwise where `seen` (the revision
    of what was said; None: whichever) is not what is said by now.
    """
    async with ground.database.transaction() as connection:
        word = await hold_word(connection, trip.trip_id, trip.service_date, seen=seen)
        if word.change is not None and says_as_planned(word.change):
            await remove_change(connection, trip.trip_id, trip.service_date)
        new = await add_cancellation(
            connection,
            trip_id=trip.trip_id,
            service_date=trip.service_date,
            route_id=trip.route_id,
            operator=trip.operator,
            by=by,
            note=note,
        )
        if new:
            await tell(connection, STOPPED)
        return await get_cancellation(connection, trip.trip_id, trip.service_date), new


async def restore(ground: Ground, trip_id: str, service_date: date, *, by: str, seen: str | None = None) -> None:
    """Take a cancellation back: the trip runs after all, and if a feed cancelled it, whatever that says next.

    Raises SaidOtherwise, UnknownCancellation.
    """
    async with ground.database.transaction() as connection:
        word = await hold_word(connection, trip_id, service_date, seen=seen)
        row = await get_cancellation(connection, trip_id, service_date)
        await remove_cancellation(connection, trip_id, service_date)
        if row["source"] == FEED and (word.change is None or word.change["source"] == FEED):
            await stand_as_planned(connection, row, by=by, at=ground.clock.now())
        await tell(connection, CHANGED)


async def suspend(ground: Ground, suspension: Suspension, *, by: str, note: str | None) -> Row:
    """Have something stand still; lapses and due dates that it moves are counted again."""
    async with ground.database.transaction() as connection:
        row = await add_suspension(
            connection,
            agency=suspension.agency,
            location=suspension.location,
            route=suspension.route,
            poi=suspension.poi,
            since=suspension.since,
            until=suspension.until,
            by=by,
            note=note,
        )
        await _recount(connection, row)
        await tell(connection, STOPPED)
    return row


async def lift(ground: Ground, number: int) -> None:
    """End a suspension today. Raises UnknownSuspension."""
    today = ground.clock.now().astimezone(ZoneInfo(TIMEZONE)).date()
    async with ground.database.transaction() as connection:
        row = await get_suspension(connection, number)
        await lift_suspension(connection, number, today=today)
        await _recount(connection, row)
        await tell(connection, CHANGED)


async def tell(connection: Connection, cause: str) -> None:
    """Have what was changed be known, and items under way planned again: the last step of a transaction."""
    await bump(connection, REGISTER)
    await plan_again(connection, cause)


async def _recount(connection: Connection, row: Row) -> None:
    """Have lapses and due dates counted again: as a task, as that waits for whoever is busy with one of them."""
    if row["route"] is None:
        subject = next(
            (f"{name}:{row[name]}" for name in ("agency", "location", "poi") if row[name] is not None), EVERYTHING
        )
        await schedule(connection, RECOUNT, subject, AT_ONCE)


async def recount(ground: Ground, task: Task) -> None:
    """Carry the task `recount` out: a supplier, or everything, stands still, and what is due moves along."""
    name, _, supplier = task.subject.partition(":")
    async with ground.database.transaction() as connection:
        await finish(connection, task)
        await count_again(
            connection,
            agency=supplier if name == "agency" else None,
            location=supplier if name == "location" else None,
            poi=supplier if name == "poi" else None,
            due=AT_ONCE,
        )
