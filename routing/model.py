"""The nouns of a decision: what the engine is told, and what it answers.

Everything here is immutable. Moments are aware datetimes; inside a timetable, times are seconds counted
from noon minus twelve hours of the service day (GTFS), so 25:10:00 is 90600.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Objective(StrEnum):
    """What a rota puts first; ties fall back on arrival, handlings, cost and location id."""

    FASTEST = "fastest"
    CHEAPEST = "cheapest"
    FEWEST_HANDLINGS = "fewest_handlings"
    BALANCED = "balanced"


class RotaOrder(StrEnum):
    """By what the rota goes: by what each supplier comes to if it supplies, or by what the rota as a whole does."""

    ARRIVAL = "arrival"
    EXPECTED = "expected"


class Circle(StrEnum):
    """Who stands how near to the counter that asks: each circle holds the ones before it."""

    OWN = "own"
    PROVINCE = "province"
    NATIONAL = "national"


class Central(StrEnum):
    """Where central collections stand among the suppliers of one circle."""

    FIRST = "first"
    NEUTRAL = "neutral"
    LAST = "last"


class Floating(StrEnum):
    """How far from home a side's copies may stay where they were brought back."""

    NEVER = "never"
    PROVINCE = "province"
    EVERYWHERE = "everywhere"


class Reason(StrEnum):
    """Why a candidate is refused."""

    SPECIAL_CHANNEL = "special_channel"
    NOT_PARTICIPATING = "not_participating"
    SUSPENDED = "suspended"
    EXCLUDED = "excluded"
    NOT_LENT = "not_lent"
    TOO_NEW = "too_new"
    NO_COPIES = "no_copies"
    NOT_LOANABLE = "not_loanable"
    UNAVAILABLE = "unavailable"
    UNREACHABLE = "unreachable"
    TOO_LATE = "too_late"
    TOO_DEAR = "too_dear"


# --- the timetable, as GTFS says it ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stop:
    """A location as the vans see it. Items change trips here only when `handling_seconds` is not None."""

    id: str
    handling_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern that an operator (a POI or carrier, by name) drives."""

    id: str
    operator: str


@dataclass(frozen=True, slots=True)
class Service:
    """The service days of a set of trips: a weekly pattern, with days added and taken out.

    `weekdays` holds seven booleans, Monday first; `start` and `end` are both included. A service known
    only from calendar_dates has no weekdays and start > end.
    """

    id: str
    weekdays: tuple[bool, bool, bool, bool, bool, bool, bool]
    start: date
    end: date
    added: frozenset[date] = frozenset()
    removed: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Trip:
    """One run of a route on each of its service's days; `route` and `service` are positions in the timetable."""

    id: str
    route: int
    service: int


@dataclass(frozen=True, slots=True, eq=False)
class StopTimes:
    """The calls of all trips as columns of equal length, ordered by (trip, stop sequence).

    `trip` and `stop` are positions (int32); `arrival` and `departure` are GTFS seconds (int32), never
    decreasing within a trip; `pickup` and `drop_off` say whether an item may get on or off here (bool).
    """

    trip: npt.NDArray[np.int32]
    stop: npt.NDArray[np.int32]
    arrival: npt.NDArray[np.int32]
    departure: npt.NDArray[np.int32]
    pickup: npt.NDArray[np.bool_]
    drop_off: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Timetable:
    """One network version as imported: who drives when, in the wall time of one timezone (IANA name)."""

    version: str
    timezone: str
    stops: tuple[Stop, ...]
    routes: tuple[Route, ...]
    services: tuple[Service, ...]
    trips: tuple[Trip, ...]
    stop_times: StopTimes


class Standstill(NamedTuple):
    """A route on which nothing runs, all those of an operator, or (both None) every route.

    From `since` (included) to `until` (not), as service days; None: open.
    """

    route: str | None
    since: date | None = None
    until: date | None = None
    operator: str | None = None


class ClosedStop(NamedTuple):
    """A stop at which nothing gets on or off on service days from `since` (included) to `until` (not); None: open."""

    stop: str
    since: date | None = None
    until: date | None = None


class Visit(NamedTuple):
    """A call of a trip: the stop, and which of the trip's calls there it is (1: the first)."""

    stop: str
    number: int = 1


class Delay(NamedTuple):
    """How many seconds later than planned a trip arrives at a call and departs from it (negative: earlier).

    What it departs with counts for all calls after it too, up to the next for which there is a delay.
    """

    visit: Visit
    arrival: int
    departure: int


@dataclass(frozen=True, slots=True)
class Change:
    """A dated trip that runs otherwise than planned: late, or past calls at which nothing gets on or off."""

    trip: str
    service_date: date
    delays: tuple[Delay, ...] = ()
    skipped: frozenset[Visit] = frozenset()


