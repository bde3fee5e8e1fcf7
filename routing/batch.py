"""Many decisions at once, of each only who supplies and by which rides: what a plan is tried out with.

Loan requests are columns here, grouped by pickup location, so that one sweep over the whole period answers all that
go to one counter. For each of them the answer is the first entry of the rota that `decide` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from math import ceil
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from routing.calendar import DAY_SECONDS, open_time
from routing.costs import charge_between
from routing.fairness import Burdens
from routing.model import (
    Agency,
    Circle,
    Holding,
    Lending,
    LendingBook,
    Location,
    Objective,
    Period,
    Policy,
    Register,
)
from routing.network import Ints, Longs, Network, Window, window_between
from routing.pick import ABSENT, BALANCED, CHEAPEST, FASTEST, FEWEST_HANDLINGS, LENDING, OWN_ONLY, pick
from routing.policies import (
    Agreement,
    central_rank,
    circle_rank,
    era_on,
    lending_of,
    lent_from,
    orders,
    policy_on,
)
from routing.register import Side, covers, find_location, standing_of, standing_still
from routing.screening import as_one, day_of, may_lend, one_per_location
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
    """Who may lend what: for each title the places that may, one after the other. `places` are ids in order.

    `stock` says what it is, for suppliers that lend by rules; None: nobody looks at it.
    """

    places: tuple[str, ...]
    start: Longs  # (titles + 1,)
    place: Ints  # positions in `places`
    stock: Stock | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Stock:
    """What stands on a shelf: as columns, and the holdings where a place has several of a title, by position."""

    materials: tuple[str, ...]
    material: Ints  # position in `materials`
    added: Ints  # the day on which it came into the collection (date.toordinal); 0: nobody knows
    several: Mapping[int, tuple[Holding, ...]]


def stock_of(held: Sequence[Sequence[Holding]]) -> Stock:
    """Describe what stands on a shelf, each by the holdings behind it."""
    materials: dict[str, int] = {}
    return Stock(
        material=np.array([materials.setdefault(one[0].material, len(materials)) for one in held], dtype=np.int32),
        materials=tuple(materials),
        added=np.array([ordinal(one[0].added_on) for one in held], dtype=np.int32),
        several={at: tuple(one) for at, one in enumerate(held) if len(one) > 1},
    )


def ordinal(day: date | None) -> int:
    """A day as `Stock.added` has it."""
    return 0 if day is None else day.toordinal()


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


NOTHING_AGREED = Agreement()
UNBURDENED = Burdens()


def shelve(titles: Iterable[Sequence[Holding]], places: Iterable[str], policy: Policy) -> Shelf:
    """Put titles on a shelf, each by its holdings. `places` are all locations that matter, pickup locations too."""
    ordered = tuple(sorted(set(places)))
    position = {place: at for at, place in enumerate(ordered)}
    start, place, held = [0], [], []
    for title in titles:
        holdings = list(title)
        at: dict[str, list[Holding]] = {}
        for each in holdings:
            at.setdefault(each.location, []).append(each)
        may = [each.location for each in one_per_location(holdings, policy) if may_lend(each, policy)]
        place += [position[location] for location in may]
        held += [tuple(at[location]) for location in may]
        start.append(len(place))
    return Shelf(ordered, np.array(start, dtype=np.int64), np.array(place, dtype=np.int32), stock_of(held))


def replay(
    network: Network,
    register: Register,
    policy: Policy,
    shelf: Shelf,
    asked: Asked,
    *,
    own_province_first: bool = False,
    agreement: Agreement = NOTHING_AGREED,
    burdens: Burdens = UNBURDENED,
    span: tuple[int, int] | None = None,
    told: Callable[[int], None] | None = None,
) -> Replay:
    """Decide all that was asked by the policy's objective. `told` hears how many are done, now and then.

    All go by what they come to if everyone supplies, also where a policy says that rotas are in expected order.
    `own_province_first`: whoever stands in the pickup location's province comes before all others. What an
    `agreement` says goes over the policy, counter by counter and day by day; the shelf says what was `held` then.
    What suppliers bear (`burdens`) weighs as the policies say, the same all the time; how often they may be asked in
    a day does not count. `span`: the first and the last moment that count for the window, so that parts of one demand
    share it; those asked, where left out.
    """
    count = len(asked.requested)
    first, last = span or ((int(asked.requested.min()), int(asked.requested.max())) if count else (0, 0))
    said = [version.asking.horizon_days for version in agreement.versions]
    window = window_between(network, first, last, max(policy.horizon_days, *(days or 0 for days in said), 0))
    own = replace(policy, circles=(Circle.PROVINCE,)) if own_province_first else policy
    terms = _Terms(register, own, agreement, burdens, own_first=own_province_first)
    desk = _Desk(network, register, terms, shelf, window, first=first, last=last)
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
class _Terms:
    """What holds for whom: the policy, and over it what was agreed."""

    register: Register
    policy: Policy
    agreement: Agreement
    burdens: Burdens
    own_first: bool

    def policy_for(self, side: Side, moment: int) -> Policy:
        """What holds for a counter on this side at a moment (seconds since 1970)."""
        found = policy_on(self.agreement, self.policy, side, self.day(moment))
        return replace(found, circles=self.policy.circles) if self.own_first else found

    def book(self, moment: int) -> LendingBook | None:
        """By what suppliers lend at a moment."""
        return era_on(self.agreement, self.day(moment)).book or self.policy.lending

    def day(self, moment: int) -> date:
        """The day of a moment."""
        return day_of(datetime.fromtimestamp(moment, UTC), self.register)

    def begins(self, day: int) -> int:
        """The first second of a day (date.toordinal), and what bounds all seconds where it is beyond the calendar."""
        if not _FIRST_DAY < day < _LAST_DAY:
            return -UNBOUNDED if day <= _FIRST_DAY else UNBOUNDED
        midnight = datetime.combine(date.fromordinal(day), time(), ZoneInfo(self.register.timezone))
        return int(midnight.timestamp())


_FIRST_DAY, _LAST_DAY = date(2, 1, 1).toordinal(), date(9998, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, eq=False)
class _Spell:
    """Who takes part from one moment to the next change; a row for each place."""

    standing: npt.NDArray[np.int8]  # see routing.pick
    agency: Ints  # the agency in force, numbered; -1: none
    side: Ints  # position in `sides`
    sides: tuple[Side, ...]
    screened: bool  # whether anyone lends by rules
    from_others: Longs  # of each that stands on the shelf: when it may go to other agencies (seconds since 1970)
    from_own: Longs  # and when to other places of its own
    net_loans: Longs  # what the agency in force has lent more than it borrowed
    open_items: Longs  # what the place has to send


class _Desk:
    """Everything that all decisions of a replay share, as arrays by place."""

    def __init__(
        self,
        network: Network,
        register: Register,
        terms: _Terms,
        shelf: Shelf,
        window: Window,
        *,
        first: int,
        last: int,
    ) -> None:
        self.window = window
        self._network, self._terms, self._shelf = network, terms, shelf
        places = [find_location(register, place) for place in shelf.places]
        self.stop = np.array([network.stop_positions.get(place, -1) for place in shelf.places], dtype=np.int32)
        self._handling = np.array([place.handling_minutes * 60 for place in places], dtype=np.int64)
        self._hours, self._hours_of = _hours(places, register.timezone, window, first)
        self._since, self._spells = _spells(terms, shelf, first, last)

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
        policy = self._terms.policy_for(own, int(asked.requested[some[0]]))
        charges = [charge_between(side, own, policy.tariff).cents for side in spell.sides]
        start, weights, ways = self.window.start, policy.weights, sweep or _NO_WAYS
        most = UNBOUNDED if policy.max_cost_cents is None else policy.max_cost_cents
        found: Longs = pick(
            asked.requested[some] - start,
            asked.title[some],
            np.where(asked.need_before[some] < UNBOUNDED, asked.need_before[some] - start, UNBOUNDED),
            np.minimum(asked.most_cents[some], most),
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
            _ahead(policy, spell, self._shelf.places, own),
            spell.screened,
            spell.from_others - start,
            spell.from_own - start,
            weights.weigh_burdens,
            spell.net_loans * float(weights.cents_per_net_loan)
            + spell.open_items * float(weights.cents_per_open_item),
            _ORDER[policy.objective],
            float(weights.cents_per_hour),
            float(weights.cents_per_handling),
            policy.horizon_days * DAY_SECONDS,
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


def _ahead(policy: Policy, spell: _Spell, places: Sequence[str], own: Side) -> Ints:
    """Whom the policy of a counter puts first, by place: as `routing.policies.precedence`."""
    if not orders(policy):
        return np.zeros(len(places), dtype=np.int32)
    circles = np.array([circle_rank(policy, side, own) for side in spell.sides], dtype=np.int32)
    central = [
        central_rank(policy, place, spell.sides[side])
        for place, side in zip(places, spell.side.tolist(), strict=True)
    ]
    ahead: Ints = 2 * circles[spell.side] + np.array(central, dtype=np.int32)
    return ahead


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


def _spells(terms: _Terms, shelf: Shelf, first: int, last: int) -> tuple[Longs, tuple[_Spell, ...]]:
    """Who takes part from `first` to `last`, cut where that changes for anyone, and since when each spell counts.

    It is cut too where another policy takes over.
    """
    bounds = {first, *(terms.begins(day.toordinal()) for day in terms.agreement.since)}
    register = terms.register
    everyone: tuple[Agency | Location, ...] = (*register.agencies.values(), *register.locations.values())
    for one in everyone:
        if one.valid != _ALWAYS or one.suspensions:
            moments = [moment for period in (one.valid, *one.suspensions) for moment in (period.since, period.until)]
            bounds |= {ceil(moment.timestamp()) for moment in moments if moment is not None}
    since = sorted(bound for bound in bounds if first <= bound <= last)
    return np.array(since, dtype=np.int64), tuple(_spell(terms, shelf, bound) for bound in since)


_ALWAYS = Period()


def _spell(terms: _Terms, shelf: Shelf, since: int) -> _Spell:
    agencies: dict[str, int] = {}
    sides: dict[Side, int] = {}
    standings, of, side, net = [], [], [], []
    moment = datetime.fromtimestamp(since, UTC)
    for place in shelf.places:
        location, agency, own = standing_of(terms.register, place, moment)
        standings.append(_standing(location, agency, moment))
        of.append(-1 if agency is None else agencies.setdefault(agency.isil, len(agencies)))
        side.append(sides.setdefault(own, len(sides)))
        net.append(0 if agency is None else terms.burdens.net_loans.get(agency.isil, 0))
    book = terms.book(since)
    lending = [Lending() if book is None else lending_of(book, own.agency, own.province) for own in sides]
    screened = any(one.not_lent or one.least_age_days or one.embargo_days for one in lending)
    first = _lent_since(terms, shelf, [lending[at] for at in side]) if screened else np.empty((2, 0), np.int64)
    return _Spell(
        np.array(standings, dtype=np.int8),
        np.array(of, dtype=np.int32),
        np.array(side, dtype=np.int32),
        tuple(sides),
        screened,
        first[0],
        first[1],
        np.array(net, dtype=np.int64),
        np.array([terms.burdens.open_items.get(place, 0) for place in shelf.places], dtype=np.int64),
    )


def _lent_since(terms: _Terms, shelf: Shelf, lending: Sequence[Lending]) -> Longs:
    """Since when all that stands on the shelf may go to other agencies, and to others of its own: two rows.

    `lending` is by place.
    """
    stock = shelf.stock
    if stock is None:
        raise ValueError("suppliers lend by rules, and the shelf does not say what stands on it")
    own = np.array([one.embargo_days or 0 for one in lending], dtype=np.int64)[shelf.place]
    least = np.array([one.least_age_days or 0 for one in lending], dtype=np.int64)[shelf.place]
    barred = np.array([[m in (one.not_lent or ()) for m in stock.materials] for one in lending], dtype=np.bool_)
    days = np.zeros((2, len(shelf.place)), dtype=np.int64)
    for row, age in enumerate((np.maximum(own, least), own)):
        np.copyto(days[row], stock.added + age, where=(stock.added > 0) & (age > 0))
    if stock.materials:
        days[0, barred[shelf.place, stock.material]] = _LAST_DAY
    for at, held in stock.several.items():
        for row, to_others in enumerate((True, False)):
            day = _first_day(held, lending[shelf.place[at]], terms.policy, to_others=to_others)
            days[row, at] = day.toordinal()
    known, which = np.unique(days, return_inverse=True)
    moments = np.array([terms.begins(day) for day in known.tolist()], dtype=np.int64)
    found: Longs = moments[which].reshape(days.shape)
    return found


def _first_day(held: Sequence[Holding], lending: Lending, policy: Policy, *, to_others: bool) -> date:
    """The first day on which enough of it may go for the whole to be lent; date.max: never. As screening has it."""
    from_day = {each: lent_from(each, lending, to_others=to_others) for each in held}
    days = sorted({day for day in from_day.values() if day is not None})
    for day in days:
        may = [each for each in held if (since := from_day[each]) is not None and since <= day]
        if may_lend(as_one(may, policy), policy):
            return day
    return date.max


def _standing(location: Location, agency: Agency | None, moment: datetime) -> int:
    """As the rules of screening that look at who somebody is."""
    everyone = (location,) if agency is None else (location, agency)
    if not all(covers(one.valid, moment) and not standing_still(one.suspensions, moment) for one in everyone):
        return ABSENT
    return OWN_ONLY if agency is not None and not agency.supplies else LENDING
