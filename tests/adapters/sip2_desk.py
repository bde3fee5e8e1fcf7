"""A SIP2 desk with a small stock, served on a real socket, and a client for it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.contract import Order
from adapters.emulators.faults import Faults
from adapters.emulators.serve import HOST
from adapters.emulators.sip2 import Sip2Desk, Sip2Dialect
from adapters.emulators.stock import Copy, Stock, Work
from adapters.installation import Limits
from adapters.protocols.sip2 import Sip2, Sip2Lending

USER, PASSWORD, PATRON, PIN = "leenpad", "terminal-secret", "POI-0700", "pin-9172"
TITLE = "Zoë en de ijsbeer"
LIMITS = Limits(deadline_seconds=0.5)
SLOWEST_SECONDS = 2.0  # within which a call with that deadline must have ended

ORDER = Order(
    loan_request="018f",
    reference="R-1",
    isbn="9789021677644",
    ppn=None,
    supplying_location="NL-0800010001",
    pickup_location="NL-0800020001",
)


@dataclass(slots=True)
class Served:
    """A desk, where it is, a client to it and the placing verbs over that."""

    desk: Sip2Desk
    address: str
    sip2: Sip2
    lending: Sip2Lending

    @property
    def stock(self) -> Stock:
        """What the desk has."""
        return self.desk.stock

    @property
    def faults(self) -> Faults:
        """What it will do wrong."""
        return self.desk.faults


def small_stock() -> Stock:
    """One title with three copies, of which one stays in the house; one patron, which is us."""
    stock = Stock()
    stock.patrons[PATRON] = PIN
    copies = [Copy(barcode=f"3000{number}", branch="C1", loanable=number != 3) for number in (1, 2, 3)]
    stock.add(Work(number="T1", title=TITLE, copies=copies))
    return stock


@asynccontextmanager
async def served(
    dialect: Sip2Dialect | None = None, *, limits: Limits = LIMITS, password: str = PASSWORD, connections: int = 2
) -> AsyncIterator[Served]:
    """Serve a desk until the block ends; then nothing may be left of it."""
    desk = Sip2Desk(small_stock(), Faults(), user=USER, password=PASSWORD, dialect=dialect)
    encoding = desk.dialect.encoding
    async with listening(desk.answer) as address:
        client = Sip2(
            address,
            system="S",
            limits=limits,
            user=USER,
            password=password,
            institution="LEEN",
            encoding=encoding,
            checksums=desk.dialect.checksums,
            connections=connections,
        )
        lending = Sip2Lending(client, patron=PATRON, pin=PIN, pickups={"NL-0800020001": "C2"})
        try:
            yield Served(desk, address, client, lending)
        finally:
            await client.close()


Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(answering: Answering, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve connections until the block ends, and yield the address."""
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await answering(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(answer, HOST, 0, ssl=tls)
    try:
        yield f"sip2://{HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so; at most two seconds."""
    async with asyncio.timeout(SLOWEST_SECONDS):
        while not true():  # noqa: ASYNC110 - what is waited for makes no event
            await asyncio.sleep(0.005)
