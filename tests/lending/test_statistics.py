"""Statistics of six drawn lives, reckoned by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import asyncpg
import pytest

from app.settings import Settings
from app.store.keys import add_key, create_key
from tests.support.filled import run_sql
from tests.support.house import House, open_house

# November 2026: day, time, which loan request, what happens. First `branch` of NL-2 (Drenthe, NORD) is asked, then
# `far` of NL-3 (Noord-Brabant, ZUID), unless only the one named is.
LIVES = """
    02 09:00  1  ask NL-1
    02 11:00  1  WillSupply
    02 15:00  1  Loaned
    03 09:00  2  ask NL-1
    03 10:00  2  Unfilled NotOnShelf
    03 11:00  1  Received
    04 10:00  2  Loaned
    05 09:00  3  ask NL-1 branch
    05 12:00  3  RetryPossible
    06 09:00  4  ask NL-3
    06 09:00  2  Received
    06 10:00  4  Cancel
    08 09:00  2  ShippedReturn
    08 12:00  2  LoanCompleted
    09 09:00  5  ask NL-1 far
    13 11:00  1  ShippedReturn
    14 11:00  1  LoanCompleted
    20 09:00  6  ask NL-1 branch
"""
NOVEMBER = {"since": "2026-11-01", "until": "2026-12-01"}

BY_AGENCY = """
    NL-1 requesting: submitted 5, delivered 2, unfilled 2, open 1, fill_rate 0.5, \
transport 2 33.5h 44.3h, shelf 2 144h 220.8h, whole 2 49h 67.4h
    NL-1 balance: borrowed 2, net -2
    NL-2 supplying: asked 5, shipped 1, declined 2, withdrawn 1, waiting 1, NotOnShelf 1, NotStated 1, \
answer 3 2h 2.8h, pull 1 4h 4h
    NL-2 balance: lent 1, net 1
    NL-3 requesting: submitted 1, cancelled 1
    NL-3 supplying: asked 2, shipped 1, lapsed 1, answer 1 24h 24h, pull 1 0h 0h
    NL-3 balance: lent 1, net 1
"""
BY_PROVINCE = """
    DR requesting: submitted 5, delivered 2, unfilled 2, open 1, fill_rate 0.5, \
transport 2 33.5h 44.3h, shelf 2 144h 220.8h, whole 2 49h 67.4h
    DR supplying: asked 5, shipped 1, declined 2, withdrawn 1, waiting 1, NotOnShelf 1, NotStated 1, \
answer 3 2h 2.8h, pull 1 4h 4h
    DR balance: lent 1, borrowed 2, net -1
    NB requesting: submitted 1, cancelled 1
    NB supplying: asked 2, shipped 1, lapsed 1, answer 1 24h 24h, pull 1 0h 0h
    NB balance: lent 1, net 1
"""
WHOLE = """
    - requesting: submitted 6, delivered 2, unfilled 2, cancelled 1, open 1, fill_rate 0.5, \
transport 2 33.5h 44.3h, shelf 2 144h 220.8h, whole 2 49h 67.4h
    - supplying: asked 7, shipped 2, declined 2, lapsed 1, withdrawn 1, waiting 1, NotOnShelf 1, NotStated 1, \
answer 4 2.5h 17.7h, pull 2 2h 3.6h
    - balance: lent 2, borrowed 2
