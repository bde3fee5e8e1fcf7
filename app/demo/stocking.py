"""Stocks an emulator of a kind with what the locations of a system hold, as the database has it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import count, groupby
from operator import itemgetter
from typing import Any

from adapters.contract import ItemStatus
from adapters.emulators import demo_stock
from adapters.emulators.brocade import BrocadeEmulator
from adapters.emulators.concerto import ConcertoEmulator
from adapters.emulators.serve import Emulator
from adapters.emulators.stock import LOAN_DAYS, READER, Copy, Stock, Work
from adapters.emulators.vubis import VubisEmulator
from adapters.emulators.wise import Branch, WiseEmulator

LEAST_HOLDINGS = 100
PAGE_SIZE = 100  # records in an answer of OAI-PMH; the hard part of 25 is shown by the tests
FIRST_NUMBER = 100_001
FIRST_BRANCH = 4001

Row = Mapping[str, Any]
Branches = Mapping[str, str]  # what the system calls a branch → our location


def smallest(systems: Iterable[Row], kinds: Iterable[str]) -> dict[str, str]:
    """Return by kind the id of the system with the fewest holdings, of those that have LEAST_HOLDINGS."""
    found: dict[str, str] = {}
    for row in sorted(systems, key=lambda row: (row["holdings"], row["id"])):
        if row["holdings"] >= LEAST_HOLDINGS:
            found.setdefault(row["kind"], row["id"])
    return {kind: found[kind] for kind in kinds if kind in found}


def emulator_of(kind: str, locations: Sequence[Row], holdings: Iterable[Row]) -> Emulator:
    """Return an emulator with these holdings. `locations` have `id`, `name` and `agency`; each is a branch.

    Raises KeyError for a kind that nothing emulates.
    """
    return _KINDS[kind](sorted(locations, key=itemgetter("id")), holdings)


def _wise(locations: Sequence[Row], holdings: Iterable[Row]) -> Emulator:
    agencies = sorted({row["agency"] for row in locations})
    branches = {
        str(FIRST_BRANCH + at): Branch(
            name=row["name"], library=str(1001 + agencies.index(row["agency"])), location=row["id"]
        )
        for at, row in enumerate(locations)
    }
    stock = _stocked(holdings, {number: branch.location for number, branch in branches.items()})
    return WiseEmulator(stock, branches=branches)


def _vubis(locations: Sequence[Row], holdings: Iterable[Row]) -> Emulator:
    branches = _by_name(locations)
    return VubisEmulator(_stocked(holdings, branches), branches=branches, page_size=PAGE_SIZE)


def _concerto(locations: Sequence[Row], holdings: Iterable[Row]) -> Emulator:
    branches = _by_name(locations)
    return ConcertoEmulator(_stocked(holdings, branches), branches=branches)


def _brocade(locations: Sequence[Row], holdings: Iterable[Row]) -> Emulator:
    branches = {f"BIB-{at:02}": row["id"] for at, row in enumerate(locations, start=1)}
    stock = _stocked(holdings, branches, number="c:lvd:{}")
    return BrocadeEmulator(stock, branches=branches, page_size=PAGE_SIZE)


_KINDS: Mapping[str, Callable[[Sequence[Row], Iterable[Row]], Emulator]] = {
    "wise": _wise,
    "vubis": _vubis,
    "concerto": _concerto,
    "brocade": _brocade,
}


def _by_name(locations: Sequence[Row]) -> Branches:
    """Call each branch by its name; two of one name by their ids."""
    names = [row["name"] for row in locations]
    return {row["name"] if names.count(row["name"]) == 1 else row["id"]: row["id"] for row in locations}


def _stocked(holdings: Iterable[Row], branches: Branches, *, number: str = "{}") -> Stock:
    """Return a stock with a work for every title that has a copy, and one patron."""
    stock = Stock()
    branch_of = {location: branch for branch, location in branches.items()}
    barcodes = map("3{:013}".format, count(1))
    for nth, (_, rows) in enumerate(groupby(holdings, key=itemgetter("title_id"))):
        held = list(rows)
        copies = [copy for row in held for copy in _copies(stock, row, branch_of[row["location"]], barcodes)]
        if copies:
            first = held[0]
            stock.add(
                Work(
                    number=number.format(FIRST_NUMBER + nth),
                    title=first["title"],
                    author=first["author"],
                    isbns=tuple(first["isbns"]),
                    ppn=next(iter(first["ppns"]), None),
                    material=first["material"],
                    volume=first["volume"] or None,
                    copies=copies,
                )
            )
    stock.patrons[demo_stock.PATRON] = demo_stock.PIN
    return stock


def _copies(stock: Stock, row: Row, branch: str, barcodes: Iterator[str]) -> list[Copy]:
    """Return the copies at a branch: as many of them in as the catalogue says, or all where it does not know."""
    on_shelf = row["copies"] if row["available"] is None else row["available"]
    due = (stock.clock() + timedelta(days=LOAN_DAYS // 2)).date()
    made = []
    for nth in range(row["copies"]):
        copy = Copy(barcode=next(barcodes), branch=branch, loanable=row["loanable"])
        if not row["loanable"]:
            copy.status = ItemStatus.REFERENCE
        elif nth >= on_shelf:
            copy.status, copy.due, copy.patron = ItemStatus.ON_LOAN, due, READER
        made.append(copy)
    return made
