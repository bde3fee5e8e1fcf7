"""The fake system behind HTTP, which answers what was not agreed on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from adapters.contract import Malformed, OutcomeUnknown, Quote, Refused
from adapters.fake import FakeSystem
from adapters.http import Http
from adapters.installation import Limits
from tests.adapters.raw_server import always, plain, raw_server
from tests.adapters.sip2_desk import ORDER

CALLS: dict[str, Callable[[FakeSystem], Awaitable[Any]]] = {
    "place": lambda fake: fake.place(Quote(order=ORDER, possible=True), key="K"),
    "find": lambda fake: fake.find(ORDER, key="K"),
    "status": lambda fake: fake.status("R"),
    "cancel": lambda fake: fake.cancel("R"),
}


@pytest.mark.parametrize(
    "document",
    [
        *({}, [], "receipt", 7, None, [{"answer": "open"}]),
        *({"answer": None}, {"answer": "maybe"}, {"answer": ["open"]}, {"answer": "open", "reason": 7}),
        *({"receipt": None}, {"receipt": {}}, {"cancelled": "no"}),
    ],
)
@pytest.mark.parametrize("verb", CALLS)
async def test_an_answer_that_is_not_of_its_form_cannot_be_read(verb: str, document: Any) -> None:
    async with raw_server(always(plain(200, orjson.dumps(document)))) as server:
        fake = FakeSystem(http=Http(server.base, system="fake", limits=Limits()))
        with pytest.raises(OutcomeUnknown if verb in ("place", "cancel") else Malformed):
            await CALLS[verb](fake)
        await fake.close()


async def test_a_no_is_an_answer() -> None:
    async with raw_server(always(plain(200, b'{"refused": "InUse"}'))) as server:
        fake = FakeSystem(http=Http(server.base, system="fake", limits=Limits()))
        with pytest.raises(Refused) as caught:
            await CALLS["place"](fake)
        assert caught.value.reason == "InUse"
        await fake.close()
