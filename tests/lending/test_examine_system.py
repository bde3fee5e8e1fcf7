"""What a check says of a system whose address is wrong, or that something stands before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters import SYSTEMS
from adapters.contract import Title, Verb
from adapters.emulators.demo_stock import locations_of
from adapters.emulators.kinds import EMULATORS
from adapters.emulators.serve import serving
from app.lending.examine_system import Examination, examine
from tests.adapters.raw_server import always, plain, raw_server

pytestmark = pytest.mark.once

# What is asked over HTTP: the rest of some kinds goes over SIP2, which is well here.
OVER_HTTP = (Verb.RESOLVE, Verb.AVAILABILITY, Verb.HARVEST)


async def examined(kind: str, status: int | None) -> Examination:
    """Examine an emulated system whose web addresses all lead to an answer of `status` (None: to itself)."""
    async with raw_server(always(plain(status or 200))) as wrong, serving(EMULATORS[kind]()) as installation:
        if status is not None:
            addresses = {
                name: f"{wrong.base}/x" if address.startswith("http") else address
                for name, address in installation.addresses.items()
            }
            installation = replace(installation, addresses=addresses)
        system = SYSTEMS[kind].open(installation)
        try:
            there, pickup = list(locations_of(kind))[:2]
            return await examine(system, title=Title(isbn="9789000035526"), supplying=there, pickup=pickup)
        finally:
            await system.close()


@pytest.mark.parametrize("status", [404, 410, 403])
@pytest.mark.parametrize("kind", sorted(EMULATORS))
async def test_a_wrong_address_or_a_firewall_does_not_work(kind: str, status: int) -> None:
    outcomes = {tried.verb: tried.outcome for tried in (await examined(kind, status)).tried}
    assert all(outcomes[verb] != "works" for verb in OVER_HTTP), outcomes
    assert "fails" in outcomes.values()


@pytest.mark.parametrize("kind", sorted(EMULATORS))
async def test_what_works_is_said_to_work(kind: str) -> None:
    found = await examined(kind, None)
    outcomes = {tried.verb: tried.outcome for tried in found.tried}
    assert outcomes[Verb.RESOLVE] == "works", found
    assert "fails" not in outcomes.values(), found
