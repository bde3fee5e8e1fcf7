"""A network for many loan requests at once: eight libraries around one hub, each supplying and asking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

import asyncpg

from app.store.epochs import bump
from app.store.network_versions import activate, create_version
from app.store.policies import add_version
from app.store.systems import System, put_system
from routing.model import Timetable
from tests.support.filled import content_of
from tests.support.worlds import drawn

LIBRARIES = 8
TITLES = 60
HOLDERS = 4


@dataclass(frozen=True, slots=True)
class World:
    """Agencies with their one location each, and which locations hold a title (by ISBN)."""

    agencies: dict[str, str]
    held: dict[str, tuple[str, ...]]

    def wanted_by(self, location: str) -> list[str]:
        """Return the titles that a location must get from others."""
        return [isbn for isbn, holders in self.held.items() if location not in holders]


def province_of(agency: str) -> str:
    """Return the province of an agency: every other one is southern, and what crosses over is charged."""
    return "NB" if int(agency.removeprefix("NL-")) % 2 else "DR"


async def build(database_url: str, chance: Random, *, desk: str | None, two_at_once: bool = False) -> World:
    """Fill an empty, migrated database; every library's system is a fake one at `desk`, or people answer.

    With `two_at_once` half of the libraries have two suppliers asked at once.
    """
    agencies = {f"NL-{at}": f"L{at}" for at in range(1, LIBRARIES + 1)}
    held = {_isbn(at): tuple(sorted(chance.sample(list(agencies.values()), HOLDERS))) for at in range(TITLES)}
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await _register(connection, agencies, desk)
            await _holdings(connection, held, chance)
            await bump(connection, "register")
            await create_version(connection, "daily", content_of(_daily(agencies.values())))
            await activate(connection, "daily")
            await connection.execute("update lapse_rule set open_days = 1")
            if two_at_once:
                await _two_at_once(connection, list(agencies)[LIBRARIES // 2 :])
    finally:
        await connection.close()
    return World(agencies, held)


async def _register(connection: asyncpg.Connection, agencies: dict[str, str], desk: str | None) -> None:
    await connection.execute(
        "insert into poi (code, name) values ('NORD', 'Northern vans'), ('ZUID', 'Southern vans')"
    )
    await connection.execute(
        "insert into province (code, name, poi) values ('DR', 'Drenthe', 'NORD'), ('NB', 'Noord-Brabant', 'ZUID')"
    )
    await connection.execute("insert into location (id, name, kind) values ('H', 'Hub', 'hub')")
    for agency, location in agencies.items():
        system = f"system of {agency}"
        await connection.execute("insert into system (id) values ($1)", system)
        if desk is not None:
            await put_system(connection, System(id=system, kind="fake", addresses={"desk": desk}))
        province = province_of(agency)
        await connection.execute("insert into agency (isil, name, province) values ($1, $1, $2)", agency, province)
        await connection.execute(
            "insert into location (id, name, agency, system) values ($1, $1, $2, $3)", location, agency, system
        )


async def _holdings(connection: asyncpg.Connection, held: dict[str, tuple[str, ...]], chance: Random) -> None:
    for isbn, holders in held.items():
        title = await connection.fetchval("insert into title (title) values ($1) returning id", isbn)
        await connection.execute("insert into title_isbn (isbn, title_id) values ($1, $2)", isbn, title)
        for location in holders:
            await connection.execute(
                "insert into holding (title_id, location, material, copies, loanable)"
                " values ($1, $2, 'book', $3, true)",
                *(title, location, chance.choice((1, 3, 10))),
            )


async def _two_at_once(connection: asyncpg.Connection, agencies: Iterable[str]) -> None:
    for agency in agencies:
        await add_version(
            connection,
            province=None,
            agency=agency,
            valid_from=datetime.now(UTC).date() - timedelta(days=1),
            document={"requesting": {"at_once": 2}},
            says=["at_once"],
            by=agency,
            at=datetime.now(UTC),
            note=None,
        )


def _daily(locations: Iterable[str]) -> Timetable:
    """Every day a van from each library to the hub, and one back; from yesterday on, whenever it is run."""
    every_day = "Mo,Tu,We,Th,Fr,Sa,Su"
    lines = ["hub H 10m"]
    for at in locations:
        lines += [f"R{at}/{at}-out {every_day} {at} 08:00 H 10:00", f"R{at}/{at}-in {every_day} H 11:00 {at} 13:00"]
    timetable = drawn("\n".join(lines))
    since = datetime.now(UTC).date() - timedelta(days=1)
    services = tuple(replace(found, start=since, end=since + timedelta(days=400)) for found in timetable.services)
    return replace(timetable, services=services)


def _isbn(number: int) -> str:
    digits = f"978{number:09}"
    return digits + str(-sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(digits)) % 10)
