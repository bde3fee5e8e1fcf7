"""Arrivals and itineraries: what the sweep knows, in the words of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from routing.calendar import DAY_SECONDS, to_moment, to_seconds
from routing.model import Leg, Objective, Weights
from routing.network import Ints, Longs, Network, Window, window_for
from routing.sweep import Sweep, fastest, itineraries, lightest, sweep_to

MOST_LEGS = 50_000  # kept per window, about 20 MiB


@dataclass(frozen=True, slots=True, eq=False)
class Transport:
    """Every way to one pickup location for a request at `requested` (seconds since 1970).

    `horizon_end` is the last second that may be arrived in. `sweep` is None where no van calls at the pickup
    location in this network version.
    """

    network: Network
    pickup_location: str
    requested: int
    horizon_end: int
    window: Window
    sweep: Sweep | None


@dataclass(frozen=True, slots=True)
class Itinerary:
    """Legs in order, and when the item is there."""

    legs: tuple[Leg, ...]
    arrives_at: datetime


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Per candidate: the earliest arrival there is, and the arrival and handlings chosen (seconds since 1970).

    `earliest` is None where nothing arrives within the horizon; `chosen` is None where nothing arrives in time.
    """

    earliest: list[int | None]
    chosen: list[int | None]
    handlings: list[int]


def transport_to(network: Network, pickup_location: str, *, requested: int, horizon_days: int) -> Transport:
    """Work out, or take from the cache, all ways to a pickup location."""
    window = window_for(network, requested, horizon_days)
    stop = network.stop_positions.get(pickup_location)
    return Transport(
        network=network,
        pickup_location=pickup_location,
        requested=requested,
        horizon_end=requested + horizon_days * DAY_SECONDS,
        window=window,
        sweep=None if stop is None else sweep_to(network, window, stop),
    )


def itinerary(
    network: Network, from_location: str, to_location: str, *, ready_at: datetime, horizon_days: int
) -> Itinerary | None:
    """The earliest way for one item between two locations, with the fewest handlings; None: there is none in time.

    Where it stands there already there are no legs, and it has arrived when it is ready.
    """
    ready = to_seconds(ready_at)
    transport = transport_to(network, to_location, requested=ready, horizon_days=horizon_days)
    found = arrivals(transport, [from_location], [ready], objective=Objective.FASTEST, weights=Weights())
    arrival = found.chosen[0]
    if arrival is None:
        return None
    (way,) = legs(transport, [from_location], [ready], [arrival], found.handlings)
    return Itinerary(way, to_moment(arrival, network.zone))


def arrivals(
    transport: Transport,
    locations: Sequence[str],
    ready: Sequence[int],
    *,
    objective: Objective,
    weights: Weights,
    need_before: int | None = None,
) -> Arrivals:
    """When an item ready at each of `locations` can be at the pickup location, and by the objective's choice is.

    Fastest and cheapest take the earliest arrival with its fewest handlings. Fewest handlings takes the fewest
    that arrive in time, and balanced the lightest by `weights`; "in time" is by `need_before` and the horizon.
    At the pickup location itself the item has arrived when it is ready.
    """
    window, sweep, end = transport.window, transport.sweep, transport.horizon_end
    in_time = end if need_before is None else min(end, need_before)
    if sweep is None:
        return _only_here(transport, locations, ready, in_time=in_time)
    positions = transport.network.stop_positions
    stops = np.array([positions.get(location, -1) for location in locations], dtype=np.int32)
    start = window.start
    after = np.array(ready, dtype=np.int64) - start
    first = fastest(stops, after, window.slot_departure, window.segment_start, sweep.arrival, sweep.handlings)
    best = first
    if objective in (Objective.FEWEST_HANDLINGS, Objective.BALANCED):
        per_second, per_handling = _scale(objective, weights)
        best = lightest(
            stops,
            after,
            in_time - start,
            per_second,
            per_handling,
            window.slot_departure,
            window.segment_start,
            sweep.arrival,
            sweep.handlings,
            sweep.slower_slot,
            sweep.slower_handlings,
            sweep.slower_arrival,
        )
    chosen, handlings = best.tolist()
    found = Arrivals(
        earliest=[None if at > end - start else at + start for at in first[0].tolist()],
        chosen=[None if at > in_time - start else at + start for at in chosen],
        handlings=handlings,
    )
    for i, location in enumerate(locations):
        if location == transport.pickup_location:
            _stay(found, i, ready[i], end=end, in_time=in_time)
    return found


