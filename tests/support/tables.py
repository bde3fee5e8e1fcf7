"""What the tables hold, as text that a person can read, and files to import written in place."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import dedent
from typing import IO

from app.database import Database


@contextmanager
def file_of(content: str | bytes) -> Iterator[IO[bytes]]:
    """A real file (the reading process inherits it) with this content; text is dedented."""
    with tempfile.TemporaryFile() as file:
        file.write(content if isinstance(content, bytes) else dedent(content).lstrip("\n").encode())
        file.flush()
        file.seek(io.SEEK_SET)
        yield file


# In an order in which nothing is referred to any more when it goes.
IMPORTED = (
    *("holding", "title_isbn", "title_ppn", "title", "suspension", "system_participation", "location", "agency"),
    *("system", "collection_role", "province", "poi"),
)
MANY = 1000


async def empty(database: Database) -> None:
    """Take out everything that imports put in, with what hangs on it."""
    async with database.transaction() as connection:
        # Of a few rows, a truncate costs the server fifty times as much as taking them out.
        if await connection.fetchval("select exists (select from holding offset $1)", MANY):
            await connection.execute(f"truncate {', '.join(IMPORTED)} cascade")
        else:
            await connection.execute("; ".join(f"delete from {table}" for table in IMPORTED))
        await connection.execute("update epoch set number = 0")


async def add_locations(database: Database, *ids: str) -> None:
    """Make bare locations."""
    async with database.transaction() as connection:
        await connection.executemany("insert into location (id, name) values ($1, $1)", [(each,) for each in ids])


async def drawn_holdings(database: Database) -> list[str]:
    """Every holding as `location | isbns | ppns | title / author | material copies available loanable`, sorted."""
    async with database.connection() as connection:
        rows = await connection.fetch("""
            select concat_ws(' | ', h.location,
                coalesce((select string_agg(isbn, ' ' order by isbn) from title_isbn i where i.title_id = t.id), ''),
                coalesce((select string_agg(ppn, ' ' order by ppn) from title_ppn p where p.title_id = t.id), ''),
                concat(t.title, ' / ', t.author),
                concat_ws(' ', h.material, h.copies, coalesce(h.available::text, '?'),
                          case when h.loanable then 'lent' else 'kept' end)) as line
            from holding h join title t on t.id = h.title_id order by 1""")
    return [row["line"] for row in rows]


async def drawn_titles(database: Database) -> list[str]:
    """Every title as `isbns | ppns | locations`, sorted."""
    async with database.connection() as connection:
        rows = await connection.fetch("""
            select concat_ws(' | ',
                coalesce((select string_agg(isbn, ' ' order by isbn) from title_isbn i where i.title_id = t.id), ''),
                coalesce((select string_agg(ppn, ' ' order by ppn) from title_ppn p where p.title_id = t.id), ''),
                coalesce((select string_agg(location, ' ' order by location) from holding where title_id = t.id), '')
            ) as line from title t order by 1""")
    return [row["line"] for row in rows]


async def whole(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that agencies and holdings live in, as sorted text."""
    tables: tuple[str, ...] = (
        "poi",
        "province",
        "system",
        "agency",
        "system_participation",
        "location",
        "suspension",
        "epoch",
    )
    tables += ("title", "title_isbn", "title_ppn", "holding")
    async with database.connection() as connection:
        return {
            table: [tuple(row) for row in await connection.fetch(f"select t::text from {table} t order by 1")]
            for table in tables
        }
