"""Makes the demonstration's organisations and their branches: real towns, invented branches."""

from __future__ import annotations

import csv
import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.demo import facts

LOCATIONS = 1300
CLOSED = 12  # branches that are being rebuilt: they stand in no route, and their name says so
SMALLEST_PLACE = 1000
SMALLEST_ISLAND_PLACE = 900
# Where an organisation serves a whole province, the ones in towns keep to this far around them.
TOWN_REACH_KM = 9.0
PROVINCE_WIDE = frozenset({"Biblionet Groningen", "Bind (Biblionet Drenthe)"})
ISLAND_ORGANISATIONS = {"FR": "Bibliotheken Noord Fryslân", "NH": "KopGroep Bibliotheken"}

DISTRICTS = (
    "Centrum", "Noord", "Zuid", "Oost", "West", "Station", "Park", "Nieuw-West", "Haven", "Noordoost", "Zuidwest",
    "Zuidoost", "Noordwest", "Markt", "Molenwijk", "Singel", "Buitenhof", "De Hoven", "Waterwijk", "Kruispunt",
    "Schoolplein", "Torenwijk", "Tuinwijk", "Eiland", "Lindenhof",
)  # fmt: skip

# By how large a branch is: opening hours in OpenStreetMap syntax, all closed on public holidays.
HOURS_LARGE = (
    "Mo-Fr 08:30-20:00; Sa 10:00-17:00; Su 12:00-17:00; PH off",
    "Mo-Fr 09:00-20:00; Sa 09:30-17:00; PH off",
    "Mo 12:00-20:00; Tu-Fr 09:30-20:00; Sa 10:00-17:00; Su 13:00-17:00; PH off",
    "Mo-Th 10:00-21:00; Fr 10:00-18:00; Sa 10:00-17:00; PH off",
)
HOURS_MIDDLE = (
    "Mo-Fr 10:00-17:30; Sa 10:00-13:00; PH off",
    "Mo 13:00-17:30; Tu-Fr 10:00-17:30; Sa 10:00-14:00; PH off",
    "Tu-Fr 10:00-18:00; Sa 10:00-16:00; PH off",
    "Mo,We,Fr 10:00-17:30; Tu,Th 13:30-20:00; Sa 10:00-13:00; PH off",
    "Mo-Fr 09:00-17:00; PH off",
)
HOURS_SMALL = (
    "Mo,We 14:00-17:30; Fr 14:00-20:00; PH off",
    "Tu,Th 13:30-17:00; Sa 10:00-12:00; PH off",
    "Mo-Fr 14:00-17:00; PH off",
    "Mo,Th 10:00-12:00,14:00-17:00; We 14:00-17:00; PH off",
)
HANDLING_LARGE = (240, 300, 360, 480)
HANDLING_MIDDLE = (120, 150, 180, 240)
HANDLING_SMALL = (60, 90, 120)


@dataclass(frozen=True, slots=True)
class Agency:
    """An organisation as the demonstration registers it."""

    isil: str
    name: str
    province: str
    poi: str
    lat: float
    lon: float
    system: str
    system_kind: str
    system_since: str


