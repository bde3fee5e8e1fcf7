"""Reads the facts that lie beside this file; README.md there names their sources and licence."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Place:
    """A city, town or village (GeoNames, CC BY 4.0)."""

    name: str
    province: str
    lat: float
    lon: float
    population: int


@dataclass(frozen=True, slots=True)
class Organisation:
    """A library organisation, its town's position, and the system it uses (empty: it answers by hand)."""

    name: str
    isil: str
    province: str
    lat: float
    lon: float
    system: str
    system_kind: str
    system_since: str


@dataclass(frozen=True, slots=True)
class Province:
    """A province by code, and the POI that distributes in it."""

    code: str
    name: str
    poi: str


@dataclass(frozen=True, slots=True)
class Poi:
    """A provincial support organisation. `separate_rounds`: it brings in the morning and fetches in the afternoon."""

    code: str
    name: str
    separate_rounds: bool


@dataclass(frozen=True, slots=True)
class Hub:
    """A sorting point: a POI's (`role` poi), the national centre (national) or a ferry port (port)."""

    id: str
    name: str
    role: str
    poi: str
    province: str
    serves: tuple[str, ...]
    lat: float
    lon: float
    handling_minutes: int


@dataclass(frozen=True, slots=True)
class Ferry:
    """A crossing that carries crates: from which port, on which days (Monday is 0), when out and back."""

    island: str
    operator: str
    operator_name: str
    port: str
    island_port: str
    minutes: int
    days: tuple[int, ...]
    out_minutes: int
    back_minutes: int
    south: float
    north: float
    west: float
    east: float

    def reaches(self, lat: float, lon: float) -> bool:
        """Say whether a position lies on the island."""
        return self.south <= lat <= self.north and self.west <= lon <= self.east


WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


@cache
def places() -> tuple[Place, ...]:
    """All places, largest first; provinces by code."""
    code = {province.name: province.code for province in provinces()}
    return tuple(
        Place(row["name"], code[row["province"]], float(row["lat"]), float(row["lon"]), int(row["population"]))
        for row in _rows("places_nl.csv")
    )


@cache
def organisations() -> tuple[Organisation, ...]:
    """All organisations with the system each takes part in; provinces by code."""
    code = {province.name: province.code for province in provinces()}
    system = {row["organisation"]: row for row in _rows("systems.csv")}
    return tuple(
        Organisation(
            row["name"],
            row["isil"],
            code[row["province"]],
            float(row["lat"]),
            float(row["lon"]),
            system[row["name"]]["system"],
            system[row["name"]]["system_kind"],
            system[row["name"]]["system_since"],
        )
        for row in _rows("organisations.csv")
    )


@cache
def provinces() -> tuple[Province, ...]:
    """The twelve provinces."""
    return tuple(Province(row["code"], row["name"], row["poi"]) for row in _rows("provinces.csv"))


@cache
def pois() -> tuple[Poi, ...]:
    """The nine POIs."""
    return tuple(Poi(row["code"], row["name"], row["rounds"] == "separate") for row in _rows("pois.csv"))


@cache
def hubs() -> tuple[Hub, ...]:
    """Every sorting point and ferry port."""
    return tuple(
        Hub(
            row["id"],
            row["name"],
            row["role"],
            row["poi"],
            row["province"],
            tuple(row["serves"].split(";")) if row["serves"] else (),
            float(row["lat"]),
            float(row["lon"]),
            int(row["handling_minutes"]),
        )
        for row in _rows("hubs.csv")
    )


@cache
def ferries() -> tuple[Ferry, ...]:
    """The five crossings to inhabited Wadden islands."""
    return tuple(
        Ferry(
            row["island"],
            row["operator"],
            row["operator_name"],
            row["port"],
            row["island_port"],
            int(row["minutes"]),
            tuple(WEEKDAYS.index(day) for day in row["days"].split()),
            _minutes(row["out"]),
            _minutes(row["back"]),
            float(row["south"]),
            float(row["north"]),
            float(row["west"]),
            float(row["east"]),
        )
        for row in _rows("ferries.csv")
    )


ROLES = {
    "gezamenlijk_provinciaal_collectieplan": "joint_plan",
    "centraal_gecollectioneerd": "central_collecting",
    "strategiegroep": "strategy_group",
    "anders": "otherwise",
}
PLAN_YEAR = 2022


@cache
def collection_roles() -> tuple[tuple[str, str], ...]:
    """Pairs of province code and role in the collection plan of PLAN_YEAR."""
    code = {province.name: province.code for province in provinces()}
    return tuple(
        (code[row["province"]], role)
        for row in _rows("collectieplan_2022.csv")
        for column, role in ROLES.items()
        if row[column] == "ja"
    )
