"""With a year of traffic in the database, whatever people and systems read of it is found by an index.

What is explained is what the code says to the database, as its connections report it, once with the values that were
sent and once for any values, as PostgreSQL does with a statement that comes again and again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any

import asyncpg
import orjson
import pytest

from app.database import Connection, Database
from app.settings import Settings
from app.store.events import follow_events
from app.store.keys import create_key
from app.store.stoppages import count_again
from app.store.under_way import list_under_way
from app.store.waiting import list_waiting
from tests.support.house import open_house
from tests.support.traffic import YEAR_ENDS, drive_a_year

LARGE = ("loan_request", "loan_event", "placement", "loan_decision", "settlement_entry")
AGENCY = "NL-000"  # the largest: it takes part in one of six
# No answer here looks at more rows than this, of some 700,000: to walk an index from end to end is a scan as well.
MOST_ROWS = 20_000
KEYS = {"agency": (AGENCY, "requester"), "reader": ("KB", "reader"), "admin": ("KB", "admin")}


class Overheard(Database):
    """A database that keeps what was said to it."""

    said: list[tuple[str, tuple[Any, ...]]]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with super().connection() as connection:
            with connection.query_logger(lambda query: self.said.append((query.query, query.args or ()))):
                yield connection


@dataclass(slots=True)
class Year:
    """The application with a year of traffic behind it."""

    client: Any
    database: Overheard
    beside: asyncpg.Connection
    keys: dict[str, str]
    faults: list[str] = field(default_factory=list)

    async def get(self, key: str, path: str, **params: Any) -> dict[str, Any]:
        """Ask, and look at the plans of all that was said to the database for it."""
        self.database.said.clear()
        headers = {"authorization": f"Bearer {self.keys[key]}"}
        answer = await self.client.get(path, params=params, headers=headers)
        assert answer.status_code == 200, answer.text
        await self.explain(f"{key} {answer.request.url.raw_path.decode()}")
        found: dict[str, Any] = answer.json()
        return found

    async def explain(self, name: str) -> None:
        """Note every plan that reads a large table from end to end, and what looks at many rows."""
        statements = [said for said in self.database.said if any(table in said[0] for table in LARGE)]
        assert statements, f"{name}: nothing was overheard"
        for query, values in statements:
            ran = await self.beside.fetchval(f"explain (analyze, format json) {query}", *values)
            if (rows := sum(rows_at(node) for node in nodes(orjson.loads(ran)[0]["Plan"]))) > MOST_ROWS:
                self.faults.append(f"{name}: looked at {rows} rows")
            plans = {"these values": ran}
            await self.beside.execute(f"prepare overheard as {query}")
            nulls = f"({', '.join(['null'] * len(values))})" if values else ""
            plans["any values"] = await self.beside.fetchval(f"explain (format json) execute overheard{nulls}")
            await self.beside.execute("deallocate overheard")
            for which, plan in plans.items():
                for node in nodes(orjson.loads(plan)[0]["Plan"]):
                    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE:
                        self.faults.append(f"{name} ({which}): all of {node['Relation Name']}")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def rows_at(node: dict[str, Any]) -> int:
    """How many rows of a large table a node of a plan looked at."""
    if node.get("Relation Name") not in LARGE:
        return 0
    each = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return int(each * node["Actual Loops"])


@pytest.fixture(scope="module")
async def driven(database_url: str) -> str:
    await drive_a_year(database_url)
    return database_url


@pytest.fixture
async def year(driven: str) -> AsyncIterator[Year]:
    beside = await asyncpg.connect(driven, server_settings={"plan_cache_mode": "force_generic_plan", "jit": "off"})
    try:
        keys = {
            name: await create_key(beside, agency=agency, scopes=[scope]) for name, (agency, scope) in KEYS.items()
        }
        async with open_house(Settings(database_url=driven), at=YEAR_ENDS) as house:
            held = house.app.state.resources
            database = Overheard(held.database.pool, held.database.spare, held.database.most_spare)
            object.__setattr__(database, "said", [])
            house.app.state.resources = replace(held, database=database)
            yield Year(house.client, database, beside, keys)
    finally:
        await beside.close()


async def test_that_a_scan_is_noticed(year: Year) -> None:
    async with year.database.connection() as connection:
        await connection.fetch("select count(*) from loan_event where note = $1", "x")
    await year.explain("a scan")
    looked, *scans = year.faults
    assert int(looked.split()[-2]) > 400_000
    assert scans == ["a scan (these values): all of loan_event", "a scan (any values): all of loan_event"]


FILTERS: dict[str, tuple[str | None, ...]] = {
    "requesting_agency": (None, AGENCY, "NL-149"),
    "supplying_agency": (None, AGENCY, "NL-149"),
    "status": (None, "LoanCompleted", "Cancelled"),
    "requesting_agency_request_id": (None, "nr-31415"),
    "state": (None, "open"),
}


@pytest.mark.parametrize("key", KEYS)
async def test_loan_requests_by_every_filter(year: Year, key: str) -> None:
    pages = 0
    for values in product(*FILTERS.values()):
        params = {name: value for name, value in zip(FILTERS, values, strict=True) if value is not None}
        first = await year.get(key, "/v1/loan-requests", **params)
        if first["next_cursor"] is not None:
            pages += 1
            second = await year.get(key, "/v1/loan-requests", **params, cursor=first["next_cursor"])
            assert second["items"][0]["id"] < first["items"][-1]["id"]
    assert year.faults == []
    assert pages > 10


@pytest.mark.parametrize("key", KEYS)
async def test_the_rows_behind_the_figures_of_a_month(year: Year, key: str) -> None:
    for span in ({"since": "2026-02-01", "until": "2026-03-01"}, {"since": "2026-10-01", "until": "2026-11-01"}):
        for narrowed in (
            {},
            {"delivered": "true"},
            {"outcome": "cancelled"},
            {"declined": "NotOnShelf"},
            {"moment": "shipped", "supplying_agency": AGENCY},
        ):
            assert (await year.get(key, "/v1/loan-requests", **span, **narrowed))["items"]
    await year.get(key, "/v1/loan-requests", late="true")
    assert year.faults == []


async def test_an_agency_s_loan_requests_are_all_those_in_which_it_takes_part(year: Year) -> None:
    taking_part = await year.beside.fetch(
        "select id from loan_request where requesting_agency = $1"
        " or id in (select loan_request from placement where supplying_agency = $1) order by id desc",
        AGENCY,
    )
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await year.get("agency", "/v1/loan-requests", limit="1000", **cursor)
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == [str(row["id"]) for row in taking_part]
    assert year.faults == []


@pytest.mark.parametrize("key", KEYS)
async def test_one_loan_request_and_its_events(year: Year, key: str) -> None:
    (loan, *_) = (await year.get(key, "/v1/loan-requests"))["items"]
    await year.get(key, f"/v1/loan-requests/{loan['id']}")
    assert (await year.get(key, f"/v1/loan-requests/{loan['id']}/events"))["items"]
    assert year.faults == []


@pytest.mark.parametrize("agency", [None, AGENCY, "NL-149"])
async def test_events_as_they_come(year: Year, agency: str | None) -> None:
    newest = await year.beside.fetchval("select max(id) from loan_event")
    for after in (0, newest // 2, newest - 50):
        async with year.database.connection() as connection:
            year.database.said.clear()
            found = await follow_events(connection, after=after, agency=agency, limit=100)
        assert all(event["id"] > after for event in found)
        assert found or agency is not None
        await year.explain(f"events of {agency} after {after}")
    assert year.faults == []


async def test_who_is_touched_when_vans_do_not_drive(year: Year) -> None:
    """Who is under way, who waits for a title, and what a supplier that stands still has to do with."""
    title = await year.beside.fetchval("select titles[1] from placement where titles <> '{}' limit 1")
    counted = partial(count_again, agency=None, location=None, poi=None, due=YEAR_ENDS)
    questions: dict[str, Callable[[Connection], Awaitable[object]]] = {
        "under way": lambda connection: list_under_way(connection, after=None, limit=500),
        "waiting": lambda connection: list_waiting(connection, [title or 1], limit=20),
        "one agency": lambda connection: counted(connection, agency=AGENCY),
        "one location": lambda connection: counted(connection, location="nowhere"),
        "one POI": lambda connection: counted(connection, poi="DR"),
        "everything": counted,
    }
    for name, ask in questions.items():
        async with year.database.connection() as connection:
            year.database.said.clear()
            await ask(connection)
        await year.explain(name)
    assert year.faults == []


SPANS: tuple[dict[str, str], ...] = (
    {},
    {"since": "2026-05-01", "until": "2026-05-08"},
    {"since": "2026-05-01", "until": "2026-06-01"},
)
WHOLE_YEAR = {"since": "2025-11-24", "until": "2026-11-24"}


@pytest.mark.parametrize("key", KEYS)
async def test_statistics(year: Year, key: str) -> None:
    for by, span in product(("whole", "agency", "province", "poi", "month"), SPANS):
        assert (await year.get(key, "/v1/statistics", by=by, **span))["items"]
    for narrowed in ({"agency": AGENCY}, {"province": "DR"}, {"poi": "N"}):
        await year.get(key, "/v1/statistics", by="agency", **narrowed)
    assert year.faults == []


async def test_a_whole_year_of_one_agency(year: Year) -> None:
    (figures,) = (await year.get("agency", "/v1/statistics", **WHOLE_YEAR))["items"]
    assert figures["requesting"]["submitted"] > 3000
    assert (await year.get("agency", "/v1/settlement", **WHOLE_YEAR))["next_cursor"] is not None
    assert len((await year.get("agency", "/v1/settlement/balances", **WHOLE_YEAR))["items"]) == 13
    assert year.faults == []


@pytest.mark.parametrize("key", KEYS)
async def test_the_ledger(year: Year, key: str) -> None:
    for span in SPANS:
        page = await year.get(key, "/v1/settlement", **span)
        await year.get(key, "/v1/settlement", **span, cursor=page["next_cursor"])
        await year.get(key, "/v1/settlement", **span, agency=AGENCY)
        assert (await year.get(key, "/v1/settlement/balances", **span))["items"]
    assert year.faults == []


async def test_the_ledger_of_a_year_as_one_table(year: Year) -> None:
    answer = await year.client.get(
        "/v1/settlement",
        params={**WHOLE_YEAR, "format": "csv"},
        headers={"authorization": f"Bearer {year.keys['reader']}"},
    )
    lines = answer.text.splitlines()
    assert len(lines) - 1 == await year.beside.fetchval(
        "select count(*) from settlement_entry where day < '2026-11-24'"
    )
    assert len(set(lines)) == len(lines)
    assert sum(int(line.rpartition(",")[2]) for line in lines if ",supplier," in line) == 0
