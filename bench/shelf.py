"""A plain library system to ask about shelves, and the service that knows it: for measuring what asking costs.

`python -m bench.shelf` serves /in/MILLISECONDS/TITLE on a free port, which it prints: the answer comes after so long.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Collection
from typing import cast

from fastapi import FastAPI

from adapters import SYSTEMS
from adapters.contract import Capabilities, ItemStatus, Lacking, Scheme, Snapshot, Title, Verb
from adapters.http import Http
from adapters.installation import Entry, Installation, Kind

_PATH = re.compile(rb"GET /in/(\d+)/")
_ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"n":1}'


class Shelf(Lacking):
    """One installation, with a copy of everything on the shelf at each of its locations."""

    def __init__(self, installation: Installation) -> None:
        self._http = Http(installation.addresses["at"], system=installation.system, limits=installation.limits)
        self._locations = tuple(installation.branches.values())
        self._clock = installation.clock

    def capabilities(self) -> Capabilities:
        """It says what stands on the shelf, and for no longer than that holds."""
        return Capabilities(
            verbs=frozenset({Verb.RESOLVE, Verb.AVAILABILITY}),
            schemes=frozenset({Scheme.ISBN, Scheme.PPN}),
            batch=1,
            fresh_seconds=0,
        )

    async def resolve(self, title: Title) -> list[str]:
        """Its own number is the ISBN."""
        return [title.isbn or title.ppn or ""]

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        """Ask."""
        (reference,) = references
        reply = await self._http.ask("GET", reference, what="availability")
        count = int(reply.json()["n"])
        return [
            Snapshot(
                reference=reference,
                branch=location,
                location=location,
                status=ItemStatus.AVAILABLE,
                count=count,
                observed_at=self._clock(),
            )
            for location in self._locations
        ]

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


KIND = Kind(name="shelf", open=Shelf, addresses={"at": Entry("Where it is.", default=None)})


def create_app() -> FastAPI:
    """Make the application that knows this kind of system beside its own."""
    from app.commands.serve import application  # noqa: PLC0415 - reads the surroundings

    cast("dict[str, Kind]", SYSTEMS)["shelf"] = KIND
    return application()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request of a connection after as long as its address says."""
    try:
        while found := _PATH.match(await reader.readuntil(b"\r\n\r\n")):
            await asyncio.sleep(int(found[1]) / 1000)
            writer.write(_ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _serve() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)  # until whoever started it ends


if __name__ == "__main__":
    asyncio.run(_serve())
