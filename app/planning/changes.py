"""Puts what people and feeds say of a dated trip into the engine's words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.imports.trip_updates import Call as SaidCall
from app.imports.trip_updates import Event, Update
from routing import Call, Change, DatedTrip, Delay, Visit

EARLIEST_SECONDS, LATEST_SECONDS = -3600, 24 * 3600
"""How much a trip may be early or late: beyond that it is another trip, or a clock is wrong."""


class Unfit(Exception):  # noqa: N818 - says what it is
    """What is said does not fit the trip: which field, and why."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Stopping:
    """A call that somebody names: the location, and which of the trip's calls there (None: all, or the first)."""

    location: str
    visit: int | None = None


def changed_by_hand(
    trip: DatedTrip, *, delay_seconds: int, since: Stopping | None, skipped: Sequence[Stopping]
) -> Change:
    """Return how a trip runs that is late from a call on (None: its first), and passes calls by. Raises Unfit."""
    if delay_seconds == 0 and not skipped:
        raise Unfit("delay_seconds", "Say how late it is, or what it skips: so it runs as planned.")
    first = trip.calls[0] if since is None else _named(trip, since, "from_call")[0]
    late = (Delay(_visit(first), delay_seconds, delay_seconds),) if delay_seconds else ()
    passed = {
        _visit(call) for at, each in enumerate(skipped) for call in _named(trip, each, f"skipped/{at}/location")
    }
    return Change(trip.trip_id, trip.service_date, late, frozenset(passed))


def changed_by_feed(trip: DatedTrip, update: Update, sequences: Sequence[int]) -> Change:
    """Return how a trip runs by a feed's word; `sequences` are the stop_sequence of its calls. Raises Unfit.

    As GTFS-Realtime has it: what is said of a call counts until the next that something is said of; a delay of the
    trip as a whole counts where nothing is said of calls; of a call without data nothing is known, so it is on time.
    """
    delays: list[Delay] = []
    skipped: set[Visit] = set()
    if not update.calls and update.delay:
        delays.append(Delay(_visit(trip.calls[0]), _bounded(update.delay), _bounded(update.delay)))
    late, at = 0, -1
    for said in update.calls:
        at = _find(trip, said, sequences, after=at)
        call = trip.calls[at]
        if said.skipped:
            skipped.add(_visit(call))
            continue
        arrival, departure = _lateness(call, said, late)
        if (arrival, departure) != (late, late):
            delays.append(Delay(_visit(call), arrival, departure))
        late = departure
    return Change(trip.trip_id, trip.service_date, tuple(delays), frozenset(skipped))


def positions(calls: Sequence[Call]) -> Mapping[Visit, int]:
    """Return where each call stands in its trip."""
    return {_visit(call): at for at, call in enumerate(calls)}


def _lateness(call: Call, said: SaidCall, late: int) -> tuple[int, int]:
    if said.no_data:
        return 0, 0
    arrival = _late(said.arrival, call.planned_arrives_at)
    departure = _late(said.departure, call.planned_departs_at)
    if departure is None:
        departure = late if arrival is None else arrival
    return departure if arrival is None else arrival, departure


def _late(event: Event | None, planned: datetime | None) -> int | None:
    if event is None:
        return None
    if event.time and planned is not None:  # by the specification, a time outweighs a delay
        return _bounded(event.time - int(planned.timestamp()))
    return None if event.delay is None else _bounded(event.delay)


def _bounded(seconds: int) -> int:
    if not EARLIEST_SECONDS <= seconds <= LATEST_SECONDS:
        raise Unfit("delay", f"a trip is {-EARLIEST_SECONDS} seconds early to {LATEST_SECONDS} late, not {seconds}")
    return seconds


def _find(trip: DatedTrip, said: SaidCall, sequences: Sequence[int], *, after: int) -> int:
    """The position of the call that is meant; calls come in their order."""
    for at, call in enumerate(trip.calls):
        if at <= after or (said.stop is not None and call.stop != said.stop):
            continue
        if said.sequence is None:
            if said.stop is not None:
                return at
        elif at < len(sequences) and sequences[at] == said.sequence:
            return at
    named = said.stop if said.sequence is None else f"stop_sequence {said.sequence} {said.stop or ''}".strip()
    raise Unfit("stop_time_update", f"the trip does not call at {named}, or not after the call before")


def _named(trip: DatedTrip, stopping: Stopping, field: str) -> list[Call]:
    found = [call for call in trip.calls if call.stop == stopping.location and stopping.visit in (None, call.number)]
    if not found:
        which = "" if stopping.visit is None else f" a {stopping.visit}th time"
        raise Unfit(field, f"{trip.trip_id} does not call at {stopping.location}{which}.")
    return found


def _visit(call: Call) -> Visit:
    return Visit(call.stop, call.number)
