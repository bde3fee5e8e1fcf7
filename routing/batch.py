"""Many decisions at once, of each only who supplies and by which rides: what a plan is tried out with.

Loan requests are columns here, grouped by pickup location, so that one sweep over the whole period answers all that
go to one counter. For each of them the answer is the first entry of the rota that `decide` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil

import numpy as np
import numpy.typing as npt

from routing.calendar import DAY_SECONDS, open_time
from routing.costs import charge_between, same_agency, same_province
from routing.model import Agency, Holding, Location, Objective, Period, Policy, Register
from routing.network import Ints, Longs, Network, Window, window_between
from routing.pick import ABSENT, BALANCED, CHEAPEST, FASTEST, FEWEST_HANDLINGS, LENDING, OWN_ONLY, pick
from routing.register import Side, covers, find_location, standing_of, standing_still
from routing.screening import may_lend, one_per_location
from routing.sweep import Sweep, make_sweep
from routing.transport import ride_numbers

UNBOUNDED = 2**62
"""Of `Asked.need_before` and `Asked.most_cents`: any moment will do, any cost."""

_ORDER = {
    Objective.FASTEST: FASTEST,
    Objective.CHEAPEST: CHEAPEST,
    Objective.FEWEST_HANDLINGS: FEWEST_HANDLINGS,
    Objective.BALANCED: BALANCED,
}


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """Who may lend what: for each title the places that may, one after the other. `places` are ids in order."""

    places: tuple[str, ...]
    start: Longs  # (titles + 1,)
    place: Ints  # positions in `places`


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Loan requests as columns of equal length. Moments are seconds since 1970."""

    pickup: Ints  # position in the shelf's places; the register must know it
    title: Ints  # position in the shelf
    requested: Longs
    need_before: Longs  # UNBOUNDED: whenever it comes
    most_cents: Longs  # UNBOUNDED: whatever it costs


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """What was decided, as columns: of each loan request, then of each leg. Moments are seconds since 1970.

    Legs are given by their first and last ride in `window`, in the order of travel, loan request by loan request in
    the order of `leg_request`, which is not that of the loan requests.
    """

    window: Window
    place: Ints  # who supplies, as a position in the shelf's places; -1: nobody can
    arrival: Longs  # 0 where nobody can
    handlings: Ints
    cents: Longs
    leg_request: Ints  # position of the loan request
    leg_first: Ints
    leg_last: Ints


def shelve(titles: Iterable[Sequence[Holding]], places: Iterable[str], policy: Policy) -> Shelf:
    """Put titles on a shelf, each by its holdings. `places` are all locations that matter, pickup locations too."""
    ordered = tuple(sorted(set(places)))
    position = {place: at for at, place in enumerate(ordered)}
    start, place = [0], []
    for holdings in titles:
        place += [position[each.location] for each in one_per_location(holdings, policy) if may_lend(each, policy)]
        start.append(len(place))
    return Shelf(ordered, np.array(start, dtype=np.int64), np.array(place, dtype=np.int32))