"""


def told(document: dict[str, Any]) -> str:
    """The statistics as text: what is nothing is left out; legs as count, median and p90."""
    lines = []
    for row in document["items"]:
        for part in ("requesting", "supplying", "balance"):
            words = [word for name, value in row[part].items() for word in _words(name, value)]
            if words:
                lines.append(f"    {row['group'] or '-'} {part}: {', '.join(words)}")
    return "\n".join(["", *lines, ""])


def _words(name: str, value: Any) -> list[str]:
    if name == "declines":
        return [f"{reason} {count}" for reason, count in value.items()]
    if isinstance(value, dict):
        hours = [f"{value[which] / 3600:g}h" for which in ("median_seconds", "p90_seconds") if value["count"]]
        return [" ".join([name, str(value["count"]), *hours])] if value["count"] else []
    return [f"{name} {value}"] if value else []


async def live(house: House) -> None:
    """Let the lives take place."""
    ids: dict[str, str] = {}
    for line in LIVES.strip().splitlines():
        day, clock, number, what, *words = line.split()
        house.clock.set(datetime.fromisoformat(f"2026-11-{day}T{clock}:00+01:00"))
        await house.work()
        if what == "ask":
            only = {"branch", "far", "island"} - set(words[1:])
            ids[number] = await house.asked(requesting_agency=words[0], exclude=sorted(only) if words[1:] else [])
        else:
            await house.acted(ids[number], what, **({"reason": words[0]} if words else {}))
    house.clock.set(datetime.fromisoformat("2026-11-23T09:00:00+01:00"))
    await house.work()


@pytest.fixture(scope="module")
async def lived(filled: str) -> str:
    async with open_house(Settings(database_url=filled)) as opened:
        await live(opened)
    return filled


@pytest.fixture
async def reading(lived: str) -> AsyncIterator[House]:
    async with open_house(Settings(database_url=lived)) as opened:
        yield opened


async def read(house: House, **params: str) -> dict[str, Any]:
    answer = await house.client.get("/v1/statistics", params={**NOVEMBER, **params})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"by": "agency"}, BY_AGENCY),
        ({"by": "province"}, BY_PROVINCE),
        ({"by": "poi"}, BY_PROVINCE.replace(" DR ", " NORD ").replace(" NB ", " ZUID ")),
        ({"by": "whole"}, WHOLE),
        ({"by": "month"}, WHOLE.replace(" - ", " 2026-11 ")),
        ({"by": "agency", "agency": "NL-2"}, _only := "\n".join(["", *BY_AGENCY.splitlines()[3:5], ""])),
        ({"by": "agency", "poi": "NORD"}, "\n".join(["", *BY_AGENCY.splitlines()[1:5], ""])),
        ({"by": "agency", "province": "DR", "agency": "NL-2"}, _only),
        ({"by": "agency", "province": "NB", "agency": "NL-2"}, "\n"),
        ({"since": "2026-11-06", "by": "agency", "agency": "NL-3"}, """
    NL-3 requesting: submitted 1, cancelled 1
    NL-3 supplying: asked 1, lapsed 1
