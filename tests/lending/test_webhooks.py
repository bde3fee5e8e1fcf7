"""Webhooks tell every event once it has happened: signed, in order, and also those who were away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import orjson
import pytest

from app.api.loan_shapes import EventShape
from app.lending import receivers
from app.lending.ground import Ground
from app.lending.receivers import Receivers
from app.lending.work import work
from app.settings import Settings
from app.store.keys import create_key
from app.store.tasks import Task, finish, schedule
from app.store.webhooks import DELIVER
from tests.support.filled import run_sql
from tests.support.house import House, open_house
from tests.support.receiver import HANG, TestReceiver, receiving

pytestmark = pytest.mark.once

PLACED = ["1 Submitted", "2 Placing", "3 Placed"]
ENDED = [*PLACED, "4 Cancel"]


@pytest.fixture
async def open_to_private(filled: str, house: House) -> AsyncIterator[House]:
    """The house, allowed to speak to receivers on this machine."""
    async with open_house(Settings(database_url=filled, private_receivers=True)) as opened:
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[TestReceiver]:
    async with receiving() as opened:
        yield opened


async def hook(house: House, receiver: TestReceiver, agency: str = "NL-1") -> dict[str, Any]:
    answer = await house.client.post("/v1/webhooks", json={"url": receiver.url, "agency": agency})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def dead_letters(house: House) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.client.get("/v1/dead-letters")).json()["items"]
    return found


async def failures(house: House) -> list[tuple[str, int, str | None]]:
    """What waits to be delivered again: kind, attempts and what went wrong."""
    async with house.ground.database.connection() as connection:
        rows = await connection.fetch("select kind, attempts, error from task where kind = 'deliver' order by id")
    return [tuple(row) for row in rows]


async def test_a_life_is_told_as_the_api_shows_it_and_signed(open_to_private: House, receiver: TestReceiver) -> None:
    house = open_to_private
    made = await hook(house, receiver)
    loan = await house.asked()
    await house.acted(loan, "WillSupply", note="on the shelf – “yes”")
    await house.acted(loan, "Cancel")
    assert [sent.event for sent in receiver.confirmed] == await house.events(loan)
    for sent in receiver.sent:
        assert sent.is_signed_with(made["secret"])
        assert not sent.is_signed_with(made["secret"] + "x")
        assert sent.headers["leenpad-event-id"] == str(sent.event["id"])
        assert sent.headers["content-type"] == "application/json"
        assert sent.headers["host"] == f"localhost:{receiver.port}"
        assert sent.path == "/told?from=leenpad"
        assert b"reader-x" not in sent.body
        assert EventShape.model_validate_json(sent.body).model_dump(mode="json") == sent.event
    assert await failures(house) == []


async def test_the_secret_is_shown_once(open_to_private: House, receiver: TestReceiver) -> None:
    house = open_to_private
    made = await hook(house, receiver)
    secret = made.pop("secret")
    assert made == {"id": made["id"], "agency": "NL-1", "url": receiver.url, "created_at": made["created_at"]}
    listed = await house.client.get("/v1/webhooks")
    assert listed.json() == {"items": [made], "next_cursor": None}
    receiver.answers = [500] * 3
    await house.asked()
    assert secret not in str(await failures(house))
    assert (await house.client.delete(f"/v1/webhooks/{made['id']}")).status_code == 204
    assert (await house.client.get("/v1/webhooks")).json()["items"] == []
    gone = await house.client.delete(f"/v1/webhooks/{made['id']}")
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/unknown-webhook")
    assert await failures(house) == []


async def test_one_that_answers_500_is_told_again_in_order(open_to_private: House, receiver: TestReceiver) -> None:
    house = open_to_private
    await hook(house, receiver)
    receiver.answers = [204, 500, 302, 404, 199]
    loan = await house.asked()
    await house.acted(loan, "Cancel")
    for _ in range(20):
        await house.later(minutes=2)
    assert receiver.heard() == ENDED
    assert [sent.event["sequence"] for sent in receiver.sent] == [1, 2, 2, 2, 2, 2, 3, 4]


async def test_one_that_is_down_for_an_hour_misses_nothing(open_to_private: House, receiver: TestReceiver) -> None:
    house = open_to_private
    await hook(house, receiver)
    await receiver.close()
    loans = [await house.asked() for _ in range(2)]
    for loan in loans:
        await house.acted(loan, "Cancel")
    for _ in range(60):
        await house.later(minutes=1)
    assert receiver.sent == []
    assert {error for _, _, error in await failures(house)} == {
        "ReceiverFailed: it could not be reached: ConnectError"
    }
    await receiver.open()
    await house.later(minutes=16)
    assert await dead_letters(house) == []
    told = [(sent.event["loan_request"], sent.event["sequence"]) for sent in receiver.confirmed]
    assert sorted(told) == sorted((loan, sequence) for loan in loans for sequence in (1, 2, 3, 4))
    for loan in loans:
        assert [sequence for about, sequence in told if about == loan] == [1, 2, 3, 4]
    assert await failures(house) == []


async def test_one_that_hangs_is_left(
    open_to_private: House, receiver: TestReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = open_to_private
    monkeypatch.setattr(receivers, "ANSWER_SECONDS", 1.0)
    await hook(house, receiver)
    receiver.answers = [HANG]
    loan = await house.asked()
    assert receiver.heard() == []
    assert [error for _, _, error in await failures(house)] == ["ReceiverFailed: it did not answer within 1 seconds"]
    monkeypatch.undo()  # a machine that has other things to do answers later
    receiver.answers.clear()  # and may not even have come to read what it was sent
    await house.later(minutes=1)
    assert receiver.heard() == PLACED
    assert len(await house.events(loan)) == 3


async def test_a_redirect_is_a_failure_and_is_not_followed(open_to_private: House, receiver: TestReceiver) -> None:
    house = open_to_private
    async with receiving() as inside:
        await hook(house, receiver)
        receiver.answers, receiver.location = [307, 308], f"http://127.0.0.1:{inside.port}/"
        await house.asked()
        assert [error for _, _, error in await failures(house)] == ["ReceiverFailed: it answered 307"]
        await house.later(minutes=5)
        assert [error for _, _, error in await failures(house)] == ["ReceiverFailed: it answered 308"]
        await house.later(minutes=5)
        assert inside.sent == []
    assert receiver.heard() == PLACED


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://localhost/x",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
        "http://name.invalid/",
    ],
)
async def test_no_webhook_can_be_made_to_an_address_that_is_not_public(house: House, url: str) -> None:
    answer = await house.client.post("/v1/webhooks", json={"url": url, "agency": "NL-1"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "/url", "detail": "The host of this URL has no address, or one that is not public."}
    ]


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("ftp://library.example/", "Takes a URL that begins with https:// or http:// and names a host."),
        ("/told", "Takes a URL that begins with https:// or http:// and names a host."),
        ("http:///told", "Takes a URL that begins with https:// or http:// and names a host."),
        ("http://me:secret@library.example/", "Takes a URL without credentials: what is sent is signed."),
        ("http://library.example/#here", "Takes a URL without a fragment."),
        ("http://library.example:port/", "This is no URL."),
    ],
)
async def test_an_address_that_cannot_be(house: House, url: str, detail: str) -> None:
    answer = await house.client.post("/v1/webhooks", json={"url": url, "agency": "NL-1"})
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": "/url", "detail": detail}])


async def test_a_name_that_becomes_private_is_refused_at_delivery(
    filled: str, house: House, receiver: TestReceiver
) -> None:
    await run_sql(filled, f"insert into webhook (agency, url, secret) values ('NL-1', '{receiver.url}', 's')")
    await house.asked()
    await house.later(minutes=5)
    assert receiver.sent == []
    assert {error for _, _, error in await failures(house)} == {
        "ReceiverFailed: The host of this URL has no address, or one that is not public."
    }


async def test_what_cannot_be_delivered_is_a_dead_letter_that_can_be_resumed(
    open_to_private: House, receiver: TestReceiver
) -> None:
    house = open_to_private
    made = await hook(house, receiver)
    receiver.answers = [500] * 1000
    loan = await house.asked()
    hours = 0
    while not (dead := await dead_letters(house)):
        hours += 1
        assert hours < 30
        for _ in range(6):
            await house.later(minutes=10)
    assert hours > 10
    assert dead == [
        {
            "id": dead[0]["id"],
            "kind": "deliver",
            "subject": f"{made['id']}:{loan}",
            "attempts": 100,
            "error": "ReceiverFailed: it answered 500",
            "created_at": dead[0]["created_at"],
            "dead_at": dead[0]["dead_at"],
        }
    ]
    receiver.answers = []
    await house.acted(loan, "Cancel")
    assert receiver.heard() == []  # what comes later waits behind it
    assert (await house.client.post(f"/v1/dead-letters/{dead[0]['id']}/resume")).status_code == 204
    await house.later(minutes=2)
    assert receiver.heard() == ENDED
    assert await dead_letters(house) == []
    gone = await house.client.post(f"/v1/dead-letters/{dead[0]['id']}/resume")
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/unknown-dead-letter")


async def test_everyone_is_told_the_same_by_every_way(open_to_private: House, filled: str) -> None:
    """Whoever asked: everything. A supplier: what happened while it was asked, or supplied. The others: nothing."""
    house = open_to_private
    agencies = {"NL-1": "requester", "NL-2": "supplier", "NL-3": "supplier", "NL-9": "supplier"}
    async with house.ground.database.transaction() as connection:
        keys = {isil: await create_key(connection, agency=isil, scopes=[scope]) for isil, scope in agencies.items()}
        admin = await create_key(connection, agency="KB", scopes=["admin"])
    house.client.headers["authorization"] = f"Bearer {admin}"
    async with AsyncExitStack() as stack:
        opened = {isil: await stack.enter_async_context(receiving()) for isil in agencies}
        for isil, receiver in opened.items():
            await hook(house, receiver, agency=isil)
        loan = await house.asked()
        for action in ("Unfilled", "WillSupply", "Loaned", "Received"):
            await house.acted(loan, action)
        hooked = {isil: [sent.event for sent in receiver.confirmed] for isil, receiver in opened.items()}
    looked, streamed = {}, {}
    for isil, key in keys.items():
        headers = {"authorization": f"Bearer {key}"}
        answer = await house.client.get(f"/v1/loan-requests/{loan}/events", headers=headers)
        looked[isil] = answer.json()["items"] if answer.status_code == 200 else []
        told = await house.client.get("/v1/events", params={"follow": "false"}, headers=headers)
        streamed[isil] = [orjson.loads(line[6:]) for line in told.text.splitlines() if line.startswith("data: ")]
    everything = await house.events(loan)
    await run_sql(filled, "delete from api_key; delete from epoch where of = 'keys'")
    assert hooked == looked == streamed
    assert hooked["NL-1"] == everything
    assert {isil: [event["sequence"] for event in events] for isil, events in hooked.items()} == {
        "NL-1": [1, 2, 3, 4, 5, 6, 7, 8, 9],
        "NL-2": [2, 3, 4],
        "NL-3": [5, 6, 7, 8, 9],
        "NL-9": [],
    }


async def test_a_supplier_is_told_also_what_came_before_its_webhook(
    open_to_private: House, receiver: TestReceiver
) -> None:
    house = open_to_private
    loan = await house.asked()
    await hook(house, receiver, agency="NL-2")
    assert receiver.heard() == []
    await house.acted(loan, "WillSupply")
    assert receiver.heard() == ["2 Placing", "3 Placed", "4 WillSupply"]


async def test_whose_webhook_it_is(open_to_private: House, receiver: TestReceiver) -> None:
    house = open_to_private
    async with house.ground.database.transaction() as connection:
        keys = {
            "one": await create_key(connection, agency="NL-1", scopes=["requester"]),
            "two": await create_key(connection, agency="NL-2", scopes=["supplier"]),
            "reader": await create_key(connection, agency="NL-9", scopes=["reader"]),
            "admin": await create_key(connection, agency="NL-9", scopes=["admin"]),
        }

    async def ask(who: str, method: str, path: str, **body: Any) -> tuple[int, Any]:
        answer = await house.client.request(
            method, path, headers={"Authorization": f"Bearer {keys[who]}"}, json=body or None
        )
        return answer.status_code, answer.json() if answer.content else None

    async def owners(who: str) -> list[str]:
        return [made["agency"] for made in (await ask(who, "GET", "/v1/webhooks"))[1]["items"]]

    try:
        status, made = await ask("one", "POST", "/v1/webhooks", url=receiver.url)
        assert (status, made["agency"]) == (201, "NL-1")
        assert (await ask("two", "POST", "/v1/webhooks", url=receiver.url, agency="NL-1"))[0] == 403
        assert (await ask("admin", "POST", "/v1/webhooks", url=receiver.url, agency="NL-2"))[1]["agency"] == "NL-2"
        assert (await ask("reader", "GET", "/v1/webhooks"))[0] == 403
        assert (await owners("one"), await owners("two")) == (["NL-1"], ["NL-2"])
        assert await owners("admin") == ["NL-1", "NL-2"]
        assert (await ask("two", "DELETE", f"/v1/webhooks/{made['id']}"))[0] == 404
        assert (await ask("one", "DELETE", f"/v1/webhooks/{made['id']}"))[0] == 204
        assert [(await ask(who, "GET", "/v1/dead-letters"))[0] for who in keys] == [403, 403, 403, 200]
        for _ in range(19):
            await ask("two", "POST", "/v1/webhooks", url=receiver.url)
        assert (await ask("two", "POST", "/v1/webhooks", url=receiver.url))[0] == 422
    finally:
        await run_sql(str(house.app.state.resources.settings.database_url), "delete from api_key")
        await run_sql(str(house.app.state.resources.settings.database_url), "delete from epoch where of = 'keys'")


async def test_receivers_that_hang_hold_up_nothing_else(house: House) -> None:
    """A hundred deliveries that never end, and the one other task is carried out."""
    async with house.ground.database.transaction() as connection:
        for number in range(100):
            await schedule(connection, DELIVER, f"1:{number}", house.clock.now() - timedelta(hours=1))
        await schedule(connection, "place", "x", house.clock.now())
    done = asyncio.Event()

    async def hang(_: Ground, __: Task) -> None:
        await asyncio.Event().wait()

    async def place(ground: Ground, task: Task) -> None:
        async with ground.database.transaction() as connection:
            await finish(connection, task)
        done.set()

    working = asyncio.create_task(work(house.ground, at_once=2, kinds={DELIVER: hang, "place": place}))
    try:
        async with asyncio.timeout(10):
            await done.wait()
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_one_receiver_that_fails_is_spoken_to_by_one_at_a_time(house: House) -> None:
    health = Receivers()
    now = house.clock.now()
    health.failed(1, "it answered 500", now=now)
    with pytest.raises(receivers.ReceiverFailed, match="it answered 500"), health.turn(1, now=now):
        pass
    later = now + timedelta(minutes=1)
    with health.turn(1, now=later):
        with pytest.raises(receivers.ReceiverFailed), health.turn(1, now=later):
            pass
        with health.turn(2, now=later):  # another is not held up
            pass
        assert health.confirmed(1)
        with health.turn(1, now=later), health.turn(1, now=later), health.turn(1, now=later):
            answer = pytest.raises(receivers.ReceiverBusy)
            with answer, health.turn(1, now=later):
                pass
