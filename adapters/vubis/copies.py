"""The copies that V-smart writes into MARC, and the records harvested from it. Pure: documents in, values out.

Iguana names no copies. V-smart does, in the holdings fields of MARC: those that its HTTP API answers are sourced (S)
from public client code and recorded answers; that records harvested by OAI-PMH have the same is inferred (I).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lxml import etree

from adapters.contract import Deleted, Held, ItemStatus, Malformed, Record
from adapters.protocols.isbn import find_isbn13
from adapters.protocols.marc import Field, read_marc, records_in
from adapters.vubis.translate import Branches, below, is_named, ppn, raise_reported, whole_text
from adapters.xml import parse_xml


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A copy, from a MARC holdings field: `scope` is where it stands, `due` when it is expected back."""

    barcode: str
    scope: str
    status: ItemStatus
    due: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Where an installation puts its copies in MARC. The defaults are those of public V-smart records (S)."""

    field: str = "852"
    branch: str = "ab"  # subfields, joined by a stroke
    barcode: str = "qp"  # the first that is there
    status: str = "y"
    due: str = "x"
    hidden: str = "u"  # "0": not shown to the public


CODES: Mapping[str, ItemStatus] = {
    "0": ItemStatus.AVAILABLE,
    "4": ItemStatus.ON_LOAN,
    "8": ItemStatus.HELD,
    "10": ItemStatus.IN_TRANSIT,
    "11": ItemStatus.MISSING,
    "12": ItemStatus.MISSING,
    "13": ItemStatus.MISSING,
    "22": ItemStatus.IN_PROCESS,
    "23": ItemStatus.REFERENCE,
    "26": ItemStatus.IN_PROCESS,
    "27": ItemStatus.REQUESTABLE,
    "28": ItemStatus.MISSING,
    "29": ItemStatus.REFERENCE,
    "30": ItemStatus.ON_ORDER,
    "31": ItemStatus.IN_PROCESS,
}
"""Status codes of copies (S, from one installation; those from 21 on may differ elsewhere)."""

_STANDS_BEFORE: Sequence[ItemStatus] = (
    ItemStatus.REFERENCE,
    ItemStatus.MISSING,
    ItemStatus.HELD,
    ItemStatus.ON_LOAN,
    ItemStatus.IN_TRANSIT,
    ItemStatus.ON_ORDER,
    ItemStatus.IN_PROCESS,
    ItemStatus.UNKNOWN,
    ItemStatus.REQUESTABLE,
    ItemStatus.AVAILABLE,
)
"""Of a copy that stands in several ways at once (S: on loan and reserved), what hinders most."""

NEVER_LENT = frozenset({ItemStatus.REFERENCE, ItemStatus.MISSING, ItemStatus.ON_ORDER})


def items_of(fields: Iterable[Field], dialect: Dialect) -> list[Item]:
    """Return the copies in the holdings fields of a record; what is hidden or has no barcode is left out."""
    return [item for field in fields if field.tag == dialect.field and (item := _item(field, dialect))]


def _item(field: Field, dialect: Dialect) -> Item | None:
    barcode = _first(field, dialect.barcode)
    if not barcode or (dialect.hidden and _first(field, dialect.hidden) == "0"):
        return None
    codes = field.every(dialect.status) if dialect.status else []
    standing = {CODES.get(code, ItemStatus.UNKNOWN) for code in codes} or {ItemStatus.UNKNOWN}
    return Item(
        barcode=barcode,
        scope="/".join(part for code in dialect.branch if (part := field.first(code))),
        status=next(status for status in _STANDS_BEFORE if status in standing),
        due=_day(_first(field, dialect.due)),
    )


def held(fields: Iterable[Field], dialect: Dialect, branches: Branches) -> tuple[Held, ...]:
    """Return how many copies each branch has. `available` is told where the status of each of them is known."""
    counts: dict[str, list[ItemStatus]] = {}
    for item in items_of(fields, dialect):
        if item.scope and item.status not in (ItemStatus.MISSING, ItemStatus.ON_ORDER):
            counts.setdefault(item.scope, []).append(item.status)
    return tuple(
        Held(
            branch=scope,
            location=branches.location(scope),
            copies=len(standing),
            available=None if ItemStatus.UNKNOWN in standing else standing.count(ItemStatus.AVAILABLE),
            loanable=any(status not in NEVER_LENT for status in standing),
        )
        for scope, standing in counts.items()
    )


def best_first(items: Iterable[Item]) -> list[str]:
    """Return the barcodes of copies that may be lent, those on the shelf first."""
    lent = [item for item in items if item.status not in NEVER_LENT]
    return [item.barcode for item in sorted(lent, key=lambda item: -_STANDS_BEFORE.index(item.status))]


def read_items(body: bytes, dialect: Dialect) -> list[Item]:
    """Return the copies in what the V-smart HTTP API answers for one record; none where it has no such record.

    Its MARC stands in `recordData` without a `record` around it, and may be UNIMARC: only the holdings are read (S).
    Raises Refused for an error that it reports, or Malformed.
    """
    root = parse_xml(body)
    etree.strip_tags(root, etree.Comment)
    raise_reported(root)
    if not is_named(root, "searchRetrieveResponse"):
        raise Malformed("v-smart: the answer is no search result")
    data = next(below(root, "recordData"), None)
    return [] if data is None else items_of(_fields(data), dialect)


def _fields(data: etree._Element) -> Iterator[Field]:
    for field in below(data, "datafield"):
        parts = [(part.get("code", ""), whole_text(part)) for part in field if is_named(part, "subfield")]
        yield Field(field.get("tag", ""), tuple(parts))


# --- harvested records ---------------------------------------------------------------------------


def number_in(identifier: str, database: str) -> str | None:
    """Return the number ("2.3066") in an OAI identifier that ends in database and record, or in the record alone.

    `database` is what is asked of Iguana ("2_LIE"), whose digits are the database then. Inferred: no public source
    shows an identifier.
    """
    found = re.search(r"(?:(?<![0-9])([0-9]{1,4})[/:.])?([0-9]{1,12})$", identifier)
    if found is None:
        return None
    prefix = found[1] or "".join(re.findall(r"^[0-9]+", database))
    return f"{prefix}.{found[2]}" if prefix else None


def read_marc_record(
    metadata: etree._Element, number: str, *, dialect: Dialect, branches: Branches, ppn_rule: str
) -> Record | Deleted:
    """Return a record that came as MARC21 or MarcXchange. Raises Malformed."""
    element = next(records_in(metadata), None)
    if element is None:
        raise Malformed("no MARC record")
    marc = read_marc(element, ppn=ppn_rule, holdings_tags={dialect.field})
    if marc.deleted:
        return Deleted(number)
    return Record(
        number=number,
        isbns=marc.isbns,
        ppn=marc.ppn,
        title=marc.title,
        author=marc.author,
        material=marc.material,
        volume=marc.volume,
        holdings=held(marc.holdings, dialect, branches),
    )


def harvested_items(metadata: etree._Element, dialect: Dialect) -> list[Item]:
    """Return the copies in one record that came by OAI-PMH. Raises Malformed."""
    element = next(records_in(metadata), None)
    if element is None:
        raise Malformed("no MARC record")
    return items_of(_fields(element), dialect)


def read_dc_record(metadata: etree._Element, number: str) -> Record:
    """Return a record that came as Dublin Core, which has no holdings. A PPN is known by its prefix `PPN` (I)."""
    said = [(etree.QName(child).localname, whole_text(child)) for child in metadata.iterchildren(tag=etree.Element)]
    named = [text for name, text in said if name == "identifier"]
    isbns = dict.fromkeys(isbn for text in named if (isbn := find_isbn13(text)) is not None)
    ppns = (ppn(text) for text in named if "ppn" in text[:20].casefold())
    return Record(
        number=number,
        isbns=tuple(isbns),
        ppn=next((found for found in ppns if found), None),
        title=next((text for name, text in said if name == "title"), ""),
        author=next((text for name, text in said if name == "creator"), ""),
        material=next((text for name, text in said if name == "type"), ""),
    )


# --- reading -------------------------------------------------------------------------------------


def _first(field: Field, codes: str) -> str:
    """Return the first value under any of these codes, in the order of the codes."""
    return next((value for code in codes if (value := field.first(code))), "")


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date() if len(text) == 8 else None  # noqa: DTZ007 - a day, no moment
    except ValueError:
        return None
