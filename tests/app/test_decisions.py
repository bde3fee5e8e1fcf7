"""POST /v1/decisions, as an ILS that has read docs/openapi.json sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.api.decision_shapes import DecisionShape
from app.settings import Settings
from tests.support.filled import BY_PPN, EVERYWHERE, NOWHERE, VOLUMES, client_of, fill, run_sql, running

# A Monday, in winter.
MONDAY = "2026-11-23T07:30:00+01:00"
ASKED: dict[str, Any] = {"title": {"isbn": EVERYWHERE}, "pickup_location": "desk", "requested_at": MONDAY}

pytestmark = pytest.mark.usefixtures("filled")


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    await fill(database_url)
    return database_url


@pytest.fixture
async def app(filled: str) -> AsyncIterator[FastAPI]:
    async with running(Settings(database_url=filled)) as app:
        yield app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


async def decided(client: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await client.post("/v1/decisions", json=ASKED | changes)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    # What is documented is what is answered, to the last field.
    DecisionShape.model_validate_json(answer.content, strict=False)
    document: dict[str, Any] = answer.json()
    assert set(document) == set(DecisionShape.model_fields)
    return document


async def test_the_whole_answer(client: httpx.AsyncClient) -> None:
    assert await decided(client) == {
        "network_version": "first",
        "requested_at": "2026-11-23T07:30:00+01:00",
        "objective": "fastest",
        "promise": None,
        "rota": [
            {
                "rank": 1,
                "supplying_agency": "NL-2",
                "supplying_location": "branch",
                "ready_at": "2026-11-23T08:30:00+01:00",
                "arrives_at": "2026-11-23T11:00:00+01:00",
                "promise": None,
                "response": None,
                "burden": None,
                "cost_cents": 0,
                "cost_parts": [],
                "handlings": 1,
                "precedence": 0,
                "legs": [
                    {
                        "route_id": "V1",
                        "trip_id": "v1-out",
                        "service_date": "2026-11-23",
                        "operator": "V1 vans",
                        "from_location": "branch",
                        "to_location": "H",
                        "departs_at": "2026-11-23T09:00:00+01:00",
                        "arrives_at": "2026-11-23T10:00:00+01:00",
                    },
                    {
                        "route_id": "V1",
                        "trip_id": "v1-in",
                        "service_date": "2026-11-23",
                        "operator": "V1 vans",
                        "from_location": "H",
                        "to_location": "desk",
                        "departs_at": "2026-11-23T10:30:00+01:00",
                        "arrives_at": "2026-11-23T11:00:00+01:00",
                    },
                ],
                "reasons": [
                    "Changes vans once.",
                    "Within one province (DR), so no charge.",
                    "No other copy arrives sooner.",
                ],
            },
            {
                "rank": 2,
                "supplying_agency": "NL-3",
                "supplying_location": "far",
                "ready_at": "2026-11-23T11:00:00+01:00",
                "arrives_at": "2026-11-24T11:00:00+01:00",
                "promise": None,
                "response": None,
                "burden": None,
                "cost_cents": 1075,
                "cost_parts": [{"what": "supplier", "cents": 675}, {"what": "transport", "cents": 400}],
                "handlings": 2,
                "precedence": 0,
                "legs": [
                    {
                        "route_id": "V2",
                        "trip_id": "v2-out",
                        "service_date": "2026-11-23",
                        "operator": "V2 vans",
                        "from_location": "far",
                        "to_location": "N",
                        "departs_at": "2026-11-23T16:00:00+01:00",
                        "arrives_at": "2026-11-23T18:00:00+01:00",
                    },
                    {
                        "route_id": "L",
                        "trip_id": "line",
                        "service_date": "2026-11-23",
                        "operator": "L vans",
                        "from_location": "N",
                        "to_location": "H",
                        "departs_at": "2026-11-23T22:00:00+01:00",
                        "arrives_at": "2026-11-24T01:10:00+01:00",
                    },
                    {
                        "route_id": "V1",
                        "trip_id": "v1-in",
                        "service_date": "2026-11-24",
                        "operator": "V1 vans",
                        "from_location": "H",
                        "to_location": "desk",
                        "departs_at": "2026-11-24T10:30:00+01:00",
                        "arrives_at": "2026-11-24T11:00:00+01:00",
                    },
                ],
                "reasons": [
                    "Changes vans twice.",
                    "Costs 10.75 euro: supplier 6.75 euro, transport 4.00 euro.",
                ],
            },
        ],
        "refusals": [
            {
                "supplying_agency": "NL-2",
                "supplying_location": "closed",
                "reason": "not_loanable",
                "detail": "The copies here are not for loan.",
            },
            {
                "supplying_agency": "NL-1",
                "supplying_location": "desk",
                "reason": "unavailable",
                "detail": "Every copy here is out.",
            },
            {
                "supplying_agency": "NL-3",
                "supplying_location": "island",
                "reason": "unreachable",
                "detail": "No van calls at island.",
            },
        ],
        "policy": {
            "versions": [],
            "circles": [],
            "central_collections": "neutral",
            "cents_per_hour": 10.0,
            "cents_per_handling": 50.0,
            "cents_per_net_loan": 0.0,
            "cents_per_open_item": 0.0,
            "horizon_days": 35,
            "max_cost_cents": None,
            "rota_order": "arrival",
            "at_once": 1,
            "lapse_days": 8,
            "supplier_cents": 675,
            "transport_cents": 400,
        },
        "response_model": None,
        "opening_hours": "",
    }


def rota(document: dict[str, Any]) -> list[str]:
    return [entry["supplying_location"] for entry in document["rota"]]


def refused(document: dict[str, Any]) -> dict[str, str]:
    return {refusal["supplying_location"]: refusal["reason"] for refusal in document["refusals"]}


@pytest.mark.parametrize(
    "title",
    [{"isbn": "0-306-40615-2"}, {"isbn": "978 0306 406157"}, {"isbn": EVERYWHERE, "ppn": None}, {"ppn": BY_PPN}],
)
async def test_a_title_has_more_names_than_one(client: httpx.AsyncClient, title: dict[str, str]) -> None:
    assert await decided(client, title=title) == await decided(client)


async def test_an_isbn_of_two_titles_asks_a_location_once(client: httpx.AsyncClient) -> None:
    answer = await decided(client, title={"isbn": VOLUMES})
    assert (rota(answer), refused(answer)) == (["branch"], {})


async def test_a_work_of_the_special_channel_does_not_keep_its_ordinary_volume_from_travelling(
    client: httpx.AsyncClient, filled: str
) -> None:
    await run_sql(filled, "update holding set material = 'braille', available = 1 where title_id = 2")
    try:
        answer = await decided(client, title={"isbn": VOLUMES})
        assert (rota(answer), refused(answer)) == (["branch"], {})
    finally:
        await run_sql(filled, "update holding set material = 'book', available = 0 where title_id = 2")


async def test_a_copy_that_stands_there_travels_nowhere(client: httpx.AsyncClient) -> None:
    (first, *_) = (await decided(client, pickup_location="island"))["rota"]
    assert (first["supplying_location"], first["legs"], first["handlings"]) == ("island", [], 0)
    assert first["arrives_at"] == first["ready_at"] == MONDAY


@pytest.mark.parametrize("objective", ["fastest", "cheapest", "fewest_handlings", "balanced"])
async def test_the_objective_asked_for_is_the_one_that_is_answered(client: httpx.AsyncClient, objective: str) -> None:
    answer = await decided(client, objective=objective)
    assert (answer["objective"], rota(answer)) == (objective, ["branch", "far"])


async def test_what_is_null_or_left_out_has_its_default(client: httpx.AsyncClient) -> None:
    nulls: dict[str, Any] = {
        "objective": None,
        "need_before": None,
        "max_cost_cents": None,
        "limit": 10,
        "exclude": [],
    }
    assert await decided(client, **nulls) == await decided(client)
    before = datetime.now(UTC).replace(microsecond=0)
    now = datetime.fromisoformat((await decided(client, requested_at=None))["requested_at"])
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() in (timedelta(hours=1), timedelta(hours=2))


async def test_limit_cuts_the_rota_and_leaves_the_refusals(client: httpx.AsyncClient) -> None:
    answer = await decided(client, limit=1)
    assert (rota(answer), len(answer["refusals"])) == (["branch"], 3)


@pytest.mark.parametrize("name", ["NL-2", "branch"])
async def test_whoever_is_excluded_is_refused_with_that_reason(client: httpx.AsyncClient, name: str) -> None:
    answer = await decided(client, exclude=[name])
    assert (rota(answer), refused(answer)["branch"]) == (["far"], "excluded")


async def test_what_comes_too_late_or_costs_too_much_is_refused(client: httpx.AsyncClient) -> None:
    answer = await decided(client, need_before="2026-11-24T10:59:59+01:00")
    assert (rota(answer), refused(answer)["far"]) == (["branch"], "too_late")
    answer = await decided(client, need_before="2026-11-24T11:00:00+01:00")
    assert rota(answer) == ["branch", "far"]
    answer = await decided(client, max_cost_cents=1074)
    assert (rota(answer), refused(answer)["far"]) == (["branch"], "too_dear")


async def test_needed_in_the_past_is_a_decision_that_nobody_can_fill(client: httpx.AsyncClient) -> None:
    answer = await decided(client, need_before="1999-01-01T00:00:00Z")
    assert (answer["rota"], refused(answer)["branch"], refused(answer)["far"]) == ([], "too_late", "too_late")


async def test_the_tariff_is_that_of_the_day_of_the_request_in_the_netherlands(client: httpx.AsyncClient) -> None:
    async def cents(requested_at: str) -> list[int]:
        return [entry["cost_cents"] for entry in (await decided(client, requested_at=requested_at))["rota"]]

    assert await cents("2026-12-20T22:59:59Z") == [0, 1075]
    assert await cents("2026-12-20T23:00:00Z") == [0, 1150]


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("2026-11-23T06:30:00Z", "2026-11-23T07:30:00+01:00"),
        ("2026-11-23T07:30:00.999999999+01:00", "2026-11-23T07:30:00+01:00"),
        ("2026-11-22t20:30:00-10:00", "2026-11-23T07:30:00+01:00"),
        ("2026-07-01T10:00:00Z", "2026-07-01T12:00:00+02:00"),
        ("1901-01-01T00:00:00Z", "1901-01-01T00:00:00+00:00"),  # then, Amsterdam's offset was not whole minutes
        ("2899-12-31T23:59:59-23:59", "2900-01-02T00:58:59+01:00"),
    ],
)
async def test_moments_are_answered_in_the_time_of_the_network(
    client: httpx.AsyncClient, asked: str, answered: str
) -> None:
    assert (await decided(client, requested_at=asked))["requested_at"] == answered


@pytest.mark.parametrize(
    ("change", "pointer", "detail"),
    [
        ({"title": None}, "/title", "object"),
        ({"title": {}}, "/title", "exactly one of isbn and ppn"),
        ({"title": {"isbn": EVERYWHERE, "ppn": BY_PPN}}, "/title", "exactly one of isbn and ppn"),
        ({"title": {"isbn": "9780306406158"}}, "/title/isbn", "the check digit of this ISBN is wrong"),
        ({"title": {"isbn": "978"}}, "/title/isbn", "10 or 13 digits"),
        ({"title": {"isbn": 9780306406157}}, "/title/isbn", "string"),
        ({"title": {"ppn": "12\u0000"}}, "/title/ppn", "a PPN is"),
        ({"title": {"ppn": ""}}, "/title/ppn", "a PPN is"),
        ({"title": {"isbn": EVERYWHERE, "oclc": "1"}}, "/title/oclc", "not permitted"),
        ({"pickup_location": 5}, "/pickup_location", "string"),
        ({"pickup_location": ""}, "/pickup_location", "at least 1 character"),
        ({"requested_at": "2026-11-23T10:00:00"}, "/requested_at", "with an offset"),
        ({"requested_at": "2026-11-23"}, "/requested_at", "with an offset"),
        ({"requested_at": 1795000000}, "/requested_at", "with an offset"),
        ({"requested_at": "2026-02-30T10:00:00Z"}, "/requested_at", "does not exist"),
        ({"requested_at": "2026-11-23T24:00:00Z"}, "/requested_at", "does not exist"),
        ({"requested_at": "2026-11-23T10:00:00+25:00"}, "/requested_at", "its offset is more than 23:59"),
        ({"requested_at": "2026-11-23T10:00:00+01:60"}, "/requested_at", "or has more than 59 minutes"),
        ({"requested_at": "0001-01-01T00:00:00+14:00"}, "/requested_at", "in the years"),
        ({"requested_at": "9999-12-31T23:59:59-14:00"}, "/requested_at", "in the years"),
        ({"need_before": "9999-12-31T23:59:59-14:00"}, "/need_before", "in the years"),
        ({"objective": "prettiest"}, "/objective", "'fastest', 'cheapest', 'fewest_handlings' or 'balanced'"),
        ({"max_cost_cents": -1}, "/max_cost_cents", "greater than or equal to 0"),
        ({"max_cost_cents": 10.5}, "/max_cost_cents", "integer"),
        ({"max_cost_cents": 10**400}, "/max_cost_cents", "less than or equal to"),
        ({"limit": 0}, "/limit", "greater than or equal to 1"),
        ({"limit": 1001}, "/limit", "less than or equal to 1000"),
        ({"limit": "10"}, "/limit", "integer"),
        ({"limit": True}, "/limit", "integer"),
        ({"exclude": "NL-2"}, "/exclude", "array"),
        ({"exclude": ["NL-2", 7]}, "/exclude/1", "string"),
        ({"borrower": "someone"}, "/borrower", "not permitted"),
    ],
)
async def test_each_fault_is_named_where_it_is(
    client: httpx.AsyncClient, change: dict[str, Any], pointer: str, detail: str
) -> None:
    answer = await client.post("/v1/decisions", json=ASKED | change)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["type"], document["instance"]) == ("/problems/invalid-input", "/v1/decisions")
    (fault,) = document["errors"]
    assert fault["pointer"] == pointer
    assert detail in fault["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"isbn"',
        b"\xff\xfe",
        b'{"title": {"isbn": "\\ud800"}, "pickup_location": "desk"}',
        b'{"title": {"isbn": "9780306406157"}, "pickup_location": "desk", "limit": NaN}',
        b'{"title": {"isbn": "9780306406157"}, "pickup_location": "desk", "limit": 1e400}',
        b'{"a":' * 10_000,
        b"[" * 100_000,
    ],
)
async def test_a_body_that_is_no_question_is_said_to_be_none(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/v1/decisions", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_only_json_is_taken(client: httpx.AsyncClient, media_type: str) -> None:
    answer = await client.post("/v1/decisions", content=b"{}", headers={"content-type": media_type})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")


async def test_json_by_another_spelling_is_taken(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert (await client.post("/v1/decisions", json=ASKED, headers=headers)).status_code == 200


async def test_a_body_is_bounded_however_it_is_sent(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 1024

    headers = {"content-type": "application/json"}
    for content in (b" " * 300 * 1024, pieces()):
        answer = await client.post("/v1/decisions", content=content, headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (413, "The body is larger than 256 KiB.")


async def test_a_title_nobody_ever_had(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/decisions", json=ASKED | {"title": {"isbn": NOWHERE}})
    assert (answer.status_code, answer.json()) == (
        404,
        {
            "type": "/problems/unknown-title",
            "title": "No holding of this title is known",
            "status": 404,
            "detail": f"No holding of ISBN {NOWHERE} is known.",
            "instance": "/v1/decisions",
        },
    )


@pytest.mark.parametrize("location", ["nowhere", "NL-1", "desk ", "desk\u0000", "Bibliothèque"])
async def test_a_counter_nobody_knows(client: httpx.AsyncClient, location: str) -> None:
    answer = await client.post("/v1/decisions", json=ASKED | {"pickup_location": location})
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/unknown-location")


async def test_a_change_of_the_register_is_seen_by_the_next_decision(client: httpx.AsyncClient, filled: str) -> None:
    await run_sql(filled, "insert into suspension (agency, since) values ('NL-2', '2026-11-01')")
    try:
        await run_sql(filled, "update epoch set number = number + 1 where of = 'register'")
        assert refused(await decided(client))["branch"] == "suspended"
    finally:
        await run_sql(filled, "delete from suspension")
        await run_sql(filled, "update epoch set number = number + 1 where of = 'register'")
    assert rota(await decided(client)) == ["branch", "far"]


async def test_many_at_once_are_all_answered(client: httpx.AsyncClient) -> None:
    expected = await decided(client)
    assert await asyncio.gather(*(decided(client) for _ in range(100))) == [expected] * 100
