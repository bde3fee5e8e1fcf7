"""Which title a row is about: the same whatever the order of lines, and the same again on a second import."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.database import Database
from app.store.holdings_merge import Merged, copy_staged, merge_staged, prepare_staging
from tests.support.tables import add_locations, drawn_titles, empty

# A row as `location isbn ppn`; a dash is none.
Row = tuple[str, str, str]

ISBNS = ("9780306406157", "9783161484100", "9789000000005")
rows = st.lists(
    st.tuples(
        st.sampled_from(("one", "two", "three")),
        st.sampled_from(("", *ISBNS)),
        st.sampled_from(("", "p1", "p2", "p3")),
    ).filter(lambda row: row[1] or row[2]),
    min_size=1,
    max_size=12,
)
# On another PostgreSQL it is the SQL that is tried once more, not the rule.
EXAMPLES = 12 if "LEENPAD_POSTGRES_BIN" in os.environ else 40
with_database = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a minute of shrinking over a database helps nobody
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def land(database: Database, file: Sequence[Row], *, replace: bool = False) -> Merged:
    async with database.transaction() as connection:
        places = {name: at for at, name in enumerate(await prepare_staging(connection), 1)}

        async def lines() -> AsyncIterator[bytes]:
            for line, (location, isbn, ppn) in enumerate(file, 2):
                yield f"{line}\t{places[location]}\t{isbn}\t{ppn}\t\t\tbook\t1\t1\tt\t\\N\n".encode()

        await copy_staged(connection, lines())
        return await merge_staged(connection, replace=replace)


async def start(database: Database) -> None:
    await empty(database)
    await add_locations(database, "one", "two", "three")


def _one_ppn_an_isbn(row: Row) -> Row:
    location, isbn, ppn = row
    return location, isbn, ppn and f"p{ISBNS.index(isbn) if isbn else len(ISBNS)}"


def expected(file: Sequence[Row]) -> list[str]:
    """The titles of one file by the rule as it is written down, row by row."""
    ppns = {isbn: {p for _, i, p in file if i == isbn and p} for _, isbn, _ in file if isbn}
    held: dict[tuple[str, str], set[str]] = {}
    shared = []
    for location, isbn, ppn in file:
        if not ppn and len(ppns[isbn]) > 1:
            shared.append((location, isbn))
            continue
        (known,) = {ppn} if ppn else ppns[isbn] or {""}
        held.setdefault(("", known) if known else (isbn, ""), set()).add(location)
    clear = {title: set(locations) for title, locations in held.items()}
    for location, isbn in shared:
        here = [p for p in sorted(ppns[isbn]) if location in clear.get(("", p), ())]
        held.setdefault(("", *here) if len(here) == 1 else (isbn, ""), set()).add(location)  # type: ignore[arg-type]
    drawn = []
    for (bare, ppn), locations in held.items():
        isbns = {bare} if bare else {i for _, i, p in file if i and p == ppn}
        drawn.append(f"{' '.join(sorted(isbns))} | {ppn} | {' '.join(sorted(locations))}")
    return sorted(drawn)


@given(file=rows)
@with_database
async def test_titles_are_as_the_rule_says_and_stay_so(database: Database, file: list[Row]) -> None:
    await start(database)
    landed = await land(database, file)
    titles = await drawn_titles(database)
    assert titles == expected(file)
    assert landed.created == sum(len(title.rpartition("| ")[2].split()) for title in titles)
    again = await land(database, file)
    assert (again.created, again.updated, again.merged_titles) == (0, 0, 0)
    replaced = await land(database, file, replace=True)
    assert (replaced.created, replaced.updated, replaced.removed) == (0, 0, 0)
    assert await drawn_titles(database) == titles


@given(file=rows, random=st.randoms(use_true_random=False))
@with_database
async def test_the_order_of_lines_does_not_matter(database: Database, file: list[Row], random: object) -> None:
    shuffled = list(file)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    await start(database)
    await land(database, shuffled)
    assert await drawn_titles(database) == expected(file)


@given(file=rows, cut=st.integers(0, 12))
@with_database
async def test_files_in_any_parts_make_the_same_titles(database: Database, file: list[Row], cut: int) -> None:
    # one PPN an ISBN: where volumes share an ISBN, what a bare ISBN meant depends on what was known at the time
    file = [_one_ppn_an_isbn(row) for row in file]
    await start(database)
    await land(database, file[:cut])
    await land(database, file[cut:])
    assert await drawn_titles(database) == expected(file)


@given(first=rows, second=rows)
@settings(with_database, max_examples=EXAMPLES // 2)  # each imports eight times
async def test_a_second_import_changes_nothing_whatever_came_before(
    database: Database, first: list[Row], second: list[Row]
) -> None:
    # one PPN an ISBN, as above: with volumes, a location that holds several of them can make a bare ISBN ambiguous
    first, second = ([_one_ppn_an_isbn(row) for row in file] for file in (first, second))
    await start(database)
    for file in (first, second, first, second):
        await land(database, file)
        titles = await drawn_titles(database)
        again = await land(database, file)
        assert (again.created, again.updated, again.merged_titles) == (0, 0, 0)
        assert await drawn_titles(database) == titles


async def test_a_title_known_by_isbn_alone_is_merged_into_its_ppn(database: Database) -> None:
    isbn = ISBNS[0]
    await start(database)
    await land(database, [("one", isbn, ""), ("two", "", "p1")])
    assert await drawn_titles(database) == [" | p1 | two", f"{isbn} |  | one"]
    merged = await land(database, [("three", isbn, "p1")])
    assert (merged.created, merged.merged_titles) == (1, 1)
    assert await drawn_titles(database) == [f"{isbn} | p1 | one three two"]


async def test_volumes_that_share_an_isbn_stay_apart(database: Database) -> None:
    isbn = ISBNS[0]
    await start(database)
    await land(database, [("one", isbn, "p1"), ("two", isbn, "p2"), ("three", isbn, ""), ("two", isbn, "")])
    assert await drawn_titles(database) == [f"{isbn} |  | three", f"{isbn} | p1 | one", f"{isbn} | p2 | two"]
