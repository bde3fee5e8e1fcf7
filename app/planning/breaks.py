"""Drivers' breaks: whether a trip that takes long stands still long enough.

The rule is that of the Arbeidstijdenwet, article 5:4: beyond five and a half hours of work, breaks of thirty minutes
in all; beyond ten hours, of forty-five; each of a quarter of an hour at least. A break is where the van stands: the
time between arrival and departure at a stop. Another driver may take over on the way, so this only warns.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.planning.plan import PlannedTrip

SHORTEST_BREAK_SECONDS = 15 * 60
# From how long a trip on, breaks of how long in all; the longest first.
RULES = ((10 * 3600, 45 * 60), (5 * 3600 + 1800, 30 * 60))


@dataclass(frozen=True, slots=True)
class ShortBreak:
    """A trip whose driver stands still for too short a time."""

    trip: str
    route: str
    minutes: int  # from its first departure to its last arrival
    break_minutes: int
    needed_minutes: int


def break_seconds(trip: PlannedTrip) -> int:
    """Return how long the van stands between its first and its last call, in pieces that count as a break."""
    stands = (call.departure - call.arrival for call in trip.calls[1:-1])
    return sum(seconds for seconds in stands if seconds >= SHORTEST_BREAK_SECONDS)


def check_breaks(trip: PlannedTrip) -> ShortBreak | None:
    """Return what is amiss with a trip's breaks; None where nothing is."""
    if len(trip.calls) < 2:
        return None
    duration, stands = trip.calls[-1].arrival - trip.calls[0].departure, break_seconds(trip)
    for longer_than, needed in RULES:
        if duration > longer_than:
            if stands >= needed:
                return None
            return ShortBreak(trip.id, trip.route, duration // 60, stands // 60, needed // 60)
    return None
