"""A day's trips with their load, and the run sheet of one, as documents."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from app.database import Connection
from app.lending.snapshot import State
from app.planning.loading import Batch, Ride, Sheet, Stand, most_on_board, sheet_of
from app.store.riders import Row, count_riders, list_riders, name_locations, read_vehicle, read_vehicles
from routing import Call, DatedTrip, find_dated_trip, trips_on

MOST_ITEMS = 20_000
"""On one run sheet, each by itself."""
MOST_PRINTED = 1_000
"""The same on paper: one takes some milliseconds to set."""

Document = dict[str, Any]


class UnknownTrip(Exception):  # noqa: N818 - named as the problem it becomes
    """The active network has no such trip on that day."""


def find_run(state: State, trip_id: str, service_date: date) -> DatedTrip:
    """Return a trip on a day. Raises UnknownTrip."""
    trip = find_dated_trip(state.network, trip_id, service_date)
    if trip is None:
        raise UnknownTrip(f"The active network has no trip {trip_id} on {service_date}.")
    return trip


def trips_today(state: State, *, operators: Collection[str] | None, now: datetime) -> list[DatedTrip]:
    """Return today's trips, of these operators (None: of all), and before them yesterday's that have not ended."""
    today = now.astimezone(state.network.zone).date()
    night = [
        trip
        for trip in trips_on(state.network, today - timedelta(days=1), operators=operators)
        if (ends := trip.calls[-1].arrives_at) is not None and now < ends
    ]
    return night + trips_on(state.network, today, operators=operators)


async def read_day(
    connection: Connection,
    state: State,
    service_date: date,
    trips: Sequence[DatedTrip],
    loads: Mapping[date, Sequence[Row]],
    *,
    operators: Collection[str] | None,
    items_per_crate: int,
    now: datetime,
) -> Document:
    """Return these trips of a day as a document, each with its calls and how much it carries of the `loads` by day.

    `operators` are those whose trips the reader may see (None: all).
    """
    counts: dict[tuple[str, date], dict[tuple[str, str, datetime], int]] = defaultdict(dict)
    for day, rows in loads.items():
        for row in rows:
            departs_at = datetime.fromisoformat(row["departs_at"])
            counts[row["trip_id"], day][row["from_location"], row["to_location"], departs_at] = row["items"]
    driving = {route.operator for route in state.network.timetable.routes}
    vehicles = await read_vehicles(connection, state.network.version)
    names = await name_locations(connection, {call.stop for trip in trips for call in trip.calls})
    found = []
    for trip in trips:
        carried = counts.get((trip.trip_id, trip.service_date), {})
        load = most_on_board(trip, carried, items_per_crate=items_per_crate)
        head = _run(state, trip, vehicles.get(trip.trip_id, ("", None)), load, now=now)
        found.append({**head, "calls": [_call(call, names) for call in trip.calls]})
    return {
        "service_date": service_date,
        "now": now.astimezone(state.network.zone),
        "network_version": state.network.version,
        "items_per_crate": items_per_crate,
        "operators": sorted(driving if operators is None else driving.intersection(operators)),
        "trips": found,
    }


async def read_run_sheet(
    connection: Connection,
    state: State,
    trip: DatedTrip,
    *,
    items_per_crate: int,
    now: datetime,
    most: int | None = None,
) -> Document:
    """Return what is loaded and unloaded at each call of a trip, from the itineraries of what is under way.

    `most` items are listed (None: MOST_ITEMS). Of more, `truncated` says so, and all are counted.
    """
    limit = MOST_ITEMS if most is None else most
    riders = await list_riders(connection, trip.trip_id, trip.service_date, limit=limit + 1)
    truncated = len(riders) > limit
    listed = sheet = sheet_of(trip, [_ride(row) for row in riders[:limit]], items_per_crate=items_per_crate)
    if truncated:
        counts = await count_riders(connection, trip.trip_id, trip.service_date)
        rides: list[Ride[Document]] = [ride for row in counts for ride in [_counted(row)] * row["items"]]
        sheet = sheet_of(trip, rides, items_per_crate=items_per_crate)
    names = await name_locations(connection, {call.stop for call in trip.calls})
    vehicle = await read_vehicle(connection, state.network.version, trip.trip_id)
    return {
        **_run(state, trip, vehicle, (sheet.items, sheet.most_crates), now=now),
        "network_version": state.network.version,
        "items_per_crate": items_per_crate,
        "truncated": truncated,
        "stops": [_stand(sheet, stand, each, names) for stand, each in zip(sheet.stands, listed.stands, strict=True)],
        "items_adrift": len(sheet.adrift),
        "adrift": [ride.item for ride in listed.adrift],
    }


def status_of(state: State, trip: DatedTrip) -> str:
    """Say in a word how a trip runs."""
    if trip.stopped:
        cancelled = (trip.trip_id, trip.service_date) in state.network.stopped.said.trips
        return "cancelled" if cancelled else "suspended"
    if any(call.skipped for call in trip.calls) and trip.changed:
        return "shortened"
    return "late" if late_seconds(trip) else "as_planned"


def late_seconds(trip: DatedTrip) -> int:
    """Return the most that a trip is late anywhere; below 0 where it is only early."""
    lateness = [
        int((now - planned).total_seconds())
        for call in trip.calls
        for now, planned in (
            (call.arrives_at, call.planned_arrives_at),
            (call.departs_at, call.planned_departs_at),
        )
        if now is not None and planned is not None
    ]
    return max(lateness) if any(late > 0 for late in lateness) else min(lateness, default=0)


def _run(
    state: State, trip: DatedTrip, vehicle: tuple[str, int | None], load: tuple[int, int], *, now: datetime
) -> Document:
    begins, ends = trip.calls[0].departs_at, trip.calls[-1].arrives_at
    assert begins is not None
    assert ends is not None
    return {
        "trip_id": trip.trip_id,
        "service_date": trip.service_date,
        "route_id": trip.route_id,
        "operator": trip.operator,
        "headsign": vehicle[0],
        "status": status_of(state, trip),
        "phase": "to_come" if now < begins else "driving" if now < ends else "ended",
        "late_seconds": late_seconds(trip),
        "crate_capacity": vehicle[1],
        "items": load[0],
        "crates": load[1],
    }


def _call(call: Call, names: Mapping[str, str]) -> Document:
    return {
        "location": _place(call.stop, names),
        "visit": call.number,
        "arrives_at": call.arrives_at,
        "departs_at": call.departs_at,
        "planned_arrives_at": call.planned_arrives_at,
        "planned_departs_at": call.planned_departs_at,
        "skipped": call.skipped,
    }


def _place(stop: str, names: Mapping[str, str]) -> Document:
    return {"id": stop, "name": names.get(stop) or stop}


def _stand(
    sheet: Sheet[Document], stand: Stand[Document], listed: Stand[Document], names: Mapping[str, str]
) -> Document:
    """What is done at a call: counted as in `stand`, each item as far as `listed` has it."""
    calls = sheet.trip.calls
    carries = {(each.boards, each.leaves): list(each.items) for each in (*listed.unload, *listed.load)}

    def batch(given: Batch[Document], other: int) -> Document:
        place = _place(calls[other].stop, names)
        return {
            "location": place,
            "items": len(given.items),
            "crates": given.crates,
            "carries": carries.get((given.boards, given.leaves), []),
        }

    return {
        **_call(stand.call, names),
        "unload": [batch(each, each.boards) for each in stand.unload],
        "load": [batch(each, each.leaves) for each in stand.load],
        "items_on_board": stand.items_on_board,
        "crates_on_board": stand.crates_on_board,
    }


def _counted(row: Document) -> Ride[Document]:
    return Ride({}, row["from_location"], row["to_location"], datetime.fromisoformat(row["departs_at"]))


def _ride(row: Document) -> Ride[Document]:
    back = row["item"] == "on_the_way_back"
    ends = (row["supplying_location"], row["pickup_location"])
    item = {
        "loan_request": row["id"],
        "requesting_agency_request_id": row["requesting_agency_request_id"],
        **{name: row[name] for name in ("title", "author", "isbn", "ppn")},
        "direction": "back" if back else "there",
        "from_location": ends[1] if back else ends[0],
        "to_location": ends[0] if back else ends[1],
    }
    leg = row["leg"]
    return Ride(item, leg["from_location"], leg["to_location"], datetime.fromisoformat(leg["departs_at"]))
