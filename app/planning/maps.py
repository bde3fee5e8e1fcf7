"""The map of a network version as one document: made once, kept as it is sent, and made anew when it has changed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from app.aside import aside
from app.database import Database
from app.store.map import Drawn, read_drawn
from app.store.network_versions import Version, get_version
from app.store.standing import read_standing
from app.store.timetable import ServiceRow

KEPT = 4
FERRY = 4  # GTFS's route_type
DECIMALS = 5  # of a degree: a metre


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as it is sent: plain, compressed, and the tag that says whether it is the same."""

    body: bytes
    packed: bytes
    tag: str


class Maps:
    """Keeps the maps asked for last. One is made at a time; whoever asks for the same meanwhile waits for it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, date | None], Kept] = OrderedDict()
        self._turn = asyncio.Lock()

    async def of(self, database: Database, version: str) -> Kept:
        """Return the map of a version as the register stands today. Raises VersionUnknown."""
        async with self._turn, database.one_moment() as connection:
            standing = await read_standing(connection)
            key = (version, standing.register, standing.day)
            if key not in self._kept:
                found = await get_version(connection, version)
                drawn = await read_drawn(connection, found.number)
                self._kept[key] = await aside(_packed, found, drawn)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


def _packed(version: Version, drawn: Drawn) -> Kept:
    body = orjson.dumps(document(version, drawn))
    return Kept(body, gzip.compress(body, 6, mtime=0), f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def document(version: Version, drawn: Drawn) -> dict[str, Any]:
    """Put the document together: stops of patterns and operators of routes are positions in the lists beside them."""
    position = {row["id"]: at for at, row in enumerate(drawn.locations)}
    hubs = {row["id"] for row in drawn.locations if row["kind"] == "hub"}
    patterns: list[list[dict[str, Any]]] = [[] for _ in drawn.routes]
    line_haul = [True] * len(drawn.routes)
    for route, stops, services in drawn.patterns:
        places = [drawn.stops[stop] for stop in stops]
        line_haul[route] &= all(place in hubs for place in places)
        patterns[route].append(
            {
                "stops": [position[place] for place in places],
                "weekdays": _weekdays([drawn.services[service] for service in services]),
                "trips": sum(services.values()),
            }
        )
    called = {stop for route in patterns for pattern in route for stop in pattern["stops"]}
    return {
        "version": version.id,
        "first_day": version.first_day,
        "last_day": version.last_day,
        "operators": drawn.operators,
        "provinces": drawn.provinces,
        "pois": drawn.pois,
        "systems": drawn.systems,
        "locations": [_location(row, served=at in called) for at, row in enumerate(drawn.locations)],
        "routes": [
            {
                "id": row["id"],
                "operator": row["operator"],
                "short_name": row["short_name"],
                "long_name": row["long_name"],
                "kind": _kind(row["route_type"], line_haul=line_haul[at] and bool(patterns[at])),
                "patterns": patterns[at],
            }
            for at, row in enumerate(drawn.routes)
        ],
    }


def _location(row: dict[str, Any], *, served: bool) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("id", "name", "kind", "agency", "province", "poi", "system")},
        "lat": None if row["lat"] is None else round(row["lat"], DECIMALS),
        "lon": None if row["lon"] is None else round(row["lon"], DECIMALS),
        "transfers": row["transfers"],
        "served": served,
    }


def _kind(route_type: int, *, line_haul: bool) -> str:
    if route_type == FERRY:
        return "ferry"
    return "line_haul" if line_haul else "round"


def _weekdays(services: Sequence[ServiceRow]) -> list[bool]:
    """On which weekdays any of these runs, Monday first; of one without a weekly pattern, those of its days."""
    return [any(_runs_on(service, weekday) for service in services) for weekday in range(7)]


def _runs_on(service: ServiceRow, weekday: int) -> bool:
    if any(service.weekdays):
        return service.weekdays[weekday]
    return any(day.weekday() == weekday for day in service.added)
