"""A small network in a real database: two provinces, a hub in each, and two versions that tell each other apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import numpy as np
from fastapi import FastAPI

from app.main import create_app
from app.settings import Settings
from app.store.epochs import bump
from app.store.network_versions import activate, create_version
from app.store.timetable import Calls, Content, OperatorRow, RouteRow, ServiceRow, StopRow, TripRow
from routing.model import Timetable
from tests.support.worlds import drawn

EVERYWHERE = "9780306406157"  # at desk, branch, far, island and closed
NOWHERE = "9789000000005"  # well-formed, and no holding of it exists
VOLUMES = "9783161484100"  # names two titles
BY_PPN = "398765432"

FIRST = """
    hub H 10m
    hub N 30m
    V1/v1-out   Mo-Fr  branch 09:00  H 10:00
    V1/v1-in    Mo-Fr  H 10:30  desk 11:00
    L/line      Mo-Fr  N 22:00  H 25:10
    V2/v2-out   Mo,We  far 16:00  N 18:00
"""
# The same stops and days; every trip has another name, so that an answer shows which version it is of.
SECOND = """
    hub H 10m
    hub N 30m
    W1/w1-out   Mo-Fr  branch 09:00  H 09:30
    W1/w1-in    Mo-Fr  H 09:40  desk 10:00
    M/night     Mo-Fr  N 20:00  H 23:10
    W2/w2-out   Mo,We  far 15:00  N 17:00
"""


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application with its resources open and its engine compiled, as a server would have it."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        await app.state.resources.snapshot.started()
        yield app


def client_of(app: FastAPI) -> httpx.AsyncClient:
    """A client of an application that `running` yielded."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def fill(database_url: str) -> tuple[str, str]:
    """Fill an empty, migrated database; the first version is active. Return the ids of both."""
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute(_REGISTER)
            await connection.execute(_HOLDINGS)
            await bump(connection, "register")
            for version, text in (("first", FIRST), ("second", SECOND)):
                await create_version(connection, version, content_of(drawn(text)))
            await activate(connection, "first")
    finally:
        await connection.close()
    return "first", "second"


async def run_sql(database_url: str, statement: str) -> None:
    """Change something behind the application's back."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def content_of(timetable: Timetable) -> Content:
    """What the store keeps of a drawn timetable, each part in the order of its ids."""
    stops = sorted(timetable.stops, key=lambda stop: stop.id)
    position = {stop.id: at for at, stop in enumerate(stops)}
    times = timetable.stop_times
    return Content(
        timezone=timetable.timezone,
        operators=[OperatorRow(str(at), route.operator, "") for at, route in enumerate(timetable.routes)],
        stops=[StopRow(stop.id, stop.id, None, None, stop.handling_seconds) for stop in stops],
        routes=[RouteRow(route.id, at, route.id, "", 3) for at, route in enumerate(timetable.routes)],
        services=[
            ServiceRow(s.id, s.weekdays, s.start, s.end, tuple(sorted(s.added)), tuple(sorted(s.removed)))
            for s in timetable.services
        ],
        trips=[TripRow(trip.id, trip.route, trip.service, "", "", None) for trip in timetable.trips],
        calls=Calls(
            trip=times.trip,
            sequence=np.arange(len(times.trip), dtype=np.int32),
            stop=np.array([position[timetable.stops[stop].id] for stop in times.stop], dtype=np.int32),
            arrival=times.arrival,
            departure=times.departure,
            pickup_type=np.where(times.pickup, 0, 1).astype(np.int16),
            drop_off_type=np.where(times.drop_off, 0, 1).astype(np.int16),
        ),
    )


_REGISTER = """
insert into poi (code, name) values ('NORD', 'Northern vans'), ('ZUID', 'Southern vans');
insert into province (code, name, poi) values ('DR', 'Drenthe', 'NORD'), ('NB', 'Noord-Brabant', 'ZUID');
insert into agency (isil, name, province) values
    ('NL-1', 'Library One', 'DR'), ('NL-2', 'Library Two', 'DR'), ('NL-3', 'Library Three', 'NB');
insert into location (id, name, agency, kind, handling_minutes, opening_hours) values
    ('desk', 'Desk', 'NL-1', 'location', 0, ''),
    ('branch', 'Branch', 'NL-2', 'location', 60, ''),
    ('far', 'Far away', 'NL-3', 'location', 120, 'Mo-Fr 09:00-17:00'),
    ('island', 'Island', 'NL-3', 'location', 0, ''),
    ('closed', 'Reading room', 'NL-2', 'location', 0, ''),
    ('H', 'Hub', null, 'hub', 0, ''),
    ('N', 'National hub', null, 'hub', 0, '');
insert into tariff (valid_from, supplier_cents, transport_cents) values
    ('2026-12-21', 700, 450);  -- the migrations bring that of 2021
"""

_HOLDINGS = f"""
insert into title (title) values ('Everywhere'), ('Volume one'), ('Volume two');
insert into title_isbn (isbn, title_id) values
    ('{EVERYWHERE}', 1), ('{VOLUMES}', 2), ('{VOLUMES}', 3);
insert into title_ppn (ppn, title_id) values ('{BY_PPN}', 1);
insert into holding (title_id, location, material, copies, available, loanable) values
    (1, 'desk', 'book', 1, 0, true),
    (1, 'branch', 'book', 2, null, true),
    (1, 'far', 'book', 1, 1, true),
    (1, 'island', 'book', 1, 1, true),
    (1, 'closed', 'book', 1, 1, false),
    (2, 'branch', 'book', 1, 0, true),
    (3, 'branch', 'book', 1, 1, true);
"""
