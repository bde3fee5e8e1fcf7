"""Where an item goes next that is brought back: on to whoever waits, home, or nowhere, as it is wanted where it is.

Each place where it can rest comes to what the trip there takes, and what supplying the next reader from there is
expected to take. Who that will be is told by those who asked before: for the title where there are enough of them,
else for anything, area by area. What is weighed, and why so: docs/floating.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from routing.calendar import ready_at, to_seconds
from routing.costs import charge_for_supply, euros, same_agency, same_province
from routing.model import Floating, Holding, Lending, Location, Objective, Policy, Question, Register
from routing.network import Network
from routing.register import agency_in_force, find_location, standing_of
from routing.screening import Situation, day_of, screen
from routing.transport import arrivals, transport_to

HALF_LIFE_DAYS = 180.0
"""After so many days somebody who asked for the title counts half."""
STRENGTH = 2.0
"""So many who asked for it weigh as much as where anything is asked for: among areas, and among places of one."""
HOME_READERS = 1.0
"""So many readers at home count as having asked today: it was bought for them, and off the shelf nobody asks us."""
MOST_PLACES = 12
"""The likeliest places of the next reader that are looked at."""
MOST_TOLD = 5
LEAST_SAVING = 1e-9
"""Cents: what adds up differently by less came of the adding."""
SPACING = timedelta(hours=25)
LEAST_HORIZON_DAYS = 14
DEPARTURES = 7
"""Ways are taken as they are on average at so many moments, each so much after the last: all days, other hours."""


class Whither(StrEnum):
    """What becomes of an item that is brought back."""

    FORWARD = "forward"
    HOME = "home"
    STAY = "stay"


class Wanted(NamedTuple):
    """Somebody asked for the title: where it was to be collected, and when."""

    location: str
    at: datetime


class Reckoned(NamedTuple):
    """What something takes: euro cents as the policy weighs them, and rides (each is one loading and unloading)."""

    cents: float
    rides: float


NOTHING = Reckoned(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Past:
    """Who asked: for the title, the newest first, and for anything, counted by pickup location."""

    of_title: Sequence[Wanted] = ()
    of_all: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Onward:
    """Somebody waits, and is better off with this item: what bringing it there takes, and what another copy would."""

    location: str
    trip: Reckoned
    instead: Reckoned


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """An item in hand at `location` at a moment, whose `home` is elsewhere. Of that agency, `away` stay elsewhere.

    `hindrances` are sentences on what keeps it from staying that is not known here.
    """

    location: str
    home: str
    material: str
    at: datetime
    away: int = 0
    hindrances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """A place to go to: what the trip takes, and the next supply from there is expected to. `why_not`: it cannot.

    Of one that goes on to whoever waits nothing is said of the next supply: that reader's return will.
    """

    where: Whither
    location: str
    trip: Reckoned
    supply: Reckoned = NOTHING
    why_not: tuple[str, ...] = ()

    @property
    def cents(self) -> float:
        """What it comes to in all."""
        return self.trip.cents + self.supply.cents


class Chance(NamedTuple):
    """How likely the next who asks collects at a location."""

    location: str
    chance: float


@dataclass(frozen=True, slots=True)
class WhereNext:
    """The choice and what it was made of. `saving` is against going home, and is had by when somebody asks again."""

    chosen: Whither
    location: str
    saving: Reckoned
    reasons: tuple[str, ...]
    options: tuple[Option, ...]
    chances: tuple[Chance, ...] = ()


def where_next(
    returned: Returned,
    past: Past,
    network: Network,
    register: Register,
    *,
    policy: Policy,
    lending: Lending,
    onward: Onward | None = None,
) -> WhereNext:
    """Choose where an item goes. `policy` weighs, and `lending` is what the side that it belongs to has said.

    Whoever waits comes first: to whom it goes has been weighed by then (`onward`). It stays only where that is
    allowed, possible, and comes to less than going home.
    """
    trip = _ways(network, policy, returned.home, [returned.location], returned.at)[0]
    options = [] if onward is None else [Option(Whither.FORWARD, onward.location, onward.trip)]
    home = None if trip is None else Reckoned(trip.rides * policy.weights.cents_per_handling, trip.rides)
    why_not = _why_not(returned, network, register, policy, lending, way_home=home is not None)
    chances: tuple[Chance, ...] = ()
    supplies = dict.fromkeys((returned.location, returned.home), NOTHING)
    served: tuple[int, int] = (0, 0)
    if not why_not and onward is None:
        chances = _likeliest(_chances(returned, past, register), always=(returned.location, returned.home))
        each = _supplies(returned, [place for place, _ in chances], network, register, policy)
        supplies = {
            start: Reckoned(*(sum(c * each[start, place][i] for place, c in chances) for i in (0, 1)))
            for start in supplies
        }
        served = _served_better(returned, past, each)
    options += [
        Option(Whither.HOME, returned.home, home or NOTHING, supplies[returned.home]),
        Option(Whither.STAY, returned.location, NOTHING, supplies[returned.location], why_not),
    ]
    return _choose(returned, tuple(options), chances, onward, served)


def _choose(
    returned: Returned,
    options: tuple[Option, ...],
    chances: tuple[Chance, ...],
    onward: Onward | None,
    served: tuple[int, int],
) -> WhereNext:
    *_, home, stay = options
    to, location, saving = Whither.HOME, returned.home, NOTHING
    told: tuple[str, ...]
    saved = home.cents - stay.cents
    if onward is not None:
        cents = home.trip.cents + onward.instead.cents - onward.trip.cents
        to, location = Whither.FORWARD, onward.location
        saving = Reckoned(cents, home.trip.rides + onward.instead.rides - onward.trip.rides)
        told = (f"Somebody waits for it at {location}, and gets it sooner than from anybody else.",)
    elif stay.why_not:
        told = stay.why_not
    elif saved > LEAST_SAVING:
        to, location = Whither.STAY, returned.location
        saving = Reckoned(saved, home.trip.rides + home.supply.rides - stay.supply.rides)
        told = (*_told(returned, served), f"Staying saves {_spoken(saving)} by the time that the next reader has it.")
    else:
        more = f"Staying takes {euros(max(0.0, -saved))} more by the time that the next reader has it."
        told = (*_told(returned, served), more)
    return WhereNext(to, location, saving, told, options, chances)


# --- whether it may stay --------------------------------------------------------------------------


def _why_not(
    returned: Returned, network: Network, register: Register, policy: Policy, lending: Lending, *, way_home: bool
) -> tuple[str, ...]:
    if returned.location == returned.home:
        return ("It is home already.",)
    forbidden = _forbidden(returned, register, lending)
    if (lending.floating or Floating.NEVER) is Floating.NEVER:
        return tuple(forbidden)
    found = [
        *forbidden,
        *returned.hindrances,
        *_cannot_supply(returned, register, policy),
    ]
    if not way_home or returned.location not in network.stop_positions:
        found.append(f"No van takes it from {returned.location} to {returned.home}, so nobody could call it home.")
    return tuple(found)


def _forbidden(returned: Returned, register: Register, lending: Lending) -> list[str]:
    """What the side that it belongs to has said."""
    floating = lending.floating or Floating.NEVER
    here, home = (standing_of(register, name, returned.at).side for name in (returned.location, returned.home))
    whose = home.agency or returned.home
    if floating is Floating.NEVER:
        return [f"Copies of {whose} always go home."]
    found = []
    if floating is Floating.PROVINCE and not (same_province(here, home) or same_agency(here, home)):
        found.append(f"Copies of {whose} stay in their own province.")
    if lending.floating_materials is not None and returned.material not in lending.floating_materials:
        found.append(f"{whose} has this material ({returned.material}) go home.")
    if lending.most_floating is not None and returned.away >= lending.most_floating:
        found.append(f"{returned.away} copies of {whose} stay elsewhere already; it allows {lending.most_floating}.")
    return found


def _cannot_supply(returned: Returned, register: Register, policy: Policy) -> list[str]:
    """Why whoever has it could not lend it on: by the rules for any supplier, asked by its home."""
    location = find_location(register, returned.location)
    situation = Situation(
        Question(pickup_location=returned.home, requested_at=returned.at),
        policy,
        agency_in_force(register, find_location(register, returned.home).agency, returned.at),
        day_of(returned.at, register),
    )
    copy = Holding(returned.location, 1, 1, True, returned.material, home=returned.home)
    _, refused = screen([copy], register, situation)
    found = [refusal.detail for refusal in refused]
    if not _opens(location, register, returned.at):
        found.append(f"{location.id} does not open within a year.")
    return found


def _opens(location: Location, register: Register, at: datetime) -> bool:
    minutes = max(1, location.handling_minutes)  # no handling would be ready at once, open or not
    return ready_at(at, minutes, opening_hours=location.opening_hours, timezone=register.timezone) is not None


# --- who asks next --------------------------------------------------------------------------------


def _chances(returned: Returned, past: Past, register: Register) -> dict[str, float]:
    """How likely the next who asks for it collects at each location; they sum to one.

    Those who asked for the title, the recent ones counting most, lean on those who asked for anything: first for the
    area (a province), then for the place in it.
    """
    title: dict[str, float] = {returned.home: HOME_READERS}
    for one in past.of_title:
        days = max(0.0, (returned.at - one.at).total_seconds() / 86400)
        title[one.location] = title.get(one.location, 0.0) + 0.5 ** (days / HALF_LIFE_DAYS)
    places = title.keys() | past.of_all.keys()
    area = {place: standing_of(register, place, returned.at).side.province or place for place in places}
    by_title = _summed(title, area.__getitem__)
    by_all = _summed(past.of_all, area.__getitem__)
    of_areas = dict.fromkeys(set(area.values()), 0.0) | _leaning(by_title, by_all)
    found = {}
    for name, likely in of_areas.items():
        inside = [place for place in places if area[place] == name]
        share = _leaning(
            {place: float(title.get(place, 0)) for place in inside},
            {place: float(past.of_all.get(place, 0)) for place in inside},
        )
        found.update({place: likely * share[place] for place in inside})
    return found


def _leaning(own: Mapping[str, float], wide: Mapping[str, float]) -> dict[str, float]:
    """Shares of `own`, shrunk towards the shares of `wide`; all of it where nothing wider is known."""
    had, all_ = sum(own.values()), sum(wide.values())
    strength = STRENGTH if all_ else 0.0
    if had + strength == 0:
        return dict.fromkeys(own.keys() | wide.keys(), 0.0)
    return {
        name: (own.get(name, 0.0) + (strength * wide.get(name, 0.0) / all_ if all_ else 0.0)) / (had + strength)
        for name in own.keys() | wide.keys()
    }


def _summed(counts: Mapping[str, float], group: Callable[[str], str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for place, count in counts.items():
        found[group(place)] = found.get(group(place), 0.0) + count
    return found


def _likeliest(chances: Mapping[str, float], *, always: tuple[str, ...]) -> tuple[Chance, ...]:
    """The likeliest places, as if there were no others; `always` are among them."""
    ranked = sorted(chances, key=lambda place: (-chances[place], place))
    kept = dict.fromkeys([*always, *ranked[:MOST_PLACES]])
    total = sum(chances.get(place, 0.0) for place in kept)
    found = [Chance(place, chances.get(place, 0.0) / total) for place in kept]
    return tuple(sorted(found, key=lambda one: (-one.chance, one.location)))


# --- what supplying them takes --------------------------------------------------------------------


class _Way(NamedTuple):
    hours: float
    rides: float


def _supplies(
    returned: Returned, places: Sequence[str], network: Network, register: Register, policy: Policy
) -> dict[tuple[str, str], Reckoned]:
    """What supplying each place takes, from where the item is and from its home: charge, rides and waiting."""
    starts = (returned.location, returned.home)
    found = {}
    for place in places:
        for start, way in zip(starts, _ways(network, policy, place, starts, returned.at), strict=True):
            parts = charge_for_supply(register, start, place, moment=returned.at, tariff=policy.tariff)
            # Nothing can be had from where no van comes: that is as long as anybody waits.
            hours, rides = way or _Way(policy.horizon_days * 24.0, 0.0)
            weights = policy.weights
            cents = sum(part.cents for part in parts)
            found[start, place] = Reckoned(
                cents + rides * weights.cents_per_handling + hours * weights.cents_per_hour, rides
            )
    return found


def _ways(network: Network, policy: Policy, to: str, starts: Sequence[str], at: datetime) -> list[_Way | None]:
    """How long it takes to a place and by how many rides, on average over departures; None: it never gets there."""
    moments = [to_seconds(at + SPACING * i) for i in range(DEPARTURES)]
    days = max(policy.horizon_days, LEAST_HORIZON_DAYS)  # as decisions look ahead, so that their sweeps are shared
    transport = transport_to(network, to, requested=moments[0], horizon_days=days)
    ready = moments * len(starts)
    each = [start for start in starts for _ in moments]
    found = arrivals(transport, each, ready, objective=Objective.FASTEST, weights=policy.weights)
    ways: list[_Way | None] = []
    for i, start in enumerate(starts):
        at_ = slice(i * DEPARTURES, (i + 1) * DEPARTURES)
        there = [
            (arrival - left, 0 if start == to else handlings + 1)
            for arrival, left, handlings in zip(found.chosen[at_], ready[at_], found.handlings[at_], strict=True)
            if arrival is not None
        ]
        if not there:
            ways.append(None)
            continue
        ways.append(_Way(sum(s for s, _ in there) / len(there) / 3600, sum(r for _, r in there) / len(there)))
    return ways


# --- in sentences ---------------------------------------------------------------------------------


def _served_better(returned: Returned, past: Past, each: Mapping[tuple[str, str], Reckoned]) -> tuple[int, int]:
    """How many of the last who asked for the title are better served from where it is, and of how many."""
    asked = [one.location for one in past.of_title if (returned.home, one.location) in each][:MOST_TOLD]
    better = [place for place in asked if each[returned.location, place].cents < each[returned.home, place].cents]
    return len(better), len(asked)


_WORDS = ("None", "One", "Two", "Three", "Four", "Five")


def _told(returned: Returned, served: tuple[int, int]) -> tuple[str, ...]:
    better, asked = served
    if asked == 0:
        return ("Nobody has asked for it lately: it counts where anything is asked for.",)
    than = f"served better from here than from {returned.home}."
    if asked == 1:
        return (f"One has asked for it lately, and is {'' if better else 'not '}{than}",)
    verb, last = "is" if better == 1 else "are", _WORDS[asked].lower()
    return (f"{_WORDS[better]} of the last {last} who asked for it {verb} {than}",)


def _spoken(saving: Reckoned) -> str:
    rides = round(saving.rides, 1)
    counted = "1 ride" if rides == 1 else f"{rides:g} rides"
    return f"{counted} and {euros(saving.cents)}"
