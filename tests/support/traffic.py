"""A year of made-up loan requests with their events, placements and ledger, straight into the tables by COPY."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from routing.costs import charge_between
from routing.model import Tariff
from routing.register import Side

YEAR_BEGINS = datetime(2025, 11, 24, 7, tzinfo=UTC)
YEAR_ENDS = datetime(2026, 11, 23, 7, tzinfo=UTC)
PROVINCES = {"GR": "N", "FR": "N", "DR": "N", "OV": "O", "GE": "O", "UT": "M", "NH": "W", "ZH": "W", "NB": "Z"}
AGENCIES = [f"NL-{number:03}" for number in range(150)]
REASONS = ("NotOnShelf", "NotOnShelf", "InUse", "Lacking", "PoorCondition", None)
# How lives go, and how many in a hundred do.
FATES = {"filled": 88, "unfilled": 6, "cancelled": 4, "lost": 2}

Row = tuple[Any, ...]


@dataclass
class Tables:
    """The rows of each table, in the order of its COLUMNS."""

    loan_request: list[Row] = field(default_factory=list)
    loan_decision: list[Row] = field(default_factory=list)
    placement: list[Row] = field(default_factory=list)
    loan_event: list[Row] = field(default_factory=list)
    settlement_entry: list[Row] = field(default_factory=list)


COLUMNS = {
    "loan_request": (
        "id requesting_agency requesting_agency_request_id isbn pickup_location question supplying requesting item"
        " status outcome supplying_agency supplying_location placements events submitted_at shipped_at received_at"
        " returned_at ended_at"
    ),
    "loan_decision": "loan_request number document",
    "placement": (
        "loan_request number supplying_agency supplying_location titles state end reason asked_at placed_at lapses_at"
        " answered_at shipped_at closed_at"
    ),
    "loan_event": (
        "transaction loan_request sequence event at by status supplying_agency supplying_location reason"
        " requesting_agency"
    ),
    "settlement_entry": "loan_request agency what cents counterparty day",
}


async def drive_a_year(database_url: str, *, loans: int = 50_000, seed: int = 3) -> None:
    """Fill an empty, migrated database with a register of 150 agencies and `loans` loan requests of one year."""
    draw = random.Random(seed)
    home = {isil: draw.choice(list(PROVINCES)) for isil in AGENCIES}
    tables = Tables()
    length = (YEAR_ENDS - YEAR_BEGINS).total_seconds()
    for number, seconds in enumerate(sorted(draw.uniform(0, length) for _ in range(loans))):
        _Life(tables, draw, home, number, YEAR_BEGINS + timedelta(seconds=int(seconds))).live()
    # Events come in the order of time, whosever they are, some hundreds in a transaction: all of it before our own.
    tables.loan_event.sort(key=lambda row: row[4])
    events = len(tables.loan_event)
    tables.loan_event[:] = [(1 + at * 500 // events, *row[1:]) for at, row in enumerate(tables.loan_event)]
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await _register(connection, home)
            if await connection.fetchval("select rolsuper from pg_roles where rolname = current_user"):
                # Row by row, the checks of foreign keys would take longer than all the rest.
                await connection.execute("set local session_replication_role = replica")
            for name, columns in COLUMNS.items():
                rows = getattr(tables, name)
                await connection.copy_records_to_table(name, records=rows, columns=columns.split())
        await connection.execute("analyze")
    finally:
        await connection.close()


async def _register(connection: asyncpg.Connection, home: dict[str, str]) -> None:
    await connection.executemany("insert into poi values ($1, $1)", [(poi,) for poi in sorted({*PROVINCES.values()})])
    await connection.executemany("insert into province values ($1, $1, $2)", list(PROVINCES.items()))
    await connection.executemany("insert into agency (isil, name, province) values ($1, $1, $2)", list(home.items()))
    await connection.executemany(
        "insert into location (id, name, agency) values ($1, $1, $2)", [(f"{isil}-1", isil) for isil in home]
    )


class _Life:
    """One loan request, lived until the year ends; large agencies ask and supply more than small ones."""

    def __init__(
        self, tables: Tables, draw: random.Random, home: dict[str, str], number: int, submitted: datetime
    ) -> None:
        self.tables, self.draw, self.home, self.number = tables, draw, home, number
        self.clock = self.submitted = submitted
        self.id = UUID(int=(int(submitted.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62) | number)
        self.requester = self._agency()
        self.events = self.placements = 0
        self.at: dict[str, datetime | None] = {}
        self.standing = ("nobody", "waiting", "in_hand", "RequestReceived", None)
        self.supplier: str | None = None

    def live(self) -> None:
        fate = self.draw.choices(list(FATES), list(FATES.values()))[0]
        steps = self._steps(fate)
        for step in steps:
            if self.clock > YEAR_ENDS:
                break
            step()
        self._write()

    def _steps(self, fate: str) -> Iterator[Any]:
        yield lambda: self._tell("Submitted")
        for _ in range(self.draw.choice((0, 0, 0, 0, 0, 1, 1, 2)) + 2 * (fate == "unfilled")):
            yield self._ask
            yield self.draw.choice((self._decline, self._decline, self._lapse))
        if fate == "unfilled":
            yield lambda: self._end("EndOfRota", ("unfilled", "closed", "in_hand", "Unfilled", "unfilled"))
            return
        yield self._ask
        if fate == "cancelled":
            yield lambda: self._end("Cancel", ("cancelled", "closed", "in_hand", "Cancelled", "cancelled"))
            return
        yield self._promise
        yield self._ship
        if fate == "lost":
            yield lambda: self._end("LostOnTheWay", ("lost_on_the_way", "closed", "lost", "CompletedWithoutReturn",
                                                     "unfilled"))  # fmt: skip
            return
        yield self._receive
        yield self._send_back
        yield lambda: self._end("LoanCompleted", ("completed", "closed", "home", "LoanCompleted", "filled"))

    def _agency(self) -> str:
        return AGENCIES[int(len(AGENCIES) * self.draw.random() ** 2)]

    def _pass(self, hours: float) -> None:
        self.clock += timedelta(seconds=int(self.draw.expovariate(1 / (hours * 3600))) + 60)

    def _tell(self, event: str, reason: str | None = None) -> None:
        self.events += 1
        place = None if self.supplier is None else f"{self.supplier}-1"
        row = (1, self.id, self.events, event, self.clock, "leenpad", self.standing[3], self.supplier, place, reason)
        self.tables.loan_event.append((*row, self.requester))

    def _ask(self) -> None:
        self._pass(0.1)
        self.supplier, self.placements = self._agency(), self.placements + 1
        self.at |= {"asked": self.clock, "answered": None, "shipped": None}
        self.standing = ("asked", "waiting", "in_hand", "RequestReceived", None)
        self._tell("Placing")
        self._tell("Placed")

    def _decline(self) -> None:
        self._pass(10)
        self.at["answered"] = self.clock
        self._let_go("Unfilled", self.draw.choice(REASONS))

    def _lapse(self) -> None:
        self.clock += timedelta(days=8)
        self._let_go("Lapsed")

    def _let_go(self, event: str, reason: str | None = None) -> None:
        self._place("closed", event, reason)
        self.standing = ("nobody", "waiting", "in_hand", "RequestReceived", None)
        self._tell(event, reason)
        self.supplier = None

    def _promise(self) -> None:
        self._pass(6)
        self.at["answered"] = self.clock
        self.standing = ("promised", "waiting", "in_hand", "WillSupply", None)
        self._tell("WillSupply")

    def _ship(self) -> None:
        self._pass(12)
        self.at["shipped"] = self.clock
        self.standing = ("shipped", "waiting", "on_trip", "Loaned", None)
        self._tell("Loaned")

    def _receive(self) -> None:
        self._pass(30)
        self.at["received"] = self.clock
        self.standing = ("shipped", "received", "at_pickup", "Loaned", None)
        self._tell("Received")
        supplying, requesting = (
            Side(agency, self.home[agency], PROVINCES[self.home[agency]])
            for agency in (self.supplier or "", self.requester)
        )
        for part in charge_between(supplying, requesting, Tariff()).parts:
            if part.what == "supplier":
                self._charge(self.supplier, part.what, part.cents, self.requester)
            self._charge(self.requester, part.what, -part.cents, self.supplier if part.what == "supplier" else None)

    def _charge(self, agency: str | None, what: str, cents: int, other: str | None) -> None:
        self.tables.settlement_entry.append((self.id, agency, what, cents, other, self.clock.date()))

    def _send_back(self) -> None:
        self._pass(24 * 18)
        self.at["returned"] = self.clock
        self.standing = ("shipped", "returned", "on_the_way_back", "Loaned", None)
        self._tell("ShippedReturn")

    def _end(self, event: str, standing: Any) -> None:
        self._pass(30)
        self.at["ended"] = self.clock
        if self.supplier is not None:
            self._place("closed", event)
        self.standing = standing
        self._tell(event)

    def _place(self, state: str, end: str | None = None, reason: str | None = None) -> None:
        asked = self.at["asked"]
        assert asked is not None
        lapses, closed = asked + timedelta(days=8), None if end is None else self.clock
        who = (self.supplier, f"{self.supplier}-1", [self.number % 9000])
        when = (asked, asked, lapses, self.at["answered"], self.at["shipped"], closed)
        self.tables.placement.append((self.id, self.placements, *who, state, end, reason, *when))

    def _write(self) -> None:
        outcome = self.standing[4]
        if self.supplier is not None and outcome is None:
            self._place("live")
        place = None if self.supplier is None else f"{self.supplier}-1"
        asked = (self.requester, f"nr-{self.number}", f"978{self.number % 9000:010}", f"{self.requester}-1", "{}")
        counts = (self.placements, self.events)
        when = [self.at.get(name) for name in ("shipped", "received", "returned", "ended")]
        row = (self.id, *asked, *self.standing, self.supplier, place, *counts, self.submitted, *when)
        self.tables.loan_request.append(row)
        self.tables.loan_decision.append((self.id, 1, '{"network_version": "v", "rota": [], "refusals": []}'))
