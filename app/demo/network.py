"""Makes the demonstration's timetable: van rounds around the hubs, night line-hauls, and the islands by ferry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from app.demo import facts
from app.demo.organisations import Location, World
from app.demo.rounds import drive_minutes, lay_rounds

NIGHT_CARRIER = "nachtdienst"
STOP_MINUTES = (4, 9)  # a van stands this long at a branch: from, and up to but not including
PORT_MINUTES = 20
# Which weekdays a round is driven (Monday is 0), by how often.
DAYS = {
    2: ((0, 3), (1, 4), (1, 3)),
    3: ((0, 2, 4), (1, 2, 4), (0, 1, 3)),
    4: ((0, 1, 3, 4), (0, 1, 2, 4)),
    5: ((0, 1, 2, 3, 4),),
}
HOW_OFTEN = ((2, 3, 4, 5), (0.2, 0.3, 0.2, 0.3))
DAILY_POIS = frozenset({"biblionet-drenthe"})
WORKING_DAYS = (0, 1, 2, 3, 4)

# Minutes after midnight.
MORNING = (7 * 60, 8 * 60 + 45)
AFTERNOON = (12 * 60 + 15, 13 * 60 + 15)
FETCHING = (12 * 60 + 45, 13 * 60 + 30)
AT_CENTRE_BY = 22 * 60 + 30
FROM_CENTRE = 24 * 60 + 15


@dataclass(frozen=True, slots=True)
class Operator:
    """Who drives: a POI, the night carrier or a ferry."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern. `kind` is GTFS's route_type: 3 by road, 4 by ferry."""

    id: str
    operator: str
    name: str
    kind: int = 3


@dataclass(frozen=True, slots=True)
class Service:
    """The weekdays on which an operator drives. A `night` service's run ends on the next day."""

    id: str
    days: tuple[int, ...]
    night: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A stop of a trip, in minutes after midnight of the service day; past 1440 is the next day."""

    stop: str
    arrival: int
    departure: int
    pickup: bool = True
    drop_off: bool = True


@dataclass(frozen=True, slots=True)
class Trip:
    """One run on every day of its service. `crates` is how many the vehicle takes."""

    id: str
    route: str
    service: Service
    headsign: str
    crates: int
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole timetable, before it is written as GTFS."""

    operators: tuple[Operator, ...]
    routes: tuple[Route, ...]
    trips: tuple[Trip, ...]


def make_plan(world: World, seed: int) -> Plan:
    """Make the same timetable for the same world and seed."""
    rng = np.random.default_rng([seed, 2])
    laid: list[tuple[Route, list[Trip]]] = []
    for hub in (hub for hub in world.hubs if hub.role == "poi"):
        laid += _rounds_of(hub, world, rng)
    laid += _line_hauls(world)
    laid += _shuttle_between_hubs(world)
    laid += _crossings(world, rng)
    return Plan(_operators(), tuple(route for route, _ in laid), tuple(trip for _, trips in laid for trip in trips))


def _operators() -> tuple[Operator, ...]:
    ferries = {ferry.operator: Operator(ferry.operator, ferry.operator_name) for ferry in facts.ferries()}
    return (
        *(Operator(poi.code, poi.name) for poi in facts.pois()),
        Operator(NIGHT_CARRIER, "Nachtdienst (landelijk)"),
        *ferries.values(),
    )


def _service(operator: str, days: tuple[int, ...], *, night: bool = False) -> Service:
    return Service(f"{operator}-{''.join(facts.WEEKDAYS[day] for day in days).lower()}", days, night)


def _at(stop: str, minute: int) -> Call:
    return Call(stop, minute, minute)


# --- van rounds -----------------------------------------------------------------------------------


def _rounds_of(hub: facts.Hub, world: World, rng: np.random.Generator) -> list[tuple[Route, list[Trip]]]:
    served = [
        location
        for location in world.locations
        if location.agency.province in hub.serves and not location.island and not location.closed
    ]
    separate = {poi.code: poi.separate_rounds for poi in facts.pois()}[hub.poi]
    alone = sum(other.poi == hub.poi and other.role == "poi" for other in world.hubs) == 1
    prefix = hub.poi if alone else f"{hub.poi}-{hub.province.lower()}"
    laid = []
    for number, members in enumerate(lay_rounds((hub.lat, hub.lon), served, rng), start=1):
        route = Route(f"{prefix}-{number:02d}", hub.poi, _round_name(members))
        service = _service(hub.poi, _days(hub.poi, rng))
        trips = _bring_and_fetch if separate else _one_round
        laid.append((route, trips(route, service, hub, members, rng)))
    return laid