"""),
    ],
)  # fmt: skip
async def test_what_was_reckoned_by_hand(reading: House, params: dict[str, str], expected: str) -> None:
    assert told(await read(reading, **params)) == expected


async def test_a_whole_document(reading: House) -> None:
    nothing = {"count": 0, "median_seconds": None, "p90_seconds": None}
    assert await read(reading, since="2026-11-09", by="agency") == {
        "since": "2026-11-09",
        "until": "2026-12-01",
        "by": "agency",
        "items": [
            {
                "group": "NL-1",
                "requesting": {
                    "submitted": 2,
                    "delivered": 0,
                    "unfilled": 1,
                    "cancelled": 0,
                    "open": 1,
                    "fill_rate": 0.0,
                    "transport": nothing,
                    "shelf": nothing,
                    "whole": nothing,
                },
                "supplying": {
                    "asked": 0,
                    "shipped": 0,
                    "declined": 0,
                    "lapsed": 0,
                    "withdrawn": 0,
                    "waiting": 0,
                    "declines": {},
                    "answer": nothing,
                    "pull": nothing,
                },
                "balance": {"lent": 0, "borrowed": 0, "net": 0},
            },
            *[
                {
                    "group": group,
                    "requesting": {
                        "submitted": 0,
                        "delivered": 0,
                        "unfilled": 0,
                        "cancelled": 0,
                        "open": 0,
                        "fill_rate": None,
                        "transport": nothing,
                        "shelf": nothing,
                        "whole": nothing,
                    },
                    "supplying": {
                        "asked": 1,
                        "shipped": 0,
                        "declined": 0,
                        "lapsed": lapsed,
                        "withdrawn": 0,
                        "waiting": 1 - lapsed,
                        "declines": {},
                        "answer": nothing,
                        "pull": nothing,
                    },
                    "balance": {"lent": 0, "borrowed": 0, "net": 0},
                }
                for group, lapsed in (("NL-2", 0), ("NL-3", 1))
            ],
        ],
    }


async def test_as_a_table(reading: House) -> None:
    answer = await reading.client.get(
        "/v1/statistics", params={**NOVEMBER, "by": "agency", "agency": "NL-2", "format": "csv"}
    )
    header, row, rest = answer.text.split("\r\n")
    assert rest == ""
    cells = dict(zip(header.split(","), row.split(","), strict=True))
    assert {name: cell for name, cell in cells.items() if cell not in ("0", "")} == {
        "group": "NL-2",
        "supplying_asked": "5",
        "supplying_shipped": "1",
        "supplying_declined": "2",
        "supplying_withdrawn": "1",
        "supplying_waiting": "1",
        "supplying_declines_NotOnShelf": "1",
        "supplying_declines_NotStated": "1",
        "supplying_answer_count": "3",
        "supplying_answer_median_seconds": "7200",
        "supplying_answer_p90_seconds": "10080",
        "supplying_pull_count": "1",
        "supplying_pull_median_seconds": "14400",
        "supplying_pull_p90_seconds": "14400",
        "balance_lent": "1",
        "balance_net": "1",
    }


async def test_a_reason_in_somebody_s_own_words_stays_out_of_sight(reading: House, lived: str) -> None:
    change = "update placement set reason = {} where supplying_agency = 'NL-2' and \"end\" = 'RetryPossible'"
    await run_sql(lived, change.format("'Mr Jansen has it'"))
    found = await read(reading, by="agency", agency="NL-2")
    await run_sql(lived, change.format("null"))
    assert found["items"][0]["supplying"]["declines"] == {"NotOnShelf": 1, "Other": 1}


async def test_whose_figures_a_key_is_shown(reading: House, lived: str) -> None:
    connection = await asyncpg.connect(lived)
    try:
        kinds = {
            "requester": ("NL-1", "requester"),
            "supplier": ("NL-3", "supplier"),
            "planner": ("NORD", "planner"),
            "reader": ("KB", "reader"),
            "stranger": ("NL-7", "requester"),
        }
        keys = {
            name: await create_key(connection, agency=agency, scopes=[scope])
            for name, (agency, scope) in kinds.items()
        }
        # As a POI's own foundation has them: the agency is an ISIL, and the key says for whom its planners plan.
        for name, poi in (("planner of a POI", "NORD"), ("planner of a carrier", "LINE")):
            keys[name] = (await add_key(connection, agency="NL-P", scopes=["planner"], poi=poi)).key
    finally:
        await connection.close()

    async def groups(name: str, **params: str) -> str:
        answer = await reading.client.get(
            "/v1/statistics",
            params={**NOVEMBER, "by": "agency", **params},
            headers={"authorization": f"Bearer {keys[name]}"},
        )
        if answer.status_code != 200:
            return str(answer.status_code)
        return " ".join(row["group"] for row in answer.json()["items"])

    found = ""
    for name in keys:
        shown = [await groups(name), await groups(name, agency="NL-1"), await groups(name, poi="ZUID")]
        found += f"{name}: {' | '.join(shown)}\n"
    await run_sql(lived, "delete from api_key; delete from epoch where of = 'keys'")
    assert found == (
        "requester: NL-1 | NL-1 | \n"
        "supplier: NL-3 | 403 | NL-3\n"
        "planner: NL-1 NL-2 | NL-1 | \n"
        "reader: NL-1 NL-2 NL-3 | NL-1 | NL-3\n"
        "stranger:  | 403 | \n"
        "planner of a POI: NL-1 NL-2 | NL-1 | \n"
        "planner of a carrier:  | 403 | \n"
    )


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, "1 2 3 4 5 6"),
        ({"delivered": "true"}, "1 2"),
        ({"outcome": "unfilled"}, "3 5"),
        ({"outcome": "cancelled"}, "4"),
        ({"state": "open", "delivered": "false"}, "6"),
        ({"declined": "NotOnShelf"}, "2"),
        ({"declined": "NotStated"}, "3"),
        ({"declined": "Other"}, ""),
        ({"declined": "NotOnShelf", "until": "2026-11-03"}, ""),
        ({"moment": "shipped", "supplying_agency": "NL-2"}, "1"),
        ({"moment": "shipped", "requesting_agency": "NL-1"}, "1 2"),
        ({"since": "2026-11-06"}, "4 5 6"),
        ({"since": "2026-11-06", "outcome": "unfilled"}, "5"),
        ({"late": "true"}, ""),
    ],
)
async def test_the_rows_behind_each_figure(reading: House, params: dict[str, str], expected: str) -> None:
    answer = await reading.client.get("/v1/loan-requests", params={**NOVEMBER, **params})
    assert answer.status_code == 200, answer.text
    numbers = sorted(row["requesting_agency_request_id"].removeprefix("nr-") for row in answer.json()["items"])
    assert " ".join(numbers) == expected


async def test_a_reason_that_nobody_can_give_is_refused(reading: House) -> None:
    answer = await reading.client.get("/v1/loan-requests", params={"declined": "Rain"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/declined")
