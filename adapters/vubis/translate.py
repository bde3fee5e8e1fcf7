"""What Iguana says, in our words. Pure: documents in, values out.

Sourced (S) from public client code for Iguana, inferred (I) where it says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from lxml import etree

from adapters.contract import ItemStatus, Malformed, Refused, Snapshot
from adapters.protocols.isbn import find_isbn13
from adapters.xml import parse_xml

MOST_RECORDS_A_PAGE = 50
MOST_LINES = 1_000  # of one record's holdings summary
MOST_COPIES = 99_999
"""More than this at one branch is a mistake, not a count."""


class SessionOver(Exception):  # noqa: N818 - says what happened
    """Iguana answered with a page for people instead of a result: the session is no more."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """One line of a holdings summary. `available` is None where it does not say how many are on the shelf.

    `scope` is institution and location ("LIE/ZEV"), where the line has it.
    """

    shelfmark: str
    wording: str = ""
    scope: str = ""
    summary: str = ""
    available: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One record of a result: its number ("1.130922"), what its labels show, and where copies stand."""

    number: str
    labels: Mapping[str, tuple[str, ...]]
    shelves: tuple[Shelf, ...] = ()

    def shown(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Return what is shown under any of these labels, whatever their case."""
        return tuple(value for label in labels for value in self.labels.get(label.casefold(), ()) if value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Under which labels a record shows its ISBNs and its PPN (I: templates are an installation's own)."""

    isbn: tuple[str, ...]
    ppn: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A page of a result. `whole_size` is how many there are on all pages; a `fuzzy` one is of something else."""

    documents: tuple[Document, ...]
    whole_size: int
    fuzzy: bool = False


# --- Iguana --------------------------------------------------------------------------------------


def read_result(body: bytes) -> Result:
    """Return a page of a result. Raises SessionOver, Refused for an error that V-smart reports, or Malformed.

    Elements are known by their local names: older installations put them in the namespace of SRW (S).
    """
    if body.lstrip()[:9].lower() == b"<!doctype" or body.lstrip()[:5].lower() == b"<html":
        raise SessionOver
    root = parse_xml(body)
    etree.strip_tags(root, etree.Comment)
    raise_reported(root)
    if etree.QName(root).localname != "searchRetrieveResponse":
        raise Malformed("iguana: the answer is no search result")
    records = islice(below(root, "BibDocument"), MOST_RECORDS_A_PAGE)
    documents = tuple(document for element in records if (document := _document(element)) is not None)
    said = _text(root, "numberOfRecords")
    whole_size = int(said) if said.isascii() and said.isdigit() and len(said) < 10 else len(documents)
    # Public clients take the mere presence of the element for a guess (S).
    return Result(documents=documents, whole_size=whole_size, fuzzy=_child(root, "bestMatch") is not None)


def _document(element: etree._Element) -> Document | None:
    number = _text(element, "Id")
    if not is_number(number):
        return None
    labels: dict[str, tuple[str, ...]] = {}
    for label in below(element, "Label"):
        data = label.getnext()
        if data is not None and is_named(data, "Data"):
            name = whole_text(label).casefold()
            labels[name] = (*labels.get(name, ()), whole_text(data))
    lines = (line for summary in below(element, "HoldingsSummary") for line in below(summary, "ShelfmarkData"))
    shelves = tuple(_shelf(line) for line in islice(lines, MOST_LINES))
    return Document(number=number, labels=labels, shelves=shelves)


def _shelf(line: etree._Element) -> Shelf:
    said = {etree.QName(part).localname: whole_text(part) for part in line.iterchildren(tag=etree.Element)}
    return Shelf(
        shelfmark=said.get("Shelfmark", ""),
        wording=said.get("LocationWording", ""),
        scope=said.get("Scope", ""),
        summary=said.get("StatusSummary", ""),
        available=_count(said.get("Available", "")),
    )


def raise_reported(root: etree._Element) -> None:
    """Raise Refused for `VubisSmart/Header/ErrorCode` other than 0 (S: the shape; I: which codes mean what)."""
    if not is_named(root, "VubisSmart"):
        return
    code = next((whole_text(element) for element in below(root, "ErrorCode")), "")
    if code not in ("", "0"):
        raise Refused("PolicyProblem", f"V-smart reports error {code[:4]}" if code.isascii() else "")


# --- where copies stand --------------------------------------------------------------------------


class Branches:
    """Leads from what Vubis calls a branch, by name or by code, to our location."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = {_folded(name): location for name, location in known.items()}

    def location(self, *names: str) -> str | None:
        """Return the location of the first name that is known."""
        for name in names:
            if name and (location := self._known.get(_folded(name))) is not None:
                return location
        return None

    def place(self, shelf: Shelf) -> tuple[str, str | None]:
        """Return what the system calls the branch of a shelf, and our location.

        A shelfmark is "Branch : call number" (S), but either may hold a colon: the longest beginning that is a known
        branch wins, and where none is, the branch ends at the first " : ". Without any, all of it is the branch.
        """
        named = shelf.wording or _longest_known(shelf.shelfmark, self._known) or shelf.shelfmark.split(" : ", 1)[0]
        named = named.strip()
        return named or shelf.scope, self.location(shelf.scope, named)


def _longest_known(shelfmark: str, known: Mapping[str, str]) -> str | None:
    parts = shelfmark.split(" : ")
    for length in range(min(len(parts), 8), 0, -1):
        beginning = " : ".join(parts[:length])
        if _folded(beginning) in known:
            return beginning
    return None


SUMMARIES: Sequence[tuple[str, ItemStatus]] = (
    ("uitgeleend", ItemStatus.ON_LOAN),
    ("on loan", ItemStatus.ON_LOAN),
    ("gereserveerd", ItemStatus.HELD),
    ("reserved", ItemStatus.HELD),
    ("onderweg", ItemStatus.IN_TRANSIT),
    ("transit", ItemStatus.IN_TRANSIT),
    ("besteld", ItemStatus.ON_ORDER),
    ("bestelling", ItemStatus.ON_ORDER),
    ("on order", ItemStatus.ON_ORDER),
    ("in bewerking", ItemStatus.IN_PROCESS),
    ("in process", ItemStatus.IN_PROCESS),
    ("niet uitleenbaar", ItemStatus.REFERENCE),
    ("not for loan", ItemStatus.REFERENCE),
    ("vermist", ItemStatus.MISSING),
    ("missing", ItemStatus.MISSING),
)
"""What a status summary says of copies (S: that there is one; I: these words, which an installation may choose)."""


def snapshots(document: Document, branches: Branches, *, observed_at: datetime) -> list[Snapshot]:
    """Return how the copies of a record stand: one snapshot for each branch and status.

    Iguana counts what is on the shelf and nothing else (S), so only those have a count. A line with none on the
    shelf says why in its summary; one that does not is taken to be on loan (I). Without a number it is unknown.
    """
    counts: dict[tuple[str, str | None, ItemStatus], int | None] = {}
    for shelf in document.shelves:
        branch, location = branches.place(shelf)
        if not branch:
            continue
        status = _standing(shelf)
        key = (branch, location, status)
        count = shelf.available if status in (ItemStatus.AVAILABLE, ItemStatus.REFERENCE) else None
        before = counts.get(key)
        counts[key] = count if before is None else before + (count or 0)
    return [
        Snapshot(
            reference=document.number,
            branch=branch,
            location=location,
            status=status,
            count=count or None,
            lendable=False if status is ItemStatus.REFERENCE else None,
            observed_at=observed_at,
        )
        for (branch, location, status), count in counts.items()
    ]


def _standing(shelf: Shelf) -> ItemStatus:
    said = _folded(shelf.summary)
    summary = next((status for words, status in SUMMARIES if words in said), None)
    if shelf.available:
        # Copies on the shelf that never leave the house are counted as available too (I).
        return ItemStatus.REFERENCE if summary is ItemStatus.REFERENCE else ItemStatus.AVAILABLE
    if shelf.available is None:
        return summary or ItemStatus.UNKNOWN
    return summary or ItemStatus.ON_LOAN


# --- numbers -------------------------------------------------------------------------------------


def is_number(text: str) -> bool:
    """Say whether this may be the number of a record: database and record, "1.130922" (S)."""
    return re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,12}", text) is not None