def _round_name(members: list[Location]) -> str:
    towns = [location.name.split(" ", 1)[1] for location in members]
    return f"Rit {towns[0]} - {towns[-1]}"


def _days(poi: str, rng: np.random.Generator) -> tuple[int, ...]:
    if poi in DAILY_POIS:
        return WORKING_DAYS
    patterns = DAYS[int(rng.choice(HOW_OFTEN[0], p=HOW_OFTEN[1]))]
    return patterns[int(rng.integers(len(patterns)))]


def _one_round(
    route: Route, service: Service, hub: facts.Hub, members: list[Location], rng: np.random.Generator
) -> list[Trip]:
    """Bring and fetch in one round, in the morning or in the afternoon."""
    start = _start(MORNING if rng.random() < 0.6 else AFTERNOON, rng)
    calls = _calls(hub, members, start, rng)
    return [Trip(f"{route.id}-rond", route.id, service, "Rondrit", _crates(rng), tuple(calls))]


def _bring_and_fetch(
    route: Route, service: Service, hub: facts.Hub, members: list[Location], rng: np.random.Generator
) -> list[Trip]:
    """Bring in the morning (nothing gets on at a branch), fetch in the afternoon (nothing gets off there)."""
    bring = [
        Call(call.stop, call.arrival, call.departure, pickup=call.stop == hub.id)
        for call in _calls(hub, members, _start(MORNING, rng), rng)
    ]
    fetch = [
        Call(call.stop, call.arrival, call.departure, pickup=call.stop != hub.id, drop_off=call.stop == hub.id)
        for call in _calls(hub, members, _start(FETCHING, rng), rng)
    ]
    crates = _crates(rng)
    return [
        Trip(f"{route.id}-breng", route.id, service, "Brengrit", crates, tuple(bring)),
        Trip(f"{route.id}-haal", route.id, service, "Haalrit", crates, tuple(fetch)),
    ]