@dataclass(frozen=True, slots=True)
class Stoppages:
    """What a timetable says and does not run so after all: single trips by id and service date, and whole routes.

    `changes` are trips that do run, otherwise: at most one for each dated trip. Vans pass by `stops`.
    """

    trips: frozenset[tuple[str, date]] = frozenset()
    routes: frozenset[Standstill] = frozenset()
    changes: frozenset[Change] = frozenset()
    stops: frozenset[ClosedStop] = frozenset()


# --- the organisations, as the register says it ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time: `since` is included, `until` is not; None is open."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation, named by ISIL. After `valid` ends, its `successor` takes its place."""

    isil: str
    province: str | None = None
    poi: str | None = None
    system: str | None = None
    supplies: bool = True
    valid: Period = Period()
    successor: str | None = None
    suspensions: tuple[Period, ...] = ()


@dataclass(frozen=True, slots=True)
class Location:
    """A branch, hub or other service point. Empty `opening_hours` (OpenStreetMap syntax) is always open."""

    id: str
    agency: str | None = None
    province: str | None = None
    poi: str | None = None
    system: str | None = None
    handling_minutes: int = 0
    opening_hours: str = ""
    valid: Period = Period()
    suspensions: tuple[Period, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Register:
    """All agencies by ISIL and all locations by id. `timezone` is the wall time of opening hours and validity.

    `suspensions` are those of the whole network, `pois` those of all vans of a POI, by its code.
    """

    agencies: Mapping[str, Agency]
    locations: Mapping[str, Location]
    timezone: str = "Europe/Amsterdam"
    suspensions: tuple[Period, ...] = ()
    pois: Mapping[str, tuple[Period, ...]] = field(default_factory=dict)


class Holding(NamedTuple):
    """A location has copies of a title. `available` is None where nobody knows, as is the day they were `added_on`.

    `home` is the location that they belong to, where they only stay at this one: its side says to whom they go.

    A tuple, as `RotaEntry` is: a decision makes so many that the four times longer of a frozen dataclass is felt.
    """

    location: str
    copies: int
    available: int | None = None
    loanable: bool = True
    material: str = "book"
    added_on: date | None = None
    home: str | None = None


# --- the question and how to weigh it -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tariff:
    """Euro cents for an item that leaves its agency and province, and on top once it leaves its POI's area.

    An agency or location without province, POI and agency has no tariff: it costs nothing.
    Source: national agreement 2021-23, 6.75 to the supplying library and 4.00 for transport between areas.
    """

    supplier_cents: int = 675
    transport_cents: int = 400


@dataclass(frozen=True, slots=True)
class Weights:
    """What `balanced` adds up: cents for an hour of waiting and for a handling, next to the cost itself.

    What a supplier bears weighs with every objective: cents for each item that its agency has lent more than it
    borrowed, and for each that its location still has to send. Nobody is charged for either.
    """

    cents_per_hour: float = 10.0
    cents_per_handling: float = 50.0
    cents_per_net_loan: float = 0.0
    cents_per_open_item: float = 0.0

    @property
    def weigh_burdens(self) -> bool:
        """Whether it matters in what order suppliers come how much they bear."""
        return bool(self.cents_per_net_loan or self.cents_per_open_item)


@dataclass(frozen=True, slots=True)
class Lending:
    """What one side has said of what it lends; None: nothing. Ages are calendar days in the collection.

    Materials that are `not_lent`, and copies younger than `least_age_days`, are not for other agencies; copies that
    are younger than `embargo_days` do not leave their location. `central_holders` are the agencies and locations that
    hold a central collection. Copies may stay where they were brought back as `floating` says, of
    `floating_materials` (None: of all), and `most_floating` of one agency at once.
    Who was asked `most_a_day` times today comes after all others: an agency as a whole (a location without one by
    itself), and each location by `most_a_day_per_location`. `versions` say where it stands.
    Source of these rules: Flemish interlibrary loan (365 days, blocked materials); see docs/policies.md.
    """

    not_lent: frozenset[str] | None = None
    least_age_days: int | None = None
    embargo_days: int | None = None
    loan_days: int | None = None
    renewals: int | None = None
    central_holders: frozenset[str] | None = None
    floating: Floating | None = None
    floating_materials: frozenset[str] | None = None
    most_floating: int | None = None
    most_a_day: int | None = None
    most_a_day_per_location: int | None = None
    versions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LendingBook:
    """What everyone has said of what they lend: `routing.policies.lending_of` lays it one over the other."""

    network: Lending
    provinces: Mapping[str, Lending]
    agencies: Mapping[str, Lending]


class LapseRule(NamedTuple):
    """After so many open days without an answer of an agency, at a service level, the next supplier is asked.

    '' stands for every agency, and for every level.
    """

    agency: str
    service_level: str
    open_days: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for a question: horizon, default objective, weights, tariff, the special channel, and who is first.

    Those of an earlier one of `circles` come before those of a later one; none: there is no such order. The rota is
    in `rota_order` where a response model is known; a supplier that is silent for `lapse_days` of those on which it
    opens, or as many as one of `lapse_rules` says, is passed over. Suppliers have `lending` rules (None: nobody has
    any). `versions` are those of the policies that this was made of. So many suppliers are asked `at_once` (1 or 2),
    which promises go by; the order of the rota is that of asking one after the other.
    """

    horizon_days: int = 35
    objective: Objective = Objective.FASTEST
    weights: Weights = Weights()
    tariff: Tariff = Tariff()
    special_materials: frozenset[str] = frozenset({"braille", "daisy"})
    rota_order: RotaOrder = RotaOrder.ARRIVAL
    lapse_days: int = 8
    lapse_rules: tuple[LapseRule, ...] = ()
    circles: tuple[Circle, ...] = ()
    central_collections: Central = Central.NEUTRAL
    max_cost_cents: int | None = None
    lending: LendingBook | None = None
    versions: tuple[int, ...] = ()
    at_once: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A title wanted at a counter. `requested_at` is aware and counts to the second; it is the engine's only clock.

    `excluded` names agencies or locations (ISIL) that must not supply. Nobody could be asked about the shelves of the
    locations in `unanswered`: they come after all others on the rota. The location `first`, which somebody has
    chosen, comes before them and is not excluded. The `service_level` (ISO 18626) says how long suppliers may take to
    answer.
    """

    pickup_location: str
    requested_at: datetime
    objective: Objective | None = None
    need_before: datetime | None = None
    max_cost_cents: int | None = None
    limit: int = 10
    excluded: frozenset[str] = frozenset()
    unanswered: frozenset[str] = frozenset()
    service_level: str = "Core"
    first: str | None = None


# --- the answer -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leg:
    """One ride on one trip: boarding and leaving it, however many stops lie between."""

    route_id: str
    trip_id: str
    service_date: date
    operator: str
    from_location: str
    to_location: str
    departs_at: datetime
    arrives_at: datetime


@dataclass(frozen=True, slots=True)
class CostPart:
    """A named part of the cost, in euro cents."""

    what: str
    cents: int


class Promise(NamedTuple):
    """When the reader can collect: by `p50` in half of the cases in which anyone supplies, by `p90` in nine of ten.

    `chance` is how likely it is that anyone supplies. Vans bring many cases at once, so it is rarely just half of
    them, or nine of ten: `by_p50` and `by_p90` say in what part it has come by then. Whoever it is a promise of is
    asked first, those after it follow.
    """

    p50: datetime
    p90: datetime
    chance: float
    by_p50: float
    by_p90: float


class Response(NamedTuple):
    """How a supplier was taken to answer: `supplied` and `declined` by bins of open time, as `routing.response` has
    them, and `silent` until `lapse_days` open days are over; when it is open (`opening_hours`, OpenStreetMap syntax),
    and how likely each leg's trip leaves the item behind (`missed`).
    """

    supplied: tuple[float, ...]
    declined: tuple[float, ...]
    silent: float
    missed: tuple[float, ...]
    lapse_days: int
    opening_hours: str


class Burden(NamedTuple):
    """What a supplier bears, and what that weighs (euro cents, below 0 where its agency has borrowed more than lent).

    It was asked so often today: its agency `placed_today` of at most `most_a_day`, its location `placed_here_today`
    of at most `most_a_day_here`; None: as often as anyone likes, as those who ask their own agency may.
    """

    net_loans: int
    open_items: int
    cents: float
    placed_today: int = 0
    most_a_day: int | None = None
    placed_here_today: int = 0
    most_a_day_here: int | None = None


class RotaEntry(NamedTuple):
    """One supplier on the rota: when the item is ready, how it travels, what it costs, and why it stands here.

    `promise` is None where no response model stands behind it, or nobody from here on ever supplies; it was reckoned
    with the `response` of every entry from here on. Who has a lower `precedence` comes first, whatever the objective.
    `burden` is None where nothing of it counts.
    """

    rank: int
    supplying_agency: str | None
    supplying_location: str
    ready_at: datetime
    arrives_at: datetime
    cost_cents: int
    cost_parts: tuple[CostPart, ...]
    handlings: int
    legs: tuple[Leg, ...]
    reasons: tuple[str, ...]
    promise: Promise | None = None
    response: Response | None = None
    precedence: int = 0
    burden: Burden | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A holder that will not be asked, and why."""

    supplying_agency: str | None
    supplying_location: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The rota in order and every refusal, wholly of one network version and one response model (None: without).

    `policy` is what was decided by, and `policy_versions` those that it was made of, suppliers' too. What arrives can
    be collected when the pickup location opens (`opening_hours`, OpenStreetMap syntax).
    """

    network_version: str
    requested_at: datetime
    objective: Objective
    rota: tuple[RotaEntry, ...]
    refusals: tuple[Refusal, ...] = ()
    response_model: str | None = None
    policy: Policy = Policy()
    policy_versions: tuple[int, ...] = ()
    opening_hours: str = ""
