"""DAIA asked of a server on a real socket, its answers checked against the published schema."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.contract import AuthExpired, ItemStatus, Malformed, RateLimited, SystemFault, Unavailable
from adapters.installation import Limits
from adapters.protocols.daia import (
    MOST_PAGES,
    Daia,
    Document,
    Item,
    ItemStanding,
    Service,
    read_documents,
    standing_of,
)
from tests.adapters.served import served

SCHEMA = Path("/work/shared/schemas/daia.schema.json")

LENT = {
    "id": "http://library.example/item/1",
    "label": "ROM VRIE",
    "department": {"id": "http://library.example/centrum", "content": "Centrum"},
    "storage": {"content": "Magazijn"},
    "available": [{"service": "presentation"}],
    "unavailable": [
        {"service": "http://purl.org/ontology/dso#Loan", "expected": "2026-03-12", "queue": 2},
        {"service": "interloan", "limitation": [{"content": "alleen kopie"}]},
    ],
}
SHELF = {
    "http://x/1": [LENT],
    "http://x/2": [{"available": [{"service": "loan", "delay": "PT2H"}, {"service": "interloan"}]}],
    "http://x/3": [],
}


@dataclass
class Server:
    """Knows three titles, and answers for at most `most` of those it is asked for at once."""

    most: int = 50
    link: str = '<{next}>; rel="next"; title="a, b"'
    seen: list[str] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        self.seen.append(request.url.query)
        asked = request.query_params.get("id", "").split("|")
        now, later = asked[: self.most], asked[self.most :]
        documents = [{"id": name, "requested": name, "item": SHELF[name]} for name in now if name in SHELF]
        headers = {"X-DAIA-Version": "1.0.0"}
        if later:
            query = request.url.include_query_params(id="|".join(later)).query
            headers["Link"] = '<https://x.example/doc>; rel="help", ' + self.link.format(next="daia?" + query)
        return JSONResponse({"document": documents, "timestamp": "2026-03-02T12:00:00Z"}, headers=headers)


@asynccontextmanager
async def asking(answer: Any, *, query: str = "", seconds: float = 2.0) -> AsyncIterator[Daia]:
    async with served(Starlette(routes=[Route("/daia", answer)])) as address:
        daia = Daia(
            f"{address}/daia{query}", system="d", limits=Limits(deadline_seconds=seconds, answer_bytes=20_000)
        )
        try:
            yield daia
        finally:
            await daia.close()


@pytest.fixture
def validator() -> jsonschema_rs.Draft4Validator:
    if not SCHEMA.exists():
        pytest.skip(f"NOT VALIDATED: {SCHEMA} is not here")
    return jsonschema_rs.Draft4Validator(json.loads(SCHEMA.read_text()))


async def test_what_our_server_sends_is_valid(validator: jsonschema_rs.Draft4Validator) -> None:
    async with (
        served(Starlette(routes=[Route("/daia", Server().answer)])) as address,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        sent = (await client.get(f"{address}/daia", params={"id": "|".join(SHELF)})).json()

    assert len(sent["document"]) == len(SHELF)
    validator.validate(sent)
    assert not validator.is_valid({"document": [{"item": []}]})


async def test_several_titles_are_asked_for_at_once() -> None:
    server = Server()
    async with asking(server.answer, query="?db=main") as daia:
        found = await daia.ask(["http://x/1", "http://x/2", "http://x/1", "no|name", "", "http://x/9"])
        nothing = await daia.ask(["a|b"])

    assert server.seen == ["db=main&id=http%3A%2F%2Fx%2F1%7Chttp%3A%2F%2Fx%2F2%7Chttp%3A%2F%2Fx%2F9&format=json"]
    assert nothing == []
    assert [document.identifier for document in found] == ["http://x/1", "http://x/2"]
    assert found[0] == Document(
        identifier="http://x/1",
        requested="http://x/1",
        items=(
            Item(
                identifier="http://library.example/item/1",
                label="ROM VRIE",
                department="http://library.example/centrum",
                department_name="Centrum",
                storage_name="Magazijn",
                services=(
                    Service(name="presentation", available=True),
                    Service(name="loan", available=False, expected=date(2026, 3, 12), queue=2),
                    Service(name="interloan", available=False, limited=True),
                ),
            ),
        ),
    )


async def test_an_answer_that_goes_on_is_followed() -> None:
    server = Server(most=1)
    async with asking(server.answer) as daia:
        found = await daia.ask(list(SHELF))

    assert [document.identifier for document in found] == list(SHELF)
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    "link",
    [
        '<http://elsewhere.example/daia?id=1>; rel="next"',
        '<//elsewhere.example/daia>; rel="next"',
        "<http://[>; rel=next",
        "<daia?id=a%7Cb%7Cc>; rel=next",  # a circle
    ],
)
async def test_an_answer_that_leads_elsewhere_or_in_a_circle_is_malformed(link: str) -> None:
    server = Server(most=1, link=link)
    async with asking(server.answer) as daia:
        with pytest.raises(Malformed):
            await daia.ask(["a", "b", "c"])
    assert len(server.seen) <= 2


async def test_an_answer_that_goes_on_and_on_is_malformed() -> None:
    seen = list[str]()

    async def answer(request: Request) -> Response:
        seen.append("")
        return JSONResponse({"document": []}, headers={"Link": f"<daia?page={len(seen)}>; rel=next"})

    async with asking(answer) as daia:
        with pytest.raises(Malformed):
            await daia.ask(["a"])
    assert len(seen) == MOST_PAGES


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        (Response(status_code=401), AuthExpired),
        (Response(status_code=429, headers={"Retry-After": "3"}), RateLimited),
        (Response(status_code=500), Unavailable),
        (JSONResponse({"error": "bad"}, status_code=400), Malformed),
        (Response("no json"), Malformed),
        (Response("[" * 9_000), Malformed),
        (JSONResponse([]), Malformed),
        (JSONResponse({"document": {}}), Malformed),
        (JSONResponse({"document": [{"item": []}]}), Malformed),
        (JSONResponse({"document": [], "x": "x" * 30_000}), Malformed),
    ],
)
async def test_what_goes_wrong_is_the_right_fault(response: Response, fault: type[SystemFault]) -> None:
    async def answer(request: Request) -> Response:
        return response

    async with asking(answer) as daia:
        with pytest.raises(fault) as raised:
            await daia.ask(["http://x/1"])
    assert "http://x/1" not in str(raised.value)


# --- in our words --------------------------------------------------------------------------------


def yes(name: str) -> Service:
    return Service(name=name, available=True)


def no(name: str, **said: Any) -> Service:
    return Service(name=name, available=False, **said)


DAY = date(2026, 3, 12)


@pytest.mark.parametrize(
    ("services", "standing"),
    [
        ([yes("loan"), yes("interloan")], ItemStanding(status=ItemStatus.AVAILABLE, lendable=True)),
        ([yes("interloan")], ItemStanding(status=ItemStatus.AVAILABLE, lendable=True)),
        ([yes("loan")], ItemStanding(status=ItemStatus.AVAILABLE)),
        ([yes("loan"), no("interloan")], ItemStanding(status=ItemStatus.AVAILABLE, lendable=False)),
        ([no("loan", expected=DAY)], ItemStanding(status=ItemStatus.ON_LOAN, due=DAY)),
        (
            [no("loan", expected=DAY, queue=2), no("interloan", expected=DAY)],
            ItemStanding(status=ItemStatus.ON_LOAN, due=DAY, queue=2, lendable=True),
        ),
        ([no("loan", queue=1), no("interloan")], ItemStanding(status=ItemStatus.HELD, queue=1, lendable=False)),
        ([no("interloan", expected_some_day=True)], ItemStanding(status=ItemStatus.ON_ORDER, lendable=True)),
        ([yes("presentation")], ItemStanding(status=ItemStatus.REFERENCE, lendable=False)),
        ([yes("presentation"), no("loan")], ItemStanding(status=ItemStatus.REFERENCE, lendable=False)),
        ([no("loan"), no("interloan")], ItemStanding(status=ItemStatus.UNKNOWN, lendable=False)),
        ([no("presentation")], ItemStanding(status=ItemStatus.UNKNOWN)),
        ([yes("openaccess")], ItemStanding(status=ItemStatus.UNKNOWN)),
        ([], ItemStanding(status=ItemStatus.UNKNOWN)),
    ],
)
def test_an_item_stands_as_its_services_say(services: list[Service], standing: ItemStanding) -> None:
    assert standing_of(Item(services=tuple(services))) == standing


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["unknown", "loan"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "item", "available", "unavailable", "service", "expected", "queue", "department"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.lists(st.fixed_dictionaries({"id": st.text(max_size=5), "item": st.lists(values, max_size=3)}), max_size=3))
def test_any_json_is_documents_or_malformed(documents: list[Any]) -> None:
    try:
        found = read_documents({"document": documents})
    except Malformed:
        return
    for document in found:
        for item in document.items:
            assert standing_of(item).status in ItemStatus
