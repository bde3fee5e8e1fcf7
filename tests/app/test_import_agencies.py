"""A file of agencies, locations and hubs becomes the register: what lands, what moves, what is named as bad."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.database import Database
from app.imports.agencies import import_agencies
from app.imports.report import RowsRejected, UnreadableFile
from app.store.register import load_register
from tests.support.tables import empty, file_of, whole

COLUMNS = "isil,name,kind,parent,province,poi,system,lat,lon,handling_minutes,opening_hours"


@pytest.fixture(autouse=True)
async def nothing(database: Database) -> None:
    await empty(database)


async def run(database: Database, content: str | bytes, **how: object) -> dict[str, Any]:
    with file_of(content) as file:
        report = await import_agencies(database, file, **how)  # type: ignore[arg-type]
    return report.document()


def counts(**said: object) -> dict[str, object]:
    zero = dict.fromkeys(("read", "created", "updated", "unchanged", "removed", "rejected", "superseded"), 0)
    return {**zero, "rejects": [], "notes": [], **said}


async def column(database: Database, query: str) -> list[Any]:
    async with database.connection() as connection:
        return [row[0] for row in await connection.fetch(query)]


TWO = f"""
{COLUMNS}
NL-0800070001,Branch,location,NL-0800070000,,,,52.1,5.2,45,Mo-Fr 09:00-17:00; PH off
NL-0800070000,Library,agency,,UT,BiSC,wise-midden,52.1,5.1,,
Hub at 22nd Street,Hub,hub,,UT,BiSC,,,,0,
"""


async def test_rows_land_in_whatever_order(database: Database) -> None:
    assert await run(database, TWO) == counts(read=3, created=3)
    found = await whole(database)
    assert {table: [row[0] for row in rows] for table, rows in found.items() if rows} == {
        "poi": ["(BiSC,BiSC)"],
        "province": ["(UT,UT,BiSC)"],
        "system": ["(manual,manual,{},{},{},{},{},1)", "(wise-midden,unknown,{},{},{},{},{},1)"],
        "agency": ["(NL-0800070000,Library,UT,BiSC,52.1,5.1,t,,,)"],
        "system_participation": ["(NL-0800070000,wise-midden,,)"],
        "location": [
            '("Hub at 22nd Street",hub,Hub,,UT,BiSC,manual,,,0,"",,)',
            '(NL-0800070001,location,Branch,NL-0800070000,,,manual,52.1,5.2,45,"Mo-Fr 09:00-17:00; PH off",,)',
        ],
        "epoch": ["(register,1)"],
    }


async def test_importing_twice_changes_nothing(database: Database) -> None:
    await run(database, TWO)
    before = await whole(database)
    assert await run(database, TWO) == counts(read=3, unchanged=3)
    assert await whole(database) == before


async def test_only_what_differs_is_an_update(database: Database) -> None:
    await run(database, TWO)
    report = await run(database, TWO.replace(",45,", ",60,").replace(",hub,", ",location,"))
    assert report == counts(read=3, updated=2, unchanged=1)
    assert await column(database, "select kind || handling_minutes from location order by id") == [
        "location0",
        "location60",
    ]
    assert await column(database, "select number from epoch") == [2]


async def test_the_last_line_about_an_isil_stands(database: Database) -> None:
    report = await run(database, f"{COLUMNS}\nX,First,agency,,,,,,,,\nX,Second,agency,,,,,,,,\n")
    assert report == counts(read=2, created=1, unchanged=1, superseded=1)
    assert await column(database, "select name from agency") == ["Second"]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (",Name,agency,,,,,,,,", "isil", "is empty"),
        (f"{'x' * 201},Name,agency,,,,,,,,", "isil", "is longer than 200 characters"),
        (f"B,Name,location,{'x' * 201},,,,,,,", "parent", "is longer than 200 characters"),
        (f"B,Name,agency,,{'x' * 65},,,,,,", "province", "is longer than 64 characters"),
        ("B\x07,Name,agency,,,,,,,,", "isil", "holds a control character"),
        ("B,,agency,,,,,,,,", "name", "is empty"),
        ("B,Name,branch,,,,,,,,", "kind", "is not one of agency, location, hub"),
        ("B,Name,location,nobody,,,,,,,", "parent", '"nobody" is not an agency that is known or in this file'),
        ("B,Name,location,B,,,,,,,", "parent", '"B" is not an agency that is known or in this file'),
        ("A,Name,location,,,,,,,,", "kind", "this ISIL is already an agency"),
        ("B,Name,agency,,,,,91,5,,", "lat", "is not in decimal degrees from -90 to 90"),
        ('B,Name,agency,,,,,"52,1",5,,', "lat", "is not in decimal degrees from -90 to 90"),
        ("B,Name,agency,,,,,nan,5,,", "lat", "is not in decimal degrees from -90 to 90"),
        ("B,Name,agency,,,,,52,-181,,", "lon", "is not in decimal degrees from -180 to 180"),
        ("B,Name,agency,,,,,52,,,", "lon", "is empty while the other coordinate is given"),
        ("B,Name,agency,,,,,,5,,", "lat", "is empty while the other coordinate is given"),
        ("B,Name,location,,,,,,,-5,", "handling_minutes", "is not a whole number from 0 to 100000"),
        ("B,Name,location,,,,,,,100001,", "handling_minutes", "is not a whole number from 0 to 100000"),
        ("B,Name,agency", None, "the row has 3 fields, the header has 11"),
    ],
)
async def test_a_bad_row_is_named_and_the_others_land(
    database: Database, row: str, field: str | None, reason: str
) -> None:
    report = await run(database, f"{COLUMNS}\nA,First,agency,,,,,,,,\n{row}\nC,Third,location,A,,,,,,,\n")
    assert report == counts(read=3, created=2, rejected=1, rejects=[{"line": 3, "field": field, "reason": reason}])
    assert await column(database, "select isil from agency union select id from location order by 1") == ["A", "C"]


async def test_ids_may_be_as_long_as_those_of_stops(database: Database) -> None:
    parent, branch = "a" * 200, "b" * 200
    report = await run(database, f"{COLUMNS}\n{parent},First,agency,,,,,,,,\n{branch},B,location,{parent},,,,,,,\n")
    assert report == counts(read=2, created=2)


async def test_opening_hours_that_cannot_be_read_are_named(database: Database) -> None:
    report = await run(database, f"{COLUMNS}\nA,First,location,,,,,,,,from nine to five\n")
    (reject,) = report["rejects"]
    assert (reject["line"], reject["field"]) == (2, "opening_hours")
    assert reject["reason"]


@pytest.mark.parametrize(
    ("cells", "field", "reason"),
    [
        ("valid_from=2024-13-01", "valid_from", "is not a date of the form YYYY-MM-DD"),
        ("valid_from=20240101", "valid_from", "is not a date of the form YYYY-MM-DD"),
        ("valid_from=2024-01-02 valid_until=2024-01-02", "valid_until", "does not come after valid_from"),
        ("system=w system_since=2024-01-02 system_until=2023-01-01", "system_until",
         "does not come after system_since"),
        ("system=w system_kind=koha", "system_kind",
         '"koha" is not one of brocade, concerto, fake, manual, unknown, vubis, wise'),
        ("system_kind=wise", "system_kind", 'the system "manual" is of the kind manual'),
        ("successor=A", "successor", "is the agency itself"),
        ("supplies=perhaps", "supplies", "is not true or false"),
    ],
)  # fmt: skip
async def test_our_own_columns_are_checked_too(database: Database, cells: str, field: str, reason: str) -> None:
    assert await run(database, agency("A", cells)) == counts(
        read=1, rejected=1, rejects=[{"line": 2, "field": field, "reason": reason}]
    )


def agency(isil: str, cells: str = "") -> str:
    """A file of one agency; `cells` are name=value, apart by blanks."""
    pairs = [cell.split("=", 1) for cell in cells.split()]
    names, values = [name for name, _ in pairs], [value for _, value in pairs]
    return f"{','.join(['isil', 'name', 'kind', *names])}\n{','.join([isil, 'Library', 'agency', *values])}\n"


async def taking_part(database: Database) -> list[str]:
    query = "select concat_ws(' ', system, coalesce(since::text, '-'), coalesce(until::text, '-'))"
    return await column(database, f"{query} from system_participation order by since nulls first, system")


async def test_an_agency_moves_from_one_system_to_another(database: Database) -> None:
    await run(database, agency("A", "system=vubis-zuid system_kind=vubis"))
    assert await taking_part(database) == ["vubis-zuid - -"]
    move = agency("A", "system=wise-zuid system_since=2025-07-01")
    assert (await run(database, move))["updated"] == 1
    assert await taking_part(database) == ["vubis-zuid - 2025-07-01", "wise-zuid 2025-07-01 -"]
    assert (await run(database, move))["unchanged"] == 1
    # undated: it was never otherwise
    await run(database, agency("A", "system=wise-zuid"))
    assert await taking_part(database) == ["wise-zuid - -"]
    assert await column(database, "select concat_ws(' ', id, kind) from system order by id") == [
        "vubis-zuid vubis",
        "wise-zuid unknown",
    ]


async def test_a_system_is_what_the_last_line_says_and_is_never_guessed(database: Database) -> None:
    await run(database, agency("A", "system=wise-oost"))
    assert (await run(database, agency("A", "system=wise-oost system_kind=wise")))["updated"] == 1
    assert (await run(database, agency("A", "system=wise-oost")))["unchanged"] == 1
    assert await column(database, "select concat_ws(' ', id, kind) from system") == ["wise-oost wise"]


async def test_a_suspension_comes_and_goes(database: Database) -> None:
    query = "select concat_ws(' ', coalesce(agency, location), since, until) from suspension"
    stopped = agency("A", "suspended_from=2020-03-16 suspended_until=2020-05-01")
    await run(database, stopped)
    assert await column(database, query) == ["A 2020-03-16 2020-05-01"]
    assert (await run(database, stopped))["unchanged"] == 1
    assert (await run(database, agency("A")))["updated"] == 1
    assert await column(database, query) == []


async def test_agencies_merge_by_date_and_successor(database: Database) -> None:
    await run(database, agency("OLD", "valid_until=2026-01-01 successor=NEW supplies=no"))
    async with database.connection() as connection:
        register = await load_register(connection)
    old = register.agencies["OLD"]
    assert (old.successor, old.supplies, str(old.valid.until)) == ("NEW", False, "2026-01-01 00:00:00+01:00")


async def test_a_province_takes_the_poi_that_all_rows_agree_on(database: Database) -> None:
    await run(
        database, "isil,name,kind,province,poi\nA,A,agency,DR,N\nB,B,agency,DR,N\nC,C,agency,NB,S\nD,D,agency,NB,Z\n"
    )
    assert await column(database, "select concat_ws(' ', code, poi) from province order by code") == ["DR N", "NB"]
    await run(database, "isil,name,kind,province,poi\nA,A,agency,DR,S\nB,B,agency,DR,S\n")
    assert await column(database, "select poi from province where code = 'DR'") == ["N"]


async def test_an_agency_may_bear_the_name_that_a_network_gave_a_stop(database: Database) -> None:
    await run(database, "isil,name,kind\nBOTH,Both,agency\n")
    async with database.transaction() as connection:
        await connection.execute("insert into location (id, kind, name) values ('BOTH', 'location', 'A stop')")
    again = await run(database, "isil,name,kind\nBOTH,Both,agency\n")
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 1)
    renamed = await run(database, "isil,name,kind\nBOTH,Renamed,agency\nNEW,New,agency\n")
    assert (renamed["created"], renamed["updated"], renamed["unchanged"]) == (1, 1, 0)
    assert await column(database, "select name from location where id = 'BOTH'") == ["A stop"]


async def test_what_has_no_place_is_left_aside_and_said_so(database: Database) -> None:
    report = await run(
        database,
        "isil,name,kind,parent,handling_minutes,opening_hours,supplies,colour\n"
        "A,A,agency,B,10,24/7,,red\nB,B,location,A,0,,no,blue\n",
    )
    assert report == counts(
        read=2,
        created=2,
        notes=[
            "parent was left aside on 1 row: an agency has none",
            "handling_minutes was left aside on 1 row: an agency has none",
            "opening_hours was left aside on 1 row: an agency has none",
            "supplies was left aside on 1 row: it is said of an agency, not of a location or hub",
            "columns that are not known were left aside: colour",
        ],
    )


async def test_strict_is_all_or_nothing(database: Database) -> None:
    before = await whole(database)
    with pytest.raises(RowsRejected) as caught:
        await run(database, f"{COLUMNS}\nA,A,agency,,,,,,,,\nB,B,location,nobody,,,,,,,\n", strict=True)
    assert caught.value.report.rejected == 1
    assert await whole(database) == before


async def test_rejects_of_both_kinds_are_listed_by_line(database: Database) -> None:
    report = await run(
        database, f"{COLUMNS}\nA,A,location,nobody,,,,,,,\nB,B,nothing,,,,,,,,\nC,C,location,nobody,,,,,,,\n"
    )
    assert [(reject["line"], reject["field"]) for reject in report["rejects"]] == [
        (2, "parent"),
        (3, "kind"),
        (4, "parent"),
    ]


async def test_a_rejected_agency_is_nobodys_parent(database: Database) -> None:
    report = await run(database, f"{COLUMNS}\nA,,agency,,,,,,,,\nB,B,location,A,,,,,,,\n")
    assert (report["rejected"], report["created"]) == (2, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "The header row cannot be read: the file is empty"),
        ("isil,name\n", "The header row lacks the column kind; it reads isil, name"),
        ("isil;name;kind\n", 'The columns are separated by ";"; this import takes commas'),
    ],
)
async def test_a_file_that_is_no_such_file_is_told_so(database: Database, content: str, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        await run(database, content)


async def test_two_imports_at_once_both_succeed(database: Database) -> None:
    def file(offset: int) -> str:
        rows = "".join(
            f"A{n},A,agency,,P{n % 12},Q{n % 9},S{n % 5},,,,\nL{n},L,location,A{n},,,,,,,\n"
            for n in range(offset, offset + 800)
        )
        return f"{COLUMNS}\n{rows}"

    reports = await asyncio.gather(run(database, file(0)), run(database, file(400)))
    assert sum(int(str(report["created"])) for report in reports) == 2400
    assert [report["rejected"] for report in reports] == [0, 0]
    assert await run(database, file(0)) == counts(read=1600, unchanged=1600)
