"""What people report: when it may have happened, and that to say it twice is to say it once."""

from __future__ import annotations

import asyncio

import pytest

from app.store.keys import create_key
from tests.support.filled import run_sql
from tests.support.house import House


@pytest.mark.parametrize(
    ("at", "detail"),
    [
        ("2026-11-24T08:00:01+01:00", "This is more than a day ahead."),
        ("2226-11-23T08:00:00+01:00", "This is more than a day ahead."),
        ("2026-11-23T07:58:59+01:00", "This is before the loan request was submitted."),
        ("1926-11-23T08:00:00+01:00", "This is before the loan request was submitted."),
    ],
)
async def test_what_cannot_have_happened_then_is_refused(house: House, at: str, detail: str) -> None:
    loan = await house.asked()
    before = await house.look(loan)
    answer = await house.act(loan, "Loaned", at=at)
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": "/at", "detail": detail}])
    assert await house.look(loan) == before


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        ("2026-11-24T08:00:00+01:00", "2026-11-24T07:00:00Z"),
        ("2026-11-23T07:59:30+01:00", "2026-11-23T07:00:00Z"),  # a clock that is slow
    ],
)
async def test_what_is_reported_ahead_or_by_a_slow_clock_is_taken(house: House, at: str, kept: str) -> None:
    loan = await house.asked()
    assert (await house.acted(loan, "Loaned", at=at))["shipped_at"] == kept


async def lent(house: House, *keys: str) -> str:
    """One that the reader has, renewed once with each key."""
    loan = await house.asked()
    for action in ("Loaned", "Received"):
        await house.acted(loan, action)
    for key in keys:
        await house.acted(loan, "Renew", key=key)
    return loan


async def test_a_renewal_that_is_sent_again_renews_nothing(house: House) -> None:
    loan = await lent(house, "first")
    standing = await house.look(loan)
    assert standing["due_at"] == "2027-01-04T07:00:00Z"
    await house.later(minutes=5)
    again = await house.act(loan, "Renew", key="first")
    assert (again.status_code, again.json()) == (200, standing)
    assert (await house.acted(loan, "Renew", key="second"))["due_at"] == "2027-01-25T07:00:00Z"
    assert (await house.act(loan, "Renew", key="second")).status_code == 200, "although no more is allowed"
    assert (await house.act(loan, "Renew", key="third")).status_code == 409
    assert [event for event in await house.history(loan) if "Renew" in event] == ["Renew: Loaned"] * 2


async def test_of_many_at_once_with_one_key_one_is_carried_out(house: House) -> None:
    loan = await lent(house)
    answers = await asyncio.gather(*(house.act(loan, "Renew", key="once") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert (await house.look(loan))["due_at"] == "2027-01-04T07:00:00Z"


async def test_a_supplier_may_say_no_again_once_it_has_gone_on(house: House) -> None:
    """It got no answer to its first; the request is another's by now, and stays with it."""
    loan = await house.asked()
    async with house.ground.database.transaction() as connection:
        key = await create_key(connection, agency="NL-2", scopes=["supplier"])
    house.client.headers["authorization"] = f"Bearer {key}"
    try:
        for _ in range(2):
            answer = await house.act(loan, "Unfilled", key="no", reason="NotOnShelf")
            assert answer.status_code == 200
            await house.work()
        assert (await house.act(loan, "Unfilled", reason="NotOnShelf")).status_code == 409
    finally:
        await run_sql(
            house.app.state.resources.settings.database_url,
            "delete from api_key; delete from epoch where of = 'keys'",
        )
    del house.client.headers["authorization"]
    assert [placement["end"] for placement in (await house.look(loan))["placements"]] == ["Unfilled", None]


async def test_what_is_sent_back_again_is_sent_back_once(house: House) -> None:
    loan = await lent(house)
    await house.acted(loan, "ShippedReturn", key="back")
    assert (await house.acted(loan, "ShippedReturn", key="back"))["item"] == "on_the_way_back"


async def test_a_key_is_for_one_thing(house: House) -> None:
    loan, other = await lent(house, "used"), await lent(house)
    await house.ask(key="asked with")
    reused = [
        await house.act(loan, "Renew", key="used", note="another body"),
        await house.act(other, "Renew", key="used"),
        await house.act(loan, "Renew", key="asked with"),
        await house.ask(key="used"),
    ]
    for answer in reused:
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/idempotency-key-reused")
        assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/Idempotency-Key"]
    assert (await house.look(other))["due_at"] == "2026-12-14T07:00:00Z"


async def test_a_key_of_what_was_refused_is_still_free(house: House) -> None:
    loan = await house.asked()
    assert (await house.act(loan, "Received", key="k")).status_code == 409
    assert (await house.act(loan, "WillSupply", key="k")).status_code == 200


async def test_an_agency_that_is_not_registered_asks_for_nothing(house: House) -> None:
    answer = await house.ask(requesting_agency="NL-404")
    assert (answer.status_code, answer.json()["errors"]) == (
        422,
        [{"pointer": "/requesting_agency", "detail": "No agency NL-404 is registered."}],
    )
    assert (await house.client.get("/v1/loan-requests")).json()["items"] == []


async def test_what_an_agency_asked_is_answered_again_after_it_is_gone(house: House, filled: str) -> None:
    heard = "update epoch set number = number + 1 where of = 'register'"
    await run_sql(filled, f"insert into agency (isil, name) values ('NL-7', 'Library Seven'); {heard}")
    body = {"requesting_agency": "NL-7", "requesting_agency_request_id": "seven"}
    first = await house.ask(key="seven", **body)
    await run_sql(filled, f"delete from agency where isil = 'NL-7'; {heard}")
    again = await house.ask(key="seven", **body)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())


async def test_a_scan_at_a_location_that_is_not_known_is_about_that_location(house: House) -> None:
    loan = await house.asked()
    answer = await house.act(loan, "Scan", location="nowhere")
    told = answer.json()
    assert (answer.status_code, told["title"], told["detail"]) == (
        404,
        "The location is not known",
        "No location nowhere is registered.",
    )
