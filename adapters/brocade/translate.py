"""The words of Brocade in ours: catxml records and catalogue files, and the chain of their LOIs.

A catalogue record (c-loi) has holdings (p-lois: *plaatskenmerken*), each of one library, and a holding has objects
(o-lois), which have a barcode. A holding may have no object at all.

Sourced are the LOIs and the two-letter names of fields (the catalogue interface of Brocade, publicly documented), and
that catxml exists; how catxml nests them is not. So it is read by its LOIs: whatever element bears a p-loi is a
holding, and one below it that bears an o-loi an object; a field may be an attribute or an element, in any namespace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lxml import etree

from adapters.contract import Deleted, Held, ItemStatus, Malformed, Record
from adapters.protocols.isbn import find_isbn13

MOST_ELEMENTS = 50_000  # of one record
MOST_OBJECTS = 2_000
LONGEST_CHARS = 1_000  # of one value; the rest is cut off

LIBRARY = ("lib", "library", "is", "instelling")  # sourced: is; the others are what people call it
COLLECTION = ("collection", "collectie", "ty")
SHELFMARK = ("shelfmark", "plaatskenmerk", "pk")
SUMMARY = ("holdings", "bezit", "bz")
BARCODE = ("barcode", "bc")
OBJECT_CLASS = ("class", "objectklasse", "up")

_LOI = re.compile(r"(?<![a-z0-9])([cpo]):([a-z][a-z0-9]{0,31}):([0-9]{1,18})(?![0-9])")
_AUTHORITY = re.compile(r"a::?[a-z0-9.:]+")  # an authority code where a name would be
_PPN = re.compile(r"[0-9A-Z]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatObject:
    """An item (o-loi). `lendable` is None where the record does not say."""

    loi: str
    barcode: str | None = None
    object_class: str = ""
    lendable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatHolding:
    """What one library has of a record under one shelfmark (p-loi). `summary` says which parts, in words."""

    loi: str
    library: str
    collection: str = ""
    shelfmark: str = ""
    summary: str = ""
    lendable: bool | None = None
    objects: tuple[CatObject, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CatRecord:
    """A catalogue record (c-loi) with all its holdings."""

    loi: str
    deleted: bool = False
    isbns: tuple[str, ...] = ()
    ppn: str | None = None
    title: str = ""
    author: str = ""
    material: str = ""
    volume: str | None = None
    holdings: tuple[CatHolding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What differs by installation. A branch is a library, or `library/collection` where the map has that.

    Objects of the classes in `reference_classes` are never lent. `ppn_type` is the type of number that is a PPN.
    """

    branches: Mapping[str, str] = field(default_factory=dict)
    reference_classes: frozenset[str] = frozenset()
    ppn_type: str = "ppn"


def loi_in(text: str, kind: str) -> str | None:
    """Return the first LOI of a kind (c, p or o) in a text, such as the identifier of an OAI record."""
    return next((found.group() for found in _LOI.finditer(text) if found.group(1) == kind), None)


# --- catxml --------------------------------------------------------------------------------------


def read_catxml(root: etree._Element, identifier: str, dialect: Dialect) -> CatRecord:
    """Read the metadata of the OAI record `identifier`.

    Raises Malformed for one that has no c-loi, more than MOST_ELEMENTS elements or MOST_OBJECTS objects, or a holding
    of no library.
    """
    loi = loi_in(identifier, "c") or next((found for element in _near(root) if (found := _loi(element, "c"))), None)
    if loi is None:
        raise Malformed("a record without a c-loi")
    elements = list(_bounded(root))
    if any(element.get("st") == "d" for element in _near(root) if element is root or _of_record(element, loi)):
        return CatRecord(loi=loi, deleted=True)
    holdings: dict[str, CatHolding] = {}
    described: list[etree._Element] = []
    within: set[etree._Element] = set()
    for element in elements:
        if element.getparent() in within:
            within.add(element)
        elif (ploi := _loi(element, "p")) is not None:
            within.add(element)
            holdings.setdefault(ploi, _holding(element, ploi))
        else:
            described.append(element)
    if sum(len(holding.objects) for holding in holdings.values()) > MOST_OBJECTS:
        raise Malformed(f"a record with more than {MOST_OBJECTS} objects")
    return _described(CatRecord(loi=loi, holdings=tuple(holdings.values())), described, dialect)


def _near(root: etree._Element) -> list[etree._Element]:
    """The elements that may speak of the record as a whole: the root, and what is one or two steps below it."""
    below = list(root.iterchildren(tag=etree.Element))
    return [root, *below, *(element for child in below for element in child.iterchildren(tag=etree.Element))]


