"""A small stock for those who try: the same works in every emulated system, so that they meet in one catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from adapters.contract import ItemStatus
from adapters.emulators.stock import Copy, Stock, Work

WORKS = 200
ISBN_BLOCK = "97890950"  # of a publisher's block that is not handed out
FIRST_PPN = 450_000_000

_BRANCHES = ("Waterstad Centrum", "Waterstad Noord", "Dijkdorp", "Heidestad", "Vennen")
_NUMBERS = {"wise": 99, "vubis": 97, "concerto": 95, "brocade": 93}
"""By kind, the number of its made-up agency; the one below it is also its own."""


def agency_of(kind: str) -> str:
    """Return the made-up agency that uses the emulated system of a kind: another for each, as all may run at once."""
    return f"NL-0800{_NUMBERS[kind]}0000"


def locations_of(kind: str) -> dict[str, str]:
    """Return the made-up locations of that agency, and what people call them.

    Which branch of the system each is, is up to the system; some are of a second library in it.
    """
    own, other = _NUMBERS[kind], _NUMBERS[kind] - 1
    places = (f"{own}0001", f"{own}0002", f"{own}0003", f"{other}0001", f"{other}0002")
    return {f"NL-0800{place}": name for place, name in zip(places, _BRANCHES, strict=True)}


PATRON, PIN = "29990000012345", "2468"

_NOUNS = ("molen", "brug", "vuurtoren", "winter", "schipper", "brief", "klok", "dijk", "bakker", "nacht")
_ADJECTIVES = ("stille", "laatste", "verloren", "blauwe", "oude", "lange", "vergeten", "kleine", "rode", "verre")
_AUTHORS = ("Anna Zomer", "Bert van der Dijk", "Chaïma El Idrissi", "Daan Öztürk", "Elske Hoogland", "F. de Vries")
_SPREAD = (
    ItemStatus.AVAILABLE,
    ItemStatus.AVAILABLE,
    ItemStatus.ON_LOAN,
    ItemStatus.AVAILABLE,
    ItemStatus.REFERENCE,
    ItemStatus.AVAILABLE,
    ItemStatus.AVAILABLE,
    ItemStatus.MISSING,
)


@cache
def demo_isbn(place: int) -> str:
    """Return the ISBN of the work at a place, from 0: ISBN_BLOCK, four digits, and the check digit."""
    stem = f"{ISBN_BLOCK}{place:04}"
    return stem + str(-sum(int(digit) * (1, 3)[at % 2] for at, digit in enumerate(stem)) % 10)


@cache
def demo_ppn(place: int) -> str:
    """Return the PPN of the work at a place: nine digits, and a check digit that may be X."""
    stem = str(FIRST_PPN + place)
    check = -sum(int(digit) * weight for digit, weight in zip(stem, range(10, 1, -1), strict=True)) % 11
    return stem + ("X" if check == 10 else str(check))


def demo_work(place: int, number: str, branches: Sequence[str]) -> Work:
    """Return a work with one to three copies in these branches; the first work is on the shelf in all of them."""
    holders = (
        branches if place == 0 else [branches[(place + step * 2) % len(branches)] for step in range(1 + place % 3)]
    )
    copies = []
    for nth, branch in enumerate(holders):
        status = _SPREAD[(place + nth * 3) % len(_SPREAD)] if place else ItemStatus.AVAILABLE
        barcode = f"3{place:07}{nth:02}"
        copies.append(
            Copy(barcode=barcode, branch=branch, status=status, loanable=status is not ItemStatus.REFERENCE)
        )
    noun, adjective = _NOUNS[place % 10], _ADJECTIVES[place // 10 % 10]
    return Work(
        number=number,
        title=f"De {adjective} {noun}" + (f" {place // 100 + 1}" if place >= 100 else ""),
        author=_AUTHORS[place % len(_AUTHORS)],
        isbns=(demo_isbn(place),),
        ppn=demo_ppn(place),
        shelfmark=f"ROMAN {_AUTHORS[place % len(_AUTHORS)].split()[-1][:4].upper()}",
        copies=copies,
    )


def fill(stock: Stock, branches: Sequence[str], *, first_number: int = 1) -> Stock:
    """Put the works and one patron into a stock, spread over what this system calls its branches, and return it."""
    for place in range(WORKS):
        stock.add(demo_work(place, str(first_number + place), branches))
    stock.patrons[PATRON] = PIN
    return stock
