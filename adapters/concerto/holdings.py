"""What the holdings in a record say about copies, read by the dialect of the installation. Pure.

MARC 21 says what 852 is for, and leaves to each library which subfields it uses and what stands in them (S); so where
things stand is a Dialect, made from an installation's options. The words for statuses are inferred from what Dutch,
English and French catalogues show.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from adapters.contract import ItemStatus
from adapters.protocols.marc import Field, Marc
from adapters.protocols.opac import Circulation, Holding

MOST_COPIES = 9_999  # of one holding; a larger number is no count

STATUS_WORDS: Mapping[str, ItemStatus] = {
    "aanwezig": ItemStatus.AVAILABLE,
    "beschikbaar": ItemStatus.AVAILABLE,
    "available": ItemStatus.AVAILABLE,
    "disponible": ItemStatus.AVAILABLE,
    "uitgeleend": ItemStatus.ON_LOAN,
    "on loan": ItemStatus.ON_LOAN,
    "prêté": ItemStatus.ON_LOAN,
    "gereserveerd": ItemStatus.HELD,
    "reserved": ItemStatus.HELD,
    "réservé": ItemStatus.HELD,
    "onderweg": ItemStatus.IN_TRANSIT,
    "in transit": ItemStatus.IN_TRANSIT,
    "en transit": ItemStatus.IN_TRANSIT,
    "in bestelling": ItemStatus.ON_ORDER,
    "on order": ItemStatus.ON_ORDER,
    "en commande": ItemStatus.ON_ORDER,
    "in bewerking": ItemStatus.IN_PROCESS,
    "in process": ItemStatus.IN_PROCESS,
    "en traitement": ItemStatus.IN_PROCESS,
    "ter inzage": ItemStatus.REFERENCE,
    "reference": ItemStatus.REFERENCE,
    "consultation sur place": ItemStatus.REFERENCE,
    "teruggevraagd": ItemStatus.RECALLED,
    "recalled": ItemStatus.RECALLED,
    "vermist": ItemStatus.MISSING,
    "missing": ItemStatus.MISSING,
    "manquant": ItemStatus.MISSING,
}
NOT_LOANABLE = frozenset({"n", "nee", "niet", "niet uitleenbaar", "no", "non", "false", "0"})

_DAY_FIRST = re.compile(r"(?<![0-9])([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})(?![0-9])")
_YEAR_FIRST = re.compile(r"(?<![0-9])([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?![0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Which subfields of which field carry what; empty: none does.

    `branch` may be several codes, whose values are then joined with a blank. `copies` is how many, `available` how
    many of them stand on the shelf. `words` leads from how a status begins, in small letters, to ours.
    """

    tag: str = "852"
    branch: str = "b"
    shelfmark: str = "h"
    copies: str = ""
    available: str = ""
    status: str = "z"
    due: str = ""
    barcode: str = "p"
    loanable: str = "y"
    words: Mapping[str, ItemStatus] = field(default_factory=lambda: STATUS_WORDS)
    not_loanable: frozenset[str] = NOT_LOANABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """One holding: a copy with its barcode, or some of which only the numbers are told."""

    branch: str
    status: ItemStatus = ItemStatus.UNKNOWN
    count: int = 1
    available: int | None = None
    shelfmark: str = ""
    due: date | None = None
    barcode: str | None = None
    lendable: bool | None = None


def copies_of(marc: Marc, dialect: Dialect) -> list[Copies]:
    """Return the copies that a record's holdings fields tell of, in their order."""
    return [copies for one in marc.holdings if one.tag == dialect.tag for copies in _of_field(one, dialect)]


