"""The joint catalogue: found by words, by beginnings, by numbers in any form; the best first, and fast."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from app.database import Database
from app.imports.holdings import import_holdings
from app.settings import Settings
from app.store.title_search import MOST_FOUND, SEARCH
from tests.harvest.scripted import ISBNS
from tests.support.filled import client_of, run_sql, running
from tests.support.tables import empty, file_of

X, Y, Z = ISBNS
CATALOGUE = f"""
location,isbn,ppn,title,author
A/1,{X},p1,De ontdekking van de hemel,Harry Mulisch
A/2,{X},p1,De ontdekking van de hemel,Harry Mulisch
B,{X},p1,De ontdekking van de hemel,Harry Mulisch
B,,111111111,De hemel,André Brink
B,,p3,Hemelvaart in Ångermanland: een reis,Søren Ørsted
B,,p4,It,Stephen King
B,,p5,Italië,De reisgids
B,,p6,1984,George Orwell
B,,p7,Foto’s van ’s-Gravenhage,
B,,p8,Война и мир,Лев Толстой
A/1,{Y},,,
"""


@pytest.fixture(scope="module")
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running(Settings(database_url=database_url)) as app:
        database: Database = app.state.resources.database
        await empty(database)
        await run_sql(
            database_url,
            "insert into system (id) values ('one'), ('two'); insert into agency (isil, name) values ('A', 'A');"
            "insert into system_participation (agency, system) values ('A', 'one');"
            "insert into location (id, name, agency, system)"
            " values ('A/1', 'One', 'A', null), ('A/2', 'Two', 'A', null), ('B', 'B', null, 'two')",
        )
        with file_of(CATALOGUE.lstrip()) as file:
            await import_holdings(database, file, strict=True)
        async with client_of(app) as opened:
            yield opened


async def found(client: httpx.AsyncClient, q: str, **params: Any) -> list[str]:
    answer = await client.get("/v1/titles", params={"q": q, **params})
    assert answer.status_code == 200, answer.text
    return [each["title"] for each in answer.json()["items"]]


@pytest.mark.parametrize(
    ("asked", "titles"),
    [
        ("ontdekking hemel", ["De ontdekking van de hemel"]),
        ("ONTDEK", ["De ontdekking van de hemel"]),
        ("mulisch ontdek", ["De ontdekking van de hemel"]),
        ("hemel ontd", ["De ontdekking van de hemel"]),
        ("ontd hemel", []),  # only the last word may be cut short
        ("hemel", ["De hemel", "Hemelvaart in Ångermanland: een reis", "De ontdekking van de hemel"]),
        ("angermanland orsted", ["Hemelvaart in Ångermanland: een reis"]),
        ("Ångerma", ["Hemelvaart in Ångermanland: een reis"]),
        ("andre brink", ["De hemel"]),
        ("it", ["It", "Italië"]),  # what is called exactly that comes first
        ("italie", ["Italië"]),
        ("fotos gravenhage", ["Foto’s van ’s-Gravenhage"]),
        ("foto's van 's-graven", ["Foto’s van ’s-Gravenhage"]),
        ("Война", ["Война и мир"]),
        ("1984", ["1984"]),
        (X, ["De ontdekking van de hemel"]),
        ("0-306-40615-2", ["De ontdekking van de hemel"]),
        ("ISBN 978 0 306 40615 7", ["De ontdekking van de hemel"]),
        ("isbn-13: 9780306406157", ["De ontdekking van de hemel"]),
        (Y, [""]),
        ("P1", ["De ontdekking van de hemel"]),
        ("PPN 111111111", ["De hemel"]),
        ("nowhere to be found", []),
        ("", []),
        ("  ", []),
        ("!?&|:*<->'\\", []),
        ("€ « »", []),
        ("hemel & ontdekking | !van:*", ["De ontdekking van de hemel"]),
        ("'hemel", ["De hemel", "Hemelvaart in Ångermanland: een reis", "De ontdekking van de hemel"]),
        ("\\ hemel:A", ["De hemel"]),
        ("a" * 200, []),
    ],
)
async def test_what_is_found(client: httpx.AsyncClient, asked: str, titles: list[str]) -> None:
    assert sorted(await found(client, asked)) == sorted(titles)
    assert (await found(client, asked))[:1] == titles[:1]


async def test_each_says_how_many_hold_it_in_how_many_systems(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/titles", params={"q": "ontdekking"})
    assert answer.json() == {
        "items": [
            {
                "isbns": [X],
                "ppns": ["P1"],
                "title": "De ontdekking van de hemel",
                "author": "Harry Mulisch",
                "volume": "",
                "locations": 3,
                "systems": 2,
            }
        ],
        "next_cursor": None,
    }


async def test_pages_go_through_all_that_is_found_in_order(client: httpx.AsyncClient) -> None:
    whole = await found(client, "de")
    assert len(whole) == 3
    paged, cursor = [], None
    while True:
        params: dict[str, Any] = {"q": "de", "limit": 1} | ({"cursor": cursor} if cursor else {})
        answer = (await client.get("/v1/titles", params=params)).json()
        paged += [each["title"] for each in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert paged == whole


@pytest.mark.parametrize(
    "params",
    [
        {"q": "de", "isbn": X},
        {"q": "de", "ppn": "p1"},
        {"q": "d\0e"},
        {"q": "x" * 201},
        {"q": "de", "cursor": "x"},
        {"q": "de", "cursor": "NA"},
        {"q": "de", "limit": 0},
    ],
)
async def test_what_cannot_be_asked(client: httpx.AsyncClient, params: dict[str, Any]) -> None:
    answer = await client.get("/v1/titles", params=params)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-input")


async def test_a_hundred_thousand_titles_are_searched_by_their_indexes(database: Database) -> None:
    await empty(database)
    async with database.transaction() as connection:
        await connection.execute(
            "insert into title (title, author) select"
            "  'De ' || (array['reis','hemel','stad','zomer','nacht'])[n % 5 + 1] || ' nummer ' || n,"
            "  (array['Jansen','Mulisch','De Vries'])[n % 3 + 1] from generate_series(1, 100000) n"
        )
        await connection.execute(
            "insert into title_isbn (isbn, title_id) select lpad(id::text, 13, '0'), id from title;"
            " insert into holding (title_id, location, material, copies, loanable)"
            " select id, 'A' || n, 'book', 1, true from title, generate_series(1, 2) n"
        )
        await connection.execute("insert into location (id, name) values ('A1', 'A1'), ('A2', 'A2')")
        await connection.execute("analyze title; analyze title_isbn; analyze title_ppn; analyze holding")
    # rare words, words of every title, a beginning of them, and a number
    for asked in ("zomer nummer 77", "de", "d", "0000000000042", "mulisch nacht 9"):
        async with database.one_moment() as connection:
            await connection.execute("set local enable_seqscan = off")
            plan = await connection.fetchval(
                f"explain (analyze, format json) {SEARCH}", *(asked, asked, asked.upper(), MOST_FOUND, None, None, 20)
            )
            rows = await connection.fetch(SEARCH, *(asked, asked, asked.upper(), MOST_FOUND, None, None, 20))
        nodes = list(nodes_of(orjson.loads(plan)[0]["Plan"]))
        tables = {node.get("Relation Name") for node in nodes if node["Node Type"] == "Seq Scan"}
        assert tables <= {None}, (asked, tables)
        fetched = [node["Actual Rows"] * node["Actual Loops"] for node in nodes if "Heap" in node["Node Type"]]
        assert max(fetched, default=0) <= MOST_FOUND, asked
        assert rows
    assert rows[0]["title"].startswith("De nacht nummer 9")


def nodes_of(node: dict[str, Any]) -> Any:
    """Every step of a plan."""
    yield node
    for child in node.get("Plans", ()):
        yield from nodes_of(child)
