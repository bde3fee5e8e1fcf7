"""Reading the register and the holdings over HTTP, whole documents compared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.database import Database
from app.settings import Settings
from app.store.agencies import put_collection_roles, put_poi, put_province
from tests.support.filled import client_of, running
from tests.support.tables import empty

AGENCIES = """\
isil,name,kind,parent,province,poi,system,lat,lon,handling_minutes,opening_hours,system_kind,system_since,suspended_from
A,Library A,agency,,UT,BiSC,wise-midden,52.1,5.1,,,wise,,
B,Library B,agency,,NB,Cubiss,wise-midden,,,,,,2024-07-01,
C,Library C,agency,,NB,,,,,,,,,
A/1,Branch one,location,A,,,wise-midden,52.1,5.2,45,Mo-Fr 09:00-17:00,,,2026-12-24
A/2,Branch two,location,A,NB,,own,,,,,brocade,,
B 1,Branch B,location,B,,,,,,,,,,
C1,Branch C,location,C,,,,,,,,,,
H,Hub,hub,,UT,BiSC,,,,,,,,
"""
SHARED, ALONE = "9783161484100", "9780306406157"
HOLDINGS = f"""\
location,isbn,ppn,title,author,material,copies,available,loanable
A/1,{SHARED},11X,Deel 1,Schrijver,book,2,1,true
A/2,{SHARED},11X,Deel 1,Schrijver,book,1,,true
B 1,{SHARED},11X,Deel 1,Schrijver,book,3,0,false
B 1,{SHARED},12,Deel 2,Schrijver,book,1,1,true
C1,{SHARED},12,Deel 2,Schrijver,book,1,1,true
H,{ALONE},,Hub book,,dvd,1,,true
"""
CSV = {"content-type": "text/csv; charset=UTF-8"}


@pytest.fixture(scope="module")
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running(Settings(database_url=database_url)) as app:
        database: Database = app.state.resources.database
        await empty(database)
        async with client_of(app) as client:
            for kind, content in (("agencies", AGENCIES), ("holdings", HOLDINGS)):
                answer = await client.post(f"/v1/imports/{kind}", content=content, headers=CSV)
                assert answer.status_code == 200, answer.text
                assert answer.json()["rejected"] == 0
            async with database.transaction() as connection:
                await put_poi(connection, "BiSC", name="BiSC Utrecht")
                await put_province(connection, "UT", name="Utrecht", poi="BiSC")
                await put_collection_roles(connection, "UT", plan_year=2022, roles=["strategy_group", "joint_plan"])
                await put_collection_roles(connection, "UT", plan_year=2022, roles=["otherwise", "joint_plan"])
            yield client


async def get(client: httpx.AsyncClient, address: str, **params: Any) -> Any:
    answer = await client.get(address, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def items(client: httpx.AsyncClient, address: str, key: str, **params: Any) -> list[Any]:
    """The key of every item, over pages of two."""
    found, cursor = [], None
    while True:
        page = await get(client, address, limit=2, **params, **({} if cursor is None else {"cursor": cursor}))
        assert len(page["items"]) <= 2
        found += [item[key] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def test_an_agency(client: httpx.AsyncClient) -> None:
    assert await get(client, "/v1/agencies/B") == {
        "isil": "B",
        "name": "Library B",
        "province": "NB",
        "poi": "Cubiss",
        "system": "wise-midden",
        "systems": [{"system": "wise-midden", "since": "2024-07-01", "until": None}],
        "lat": None,
        "lon": None,
        "supplies": True,
        "valid_from": None,
        "valid_until": None,
        "successor": None,
        "suspensions": [],
    }


async def test_agencies_in_pages_and_narrowed(client: httpx.AsyncClient) -> None:
    assert await items(client, "/v1/agencies", "isil") == ["A", "B", "C"]
    assert await items(client, "/v1/agencies", "isil", province="NB") == ["B", "C"]
    # C names no POI: that of its province drives for it
    assert await items(client, "/v1/agencies", "isil", poi="Cubiss") == ["B", "C"]
    assert await items(client, "/v1/agencies", "isil", system="wise-midden") == ["A", "B"]
    assert await items(client, "/v1/agencies", "isil", system="manual") == ["C"]


async def test_a_location_has_what_its_agency_has(client: httpx.AsyncClient) -> None:
    one = {
        "id": "A/1",
        "kind": "location",
        "name": "Branch one",
        "agency": "A",
        "province": "UT",
        "poi": "BiSC",
        "system": "wise-midden",
        "lat": 52.1,
        "lon": 5.2,
        "handling_minutes": 45,
        "opening_hours": "Mo-Fr 09:00-17:00",
        "valid_from": None,
        "valid_until": None,
        "suspensions": [{"since": "2026-12-24", "until": None}],
    }
    two = {**one, "id": "A/2", "name": "Branch two", "province": "NB", "poi": "Cubiss", "system": "own"}
    two |= {"lat": None, "lon": None, "handling_minutes": 0, "opening_hours": "", "suspensions": []}
    assert await get(client, "/v1/locations/A/1") == one
    assert await get(client, "/v1/locations", agency="A") == {"items": [one, two], "next_cursor": None}


async def test_locations_in_pages_and_narrowed(client: httpx.AsyncClient) -> None:
    assert await items(client, "/v1/locations", "id") == ["A/1", "A/2", "B 1", "C1", "H"]
    assert await items(client, "/v1/locations", "id", province="NB") == ["A/2", "B 1", "C1"]
    assert await items(client, "/v1/locations", "id", poi="BiSC") == ["A/1", "H"]
    assert await items(client, "/v1/locations", "id", system="wise-midden") == ["A/1"]
    # A row that names no system answers by hand, whatever its agency uses.
    assert await items(client, "/v1/locations", "id", system="manual") == ["B 1", "C1", "H"]
    assert await items(client, "/v1/locations", "id", kind="hub") == ["H"]
    assert await items(client, "/v1/locations", "id", agency="nobody") == []
    assert (await get(client, "/v1/locations/B 1"))["name"] == "Branch B"


async def test_systems_and_who_uses_them_since_when(client: httpx.AsyncClient) -> None:
    assert await get(client, "/v1/systems") == {
        "items": [
            {"id": "manual", "kind": "manual", "called": False, "agencies": 1, "breaker": "closed"},
            {"id": "own", "kind": "brocade", "called": False, "agencies": 0, "breaker": "closed"},
            {"id": "wise-midden", "kind": "wise", "called": False, "agencies": 2, "breaker": "closed"},
        ],
        "next_cursor": None,
    }
    assert await get(client, "/v1/systems/wise-midden") == {
        "id": "wise-midden",
        "kind": "wise",
        "called": False,
        "breaker": "closed",
        "breakers": [],
        "agencies": [
            {"agency": "A", "name": "Library A", "since": None, "until": None},
            {"agency": "B", "name": "Library B", "since": "2024-07-01", "until": None},
        ],
    }


async def test_provinces_and_pois(client: httpx.AsyncClient) -> None:
    roles = [{"plan_year": 2022, "role": role} for role in ("joint_plan", "otherwise")]
    assert await get(client, "/v1/provinces") == {
        "items": [
            {"code": "NB", "name": "NB", "poi": "Cubiss", "collection_roles": []},
            {"code": "UT", "name": "Utrecht", "poi": "BiSC", "collection_roles": roles},
        ],
        "next_cursor": None,
    }
    assert await get(client, "/v1/pois") == {
        "items": [
            {"code": "BiSC", "name": "BiSC Utrecht", "provinces": ["UT"]},
            {"code": "Cubiss", "name": "Cubiss", "provinces": ["NB"]},
        ],
        "next_cursor": None,
    }


async def pages(client: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """All items of a list, two a page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        found = await get(client, path, limit=2, **query, **cursor)
        items += found["items"]
        if found["next_cursor"] is None:
            return items
        assert len(found["items"]) == 2
        cursor = {"cursor": found["next_cursor"]}


