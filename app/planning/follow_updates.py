"""Follows a feed of GTFS-Realtime trip updates: what it says of each trip, or why it cannot be followed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta

from app.database import Connection
from app.imports.report import MAX_REJECTS, ImportReport, Reject
from app.imports.trip_updates import Feed, Update
from app.lending.change import Said, follow_feed
from app.lending.ground import Ground
from app.lending.snapshot import State
from app.lending.stop import Trip
from app.planning.changes import Unfit, changed_by_feed
from app.store.riders import read_sequences
from app.store.trip_changes import list_said
from routing import DatedTrip, find_dated_trip

YESTERDAY = timedelta(days=1)
"""A trip of the evening before may still be on the road."""
AHEAD = timedelta(minutes=5)
"""How much a sender's clock may be ahead of ours."""
NEAR_DAYS = (0, -1, 1)
"""Where to look for a run whose service day a feed leaves out: trips begin and end up to a day off it."""


async def follow_updates(ground: Ground, feed: Feed, *, own: Collection[str] | None, by: str) -> ImportReport:
    """Have a feed be so: each trip of `own` operators (None: of all) that it names; nothing else of theirs.

    An entity that cannot be followed is named with the reason, and the others are followed. Of a feed that is older
    than what the same sender sent before, or of a moment to come, nothing is.
    """
    state = await ground.snapshot.follow()
    now = ground.clock.now()
    if feed.at is not None and feed.at > now + AHEAD:
        return _ahead(state, feed, now)
    today = now.astimezone(state.network.zone).date()
    async with ground.database.connection() as connection:
        sequences = await read_sequences(
            connection, state.network.version, {update.trip_id for update in feed.updates}
        )
        over = await _over(connection, state, since=today - YESTERDAY, now=now)
    said: dict[tuple[str, date], Said] = {}
    rejects = [Reject(fault.number, fault.field, fault.reason) for fault in feed.faults]
    superseded = 0
    for update in feed.updates:
        day = update.service_date or _day_of_run(state, update.trip_id, feed.at or now)
        try:
            one = _said(state, update, own, sequences.get(update.trip_id, []), day=day)
        except Unfit as unfit:
            rejects.append(Reject(update.number, unfit.field, unfit.detail))
            over.add((update.trip_id, day))  # what was said before is not taken back by it
            continue
        key = (one.trip.trip_id, one.trip.service_date)
        superseded += key in said
        said[key] = one
    done = await follow_feed(
        ground,
        list(said.values()),
        by=by,
        at=feed.at,
        whole_of=_whole_of(state, own) if feed.whole else (),
        since=today - YESTERDAY,
        over=over,
    )
    notes = [*feed.notes]
    if done.kept:
        notes.append(f"Of {done.kept} trips a planner has said something, which stands.")
    if done.behind:
        notes.append(
            f"A newer feed of yours was followed before, of {', '.join(done.behind)}: of their trips this one, of "
            f"{_written(state, feed.at)}, changed nothing."
        )
    return ImportReport(
        read=feed.entities,
        created=done.created,
        updated=done.updated,
        unchanged=done.unchanged + done.kept + done.overtaken + superseded,
        removed=done.removed,
        rejected=len(rejects),
        superseded=superseded,
        rejects=tuple(sorted(rejects, key=lambda reject: reject.line or 0)[:MAX_REJECTS]),
        notes=tuple(notes),
    )


def _ahead(state: State, feed: Feed, now: datetime) -> ImportReport:
    """Report a feed that none can be yet: nothing of it is followed, for what comes next would seem old."""
    faulty = f"is of {_written(state, feed.at)}, and it is {_written(state, now)}"
    return ImportReport(
        read=feed.entities,
        rejected=feed.entities,
        rejects=(Reject(0, "timestamp", faulty),),
        notes=(*feed.notes, "The feed is of a moment to come, and nothing of it was followed: is its clock right?"),
    )


def _written(state: State, moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(state.network.zone).isoformat(timespec="seconds")


def _day_of_run(state: State, trip_id: str, at: datetime) -> date:
    """Return the service day of the run that is under way, or else nearest, where a feed leaves it out."""
    today = at.astimezone(state.network.zone).date()
    nearest, least = today, timedelta.max
    for days in NEAR_DAYS:
        trip = find_dated_trip(state.network, trip_id, today + timedelta(days=days))
        if trip is None:
            continue
        away = _away(trip, at)
        if away < least:
            nearest, least = trip.service_date, away
        if not away:
            break
    return nearest


def _away(trip: DatedTrip, at: datetime) -> timedelta:
    """How far a moment is from a run, as planned or as it runs now; nothing while it is under way."""
    first, last = trip.calls[0], trip.calls[-1]
    begins = min(each for each in (first.departs_at, first.planned_departs_at) if each is not None)
    ends = max(each for each in (last.arrives_at, last.planned_arrives_at) if each is not None)
    return max(begins - at, at - ends, timedelta(0))


def _said(state: State, update: Update, own: Collection[str] | None, sequences: list[int], *, day: date) -> Said:
    trip = find_dated_trip(state.network, update.trip_id, day)
    if trip is None:
        raise Unfit("trip_id", f"the active network has no trip {update.trip_id} on {day}")
    if own is not None and trip.operator not in own:
        raise Unfit("trip_id", f"{trip.trip_id} is driven by {trip.operator}, for whom this key does not plan")
    named = Trip(trip_id=trip.trip_id, service_date=day, route_id=trip.route_id, operator=trip.operator)
    return Said(named, None if update.cancelled else changed_by_feed(trip, update, sequences))


def _whole_of(state: State, own: Collection[str] | None) -> set[str]:
    """The operators by the names that changes are kept under."""
    operators = {route.operator for route in state.network.timetable.routes}
    return operators if own is None else operators & set(own)


async def _over(connection: Connection, state: State, *, since: date, now: datetime) -> set[tuple[str, date]]:
    """The trips of which something was said and that have come to their end: what was, stays said."""
    found = set()
    for trip_id, day in await list_said(connection, since=since):
        trip = find_dated_trip(state.network, trip_id, day)
        if trip is None or _ended(trip, now):
            found.add((trip_id, day))
    return found


def _ended(trip: DatedTrip, now: datetime) -> bool:
    arrives = trip.calls[-1].arrives_at
    return arrives is not None and arrives <= now