def _of_field(one: Field, dialect: Dialect) -> Iterator[Copies]:
    """A field is of one copy, of several with their barcodes, or of a number of them.

    Where it repeats the barcode, what is repeated as often goes with it one by one, and what stands once is of all.
    """
    branch = " ".join(value for code in dialect.branch if (value := one.first(code)))
    shelfmark = " ".join(one.every(dialect.shelfmark))
    barcodes: list[str] = one.every(dialect.barcode)
    statuses, loanables, dues = (one.every(codes) for codes in (dialect.status, dialect.loanable, dialect.due))
    if not barcodes:
        stated = _number(one.every(dialect.copies))
        available = _number(one.every(dialect.available))
        status, due = _status(_nth(statuses, 0, 1), _nth(dues, 0, 1), dialect)
        yield Copies(
            branch=branch,
            shelfmark=shelfmark,
            status=status,
            due=due,
            count=stated if stated is not None else max(1, available or 0),
            available=available if stated is None or available is None else min(available, stated),
            lendable=_lendable(status, _nth(loanables, 0, 1), dialect),
        )
    for place, barcode in enumerate(barcodes):
        status, due = _status(_nth(statuses, place, len(barcodes)), _nth(dues, place, len(barcodes)), dialect)
        lendable = _lendable(status, _nth(loanables, place, len(barcodes)), dialect)
        yield Copies(branch=branch, shelfmark=shelfmark, status=status, due=due, barcode=barcode, lendable=lendable)


def _nth(values: list[str], place: int, of: int) -> str:
    return values[place] if len(values) == of else values[0] if len(values) == 1 else ""


def _number(values: list[str]) -> int | None:
    text = values[0] if values else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 and int(text) <= MOST_COPIES else None


def _status(said: str, due: str, dialect: Dialect) -> tuple[ItemStatus, date | None]:
    """A status may bring its date along: `Uitgeleend tot 12-03-2026`."""
    status = status_of(said, dialect.words)
    day = day_in(due) or day_in(said)
    return status, day if status in (ItemStatus.ON_LOAN, ItemStatus.RECALLED, ItemStatus.ON_ORDER) else None


def status_of(said: str, words: Mapping[str, ItemStatus] = STATUS_WORDS) -> ItemStatus:
    """Return what a status means, by the longest of the words it begins with; UNKNOWN where it is none of them."""
    text = said.casefold().strip()
    fitting = [
        word
        for word in words
        if word and text.startswith(word) and not (text[len(word) : len(word) + 1].isalnum() and word[-1].isalnum())
    ]
    return words[max(fitting, key=len)] if fitting else ItemStatus.UNKNOWN


def day_in(text: str) -> date | None:
    """Return the day that is named in a text: 12-03-2026 (the day first), 2026-03-12 or 20260312."""
    for pattern, order in ((_YEAR_FIRST, (1, 2, 3)), (_DAY_FIRST, (3, 2, 1))):
        found = pattern.search(text)
        if found is not None:
            try:
                return date(*(int(found.group(part)) for part in order))
            except ValueError:
                continue
    return None


def _lendable(status: ItemStatus, said: str, dialect: Dialect) -> bool | None:
    if status is ItemStatus.REFERENCE:
        return False
    return None if not said else said.casefold().strip() not in dialect.not_loanable


def copies_in_opac(holdings: Iterable[Holding], words: Mapping[str, ItemStatus] = STATUS_WORDS) -> list[Copies]:
    """Return the copies that the holdings of an OPAC record tell of."""
    return [copies for holding in holdings for copies in _of_holding(holding, words)]


def _of_holding(holding: Holding, words: Mapping[str, ItemStatus]) -> Iterator[Copies]:
    branch = holding.local_location or holding.nuc_code
    if not holding.circulations:
        yield Copies(branch=branch, shelfmark=holding.call_number)
    for circulation in holding.circulations:
        status, due = _circulating(circulation, words)
        yield Copies(
            branch=branch,
            shelfmark=holding.call_number,
            status=status,
            due=due,
            barcode=circulation.item or None,
            lendable=False if status is ItemStatus.REFERENCE else None,
        )


def _circulating(circulation: Circulation, words: Mapping[str, ItemStatus]) -> tuple[ItemStatus, date | None]:
    due = day_in(circulation.available_on)
    if status_of(circulation.restrictions, words) is ItemStatus.REFERENCE:
        return ItemStatus.REFERENCE, None
    if circulation.available_now:
        return (ItemStatus.HELD if circulation.on_hold else ItemStatus.AVAILABLE), None
    if circulation.available_now is None:
        return ItemStatus.UNKNOWN, due
    if due is not None:
        return ItemStatus.ON_LOAN, due
    return (ItemStatus.HELD if circulation.on_hold else ItemStatus.UNKNOWN), None
