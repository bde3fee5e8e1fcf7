"""The ledger: each delivered item charged once, by the tariff and the agencies of the day, and who may read it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import asyncpg
import httpx
import pytest

from app.settings import Settings
from app.store.keys import create_key
from tests.support.filled import run_sql
from tests.support.house import House, open_house

pytestmark = pytest.mark.usefixtures("house")
FROM_FAR = {"exclude": ["branch", "island"]}


async def delivered(house: House, *, at: str, **asked: Any) -> str:
    """A loan request whose item was received at `at`."""
    loan = await house.asked(**asked)
    await house.acted(loan, "WillSupply")
    await house.acted(loan, "Loaned")
    house.clock.set(datetime.fromisoformat(at))
    await house.acted(loan, "Received", at=at)
    return loan


async def ledger(house: House, loan: str) -> list[str]:
    """The entries of one loan request, a line each."""
    answer = await house.client.get("/v1/settlement", params={"since": "2026-11-01", "until": "2027-02-01"})
    assert answer.status_code == 200, answer.text
    return [
        f"{row['day']} {row['what']} {row['agency']} {row['cents']} {row['counterparty']}"
        for row in answer.json()["items"]
        if row["loan_request"] == loan
    ]


async def test_a_delivery_from_another_province(house: House) -> None:
    loan = await delivered(house, at="2026-11-26T11:00:00+01:00", **FROM_FAR)
    expected = [
        "2026-11-26 supplier NL-1 -675 NL-3",
        "2026-11-26 supplier NL-3 675 NL-1",
        "2026-11-26 transport NL-1 -400 None",
    ]
    assert await ledger(house, loan) == expected
    refused = await house.act(loan, "Received")
    assert refused.status_code == 409
    await house.acted(loan, "ShippedReturn")
    await house.acted(loan, "LoanCompleted")
    assert await ledger(house, loan) == expected


async def test_the_tariff_is_that_of_the_day_of_delivery_in_the_netherlands(house: House) -> None:
    # 23:30 in London is past midnight here, and the tariff of 21 December holds.
    loan = await delivered(house, at="2026-12-20T23:30:00+00:00", **FROM_FAR)
    assert await ledger(house, loan) == [
        "2026-12-21 supplier NL-1 -700 NL-3",
        "2026-12-21 supplier NL-3 700 NL-1",
        "2026-12-21 transport NL-1 -450 None",
    ]


async def test_nothing_is_charged_inside_a_province_or_for_what_did_not_arrive(house: House) -> None:
    inside = await delivered(house, at="2026-11-24T11:00:00+01:00")
    assert await ledger(house, inside) == []
    lost = await house.asked(**FROM_FAR)
    await house.acted(lost, "Loaned")
    await house.acted(lost, "Lost")
    assert await ledger(house, lost) == []


async def test_an_agency_that_merged_since_is_paid_as_its_successor(house: House, filled: str) -> None:
    loan = await house.asked(**FROM_FAR)
    await house.acted(loan, "Loaned")
    await run_sql(filled, _MERGE)
    house.clock.set(datetime.fromisoformat("2026-12-02T11:00:00+01:00"))
    try:
        await house.acted(loan, "Received", at="2026-12-02T11:00:00+01:00")
        assert await ledger(house, loan) == [
            "2026-12-02 supplier NL-1 -675 NL-9",
            "2026-12-02 supplier NL-9 675 NL-1",
            "2026-12-02 transport NL-1 -400 None",
        ]
    finally:
        await run_sql(filled, _UNMERGE)


_COUNTED = "update epoch set number = number + 1 where of = 'register';"
_MERGE = f"""
insert into agency (isil, name, province) values ('NL-9', 'Library Nine', 'NB');
update agency set valid_until = '2026-12-01', successor = 'NL-9' where isil = 'NL-3'; {_COUNTED}
"""
_UNMERGE = f"""
update agency set valid_until = null, successor = null where isil = 'NL-3';
delete from agency where isil = 'NL-9'; {_COUNTED}
"""


async def test_an_agency_that_asks_for_its_own_item_elsewhere_owes_itself_nothing(house: House) -> None:
    loan = await delivered(house, at="2026-11-26T11:00:00+01:00", requesting_agency="NL-3", **FROM_FAR)
    assert await ledger(house, loan) == ["2026-11-26 transport NL-3 -400 None"]


# --- reading it ---------------------------------------------------------------------------------------


@pytest.fixture
async def settled(filled: str) -> AsyncIterator[House]:
    """A ledger of two months, drawn; loan requests are numbered."""
    await run_sql(filled, "truncate settlement_entry")
    rows = [line.split() for line in _LEDGER.strip().splitlines()]
    values = ", ".join(
        f"('00000000-0000-7000-8000-00000000000{loan}', '{agency}', '{what}', {cents}, "
        + ("null" if other == "-" else f"'{other}'")
        + f", '{day}')"
        for day, loan, what, agency, cents, other in rows
    )
    columns = "loan_request, agency, what, cents, counterparty, day"
    await run_sql(filled, f"insert into settlement_entry ({columns}) values {values}")
    async with open_house(Settings(database_url=filled)) as opened:
        yield opened


_LEDGER = """
2026-10-30  1  supplier   NL-1  -675  NL-3
2026-10-30  1  supplier   NL-3   675  NL-1
2026-10-30  1  transport  NL-1  -400  -
2026-11-02  2  supplier   NL-3  -675  NL-1
2026-11-02  2  supplier   NL-1   675  NL-3
2026-11-23  3  supplier   =A    -675  NL-3
2026-11-23  3  supplier   NL-3   675  =A
"""
ALL = {"since": "2026-10-01", "until": "2026-12-01"}


async def table(client: httpx.AsyncClient, path: str, **params: Any) -> str:
    answer = await client.get(path, params={**params, "format": "csv"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8; header=present")
    return answer.text.replace("\r\n", "\n").replace("00000000-0000-7000-8000-00000000000", "#")


async def test_the_ledger_as_a_table(settled: House) -> None:
    assert await table(settled.client, "/v1/settlement", **ALL) == (
        "day,loan_request,what,agency,counterparty,cents\n"
        "2026-10-30,#1,supplier,NL-1,NL-3,-675\n"
        "2026-10-30,#1,supplier,NL-3,NL-1,675\n"
        "2026-10-30,#1,transport,NL-1,,-400\n"
        "2026-11-02,#2,supplier,NL-1,NL-3,675\n"
        "2026-11-02,#2,supplier,NL-3,NL-1,-675\n"
        "2026-11-23,#3,supplier,'=A,NL-3,-675\n"
        "2026-11-23,#3,supplier,NL-3,'=A,675\n"
    )


async def test_the_last_month_is_answered_unless_another_is_asked_for(settled: House) -> None:
    # It is 23 November: from 24 October on.
    assert (await table(settled.client, "/v1/settlement", agency="NL-1")).splitlines()[1:] == [
        "2026-10-30,#1,supplier,NL-1,NL-3,-675",
        "2026-10-30,#1,transport,NL-1,,-400",
        "2026-11-02,#2,supplier,NL-1,NL-3,675",
    ]
    assert (await table(settled.client, "/v1/settlement", agency="NL-1", until="2026-11-02")).splitlines()[1:] == [
        "2026-10-30,#1,supplier,NL-1,NL-3,-675",
        "2026-10-30,#1,transport,NL-1,,-400",
    ]


async def test_pages_come_one_after_the_other(settled: House) -> None:
    whole = (await settled.client.get("/v1/settlement", params=ALL)).json()
    assert (len(whole["items"]), whole["next_cursor"]) == (7, None)
    assert whole["items"][2] == {
        "day": "2026-10-30",
        "loan_request": "00000000-0000-7000-8000-000000000001",
        "what": "transport",
        "agency": "NL-1",
        "counterparty": None,
        "cents": -400,
    }
    pages, cursor = [], None
    while True:
        params = {**ALL, "limit": "2", **({} if cursor is None else {"cursor": cursor})}
        answer = (await settled.client.get("/v1/settlement", params=params)).json()
        pages.append(answer["items"])
        if (cursor := answer["next_cursor"]) is None:
            break
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert [item for page in pages for item in page] == whole["items"]
    nonsense = await settled.client.get("/v1/settlement", params={"cursor": "Im5vIg"})
    assert (nonsense.status_code, nonsense.json()["errors"][0]["pointer"]) == (422, "/cursor")


async def test_balances(settled: House) -> None:
    assert await table(settled.client, "/v1/settlement/balances", **ALL) == (
        "period,agency,credit_cents,debit_cents,net_cents,items\n"
        "2026-10-01,NL-1,0,1075,-1075,1\n"
        "2026-10-01,NL-3,675,0,675,1\n"
        "2026-11-01,'=A,0,675,-675,1\n"
        "2026-11-01,NL-1,675,0,675,1\n"
        "2026-11-01,NL-3,675,675,0,2\n"
    )
    cut = await settled.client.get(
        "/v1/settlement/balances",
        params={"since": "2026-10-15", "until": "2026-12-01", "per": "whole", "agency": "NL-3"},
    )
    assert cut.json() == {
        "since": "2026-10-15",
        "until": "2026-12-01",
        "per": "whole",
        "items": [
            {
                "period": "2026-10-15",
                "agency": "NL-3",
                "credit_cents": 1350,
                "debit_cents": 675,
                "net_cents": 675,
                "items": 3,
            }
        ],
    }


@pytest.mark.parametrize(
    ("params", "pointer"),
    [
        ({"since": "2026-11-24", "until": "2026-11-24"}, "/until"),
        ({"since": "2026-12-01"}, "/until"),
        ({"since": "2025-11-01", "until": "2026-11-03"}, "/since"),
        ({"since": "yesterday"}, "/since"),
        ({"until": "0001-01-01"}, "/until"),
        ({"agency": "a\0b"}, "/agency"),
    ],
)
async def test_spans_are_days_in_order_and_a_year_at_most(
    settled: House, params: dict[str, str], pointer: str
) -> None:
    answer = await settled.client.get("/v1/settlement", params=params)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/csv, */*", "text/csv"),
        ("text/*, application/json;q=0.4", "text/csv"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=x", "application/json"),
    ],
)
async def test_csv_by_what_the_caller_accepts(settled: House, accept: str | None, media_type: str) -> None:
    headers = {} if accept is None else {"accept": accept}
    for path in ("/v1/settlement", "/v1/settlement/balances", "/v1/statistics"):
        answer = await settled.client.get(path, headers=headers)
        assert answer.headers["content-type"].partition(";")[0] == media_type, path


async def test_a_key_sees_what_is_its_agency_s(settled: House, filled: str) -> None:
    connection = await asyncpg.connect(filled)
    try:
        kinds = {"own": ("NL-1", "requester"), "reader": ("KB", "reader")}
        keys = {
            name: await create_key(connection, agency=agency, scopes=[scope])
            for name, (agency, scope) in kinds.items()
        }
    finally:
        await connection.close()

    async def rows(key: str, path: str, **params: str) -> Any:
        answer = await settled.client.get(
            path, params={**ALL, **params}, headers={"authorization": f"Bearer {keys[key]}"}
        )
        return answer.status_code if answer.status_code != 200 else len(answer.json()["items"])

    found = {
        (key, path, agency): await rows(key, path, **({} if agency is None else {"agency": agency}))
        for key in keys
        for path in ("/v1/settlement", "/v1/settlement/balances")
        for agency in (None, "NL-1", "NL-3")
    }
    assert found == {
        ("own", "/v1/settlement", None): 3,
        ("own", "/v1/settlement", "NL-1"): 3,
        ("own", "/v1/settlement", "NL-3"): 403,
        ("own", "/v1/settlement/balances", None): 2,
        ("own", "/v1/settlement/balances", "NL-1"): 2,
        ("own", "/v1/settlement/balances", "NL-3"): 403,
        ("reader", "/v1/settlement", None): 7,
        ("reader", "/v1/settlement", "NL-1"): 3,
        ("reader", "/v1/settlement", "NL-3"): 3,
        ("reader", "/v1/settlement/balances", None): 5,
        ("reader", "/v1/settlement/balances", "NL-1"): 2,
        ("reader", "/v1/settlement/balances", "NL-3"): 2,
    }
    await run_sql(filled, "delete from api_key; delete from epoch where of = 'keys'")