def replay(
    network: Network,
    register: Register,
    policy: Policy,
    shelf: Shelf,
    asked: Asked,
    *,
    own_province_first: bool = False,
    span: tuple[int, int] | None = None,
    told: Callable[[int], None] | None = None,
) -> Replay:
    """Decide all that was asked by the policy's objective. `told` hears how many are done, now and then.

    `own_province_first`: whoever stands in the pickup location's province comes before all others. `span`: the first
    and the last moment that count for the window, so that parts of one demand share it; those asked, where left out.
    """
    count = len(asked.requested)
    first, last = span or ((int(asked.requested.min()), int(asked.requested.max())) if count else (0, 0))
    window = window_between(network, first, last, policy.horizon_days)
    desk = _Desk(network, register, policy, shelf, window, first=first, last=last, own_first=own_province_first)
    found = np.full((5, count), -1, dtype=np.int64)
    legs: list[tuple[Longs, Longs]] = []
    done = 0
    # By counter, and there by time, as who takes part may change in between.
    order = np.lexsort((asked.requested, asked.pickup))
    for here in _runs(order, asked.pickup):
        sweep = desk.sweep_to(int(asked.pickup[here[0]]))
        for some in desk.by_spell(here, asked.requested):
            found[:, some] = desk.choose(sweep, asked, some)
        legs.append(_legs(desk, sweep, here, found[:, here]))
        done += len(here)
        if told is not None:
            told(done)
    place, _, arrival, handlings, cents = found
    request = np.concatenate([np.empty(0, np.int64), *(some for some, _ in legs)])
    ridden = np.concatenate([np.empty(0, np.int64), *(some for _, some in legs)])
    rides = max(1, len(window.ride_to))
    return Replay(
        window=window,
        place=place.astype(np.int32),
        arrival=np.where(place >= 0, arrival + window.start, 0),
        handlings=np.maximum(handlings, 0).astype(np.int32),
        cents=np.maximum(cents, 0),
        leg_request=request.astype(np.int32),
        leg_first=(ridden // rides).astype(np.int32),
        leg_last=(ridden % rides).astype(np.int32),
    )


def _runs(order: npt.NDArray[np.intp], pickup: Ints) -> Iterator[npt.NDArray[np.intp]]:
    """Cut an order where the pickup location changes."""
    if len(order):
        sorted_pickup = pickup[order]
        yield from np.split(order, np.flatnonzero(sorted_pickup[1:] != sorted_pickup[:-1]) + 1)


def _legs(
    desk: _Desk, sweep: Sweep | None, here: npt.NDArray[np.intp], found: Longs
) -> tuple[npt.NDArray[np.intp], Longs]:
    """The legs of what was chosen for one counter: whose they are, and each as `itineraries` numbers it."""
    place, ready, arrival, handlings, _ = found
    if sweep is None:
        return np.empty(0, np.intp), np.empty(0, np.int64)
    riding = (place >= 0) & (desk.stop[place] != sweep.pickup)
    changes = handlings[riding].astype(np.int32)
    ridden = ride_numbers(
        desk.window, sweep, desk.stop[place[riding]], ready[riding], arrival[riding].astype(np.int32), changes
    )
    return np.repeat(here[riding], changes + 1), ridden


# --- what stands while decisions are made ---------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Spell:
    """Who takes part from one moment to the next change; a row for each place."""

    standing: npt.NDArray[np.int8]  # see routing.pick
    agency: Ints  # the agency in force, numbered; -1: none
    side: Ints  # position in `sides`
    sides: tuple[Side, ...]


class _Desk:
    """Everything that all decisions of a replay share, as arrays by place."""

    def __init__(
        self,
        network: Network,
        register: Register,
        policy: Policy,
        shelf: Shelf,
        window: Window,
        *,
        first: int,
        last: int,
        own_first: bool,
    ) -> None:
        self.window = window
        self._network, self._policy, self._shelf, self._own_first = network, policy, shelf, own_first
        places = [find_location(register, place) for place in shelf.places]
        self.stop = np.array([network.stop_positions.get(place, -1) for place in shelf.places], dtype=np.int32)
        self._handling = np.array([place.handling_minutes * 60 for place in places], dtype=np.int64)
        self._hours, self._hours_of = _hours(places, register.timezone, window, first)
        self._since, self._spells = _spells(register, shelf.places, first, last)

    def sweep_to(self, place: int) -> Sweep | None:
        """The sweep to a place; None: no van calls there."""
        stop = int(self.stop[place])
        return None if stop < 0 else make_sweep(self.window, stop)

    def by_spell(self, here: npt.NDArray[np.intp], requested: Longs) -> Iterator[npt.NDArray[np.intp]]:
        """Cut loan requests, which are in order of time, where who takes part changes."""
        cuts = np.searchsorted(requested[here], self._since[1:])
        yield from (some for some in np.split(here, cuts) if len(some))

    def choose(self, sweep: Sweep | None, asked: Asked, some: npt.NDArray[np.intp]) -> Longs:
        """Choose for loan requests of one counter and one spell: place, ready, arrival, handlings and cents."""
        pickup = int(asked.pickup[some[0]])
        spell = self._spells[int(np.searchsorted(self._since, asked.requested[some[0]], side="right")) - 1]
        own = spell.sides[spell.side[pickup]]
        charges = [charge_between(side, own, self._policy.tariff).cents for side in spell.sides]
        near = [same_agency(side, own) or same_province(side, own) for side in spell.sides]
        start, weights, ways = self.window.start, self._policy.weights, sweep or _NO_WAYS
        found: Longs = pick(
            asked.requested[some] - start,
            asked.title[some],
            np.where(asked.need_before[some] < UNBOUNDED, asked.need_before[some] - start, UNBOUNDED),
            asked.most_cents[some],
            self._shelf.start,
            self._shelf.place,
            pickup,
            spell.agency[pickup],
            self.stop,
            self._handling,
            self._hours_of,
            *self._hours,
            spell.standing,
            spell.agency,
            spell.side,
            np.array(charges, dtype=np.int64),
            np.array(near, dtype=np.bool_) | (not self._own_first),
            _ORDER[self._policy.objective],
            float(weights.cents_per_hour),
            float(weights.cents_per_handling),
            self._policy.horizon_days * DAY_SECONDS,
            sweep is not None,
            self.window.slot_departure,
            self.window.segment_start,
            ways.arrival,
            ways.handlings,
            ways.slower_slot,
            ways.slower_handlings,
            ways.slower_arrival,
        )
        return found


_NO_WAYS = Sweep(
    -1,
    np.empty(0, np.int32),
    np.empty(0, np.uint16),
    np.empty(0, np.int32),
    np.empty(0, np.uint16),
    np.empty(0, np.int32),
)


def _hours(
    places: Sequence[Location], timezone: str, window: Window, first: int
) -> tuple[tuple[Longs, Longs, Longs, Longs], Ints]:
    """The open intervals of each kind of opening hours, one after the other, and which kind a place has (-1: always).

    Returned are where each kind begins, and of the intervals their starts, ends and seconds open up to the end.
    """
    kinds: dict[str, int] = {}
    of = [
        kinds.setdefault(place.opening_hours, len(kinds)) if place.opening_hours.strip() else -1 for place in places
    ]
    each = [open_time(hours, timezone, first, window.start + window.length) for hours in kinds]
    begins = np.cumsum([0, *(len(starts) for starts, _, _ in each)])
    starts, ends, opened = (np.concatenate([np.empty(0, np.int64), *columns]) for columns in _columns(each))
    return (begins.astype(np.int64), starts - window.start, ends - window.start, opened), np.array(of, dtype=np.int32)


def _columns(each: Sequence[tuple[Longs, Longs, Longs]]) -> tuple[list[Longs], list[Longs], list[Longs]]:
    return [a for a, _, _ in each], [b for _, b, _ in each], [c for _, _, c in each]


def _spells(register: Register, places: Sequence[str], first: int, last: int) -> tuple[Longs, tuple[_Spell, ...]]:
    """Who takes part from `first` to `last`, cut where that changes for anyone, and since when each spell counts."""
    bounds = {first}
    everyone: tuple[Agency | Location, ...] = (*register.agencies.values(), *register.locations.values())
    for one in everyone:
        if one.valid != _ALWAYS or one.suspensions:
            moments = [moment for period in (one.valid, *one.suspensions) for moment in (period.since, period.until)]
            bounds |= {ceil(moment.timestamp()) for moment in moments if moment is not None}
    since = sorted(bound for bound in bounds if first <= bound <= last)
    spells = [_spell(register, places, datetime.fromtimestamp(bound, UTC)) for bound in since]
    return np.array(since, dtype=np.int64), tuple(spells)


_ALWAYS = Period()


def _spell(register: Register, places: Sequence[str], moment: datetime) -> _Spell:
    agencies: dict[str, int] = {}
    sides: dict[Side, int] = {}
    standings, of, side = [], [], []
    for place in places:
        location, agency, own = standing_of(register, place, moment)
        standings.append(_standing(location, agency, moment))
        of.append(-1 if agency is None else agencies.setdefault(agency.isil, len(agencies)))
        side.append(sides.setdefault(own, len(sides)))
    return _Spell(
        np.array(standings, dtype=np.int8), np.array(of, dtype=np.int32), np.array(side, dtype=np.int32), tuple(sides)
    )


def _standing(location: Location, agency: Agency | None, moment: datetime) -> int:
    """As the rules of screening that look at who somebody is."""
    everyone = (location,) if agency is None else (location, agency)
    if not all(covers(one.valid, moment) and not standing_still(one.suspensions, moment) for one in everyone):
        return ABSENT
    return OWN_ONLY if agency is not None and not agency.supplies else LENDING
