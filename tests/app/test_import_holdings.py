"""A file of holdings becomes titles and holdings: what lands, what is named as bad, and what is counted."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from app.database import Database
from app.imports.holdings import import_holdings
from app.imports.report import ImportTooSlow, RowsRejected, UnreadableFile
from bench import imports
from tests.support.tables import add_locations, drawn_holdings, drawn_titles, empty, file_of, whole

A = "9780306406157"
B = "9783161484100"
HEADER = "location,isbn,ppn,title,author,material,copies,available,loanable\n"


@pytest.fixture(autouse=True)
async def three_locations(database: Database) -> None:
    await empty(database)
    await add_locations(database, "one", "two", "three")


async def run(database: Database, content: str | bytes, **how: object) -> dict[str, object]:
    with file_of(content) as file:
        report = await import_holdings(database, file, **how)  # type: ignore[arg-type]
    return report.document()


def counts(**said: object) -> dict[str, object]:
    zero = dict.fromkeys(("read", "created", "updated", "unchanged", "removed", "rejected", "superseded"), 0)
    return {**zero, "rejects": [], "notes": [], **said}


async def test_rows_land_with_their_defaults(database: Database) -> None:
    report = await run(
        database,
        """
        location,isbn,ppn,title,author,material,copies,available,loanable
        one,0-306-40615-2,,"Logic, an introduction",E. Nagel,,,,
        two,978 3 16 148410 0,39876543x,Eerste deel,,DAISY,3,0,nee
        three,,1234,"Two
        lines",,book,0,0,1
        """,
    )
    assert report == counts(read=3, created=3)
    assert await drawn_holdings(database) == [
        f"one | {A} |  | Logic, an introduction / E. Nagel | book 1 ? lent",
        "three |  | 1234 | Two\nlines /  | book 0 0 lent",
        f"two | {B} | 39876543X | Eerste deel /  | daisy 3 0 kept",
    ]


async def test_the_day_on_which_copies_came_is_kept_until_a_file_says_another(database: Database) -> None:
    async def days(rows: str) -> tuple[dict[str, object], list[str | None]]:
        report = await run(database, f"location,isbn,added_on\n{rows}")
        async with database.connection() as connection:
            found = await connection.fetch("select added_on::text from holding order by location")
        return {name: report[name] for name in ("created", "updated", "unchanged", "rejects") if report[name]}, [
            row["added_on"] for row in found
        ]

    assert await days(f"one,{A},2026-02-28\ntwo,{A},\n") == ({"created": 2}, ["2026-02-28", None])
    assert await days(f"one,{A},\ntwo,{A},2025-01-31\n") == (
        {"updated": 1, "unchanged": 1},
        ["2026-02-28", "2025-01-31"],
    )
    assert await days(f"one,{A},2026-03-01\n") == ({"updated": 1}, ["2026-03-01", "2025-01-31"])
    wrong = {"line": 2, "field": "added_on", "reason": "is not a date of the form YYYY-MM-DD"}
    assert await days(f"one,{A},2026-02-30\n") == ({"rejects": [wrong]}, ["2026-03-01", "2025-01-31"])


@pytest.mark.once
async def test_a_long_file_lands_but_for_its_bad_rows(database: Database, tmp_path: Path) -> None:
    """As the benchmark does with five million lines."""
    file = tmp_path / "holdings.csv"
    with file.open("w", encoding="utf-8") as written:
        written.write(imports.HEADER)
        written.writelines(imports.rows(["one", "two", "three"], 200_000))
    imports.check(await import_holdings(database, file), 200_000)
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from holding") == 199_800


async def test_ndjson_is_the_same_in_another_form(database: Database) -> None:
    report = await run(
        database,
        f"""
        {{"location": "one", "isbn": "{A}", "title": "Logic\\twith a tab\\\\", "copies": 2, "available": null}}

        {{"location": "two", "isbn": {B}, "loanable": false, "available": 1, "shelf": "3B"}}
        ["location"]
        {{"location": "two", "isbn": "{B}", "copies": true}}
        {{"location": "two", "isbn": "{B}", "copies": 1.5}}
        not json
        {{"location": "one", "ppn": "1", "title": "with a \\u0000"}}
        """,
        form="ndjson",
    )
    assert report == counts(
        read=7,
        created=2,
        rejected=5,
        rejects=[
            {"line": 4, "field": None, "reason": "the line is not a JSON object"},
            {"line": 5, "field": "copies", "reason": "is not a text or a whole number"},
            {"line": 6, "field": "copies", "reason": "is not a text or a whole number"},
            {"line": 7, "field": None, "reason": "not valid JSON: invalid literal, expected 'null'"},
            {"line": 8, "field": "title", "reason": "holds a NUL character"},
        ],
        notes=["columns that are not known were left aside: shelf"],
    )
    assert await drawn_holdings(database) == [
        f"one | {A} |  | Logic\twith a tab\\ /  | book 2 ? lent",
        f"two | {B} |  |  /  | book 1 1 kept",
    ]


async def test_importing_twice_changes_nothing(database: Database) -> None:
    content = HEADER + f"one,{A},1,T,U,book,2,1,true\ntwo,{A},,T,U,book,2,,true\none,{B},,V,,,,,\none,{B},,V,,,2,,\n"
    assert await run(database, content) == counts(read=4, created=3, unchanged=1, superseded=1)
    before = await whole(database)
    assert await run(database, content) == counts(read=4, unchanged=4, superseded=1)
    assert await run(database, content, replace=True) == counts(read=4, unchanged=4, superseded=1)
    assert await whole(database) == before


async def test_a_changed_row_is_an_update(database: Database) -> None:
    await run(database, HEADER + f"one,{A},,T,U,book,2,1,true\ntwo,{A},,T,U,book,2,1,true\nthree,{A},,,,,,,\n")
    report = await run(
        database, HEADER + f"one,{A},,T,U,book,2,,true\ntwo,{A},,T2,U,book,2,1,true\nthree,{A},,,,,,,\n"
    )
    assert report == counts(read=3, updated=2, unchanged=1)
    assert await drawn_holdings(database) == [
        f"one | {A} |  | T2 / U | book 2 ? lent",
        f"three | {A} |  | T2 / U | book 1 ? lent",
        f"two | {A} |  | T2 / U | book 2 1 lent",
    ]


async def test_columns_stand_in_any_order_and_may_be_missing(database: Database) -> None:
    report = await run(database, f"\ufeff Title ,shelf,ISBN,location\r\nT,3B,{A},one\r\n\r\nT,3B,{B}, two \r\n")
    assert report == counts(read=2, created=2, notes=["columns that are not known were left aside: shelf"])
    assert await drawn_titles(database) == [f"{A} |  | one", f"{B} |  | two"]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (f"nowhere,{A},,,,,,,", "location", '"nowhere" is not a location that is known; import agencies first'),
        (f",{A},,,,,,,", "location", "is empty"),
        ("one,,,T,,,,,", "isbn", "a title needs an isbn or a ppn"),
        (
            "one,9780306406158,,,,,,,",
            "isbn",
            '"9780306406158": the check digit of this ISBN is wrong',
        ),
        ("one,12345,,,,,,,", "isbn", '"12345": an ISBN has 10 or 13 digits (the last of 10 may be X)'),
        ("one,030640615:,,,,,,,", "isbn", '"030640615:": an ISBN has 10 or 13 digits (the last of 10 may be X)'),
        ("one,4006381333931,,,,,,,", "isbn", '"4006381333931": an ISBN of 13 digits begins with 978 or 979'),
        ("one,,12-34,,,,,,", "ppn", "is not 1 to 32 letters and digits"),
        (f"one,,{'1' * 33},,,,,,", "ppn", "is not 1 to 32 letters and digits"),
        ("one,,1,,,,-1,,", "copies", "is not a whole number from 0 to 1000000"),
        ("one,,1,,,,1.0,,", "copies", "is not a whole number from 0 to 1000000"),
        ("one,,1,,,,٣,,", "copies", "is not a whole number from 0 to 1000000"),
        ("one,,1,,,,9999999999,,", "copies", "is not a whole number from 0 to 1000000"),
        ("one,,1,,,,2,3,", "available", "is more than the 2 copies there are"),
        ("one,,1,,,,2,some,", "available", "is not a whole number from 0 to 1000000"),
        ("one,,1,,,,,,maybe", "loanable", "is not true or false"),
        (f"one,,1,,,{'m' * 65},,,", "material", "is not a word of at most 64 characters"),
        (f"one,,1,{'t' * 1001},,,,,", "title", "is longer than 1000 characters"),
        ("one,,1,,,,,", None, "the row has 8 fields, the header has 9"),
        ("one,,1,,,,,,,", None, "the row has 10 fields, the header has 9"),
        ('one,,1,"T"x,,,,,', None, "text follows a closing quote"),
        ('one,,1,"T,,,,,', None, "text follows a closing quote"),
        ("one,,1,T\0,,,,,", None, "the line holds a NUL character"),
        (b"one,,1,\xff,,,,,", None, "not UTF-8: byte 0xff at position 8 of the line"),
        ("one,,1,T\rU,,,,,", None, "a carriage return stands alone; lines end with LF or CRLF"),
        (f"one,,1,{'x' * 70000},,,,,", None, "the line is longer than 64 KiB"),
        (f"one,,1,{'x' * 3000000},,,,,", None, "the line is longer than 64 KiB"),
    ],
)
async def test_a_bad_row_is_named_and_the_others_land(
    database: Database, row: str | bytes, field: str | None, reason: str
) -> None:
    row = row if isinstance(row, bytes) else row.encode()
    content = HEADER.encode() + f'one,{A},,"T",,,,,\n'.encode() + row + f'\ntwo,{A},,"T",,,,,\n'.encode()
    report = await run(database, content)
    assert report == counts(read=3, created=2, rejected=1, rejects=[{"line": 3, "field": field, "reason": reason}])
    assert await drawn_titles(database) == [f"{A} |  | one two"]


async def test_a_quote_that_is_never_closed_costs_only_its_own_line(database: Database) -> None:
    plain = "".join(f"two,,{number},plain,,,,,\n" for number in range(5000))
    report = await run(database, HEADER + 'one,,x1,"open,,,,,\n' + plain + 'three,,x2,"open,,,,,\n')
    assert report == counts(
        read=5002,
        created=5000,
        rejected=2,
        rejects=[
            {"line": 2, "field": None, "reason": "a quote is opened and not closed within 64 KiB"},
            {"line": 5003, "field": None, "reason": "a quote is opened and never closed"},
        ],
    )


async def test_lines_are_counted_as_an_editor_counts_them(database: Database) -> None:
    report = await run(database, HEADER + 'one,,1,"a\nb\nc",,,,,\n\none,,2,\u2028\x0b,,,,,\nbad,,3,,,,,,\n')
    assert [reject["line"] for reject in report["rejects"]] == [7]  # type: ignore[attr-defined]


async def test_only_the_first_hundred_bad_rows_are_listed(database: Database) -> None:
    report = await run(database, HEADER + "nowhere,,1,,,,,,\n" * 250 + "one,,1,,,,,,\n")
    rejects = report.pop("rejects")
    assert report == {
        key: value for key, value in counts(read=251, created=1, rejected=250).items() if key != "rejects"
    }
    assert [reject["line"] for reject in rejects] == list(range(2, 102))  # type: ignore[attr-defined]


async def test_strict_is_all_or_nothing(database: Database) -> None:
    before = await whole(database)
    with pytest.raises(RowsRejected) as caught:
        await run(database, HEADER + f"one,{A},,,,,,,\nnowhere,{A},,,,,,,\n", strict=True)
    assert caught.value.report.document() == counts(
        read=2,
        rejected=1,
        rejects=[
            {
                "line": 3,
                "field": "location",
                "reason": '"nowhere" is not a location that is known; import agencies first',
            }
        ],
    )
    assert await whole(database) == before
    assert await run(database, HEADER + f"one,{A},,,,,,,\n", strict=True) == counts(read=1, created=1)


async def test_replace_makes_the_file_the_whole_truth_of_the_locations_it_names(database: Database) -> None:
    await run(database, HEADER + "".join(f"{where},,{ppn},,,,,,\n" for where in ("one", "two") for ppn in (1, 2, 3)))
    report = await run(database, HEADER + "one,,2,,,,,,\none,,4,,,,,,\ntwo,,1,,,,bad,,\n", replace=True)
    reject = {"line": 4, "field": "copies", "reason": "is not a whole number from 0 to 1000000"}
    assert report == counts(read=3, created=1, unchanged=1, removed=2, rejected=1, rejects=[reject])
    # two's only row was rejected: it keeps what it has
    assert await drawn_titles(database) == [" | 1 | two", " | 2 | one two", " | 3 | two", " | 4 | one"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "The header row cannot be read: the file is empty."),
        ("\n\n", "The header row cannot be read: the file is empty."),
        ("location;isbn\n", 'The columns are separated by ";"; this import takes commas.'),
        ("location\tisbn\n", "The columns are separated by a tab; this import takes commas."),
        ("isbn,title\n", "The header row lacks the column location; it reads isbn, title."),
        ("location,title\n", "The header row lacks the columns isbn and ppn; it reads location, title."),
        ("location,isbn,ISBN\n", "The header row names a column twice: isbn."),
        (b"\x1f\x8b\x08\x00", "The header row cannot be read: not UTF-8: byte 0x8b at position 2 of the line."),
        (
            "location,isbn\n".encode("utf-16"),
            "The header row cannot be read: not UTF-8: byte 0xff at position 1 of the line.",
        ),
    ],
)
async def test_a_file_that_is_no_such_file_is_told_so(database: Database, content: str | bytes, message: str) -> None:
    with pytest.raises(UnreadableFile, match=f"^{re.escape(message)}$"):
        await run(database, content)


async def test_an_empty_ndjson_file_is_told_so(database: Database) -> None:
    with pytest.raises(UnreadableFile, match="The file is empty"):
        await run(database, "", form="ndjson")


async def test_an_import_may_not_take_for_ever(database: Database) -> None:
    before = await whole(database)
    with pytest.raises(ImportTooSlow, match="took longer than 0 seconds; nothing was changed"):
        await run(database, HEADER + f"one,{A},,,,,,,\n", max_seconds=0.01)
    assert await whole(database) == before


async def test_progress_is_told_in_bytes(database: Database) -> None:
    content = HEADER + f"one,{A},,,,,,,\n" * 40000
    told: list[int] = []
    assert (await run(database, content, progress=told.append))["superseded"] == 39999
    assert len(told) > 1
    assert told == sorted(told)
    assert told[-1] == len(content)


async def test_two_imports_at_once_both_succeed(database: Database) -> None:
    first = HEADER + "".join(f"one,{A},{ppn},T,,,,,\n" for ppn in range(3000))
    second = HEADER + "".join(f"{where},,{ppn},T,,,,,\n" for ppn in range(3000) for where in ("one", "two"))
    reports = await asyncio.gather(run(database, first), run(database, second))
    assert sum(int(str(report["created"])) for report in reports) == 6000
    assert [report["rejected"] for report in reports] == [0, 0]
    assert await run(database, second) == counts(read=6000, unchanged=6000)
    assert len(await drawn_titles(database)) == 3000