async def test_all_titles_can_be_gone_through(client: httpx.AsyncClient) -> None:
    titles = await pages(client, "/v1/titles")
    assert titles == (await get(client, "/v1/titles", limit=1000))["items"]
    assert len(titles) > 2
    for title in titles:
        name = {"isbn": title["isbns"][0]} if title["isbns"] else {"ppn": title["ppns"][0]}
        assert title in (await get(client, "/v1/titles", **name))["items"]


async def test_the_shelf_of_a_location_is_what_titles_say_of_it(client: httpx.AsyncClient) -> None:
    said: dict[str, list[dict[str, Any]]] = {}
    for title in await pages(client, "/v1/titles"):
        name = {"isbn": title["isbns"][0]} if title["isbns"] else {"ppn": title["ppns"][0]}
        for holding in await pages(client, "/v1/holdings", **name):
            rows = said.setdefault(holding["location"], [])
            if holding not in rows:
                rows.append(holding)
    assert said
    for location, rows in said.items():
        shelf = await pages(client, "/v1/holdings", location=location)
        assert sorted(shelf, key=str) == sorted(rows, key=str)


async def test_the_tariff_of_the_national_agreement_stands_from_the_start(client: httpx.AsyncClient) -> None:
    assert await get(client, "/v1/tariffs") == {
        "items": [{"valid_from": "2021-01-01", "supplier_cents": 675, "transport_cents": 400}],
        "next_cursor": None,
    }


