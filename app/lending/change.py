"""Says that a trip runs otherwise than planned on a day, and takes it back; by hand, or as a feed says it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.database import Connection
from app.lending.ground import Ground
from app.lending.said import hold_word, read_word
from app.lending.stop import Trip, tell
from app.store.stoppages import add_cancellation, remove_cancellation
from app.store.trip_changes import (
    FEED,
    PLANNER,
    Row,
    get_change,
    list_fed,
    lock_said,
    note_feed,
    put_change,
    read_feeds,
    remove_change,
    says_as_planned,
    stand_as_planned,
)
from app.store.under_way import CHANGED, STOPPED
from routing import Change


@dataclass(frozen=True, slots=True)
class Said:
    """What a feed says of a dated trip: how it runs, or (None) that it does not."""

    trip: Trip
    change: Change | None


@dataclass(slots=True)
class Done:
    """What a feed changed, by dated trips."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    kept: int = 0  # of which a planner has said something else
    overtaken: int = 0  # of which the same sender has said something newer
    behind: tuple[str, ...] = ()  # whose trips those are


async def change(
    ground: Ground, trip: Trip, said: Change, *, by: str, note: str | None, seen: str | None = None
) -> tuple[Row, str]:
    """Have a trip run otherwise on a day, in the place of all that was said of it; whoever rides it is planned again.

    Returns what is known, and whether that was `created`, `updated` or `unchanged`. Raises SaidOtherwise where `seen`
    (the revision of what was said; None: whichever) is not what is said by now.
    """
    async with ground.database.transaction() as connection:
        word = await hold_word(connection, trip.trip_id, trip.service_date, seen=seen)
        row, done = await put_change(
            connection,
            said,
            route_id=trip.route_id,
            operator=trip.operator,
            source=PLANNER,
            by=by,
            note=note,
            at=ground.clock.now(),
        )
        if word.cancellation is not None:
            await remove_cancellation(connection, trip.trip_id, trip.service_date)
            done = "updated"
        if done != "unchanged":
            await tell(connection, STOPPED if done == "created" else CHANGED)
    return row, done


async def as_planned(ground: Ground, trip_id: str, service_date: date, *, by: str, seen: str | None = None) -> None:
    """Take back what a person said of a trip; of what a feed said, say that it runs as planned, whatever that says.

    Raises SaidOtherwise, UnknownTripChange.
    """
    async with ground.database.transaction() as connection:
        await hold_word(connection, trip_id, service_date, seen=seen)
        row = await get_change(connection, trip_id, service_date)
        if row["source"] == FEED:
            await stand_as_planned(connection, row, by=by, at=ground.clock.now())
        else:
            await remove_change(connection, trip_id, service_date)
        if not says_as_planned(row):
            await tell(connection, CHANGED)


async def follow_feed(
    ground: Ground,
    said: Sequence[Said],
    *,
    by: str,
    at: datetime | None,
    whole_of: Collection[str],
    since: date,
    over: Collection[tuple[str, date]],
) -> Done:
    """Have what a feed says be so, in one transaction; whoever rides what it changes is planned again.

    What people said of a trip stands. The feed is the whole truth about the operators `whole_of`: what an earlier one
    said of their trips from `since` on, and this one does not, is taken back, but for trips that are `over` by now.
    It is of the moment `at` (None: nobody knows): of operators of whose trips the same sender sent a newer one it
    changes nothing.
    """
    done, back = Done(), False
    async with ground.database.transaction() as connection:
        await lock_said(connection)
        newest = await read_feeds(connection, by)
        behind = {operator for operator, known in newest.items() if at is not None and at < known}
        touched = set(whole_of) | {each.trip.operator for each in said}
        followed = [each for each in said if each.trip.operator not in behind]
        done.overtaken, done.behind = len(said) - len(followed), tuple(sorted(behind & touched))
        for each in sorted(followed, key=lambda each: (each.trip.service_date, each.trip.trip_id)):
            back |= await _follow(connection, each, done, by=by, at=ground.clock.now())
        told = {(each.trip.trip_id, each.trip.service_date) for each in said} | set(over)
        whole_of = set(whole_of) - behind
        changed, cancelled = await list_fed(connection, whole_of, since=since)
        for trip in sorted(changed - told):
            await remove_change(connection, *trip)
        for trip in sorted(cancelled - told):
            await remove_cancellation(connection, *trip)
        gone = (changed | cancelled) - told
        done.removed = len(gone)
        if at is not None:
            await note_feed(connection, by, touched - behind, at)
        if gone or back:
            await tell(connection, CHANGED)
        elif done.created or done.updated:
            await tell(connection, STOPPED)
    return done


async def _follow(connection: Connection, said: Said, done: Done, *, by: str, at: datetime) -> bool:
    """Write one trip down as a feed says it; True where it runs again, or as planned, after all."""
    key = (said.trip.trip_id, said.trip.service_date)
    word = await read_word(connection, *key)
    cancelled, changed = word.cancellation, word.change
    if any(found is not None and found["source"] == PLANNER for found in (cancelled, changed)):
        done.kept += 1
        return False
    wanted = said.change is not None and bool(said.change.delays or said.change.skipped)
    if cancelled is not None and said.change is not None:
        await remove_cancellation(connection, *key)
    if changed is not None and not wanted:
        await remove_change(connection, *key)
    outcome = "unchanged"
    if said.change is None and cancelled is None:
        await _cancel(connection, said.trip, by=by)
        outcome = "created"
    elif said.change is not None and wanted:
        outcome = await _put(connection, said.trip, said.change, by=by, at=at)
    if (cancelled is not None and said.change is not None) or (changed is not None and not wanted):
        outcome = "updated"
    setattr(done, outcome, getattr(done, outcome) + 1)
    return outcome == "updated" and said.change is not None and (cancelled is not None or not wanted)


async def _cancel(connection: Connection, trip: Trip, *, by: str) -> None:
    await add_cancellation(
        connection,
        trip_id=trip.trip_id,
        service_date=trip.service_date,
        route_id=trip.route_id,
        operator=trip.operator,
        by=by,
        note=None,
        source=FEED,
    )


async def _put(connection: Connection, trip: Trip, said: Change, *, by: str, at: datetime) -> str:
    _, outcome = await put_change(
        connection, said, route_id=trip.route_id, operator=trip.operator, source=FEED, by=by, note=None, at=at
    )
    return outcome