def legs(
    transport: Transport,
    locations: Sequence[str],
    ready: Sequence[int],
    arrival: Sequence[int],
    handlings: Sequence[int],
) -> list[tuple[Leg, ...]]:
    """The legs of items that `arrivals` said arrive at `arrival` with `handlings`; none where it already stands.

    See `sweep.itineraries` for which of several equal itineraries it is.
    """
    riding = [i for i, location in enumerate(locations) if location != transport.pickup_location]
    if transport.sweep is None or not riding:
        return [()] * len(locations)
    changes = [handlings[i] for i in riding]
    ridden = leg_numbers(
        transport, [locations[i] for i in riding], [ready[i] for i in riding], [arrival[i] for i in riding], changes
    ).tolist()
    found: list[tuple[Leg, ...]] = [()] * len(locations)
    kept, network, window, end = transport.window.legs, transport.network, transport.window, 0
    for i, count in zip(riding, changes, strict=True):
        start, end = end, end + count + 1
        found[i] = tuple([kept.get(leg) or _keep_leg(network, window, leg) for leg in ridden[start:end]])
    return found


def leg_numbers(
    transport: Transport,
    locations: Sequence[str],
    ready: Sequence[int],
    arrival: Sequence[int],
    handlings: Sequence[int],
) -> Longs:
    """The legs of items that stand elsewhere than at the pickup location, one item after the other, as numbers.

    An item has one leg more than `handlings`. The numbers are the window's: `leg_numbered` says which leg one is.
    """
    network, window, sweep = transport.network, transport.window, transport.sweep
    assert sweep is not None, "nothing arrives where no van calls"
    return ride_numbers(
        window,
        sweep,
        np.array([network.stop_positions[location] for location in locations], dtype=np.int32),
        np.array(ready, dtype=np.int64) - window.start,
        (np.array(arrival, dtype=np.int64) - window.start).astype(np.int32),
        np.array(handlings, dtype=np.int32),
    )


def ride_numbers(window: Window, sweep: Sweep, stops: Ints, ready: Longs, arrival: Ints, handlings: Ints) -> Longs:
    """As `leg_numbers`, by position of the stop and in seconds from the start of the window."""
    found: Longs = itineraries(
        stops,
        ready,
        arrival,
        handlings,
        sweep.pickup,
        window.ride_to,
        window.ride_arrival,
        window.ride_leaves,
        window.ride_ends_trip,
        window.ride_next,
        window.slot_ride,
        window.slot_departure,
        window.segment_start,
        sweep.arrival,
        sweep.handlings,
        sweep.slower_slot,
        sweep.slower_handlings,
        sweep.slower_arrival,
    )
    return found


def leg_numbered(transport: Transport, number: int) -> Leg:
    """The leg of a number that `leg_numbers` gave for the same window."""
    return transport.window.legs.get(number) or _keep_leg(transport.network, transport.window, number)


def _keep_leg(network: Network, window: Window, number: int) -> Leg:
    """Make a leg, and keep it: the same line-hauls and last rides come back all the time."""
    if len(window.legs) >= MOST_LEGS:
        window.legs.clear()
    leg = window.legs[number] = _leg(network, window, *divmod(number, len(window.ride_to)))
    return leg


def _leg(network: Network, window: Window, first: int, last: int) -> Leg:
    timetable = network.timetable
    trip = timetable.trips[window.ride_trip[first]]
    route = timetable.routes[trip.route]
    return Leg(
        route_id=route.id,
        trip_id=trip.id,
        service_date=date.fromordinal(int(window.ride_day[first])),
        operator=route.operator,
        from_location=timetable.stops[window.ride_from[first]].id,
        to_location=timetable.stops[window.ride_to[last]].id,
        departs_at=to_moment(window.start + int(window.ride_departure[first]), network.zone),
        arrives_at=to_moment(window.start + int(window.ride_arrival[last]), network.zone),
    )


def _scale(objective: Objective, weights: Weights) -> tuple[float, float]:
    """What a second and a handling weigh. An hour's cents per second times 3,600 stays exact for whole cents."""
    if objective is Objective.FEWEST_HANDLINGS:
        return 0.0, 1.0
    return float(weights.cents_per_hour), float(weights.cents_per_handling) * 3600


def _only_here(transport: Transport, locations: Sequence[str], ready: Sequence[int], *, in_time: int) -> Arrivals:
    """The arrivals where no van calls at the pickup location: only what stands there already."""
    count = len(locations)
    found = Arrivals(earliest=[None] * count, chosen=[None] * count, handlings=[0] * count)
    for i, location in enumerate(locations):
        if location == transport.pickup_location:
            _stay(found, i, ready[i], end=transport.horizon_end, in_time=in_time)
    return found


def _stay(found: Arrivals, i: int, ready: int, *, end: int, in_time: int) -> None:
    found.earliest[i] = ready if ready <= end else None
    found.chosen[i] = ready if ready <= in_time else None
    found.handlings[i] = 0
