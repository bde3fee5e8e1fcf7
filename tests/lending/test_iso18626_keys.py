"""Whose messages are taken at POST /iso18626: by the key, as everywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.protocols.iso18626.messages import Action, AgencyId, Message, RequestingAgencyMessage, Status
from adapters.protocols.iso18626.reading import read_confirmation
from adapters.protocols.iso18626.writing import write
from app.store.keys import add_key
from tests.lending.test_iso18626 import asking, header, loans, post, refused, reporting, telling
from tests.support.house import House


@pytest.fixture
async def keys(house: House) -> dict[str, str]:
    """A key of each library for both sides, by its number, and of others."""
    made = {}
    async with house.ground.database.transaction() as connection:
        for name, agency, scopes in (
            ("1", "NL-1", ["requester", "supplier"]),
            ("2", "NL-2", ["requester", "supplier"]),
            ("3", "NL-3", ["requester", "supplier"]),
            ("admin", "KB", ["admin"]),
            ("reader", "KB", ["reader"]),
            ("requester", "NL-2", ["requester"]),
        ):
            made[name] = (await add_key(connection, agency=agency, scopes=scopes)).key
    return {name: f"Bearer {key}" for name, key in made.items()}


async def test_each_speaks_for_itself(house: House, keys: dict[str, str]) -> None:
    async def said(message: Message, key: str) -> tuple[int, str]:
        answer = await post(house, write(message), authorization=keys[key])
        confirmation = read_confirmation(answer.content) if answer.status_code == 200 else None
        await house.work()
        return answer.status_code, confirmation.status if confirmation else answer.json()["type"]

    forbidden = (403, "/problems/forbidden")
    assert await said(asking(), "2") == forbidden
    assert await said(asking(), "reader") == forbidden
    assert await said(asking(), "1") == (200, "OK")
    assert await said(telling(Status.WILL_SUPPLY), "1") == forbidden
    assert await said(telling(Status.WILL_SUPPLY), "requester") == forbidden
    assert await said(telling(Status.WILL_SUPPLY, by="NL-3"), "3") == (200, "ERROR")  # it was never asked
    assert await said(telling(Status.WILL_SUPPLY), "2") == (200, "OK")
    assert await said(telling(Status.LOANED), "admin") == (200, "OK")
    assert await said(reporting(Action.RECEIVED), "2") == forbidden
    hers = reporting(Action.RECEIVED, "?", requesting_agency=AgencyId("NL-3"), supplying_agency_request_id="nr-1")
    assert await said(hers, "3") == (200, "ERROR")
    assert await said(reporting(Action.RECEIVED), "1") == (200, "OK")
    house.client.headers["authorization"] = keys["admin"]
    (loan,) = await loans(house)
    assert [event["by"] for event in await house.events(loan["id"])][-2:] == ["KB: NL-2", "NL-1"]


async def test_to_others_a_request_does_not_exist(house: House, keys: dict[str, str]) -> None:
    await post(house, write(asking()), authorization=keys["1"])
    house.client.headers["authorization"] = keys["3"]
    headers = {"authorization": keys["1"]}
    (loan,) = (await house.client.get("/v1/loan-requests", headers=headers)).json()["items"]
    own = header("?", requesting_agency=AgencyId("NL-3"), supplying_agency_request_id=loan["id"])
    messages = [
        RequestingAgencyMessage(header=replace(own, supplying_agency_request_id=given), action=Action.CANCEL)
        for given in (loan["id"], "019ab3c4-7d00-7a3c-9b1e-2f5a7c0d4e61", None)
    ]
    assert len({await refused(house, message) for message in messages}) == 1


async def test_without_a_key_nothing_is_read(house: House, keys: dict[str, str]) -> None:
    for headers in ({}, {"authorization": "Bearer nobody's"}):
        answer = await post(house, b"not even XML", **headers)
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthorized")


async def test_only_whoever_asked_speaks_for_the_requesting_side(house: House, keys: dict[str, str]) -> None:
    """Not the supplier, though it takes part and knows our id; nor an admin, in another agency's name."""
    await post(house, write(asking()), authorization=keys["1"])
    await house.work()
    house.client.headers["authorization"] = keys["admin"]
    (loan,) = await loans(house)
    for key, agency in (("2", "NL-2"), ("admin", "NL-3")):
        house.client.headers["authorization"] = keys[key]
        given = header("?", requesting_agency=AgencyId(agency), supplying_agency_request_id=loan["id"])
        told = await refused(house, RequestingAgencyMessage(header=given, action=Action.CANCEL))
        assert told.endswith("there is no such request in which the sender takes part")
    house.client.headers["authorization"] = keys["admin"]
    assert (await loans(house))[0]["outcome"] is None