async def test_titles_that_share_an_isbn(client: httpx.AsyncClient) -> None:
    both = {"isbns": [SHARED], "author": "Schrijver", "volume": ""}
    one = {**both, "ppns": ["11X"], "title": "Deel 1", "locations": 3, "systems": 3}
    two = {**both, "ppns": ["12"], "title": "Deel 2", "locations": 2, "systems": 1}
    assert await get(client, "/v1/titles", isbn="978-3-16-148410-0") == {"items": [one, two], "next_cursor": None}
    assert await get(client, "/v1/titles", ppn="11x") == {"items": [one], "next_cursor": None}


async def test_holdings_by_location(client: httpx.AsyncClient) -> None:
    page = await get(client, "/v1/holdings", ppn="11X", limit=1)
    assert page["items"] == [
        {
            "location": "A/1",
            "agency": "A",
            "province": "UT",
            "system": "wise-midden",
            "isbns": [SHARED],
            "ppns": ["11X"],
            "title": "Deel 1",
            "author": "Schrijver",
            "material": "book",
            "copies": 2,
            "available": 1,
            "loanable": True,
        }
    ]
    assert await items(client, "/v1/holdings", "location", isbn=SHARED) == ["A/1", "A/2", "B 1", "B 1", "C1"]
    assert await items(client, "/v1/holdings", "copies", isbn=SHARED) == [2, 1, 3, 1, 1]


def group(name: str | None, *numbers: int) -> dict[str, object]:
    keys = ("locations", "copies", "available_known", "unknown_locations", "loanable_locations", "loanable_copies")
    return {"group": name, **dict(zip(keys, numbers, strict=True))}


async def test_holdings_by_system_agency_and_province(client: httpx.AsyncClient) -> None:
    by_system = [
        group("manual", 2, 5, 2, 0, 2, 2),
        group("own", 1, 1, 0, 1, 1, 1),
        group("wise-midden", 1, 2, 1, 0, 1, 2),
    ]
    assert await get(client, "/v1/holdings", isbn=SHARED, group_by="system") == {
        "items": by_system,
        "next_cursor": None,
    }
    by_agency = [group("A", 2, 3, 1, 1, 2, 3), group("B", 1, 4, 1, 0, 1, 1), group("C", 1, 1, 1, 0, 1, 1)]
    assert (await get(client, "/v1/holdings", isbn=SHARED, group_by="agency"))["items"] == by_agency
    assert await items(client, "/v1/holdings", "group", isbn=SHARED, group_by="province") == ["NB", "UT"]
    assert await items(client, "/v1/holdings", "group", isbn=SHARED, group_by="agency") == ["A", "B", "C"]
    alone = await get(client, "/v1/holdings", isbn=ALONE, group_by="agency")
    assert alone["items"] == [group(None, 1, 1, 0, 1, 1, 1)]


@pytest.mark.parametrize(
    ("address", "status", "slug"),
    [
        ("/v1/agencies/nobody", 404, "unknown-agency"),
        ("/v1/locations/no/where", 404, "no-such-location"),
        ("/v1/systems/none", 404, "unknown-system"),
        ("/v1/agencies/%00", 422, "invalid-input"),
        ("/v1/agencies?province=%00", 422, "invalid-input"),
        ("/v1/agencies?cursor=nonsense", 422, "invalid-input"),
        ("/v1/agencies?limit=0", 422, "invalid-input"),
        ("/v1/locations?kind=agency", 422, "invalid-input"),
        ("/v1/titles?isbn=9789000000005", 404, "unknown-title"),
        ("/v1/titles?ppn=99", 404, "unknown-title"),
        ("/v1/holdings", 422, "invalid-input"),
        ("/v1/holdings?location=NOWHERE", 404, "no-such-location"),
        ("/v1/holdings?location=BR&group_by=system", 422, "invalid-input"),
        (f"/v1/titles?isbn={ALONE}&ppn=1", 422, "invalid-input"),
        ("/v1/holdings?isbn=9780306406158", 422, "invalid-input"),
        ("/v1/holdings?ppn=1%002", 422, "invalid-input"),
        ("/v1/holdings?isbn=9789000000005&group_by=system", 404, "unknown-title"),
        (f"/v1/holdings?isbn={ALONE}&group_by=poi", 422, "invalid-input"),
        (f"/v1/holdings?isbn={ALONE}&cursor=IngiCg", 422, "invalid-input"),
    ],
)
async def test_what_cannot_be_answered_is_a_problem(
    client: httpx.AsyncClient, address: str, status: int, slug: str
) -> None:
    answer = await client.get(address)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_fault_in_an_isbn_is_pointed_at(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/titles", params={"isbn": "9780306406158"})
    assert answer.json()["errors"] == [
        {"pointer": "/isbn", "detail": "This is no ISBN: the check digit of this ISBN is wrong."}
    ]