def ppn(text: str) -> str:
    """Return a PPN without what is written around it, so that two of them can be compared."""
    return re.sub(r"(?i)^\s*\(?[a-z-]{0,20}ppn\)?[:\s]*|\s", "", text[:60]).upper()


def shows(document: Document, *, isbn: str | None, wanted_ppn: str | None, labels: Labels) -> bool | None:
    """Say whether a record is what was asked for by its own numbers; None: it shows no number of that kind."""
    answers: list[bool] = []
    if isbn is not None and (shown := document.shown(labels.isbn)):
        answers.append(any(find_isbn13(part) == isbn for value in shown for part in re.split(r"[;,|]", value)))
    if wanted_ppn is not None and (shown := document.shown(labels.ppn)):
        answers.append(any(ppn(value) == ppn(wanted_ppn) for value in shown))
    return any(answers) if answers else None


# --- reading -------------------------------------------------------------------------------------


def is_named(element: etree._Element, name: str) -> bool:
    """Say whether an element has this local name; comments have none."""
    return isinstance(element.tag, str) and etree.QName(element).localname == name


def below(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """Go through all elements of this local name below one."""
    return element.iterdescendants(f"{{*}}{name}")


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return element.find(f"{{*}}{name}")


def _text(element: etree._Element, name: str) -> str:
    child = _child(element, name)
    return "" if child is None else whole_text(child)


def whole_text(element: etree._Element) -> str:
    """Return all text below an element, without the marks that Iguana puts around the words searched for (S)."""
    text = "".join(str(part) for part in element.itertext("*")) if len(element) else element.text or ""
    return " ".join((re.sub(r"</?q>", "", text) if "<" in text else text).split())


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _count(text: str) -> int | None:
    if text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= MOST_COPIES:
        return int(text)
    return None
