"""The ground that every way to choose stands on: the demonstration's vans, locations and titles, as columns."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.demo.gtfs import write_network
from app.demo.holdings import write_holdings
from app.demo.network import Plan, make_plan
from app.demo.organisations import World, make_world
from app.imports.archive import Limits, open_archive
from app.imports.gtfs import read_feed
from app.store.timetable import as_timetable
from routing import Agency, Location, Register, Timetable
from routing.calendar import DAY_SECONDS
from routing.hours import Hours, hours_in, kinds_of
from routing.network import Floats, Ints, Longs, Network, compile_network, window_for
from routing.sweep import NEVER, fastest, sweep_to

FIRST = date(2026, 10, 1)  # a Thursday, where the engine's windows begin
MADE_ON = date(2026, 11, 23)  # the timetable runs from the first of the month before, for fifteen months
SPAN_DAYS = 480
HORIZON_DAYS = 35
THIN_OF_DEMO = 40
"""The demonstration has a fortieth of the country's titles and copies."""
CACHE_BYTES = 1500 * 2**20
SPECIAL = frozenset({"braille", "daisy"})
ZONE = "Europe/Amsterdam"


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Places (locations) by position, titles with their holdings as rows, and the vans between the places.

    Title *t* has the rows `title_start[t]` up to `title_start[t + 1]`: `row_place` holds `row_copies`. Seconds count
    from `origin` (seconds since 1970). Codes of agencies, provinces and POIs are positions in their names.
    """

    origin: int
    timetable: Timetable
    register: Register
    hours: Hours
    places: tuple[str, ...]
    kind: Ints  # of opening hours
    stop: Ints  # position in the network; -1: no van calls
    size: Floats  # inhabitants
    agencies: tuple[str, ...]  # ISILs
    agency: Ints
    province: Ints
    poi: Ints
    provinces: tuple[str, ...]
    alphabet: Ints  # (places,): where each stands in the alphabet
    kilometres: npt.NDArray[np.float32]  # (places, places), as the crow flies
    title_start: Longs
    row_place: Ints
    row_copies: Ints
    row_title: Ints
    material: tuple[str, ...]  # of each title
    crates: Longs  # (trips,)

    @property
    def titles(self) -> int:
        """How many titles there are."""
        return len(self.title_start) - 1

    def network(self) -> Network:
        """Compile the timetable anew: what is kept of one seed's vans is nothing to another's."""
        return compile_network(self.timetable, cache_bytes=CACHE_BYTES)


@cache
def lay_ground(thin: int) -> Ground:
    """Make the demonstration, with one of every `thin` of its titles."""
    world = make_world(1)
    plan = make_plan(world, 1)
    timetable = _timetable(world, plan)
    register = _register(world)
    origin = int(datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC).timestamp())
    texts, kinds = kinds_of(register)
    stops = {stop.id: at for at, stop in enumerate(timetable.stops)}
    served = set(timetable.stop_times.stop.tolist())
    agencies = [agency.isil for agency in world.agencies]
    provinces = sorted({agency.province for agency in world.agencies})
    pois = sorted({agency.poi for agency in world.agencies})
    locations = world.locations
    titles = _titles(world, thin)
    crates = {trip.id: trip.crates for trip in plan.trips}
    alphabet = sorted(range(len(locations)), key=lambda at: (locations[at].agency.name, locations[at].name, at))
    return Ground(
        origin=origin,
        timetable=timetable,
        register=register,
        hours=hours_in(texts, ZONE, origin, SPAN_DAYS * DAY_SECONDS),
        places=tuple(one.id for one in locations),
        kind=np.array([kinds[one.id] for one in locations], dtype=np.int32),
        stop=np.array([stops[one.id] if stops.get(one.id) in served else -1 for one in locations], dtype=np.int32),
        size=np.array([one.size for one in locations]),
        agencies=tuple(agencies),
        agency=np.array([agencies.index(one.agency.isil) for one in locations], dtype=np.int32),
        province=np.array([provinces.index(one.agency.province) for one in locations], dtype=np.int32),
        poi=np.array([pois.index(one.agency.poi) for one in locations], dtype=np.int32),
        provinces=tuple(provinces),
        alphabet=np.argsort(alphabet).astype(np.int32),
        kilometres=_kilometres(world),
        title_start=titles.start,
        row_place=titles.place,
        row_copies=titles.copies,
        row_title=np.repeat(np.arange(len(titles.material)), np.diff(titles.start)).astype(np.int32),
        material=titles.material,
        crates=np.array([crates[trip.id] for trip in timetable.trips], dtype=np.int64),
    )


def _timetable(world: World, plan: Plan) -> Timetable:
    with tempfile.TemporaryDirectory(prefix="leenpad-choice-") as folder:
        file = Path(folder) / "network.zip"
        write_network(world, plan, file, today=MADE_ON)
        with open_archive(BytesIO(file.read_bytes()), Limits()) as archive:
            return as_timetable(read_feed(archive).content, "demonstration")


def _register(world: World) -> Register:
    return Register(
        agencies={one.isil: Agency(one.isil, one.province, one.poi, one.system or None) for one in world.agencies},
        locations={
            one.id: Location(
                one.id,
                agency=one.agency.isil,
                handling_minutes=one.handling_minutes,
                opening_hours=one.opening_hours,
            )
            for one in world.locations
        },
        timezone=ZONE,
    )


def _kilometres(world: World) -> npt.NDArray[np.float32]:
    at = np.array([(one.lat * 111.2, one.lon * 111.2 * np.cos(np.radians(52.1))) for one in world.locations])
    found: npt.NDArray[np.float32] = np.hypot(*(at[:, None] - at[None, :]).transpose(2, 0, 1)).astype(np.float32)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Titles:
    start: Longs
    place: Ints
    copies: Ints
    material: tuple[str, ...]


def _titles(world: World, thin: int) -> _Titles:
    """Read what may be lent; titles in the order of how widespread they are."""
    place_of = {one.id: at for at, one in enumerate(world.locations)}
    seen: dict[str, int] = {}
    held: list[list[tuple[int, int]]] = []
    material: list[str] = []
    with tempfile.TemporaryDirectory(prefix="leenpad-choice-") as folder:
        path = Path(folder) / "holdings.csv"
        write_holdings(world, path, seed=1)
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                number = seen.setdefault(row["isbn"] or row["ppn"], len(seen))
                if number % thin:
                    continue
                if number // thin == len(held):
                    held.append([])
                    material.append(row["material"])
                lent = row["loanable"] == "true" and row["material"] not in SPECIAL and int(row["copies"])
                if lent:
                    held[-1].append((place_of[row["location"]], int(row["copies"])))
    return _Titles(
        start=np.cumsum([0, *map(len, held)]).astype(np.int64),
        place=np.array([place for each in held for place, _ in each], dtype=np.int32),
        copies=np.array([copies for each in held for _, copies in each], dtype=np.int32),
        material=tuple(material),
    )


@cache
def ways_back(thin: int) -> npt.NDArray[np.int32]:
    """Seconds that an item takes from place to place when it is handed over at noon of each weekday (7, from, to).

    Of an ordinary week, without a missed van: only how long a copy is away depends on it. Where no van goes, 35 days.
    """
    ground = lay_ground(thin)
    network = ground.network()
    window = window_for(network, ground.origin + 14 * DAY_SECONDS, HORIZON_DAYS)
    count = len(ground.places)
    found = np.full((7, count, count), HORIZON_DAYS * DAY_SECONDS, dtype=np.int32)
    monday = 4 * DAY_SECONDS + 11 * 3600  # windows begin on a Thursday
    for to in range(count):
        if ground.stop[to] < 0:
            continue
        sweep = sweep_to(network, window, int(ground.stop[to]))
        for weekday in range(7):
            ready = np.full(count, monday + weekday * DAY_SECONDS, dtype=np.int64)
            arrival = fastest(
                ground.stop, ready, window.slot_departure, window.segment_start, sweep.arrival, sweep.handlings
            )[0]
            came = arrival < NEVER
            found[weekday, came, to] = arrival[came] - ready[came]
    return found
