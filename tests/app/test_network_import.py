"""An import of a network is all or nothing, whatever happens to it and whoever else is importing."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from app.database import Database, open_database
from app.imports.archive import Limits
from app.imports.export import export_network
from app.imports.gtfs import Feed
from app.imports.network import import_network
from app.imports.report import ImportTooSlow
from app.imports.version import version_id
from app.store.network_versions import (
    NETWORK_LOCK,
    NoActiveVersion,
    VersionUnknown,
    find_active,
    get_number,
    list_versions,
)
from app.store.timetable import as_timetable, read_content
from routing.model import Route, Stop, Trip
from tests.support.feeds import SMALL, drawn_calls, edited, read, small, zipped

TABLES = (
    "network_version",
    "network_activation",
    "timetable_operator",
    "timetable_stop",
    "timetable_route",
    "timetable_service",
    "timetable_service_date",
    "timetable_trip",
    "timetable_stop_time",
    "location",
    "epoch",
)
# Imports a file and makes its version active, in a process of its own.
IMPORTING = """
import asyncio, sys
from app.database import open_database
from app.imports.network import import_network

async def main():
    async with open_database(sys.argv[1]) as database:
        with open(sys.argv[2], "rb") as file:
            await import_network(database, file, activating=True)

asyncio.run(main())
"""


@pytest.fixture
async def empty(database: Database) -> Database:
    """The module's database without any network."""
    async with database.connection() as connection:
        await connection.execute(f"truncate {', '.join(TABLES)} cascade")
    return database


async def rows(database: Database) -> dict[str, int]:
    async with database.connection() as connection:
        counts = {table: await connection.fetchval(f"select count(*) from {table}") for table in TABLES}
    return {table: count for table, count in counts.items() if count}


def different(number: int) -> dict[str, str]:
    return edited("stop_times", "25:10:00", f"25:10:{number:02}")


async def test_what_is_written_is_what_is_read(empty: Database) -> None:
    whole = {**small(), "stops.txt": SMALL["stops.txt"] + "NL-9,⛴ 'Vlie\"land\\ \t|,-0.0,1e-7\n"}
    feed = read(whole)
    report = await import_network(empty, zipped(whole))
    assert report.version == version_id(feed.content)
    async with empty.connection() as connection:
        content = await read_content(connection, await get_number(connection, report.version))
    for part in ("timezone", "operators", "stops", "routes", "services", "trips"):
        assert getattr(content, part) == getattr(feed.content, part)
    assert drawn_calls(Feed(content, 0, ())) == drawn_calls(feed)
    assert version_id(content) == report.version


async def test_the_engine_is_told_what_was_read(empty: Database) -> None:
    timetable = as_timetable(read(SMALL).content, "nv-1")
    assert (timetable.version, timetable.timezone) == ("nv-1", "Europe/Amsterdam")
    assert timetable.stops == (Stop("NL-1"), Stop("NL-2"), Stop("NL-HUB", 1800))
    assert timetable.routes == (Route("R1", "Biblionet Drenthe"), Route("R2", "Night carrier"))
    assert [service.id for service in timetable.services] == ["SAT", "WEEK"]
    assert timetable.trips == (Trip("T1", 0, 1), Trip("T2", 1, 0))
    times = timetable.stop_times
    columns = (times.trip, times.stop, times.arrival, times.departure, times.pickup, times.drop_off)
    assert list(zip(*(column.tolist() for column in columns), strict=True)) == [
        (0, 0, 28800, 28800, True, False),
        (0, 2, 32430, 34200, True, True),
        (0, 1, 36000, 36000, False, True),
        (1, 2, 85800, 85800, True, True),
        (1, 0, 90600, 90600, True, True),
    ]


async def test_the_same_feed_ten_times_at_once_is_one_version(empty: Database) -> None:
    reports = await asyncio.gather(*(import_network(empty, zipped(SMALL), activating=True) for _ in range(10)))
    assert sorted((report.created, report.unchanged) for report in reports) == [(0, 18)] * 9 + [(18, 0)]
    assert await rows(empty) == {
        "network_version": 1,
        "network_activation": 1,
        "timetable_operator": 2,
        "timetable_stop": 3,
        "timetable_route": 2,
        "timetable_service": 2,
        "timetable_service_date": 2,
        "timetable_trip": 2,
        "timetable_stop_time": 5,
        "location": 3,
        "epoch": 1,
    }