def _start(window: tuple[int, int], rng: np.random.Generator) -> int:
    return 5 * int(rng.integers(window[0] // 5, window[1] // 5 + 1))


def _crates(rng: np.random.Generator) -> int:
    return int(rng.choice((60, 80, 120)))


def _calls(
    hub: facts.Hub, members: Iterable[Location | facts.Hub], start: int, rng: np.random.Generator
) -> list[Call]:
    """Drive from the hub along the members and back, standing a few minutes at each."""
    calls = [_at(hub.id, start)]
    now, here = start, (hub.lat, hub.lon)
    for member in members:
        now += drive_minutes(here, (member.lat, member.lon))
        stands = int(rng.integers(*STOP_MINUTES))
        calls.append(Call(member.id, now, now + stands))
        now, here = now + stands, (member.lat, member.lon)
    now += drive_minutes(here, (hub.lat, hub.lon))
    return [*calls, _at(hub.id, now)]


# --- across the country ---------------------------------------------------------------------------


def _line_hauls(world: World) -> list[tuple[Route, list[Trip]]]:
    """Every hub sends to the national centre in the evening and is sent to after midnight, as one service day."""
    centre = next(hub for hub in world.hubs if hub.role == "national")
    laid = []
    for hub in (hub for hub in world.hubs if hub.role == "poi"):
        drive = drive_minutes((hub.lat, hub.lon), (centre.lat, centre.lon))
        service = _service(NIGHT_CARRIER, WORKING_DAYS, night=True)
        route = Route(f"nacht-{hub.id[-8:]}", NIGHT_CARRIER, f"{hub.name} - {centre.name}")
        there = (_at(hub.id, AT_CENTRE_BY - drive), _at(centre.id, AT_CENTRE_BY))
        back = (_at(centre.id, FROM_CENTRE), _at(hub.id, FROM_CENTRE + drive))
        trips = [
            Trip(f"{route.id}-heen", route.id, service, "Nieuwegein", 400, there),
            Trip(f"{route.id}-terug", route.id, service, hub.name, 400, back),
        ]
        laid.append((route, trips))
    return laid


def _shuttle_between_hubs(world: World) -> list[tuple[Route, list[Trip]]]:
    """A POI with two hubs drives between them every evening, so that its own area needs no national centre."""
    by_poi: dict[str, list[facts.Hub]] = {}
    for hub in (hub for hub in world.hubs if hub.role == "poi"):
        by_poi.setdefault(hub.poi, []).append(hub)
    laid = []
    for poi, (first, second) in ((poi, pair) for poi, pair in by_poi.items() if len(pair) == 2):
        drive = drive_minutes((first.lat, first.lon), (second.lat, second.lon))
        route = Route(f"{poi}-pendel", poi, f"{first.name} - {second.name}")
        leaves, turns = 18 * 60 + 45, 18 * 60 + 45 + drive
        calls = (_at(first.id, leaves), Call(second.id, turns, turns + 15))
        home = _at(first.id, turns + 15 + drive)
        laid.append(
            (route, [Trip(f"{route.id}-avond", route.id, _service(poi, WORKING_DAYS), "Pendel", 200, (*calls, home))])
        )
    return laid


# --- the islands ----------------------------------------------------------------------------------


def _crossings(world: World, rng: np.random.Generator) -> list[tuple[Route, list[Trip]]]:
    """For each ferry: a van to the port and back, twice a day; the crossing; and a round on the island."""
    hub_of = {hub.id: hub for hub in world.hubs}
    laid: list[tuple[Route, list[Trip]]] = []
    for ferry in facts.ferries():
        port, island_port = hub_of[ferry.port], hub_of[ferry.island_port]
        branches = [location for location in world.locations if location.island == ferry.island]
        hub = next(hub for hub in world.hubs if hub.role == "poi" and hub.poi == port.poi)
        laid += [_to_port(ferry, hub, port), _ferry(ferry), _island_round(ferry, island_port, branches, rng)]
    return laid


def _to_port(ferry: facts.Ferry, hub: facts.Hub, port: facts.Hub) -> tuple[Route, list[Trip]]:
    """Be at the port in time for the crossing, and again when it is back."""
    drive = drive_minutes((hub.lat, hub.lon), (port.lat, port.lon))
    route = Route(f"{hub.poi}-haven-{ferry.island.lower()}", hub.poi, f"{hub.name} - {port.name}")
    service = _service(hub.poi, ferry.days)
    ashore = ferry.back_minutes + ferry.minutes
    trips = []
    for word, arrives in (("heen", ferry.out_minutes - PORT_MINUTES - 5), ("terug", ashore + PORT_MINUTES - 5)):
        leaves = arrives - drive
        calls = (
            _at(hub.id, leaves),
            Call(port.id, arrives, arrives + 5),
            _at(hub.id, arrives + 5 + drive),
        )
        trips.append(Trip(f"{route.id}-{word}", route.id, service, port.name, 40, calls))
    return route, trips


def _ferry(ferry: facts.Ferry) -> tuple[Route, list[Trip]]:
    route = Route(f"veer-{ferry.island.lower()}", ferry.operator, f"Veer {ferry.island}", kind=4)
    service = _service(ferry.operator, ferry.days)
    out, back = ferry.out_minutes, ferry.back_minutes
    there = (_at(ferry.port, out), _at(ferry.island_port, out + ferry.minutes))
    home = (_at(ferry.island_port, back), _at(ferry.port, back + ferry.minutes))
    return route, [
        Trip(f"{route.id}-heen", route.id, service, ferry.island, 40, there),
        Trip(f"{route.id}-terug", route.id, service, "Vaste wal", 40, home),
    ]


def _island_round(
    ferry: facts.Ferry, island_port: facts.Hub, branches: list[Location], rng: np.random.Generator
) -> tuple[Route, list[Trip]]:
    """Meet the boat, drive along the branches and be back before it sails."""
    route = Route(f"{island_port.poi}-eiland-{ferry.island.lower()}", island_port.poi, f"Eilandrit {ferry.island}")
    start = ferry.out_minutes + ferry.minutes + PORT_MINUTES
    calls = _calls(island_port, branches, start, rng)
    service = _service(island_port.poi, ferry.days)
    return route, [Trip(f"{route.id}-rond", route.id, service, ferry.island, 20, tuple(calls))]