def _of_record(element: etree._Element, loi: str) -> bool:
    """Whether an element speaks of the record itself, and not of some holding or title of it."""
    return _loi(element, "c") == loi or _name(element) in ("ss", "status")


def _bounded(root: etree._Element) -> Iterator[etree._Element]:
    for place, element in enumerate(root.iter(etree.Element)):
        if place >= MOST_ELEMENTS:
            raise Malformed(f"a record of more than {MOST_ELEMENTS} elements")
        yield element


def _loi(element: etree._Element, kind: str) -> str | None:
    """The LOI that is the whole of an attribute."""
    for value in element.attrib.values():
        text = str(value).strip()
        if text.startswith(kind) and _LOI.fullmatch(text):
            return text
    return None


def _holding(element: etree._Element, ploi: str) -> CatHolding:
    library = next((said for above in _upwards(element) if (said := _word(above, *LIBRARY))), "")
    if not library:
        raise Malformed("a holding of no library")
    objects: dict[str, CatObject] = {}
    for below in element.iter(etree.Element):
        if (oloi := _loi(below, "o")) is not None:
            objects.setdefault(oloi, _object(below, oloi))
    return CatHolding(
        loi=ploi,
        library=library,
        collection=_word(element, *COLLECTION),
        shelfmark=_word(element, *SHELFMARK),
        summary=_word(element, *SUMMARY),
        lendable=lendable_in_general(
            interlending=_word(element, "ic"), lending=_word(element, "uc"), here=_word(element, "rc")
        ),
        objects=tuple(objects.values()),
    )


def _object(element: etree._Element, oloi: str) -> CatObject:
    barcode = _word(element, *BARCODE)
    if not barcode:
        indexed = (child for child in element.iterchildren(tag=etree.Element) if child.get("ty") == "bc")
        barcode = next((said for child in indexed if (said := _text(child))), "")
    return CatObject(loi=oloi, barcode=barcode or None, object_class=_word(element, *OBJECT_CLASS))


def lendable_in_general(*, interlending: str, lending: str, here: str) -> bool | None:
    """Return what a holding says in general: `ic` (interlending) 0 or 1, else no by `uc` (lending) 0 or `rc` 1."""
    if interlending in ("0", "1"):
        return interlending == "1"
    return False if lending == "0" or here == "1" else None


def _described(record: CatRecord, elements: Iterable[etree._Element], dialect: Dialect) -> CatRecord:
    """Fill in title, author, numbers and the like: the first of each that is not suppressed."""
    found: dict[str, list[etree._Element]] = {}
    for element in elements:
        parent = element.getparent()
        nested = parent is not None and _name(parent) == _name(element)
        if not nested and "r" not in _word(element, "pr"):  # r: suppressed
            found.setdefault(_name(element), []).append(element)
    numbers = [(_word(one, "ty").lower(), _value(one)) for one in found.get("nr", []) if _word(one, "ch") != "0"]
    isbns = (isbn for kind, number in numbers if kind == "isbn" and (isbn := find_isbn13(number)))
    ppns = (ppn for kind, number in numbers if kind == dialect.ppn_type and (ppn := ppn_in(number)))
    return replace(
        record,
        isbns=tuple(dict.fromkeys(isbns)),
        ppn=next(ppns, None),
        title=_first(found.get("ti", []), lambda one: " : ".join(filter(None, (_value(one), _word(one, "ex"))))),
        author=_first(found.get("au", []), _person) or _first(found.get("ca", []), lambda one: _word(one, "nm")),
        material=_first(found.get("dr", []), _value),
        volume=_first(found.get("co", []), lambda one: _word(one, "vo")) or None,
    )


def _first(elements: Iterable[etree._Element], read: Callable[[etree._Element], str]) -> str:
    return next((said for one in elements if (said := read(one)) and not _AUTHORITY.fullmatch(said)), "")


def _person(element: etree._Element) -> str:
    return ", ".join(filter(None, (_word(element, "fn"), _word(element, "vn"))))


def _value(element: etree._Element) -> str:
    """What an element says itself: in an attribute or element of its own name, or else as its text."""
    return _word(element, _name(element)) or _text(element)


def _word(element: etree._Element, *names: str) -> str:
    """The value of the first of some fields, each an attribute or an element one step below."""
    for name in names:
        said = trimmed(str(element.get(name, "")))
        if said:
            return said
        for child in element.iterchildren(tag=etree.Element):
            if _name(child) == name and (said := _text(child)):
                return said
    return ""