@dataclass(frozen=True, slots=True)
class Location:
    """A branch that serves `size` inhabitants. `island` is empty on the mainland; a closed one is in no route."""

    id: str
    name: str
    agency: Agency
    lat: float
    lon: float
    size: float
    handling_minutes: int
    opening_hours: str
    island: str = ""
    closed: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """Everything that has a place on the map."""

    agencies: tuple[Agency, ...]
    locations: tuple[Location, ...]
    hubs: tuple[facts.Hub, ...]


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Return the distance in kilometres, flat-earth: good enough within one small country."""
    return math.hypot((lat - other_lat) * 111.2, (lon - other_lon) * 111.2 * math.cos(math.radians(52.1)))


def make_world(seed: int) -> World:
    """Make the same agencies, locations and hubs for the same seed."""
    rng = np.random.default_rng([seed, 1])
    agencies = _agencies()
    by_agency: dict[str, list[tuple[facts.Place, int]]] = defaultdict(list)
    for place, branches in _branches_per_place():
        by_agency[_agency_of(place, agencies).isil].append((place, branches))
    _give_everyone_a_place(agencies, by_agency)
    ambiguous = _ambiguous_names(place for row in by_agency.values() for place, _ in row)
    locations: list[Location] = []
    for agency in agencies:
        locations += _locations(agency, by_agency[agency.isil], ambiguous, rng)
    return World(agencies, _close_some(locations, rng), facts.hubs())


def _agencies() -> tuple[Agency, ...]:
    poi = {province.code: province.poi for province in facts.provinces()}
    return tuple(
        Agency(
            fact.isil or f"NL-08{9000 + number}0000",
            fact.name,
            fact.province,
            poi[fact.province],
            fact.lat,
            fact.lon,
            fact.system,
            fact.system_kind,
            fact.system_since,
        )
        for number, fact in enumerate(facts.organisations(), start=1)
    )


def island_of(lat: float, lon: float) -> str:
    """Name the Wadden island that a position lies on; empty on the mainland."""
    return next((ferry.island for ferry in facts.ferries() if ferry.reaches(lat, lon)), "")


def _pull(place: facts.Place) -> float:
    """Say how many branches a place attracts, without unit: far fewer a head in a city than in a village."""
    return float(place.population**0.4)


def _branches_per_place() -> list[tuple[facts.Place, int]]:
    """Hand out LOCATIONS branches by highest averages over their pull: every island village has one."""
    eligible = [place for place in facts.places() if place.population >= SMALLEST_PLACE]
    on_islands = [
        place
        for place in facts.places()
        if place.population >= SMALLEST_ISLAND_PLACE and island_of(place.lat, place.lon)
    ]
    branches = Counter(dict.fromkeys(on_islands, 1))
    queue = [(-_pull(place), rank) for rank, place in enumerate(eligible) if place not in branches]
    heapq.heapify(queue)
    while branches.total() < LOCATIONS:
        _, rank = heapq.heappop(queue)
        place = eligible[rank]
        branches[place] += 1
        heapq.heappush(queue, (-_pull(place) / (branches[place] + 1), rank))
    return list(branches.items())


def _agency_of(place: facts.Place, agencies: tuple[Agency, ...]) -> Agency:
    """Give a place to the nearest organisation of its province; the islands have theirs."""
    candidates = [agency for agency in agencies if agency.province == place.province]
    if island_of(place.lat, place.lon):
        return next(agency for agency in candidates if agency.name == ISLAND_ORGANISATIONS[place.province])

    def far(agency: Agency) -> float:
        return distance_km(place.lat, place.lon, agency.lat, agency.lon)

    towns = [agency for agency in candidates if agency.name not in PROVINCE_WIDE]
    nearest = min(towns, key=far)
    if len(towns) == len(candidates) or far(nearest) <= TOWN_REACH_KM:
        return nearest
    return next(agency for agency in candidates if agency.name in PROVINCE_WIDE)


def _give_everyone_a_place(agencies: tuple[Agency, ...], by_agency: dict[str, list[tuple[facts.Place, int]]]) -> None:
    """Let an organisation that is nowhere the nearest take a place from a neighbour that has several."""
    province = {agency.isil: agency.province for agency in agencies}
    for agency in (agency for agency in agencies if not by_agency[agency.isil]):
        neighbours = [
            (distance_km(entry[0].lat, entry[0].lon, agency.lat, agency.lon), isil, entry)
            for isil, entries in by_agency.items()
            if province[isil] == agency.province and len(entries) > 1
            for entry in entries
        ]
        _, isil, entry = min(neighbours, key=lambda neighbour: neighbour[0])
        by_agency[isil].remove(entry)
        by_agency[agency.isil].append(entry)


def _ambiguous_names(chosen: Iterable[facts.Place]) -> frozenset[str]:
    counts = Counter(place.name for place in chosen)
    return frozenset(name for name, times in counts.items() if times > 1)


def _locations(
    agency: Agency, row: list[tuple[facts.Place, int]], ambiguous: frozenset[str], rng: np.random.Generator
) -> list[Location]:
    made: list[Location] = []
    for place, branches in sorted(row, key=lambda entry: (-entry[0].population, entry[0].name)):
        size = place.population / (branches + 1)
        for nth in range(branches):
            number = len(made) + 1
            served = size * (2 if nth == 0 else 1)
            hours, handling = _daily_life(served, rng)
            off = rng.uniform(-0.012, 0.012, 2) * min(branches, 3) if nth else (0.0, 0.0)
            made.append(
                Location(
                    f"{agency.isil[:-4]}{1000 + number}",
                    _name(place, branches, nth, ambiguous),
                    agency,
                    round(place.lat + off[0], 4),
                    round(place.lon + off[1], 4),
                    served,
                    handling,
                    hours,
                    island_of(place.lat, place.lon),
                )
            )
    return made


def _name(place: facts.Place, branches: int, nth: int, ambiguous: frozenset[str]) -> str:
    province = {province.code: province.name for province in facts.provinces()}[place.province]
    town = f"{place.name} ({province})" if place.name in ambiguous else place.name
    if branches > 1:
        return f"Bibliotheek {town} {DISTRICTS[nth]}"
    return f"{'Bibliotheek' if place.population >= 3000 else 'Servicepunt'} {town}"


def _daily_life(served: float, rng: np.random.Generator) -> tuple[str, int]:
    """Draw opening hours and handling minutes for a branch that serves so many inhabitants."""
    hours: tuple[str, ...] = HOURS_SMALL
    handling: tuple[int, ...] = HANDLING_SMALL
    if served >= 40_000:
        hours, handling = HOURS_LARGE, HANDLING_LARGE
    elif served >= 4_000:
        hours, handling = HOURS_MIDDLE, HANDLING_MIDDLE
    return hours[int(rng.integers(len(hours)))], handling[int(rng.integers(len(handling)))]


def _close_some(locations: list[Location], rng: np.random.Generator) -> tuple[Location, ...]:
    """Close CLOSED branches for rebuilding, middling ones of organisations that keep others."""
    counts = Counter(location.agency.isil for location in locations)
    eligible = [
        index
        for index, location in enumerate(locations)
        if not location.island and 4_000 <= location.size < 40_000 and counts[location.agency.isil] > 5
    ]
    chosen = {int(index) for index in rng.choice(eligible, CLOSED, replace=False)}
    return tuple(
        replace(location, name=f"{location.name} (gesloten wegens verbouwing)", closed=True)
        if index in chosen
        else location
        for index, location in enumerate(locations)
    )


COLUMNS = (
    "isil", "name", "kind", "parent", "province", "poi", "system", "lat", "lon", "handling_minutes", "opening_hours",
    "system_kind", "system_since",
)  # fmt: skip


def write_agencies(world: World, path: Path) -> None:
    """Write agencies.csv as docs/data.md has it, with what kind of system an agency uses and since when."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for agency in world.agencies:
            where = (agency.province, agency.poi, agency.system, agency.lat, agency.lon)
            system = (agency.system_kind, agency.system_since)
            writer.writerow((agency.isil, agency.name, "agency", "", *where, "", "", *system))
        for hub in world.hubs:
            where = (hub.province, hub.poi, "", hub.lat, hub.lon)
            writer.writerow((hub.id, hub.name, "hub", "", *where, 0, "", "", ""))
        for location in world.locations:
            agency = location.agency
            where = (agency.province, agency.poi, agency.system, location.lat, location.lon)
            life = (location.handling_minutes, location.opening_hours)
            writer.writerow((location.id, location.name, "location", agency.isil, *where, *life, "", ""))
