"""Tries the emulated systems, and has a shelf say something else than the catalogue: a copy goes out on loan."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

import httpx
import orjson

from adapters.contract import ItemStatus, Title
from app.demo.reach import Emulated
from app.demo.stories import Reply, asked_at
from app.lending.choose import TitleKey, choose, look_up
from app.lending.documents import written
from app.lending.examine_system import Tried, examine
from app.resources import Resources
from app.store.systems import System, draw_title
from routing import Question

TOLD_OF = "wise"  # most libraries use it
MOST_TRIED = 40
LIVE_SECONDS = 10.0  # a person who reads along can wait


@dataclass(frozen=True, slots=True)
class Examined:
    """One emulated system, and what came of each verb."""

    system: str
    kind: str
    verbs: tuple[Tried, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """The only copy that a system has of a title, on the shelf."""

    system: str
    barcode: str
    isbn: str
    title: str
    author: str
    location: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A copy that went out on loan: what is decided by the catalogue, and what when its system is asked."""

    copy: Copy
    by_catalogue: Reply
    by_shelf: Reply


async def try_out(resources: Resources, emulated: Emulated) -> list[Examined]:
    """Try every verb of each system, all systems at once."""
    known = [system for system, _ in emulated.systems.values()]
    return list(await asyncio.gather(*(_examined(resources, system) for system in known)))


async def _examined(resources: Resources, system: System) -> Examined:
    ground = resources.ground
    async with ground.database.connection() as connection:
        drawn = await draw_title(connection, system.id)
        opened = await ground.systems.find(connection, system.id)
    assert opened is not None, "its address was just given"
    assert drawn.location is not None, "a system without holdings is not chosen"
    title = Title(isbn=drawn.isbn, ppn=None if drawn.isbn else drawn.ppn)
    found = await examine(opened, title=title, supplying=drawn.location, pickup=drawn.location)
    return Examined(system.id, system.kind, tuple(found.tried))


async def lend_out(resources: Resources, emulated: Emulated, *, today: date) -> Gone | None:
    """Find the only copy of a library, on its shelf, that others could replace, and have a reader take it home.

    Both decisions are for a reader who comes to that shelf next. None where there is no such copy.
    """
    system = next((name for name, (known, _) in emulated.systems.items() if known.kind == TOLD_OF), None)
    if system is None:
        return None
    async with httpx.AsyncClient(base_url=emulated.root(system), trust_env=False, timeout=LIVE_SECONDS) as client:
        works = (await client.get("/_emulator/stock")).raise_for_status().json()["works"]
        branches = emulated.systems[system][0].branches
        for copy in islice(_only_copies(system, works, branches), MOST_TRIED):
            by_catalogue = await _decide(resources, copy, asked_at(today), live=False)
            rota = by_catalogue["rota"]
            if len(rota) > 1 and rota[0]["supplying_location"] == copy.location:
                (await client.post(f"/_emulator/copies/{copy.barcode}/loan")).raise_for_status()
                return Gone(copy, by_catalogue, await _decide(resources, copy, asked_at(today), live=True))
    return None


def _only_copies(system: str, works: Iterable[Mapping[str, Any]], branches: Mapping[str, str]) -> Iterator[Copy]:
    for work in works:
        copies = work["copies"]
        if len(copies) == 1 and work["isbns"] and copies[0]["loanable"]:
            (copy,) = copies
            if copy["status"] == ItemStatus.AVAILABLE:
                location = branches[copy["branch"]]
                yield Copy(system, copy["barcode"], work["isbns"][0], work["title"], work["author"], location)


async def _decide(resources: Resources, copy: Copy, at: datetime, *, live: bool) -> Reply:
    title = TitleKey(isbn=copy.isbn)
    decision = await choose(
        resources.snapshot,
        title=title,
        holders=await look_up(resources.database, title),
        question=Question(pickup_location=copy.location, requested_at=at),
        availability=resources.ground.availability if live else None,
        deadline_seconds=LIVE_SECONDS,
    )
    reply: Reply = orjson.loads(written(decision))
    return reply