def _upwards(element: etree._Element) -> Iterator[etree._Element]:
    yield element
    yield from element.iterancestors()


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(element: etree._Element) -> str:
    return trimmed(element.text or "")


def ppn_in(text: str) -> str | None:
    """Return a PPN as we write it, or None for what is none."""
    number = text.strip().upper()
    return number if _PPN.fullmatch(number) else None


def trimmed(text: str) -> str:
    """Return a value with single blanks, and no longer than LONGEST_CHARS."""
    return " ".join(text[: 4 * LONGEST_CHARS].split())[:LONGEST_CHARS]


# --- from records to holdings --------------------------------------------------------------------


def branch_of(holding: CatHolding, dialect: Dialect) -> str:
    """Return by what name the branch map knows where a holding stands."""
    narrow = f"{holding.library}/{holding.collection}"
    return narrow if narrow in dialect.branches else holding.library


def lendable_of(holding: CatHolding, item: CatObject, dialect: Dialect) -> bool | None:
    """Return whether an object is lent to other libraries; None where nothing says so."""
    if item.object_class in dialect.reference_classes:
        return False
    return holding.lendable if item.lendable is None else item.lendable


def change_of(record: CatRecord, dialect: Dialect) -> Record | Deleted:
    """Return a record as a change for the holdings of Leenpad."""
    if record.deleted:
        return Deleted(record.loi)
    return Record(
        number=record.loi,
        isbns=record.isbns,
        ppn=record.ppn,
        title=record.title,
        author=record.author,
        material=record.material,
        volume=record.volume,
        holdings=held_of(record, dialect),
    )


def held_of(record: CatRecord, dialect: Dialect) -> tuple[Held, ...]:
    """Return the holdings by branch. A holding without objects counts as one copy, as it has at least that.

    Where a branch has copies that are lent and others that are not, only the first are counted.
    """
    counted: dict[str, list[int]] = {}  # by branch: copies that are lent, and that are not
    for holding in record.holdings:
        count = counted.setdefault(branch_of(holding, dialect), [0, 0])
        if not holding.objects:
            count[holding.lendable is False] += 1
        for item in holding.objects:
            count[lendable_of(holding, item, dialect) is False] += 1
    return tuple(
        Held(branch=branch, location=dialect.branches.get(branch), copies=lent or kept, loanable=lent > 0)
        for branch, (lent, kept) in counted.items()
    )


def items_at(record: CatRecord, location: str, dialect: Dialect) -> list[str]:
    """Return the barcodes of what is lent from one of our locations, those first that are said to be."""
    sure: list[str] = []
    others: list[str] = []
    for holding in record.holdings:
        if dialect.branches.get(branch_of(holding, dialect)) != location:
            continue
        for item in holding.objects:
            lendable = lendable_of(holding, item, dialect)
            if item.barcode and lendable is not False:
                (sure if lendable else others).append(item.barcode)
    return list(dict.fromkeys([*sure, *others]))


def objects_at(record: CatRecord, location: str, dialect: Dialect) -> list[CatObject]:
    """Return all objects of a record at one of our locations, lent or not."""
    return [
        item
        for holding in record.holdings
        if dialect.branches.get(branch_of(holding, dialect)) == location
        for item in holding.objects
    ]


def is_lent_at(record: CatRecord, location: str, dialect: Dialect) -> bool:
    """Return whether a record has anything at one of our locations that is not said to stay there."""
    return any(held.loanable for held in held_of(record, dialect) if held.location == location)


def stands_at(record: CatRecord, location: str, dialect: Dialect) -> bool:
    """Return whether there is any holding of a record at one of our locations."""
    return any(dialect.branches.get(branch_of(holding, dialect)) == location for holding in record.holdings)


def status_of(told: ItemStatus, *, lendable: bool | None) -> ItemStatus:
    """Return how a copy stands: one that is on its shelf but never lent is there for reference."""
    return ItemStatus.REFERENCE if told is ItemStatus.AVAILABLE and lendable is False else told


def has(record: CatRecord, *, isbn: str | None, ppn: str | None, accepted: Collection[str] = ()) -> bool:
    """Return whether a record bears exactly this ISBN or PPN, or is one of `accepted` c-lois."""
    return (
        record.loi in accepted
        or (isbn is not None and isbn in record.isbns)
        or (ppn is not None and ppn == record.ppn)
    )
