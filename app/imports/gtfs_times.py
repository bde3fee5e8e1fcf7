"""stop_times.txt: millions of rows, so they go into integer columns at once and are checked as columns."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from app.imports.gtfs_fields import choice, gtfs_seconds, whole_number
from app.imports.gtfs_rows import Rows
from app.imports.gtfs_tables import Reading, parsed
from app.store.timetable import Calls, TripRow

Ints = npt.NDArray[np.int32]

NAME = "stop_times.txt"
COLUMNS = (
    "trip_id",
    "arrival_time",
    "departure_time",
    "stop_id",
    "stop_sequence",
    "pickup_type",
    "drop_off_type",
)
# GTFS-Flex: vans that come anywhere in an area, or at any time in a window.
FLEX = (
    "location_group_id",
    "location_id",
    "start_pickup_drop_off_window",
    "end_pickup_drop_off_window",
)
CONTINUOUS = ("continuous_pickup", "continuous_drop_off")
TYPES = {"": 0, "0": 0, "1": 1, "2": 2, "3": 3}
TRIP, SEQUENCE, STOP, ARRIVAL, DEPARTURE, PICKUP, DROP_OFF, LINE = range(8)
UNSTATED = -1


def read_calls(
    reading: Reading, trips: Sequence[TripRow], stops: Mapping[str, int], others: Mapping[str, int]
) -> Calls | None:
    """Return all calls in the order of (trip, sequence), every time known; None when rows are at fault.

    A time left blank is interpolated: over the n rides between the two calls around it whose times are known, the
    k-th call after the first gets departure + (arrival - departure) * k // n, in whole seconds.
    """
    trip_at = {trip.id: position for position, trip in enumerate(trips)}
    with reading.rows(NAME, *COLUMNS, *FLEX, *CONTINUOUS) as rows:
        before = reading.faults.count
        cells = _read_cells(reading, rows, trip_at, stops, others)
        if rows.count == 0:
            rows.fault(1, None, "the file has no rows")
        if reading.faults.count > before:
            return None
        table = np.frombuffer(cells, dtype=np.int32).reshape(-1, LINE + 1)
        del cells
        table = table[np.lexsort((table[:, SEQUENCE], table[:, TRIP]))]
        found = _faults(table)
        for line, field, reason in sorted(found):
            rows.fault(line, field, reason)
    if found:
        return None
    _note_short_trips(reading, table[:, TRIP], len(trips))
    arrival, departure = _interpolated(table[:, ARRIVAL], table[:, DEPARTURE])
    return Calls(
        trip=table[:, TRIP].copy(),
        sequence=table[:, SEQUENCE].copy(),
        stop=table[:, STOP].copy(),
        arrival=arrival,
        departure=departure,
        pickup_type=table[:, PICKUP].astype(np.int16),
        drop_off_type=table[:, DROP_OFF].astype(np.int16),
    )


def _read_cells(
    reading: Reading, rows: Rows, trip_at: Mapping[str, int], stops: Mapping[str, int], others: Mapping[str, int]
) -> array[int]:
    """Return eight integers for every sound row; name what is wrong with the others."""
    cells = array("i")
    add = cells.extend
    flexible = any(column in rows.header for column in FLEX)
    continuous = 0
    may_continue = any(column in rows.header for column in CONTINUOUS)
    for line, values in rows:
        trip, arrival, departure, stop, sequence, pickup, drop_off = values[:7]
        if flexible and any(values[7:11]):
            _refuse_flex(rows, line, values)
            continue
        try:
            cell = (
                trip_at[trip],
                whole_number(sequence),
                stops[stop],
                gtfs_seconds(arrival or departure),
                gtfs_seconds(departure or arrival),
                TYPES[pickup],
                TYPES[drop_off],
                line,
            )
        except (KeyError, ValueError):
            _explain(rows, line, values, trip_at, stops, others)
            continue
        add(cell)
        if may_continue and not {"", "1"}.issuperset(values[11:13]):
            continuous += 1
    if continuous:
        reading.notes.append(
            f"{NAME}: continuous_pickup and continuous_drop_off left aside in {continuous:,} rows; vans stop at stops"
        )
    return cells


def _refuse_flex(rows: Rows, line: int, values: tuple[str, ...]) -> None:
    column = next(column for column, value in zip(FLEX, values[7:11], strict=True) if value)
    rows.fault(line, column, "service in an area or a window of time is not modelled; name a stop and a time")


def _explain(
    rows: Rows,
    line: int,
    values: tuple[str, ...],
    trip_at: Mapping[str, int],
    stops: Mapping[str, int],
    others: Mapping[str, int],
) -> None:
    """Name every fault of one row."""
    trip, arrival, departure, stop, sequence, pickup, drop_off = values[:7]
    if trip not in trip_at:
        rows.fault(line, "trip_id", f"{trip} is not in trips.txt" if trip else "is empty")
    if stop in others:
        rows.fault(line, "stop_id", f"{stop} has location_type {others[stop]}; trips call at stops (0) only")
    elif stop not in stops:
        rows.fault(line, "stop_id", f"{stop} is not in stops.txt" if stop else "is empty")
    parsed(rows, line, "stop_sequence", whole_number, sequence, otherwise=0)
    parsed(rows, line, "arrival_time", gtfs_seconds, arrival, otherwise=0)
    parsed(rows, line, "departure_time", gtfs_seconds, departure, otherwise=0)
    for column, text in (("pickup_type", pickup), ("drop_off_type", drop_off)):
        parsed(rows, line, column, lambda text: choice(text, "0123", empty="0"), text, otherwise=0)


def _faults(table: Ints) -> list[tuple[int, str, str]]:
    """Return (line, field, reason) for what only shows once calls are in order. `table` is ordered."""
    trip, line = table[:, TRIP], table[:, LINE]
    same_trip = trip[1:] == trip[:-1]
    twice = np.flatnonzero(same_trip & (table[1:, SEQUENCE] == table[:-1, SEQUENCE]))
    if len(twice):
        pairs = np.sort(np.stack((line[twice], line[twice + 1])), axis=0).T.tolist()
        return [(later, "stop_sequence", f"the trip has this already at line {earlier}") for earlier, later in pairs]

    found: list[tuple[int, str, str]] = []
    ends = np.ones(len(trip), bool)
    ends[1:-1] = ~same_trip[1:] | ~same_trip[:-1]
    for at in np.flatnonzero(ends & (table[:, ARRIVAL] == UNSTATED)).tolist():
        found.append((int(line[at]), "arrival_time", "is empty at the first or last call of the trip"))

    known = table[table[:, ARRIVAL] != UNSTATED]
    for at in np.flatnonzero(known[:, ARRIVAL] > known[:, DEPARTURE]).tolist():
        found.append((int(known[at, LINE]), "departure_time", "is before the arrival_time of the same row"))
    backwards = (known[1:, TRIP] == known[:-1, TRIP]) & (known[1:, ARRIVAL] < known[:-1, DEPARTURE])
    for at in np.flatnonzero(backwards).tolist():
        earlier = int(known[at, LINE])
        found.append((int(known[at + 1, LINE]), "arrival_time", f"is before the departure at line {earlier}"))
    return found


def _interpolated(arrival: Ints, departure: Ints) -> tuple[Ints, Ints]:
    """Return the times with no gaps; the first and last call of every trip are known."""
    here = np.arange(len(arrival))
    known = arrival != UNSTATED
    before = np.maximum.accumulate(np.where(known, here, 0))
    after = np.minimum.accumulate(np.where(known, here, len(arrival))[::-1])[::-1]
    rides = np.maximum(after - before, 1)
    start = departure[before].astype(np.int64)
    between = (start + (arrival[after] - start) * (here - before) // rides).astype(np.int32)
    return np.where(known, arrival, between), np.where(known, departure, between)


def _note_short_trips(reading: Reading, trip: Ints, trips: int) -> None:
    calls = np.bincount(trip, minlength=trips)
    if short := int((calls < 2).sum()):
        reading.notes.append(
            f"trips.txt: {short:,} {'trip' if short == 1 else 'trips'} with fewer than two calls, which move nothing"
        )