async def test_different_feeds_at_once_are_versions_of_their_own(empty: Database) -> None:
    reports = await asyncio.gather(
        *(import_network(empty, zipped(different(number)), activating=True) for number in range(8))
    )
    assert [(report.created, report.unchanged) for report in reports] == [(18, 0)] * 8
    async with empty.connection() as connection:
        versions = await list_versions(connection, before=None, limit=100)
        assert {version.id for version in versions} == {report.version for report in reports}
        assert sum(version.active for version in versions) == 1
        for number, report in enumerate(reports):
            assert report.version is not None
            content = await read_content(connection, await get_number(connection, report.version))
            assert version_id(content) == version_id(read(different(number)).content)


async def test_killed_in_the_middle_an_import_leaves_nothing(
    empty: Database, database_url: str, tmp_path: Path
) -> None:
    await import_network(empty, zipped(SMALL), activating=True)
    before = await rows(empty)
    feed = tmp_path / "feed.zip"
    feed.write_bytes(zipped(small(stops=SMALL["stops.txt"] + "NL-3,Meppel,,\n")).getvalue())
    holder = await asyncpg.connect(database_url)
    # Locations are made after the whole timetable was written: there the import has to wait, and dies.
    lock = holder.transaction()
    await lock.start()
    await holder.execute("lock table location in share mode")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", IMPORTING, database_url, str(feed))
    waiting = "select count(*) from pg_locks where not granted and relation = 'location'::regclass"
    async with asyncio.timeout(30):
        while await holder.fetchval(waiting) == 0:
            assert process.returncode is None
            await asyncio.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    await lock.rollback()
    await holder.close()
    async with asyncio.timeout(30):
        while await busy(empty):  # noqa: ASYNC110 - the server does not tell when it has noticed
            await asyncio.sleep(0.02)
    assert await rows(empty) == before
    with feed.open("rb") as file:
        report = await import_network(empty, file)
    assert (report.created, report.unchanged) == (19, 0)


async def busy(database: Database) -> int:
    async with database.connection() as connection:
        count: int = await connection.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database() and state <> 'idle'"
            " and pid <> pg_backend_pid()"
        )
    return count


async def test_an_import_that_waits_too_long_gives_up_and_leaves_nothing(empty: Database) -> None:
    async with empty.transaction() as connection:
        await connection.execute("select pg_advisory_xact_lock($1)", NETWORK_LOCK)
        with pytest.raises(ImportTooSlow, match=r"took longer than 0\.3 seconds; nothing was changed"):
            await import_network(empty, zipped(SMALL), limits=Limits(seconds=0.3))
    assert await rows(empty) == {}
    assert (await import_network(empty, zipped(SMALL))).created == 18


async def test_how_far_it_has_read_is_told(empty: Database) -> None:
    told: list[int] = []
    file = zipped(SMALL)
    size = len(file.getvalue())
    await import_network(empty, file, progress=told.append)
    assert told == sorted(told)
    assert size * 0.5 < told[-1] < size * 2  # each file once, and what a zip says of them


async def test_a_fault_while_writing_leaves_nothing(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> int:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr("app.imports.network.create_unknown_locations", broken)
    with pytest.raises(RuntimeError, match="the disk is full"):
        await import_network(empty, zipped(SMALL), activating=True)
    assert await rows(empty) == {}


async def test_the_active_version_is_exported_to_a_file(empty: Database, tmp_path: Path) -> None:
    path = tmp_path / "network.zip"
    with pytest.raises(NoActiveVersion):
        await export_network(empty, None, path)
    with pytest.raises(VersionUnknown):
        await export_network(empty, "nv-none", path)
    assert os.listdir(tmp_path) == []
    first = await import_network(empty, zipped(SMALL), activating=True)
    second = await import_network(empty, zipped(different(30)))
    for asked, expected in ((None, first.version), (second.version, second.version)):
        assert await export_network(empty, asked, path) == expected
        assert os.listdir(tmp_path) == [path.name]
        report = await import_network(empty, io.BytesIO(path.read_bytes()))
        assert (report.version, report.unchanged) == (expected, 18)
    async with empty.connection() as connection:
        assert await find_active(connection) == first.version


async def test_an_export_that_cannot_be_written_leaves_the_file_that_was_there(
    empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "network.zip"
    path.write_bytes(b"before")
    await import_network(empty, zipped(SMALL), activating=True)

    def broken(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("app.imports.export.write_feed", broken)
    with pytest.raises(OSError, match="no space left"):
        await export_network(empty, None, path)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"before", [path.name])


async def test_an_import_works_behind_a_pooler_that_keeps_no_statements(empty: Database, database_url: str) -> None:
    async with open_database(database_url, statement_cache_size=0) as database:
        report = await import_network(database, zipped(SMALL))
        assert report.version is not None
        async with database.connection() as connection:
            content = await read_content(connection, await get_number(connection, report.version))
    assert version_id(content) == report.version
