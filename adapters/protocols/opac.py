"""OPAC records in XML: a MARC record and how its copies stand, as Z39.50 and SRU servers send them.

Source: `opacxml.xsd` of YAZ, which writes out the OPAC record syntax of Z39.50 (ISO 23950, appendix REC.5). Values
are free text but for the three flags, which are `0` or `1`, and by some servers `true` or `false`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from adapters.contract import Malformed
from adapters.protocols.marc import records_in

MOST_HOLDINGS = 2_000
LONGEST_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Circulation:
    """One copy. What the server does not say is None or empty; `available_on` is as it is written there."""

    available_now: bool | None = None
    available_on: str = ""
    item: str = ""
    on_hold: bool | None = None
    restrictions: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Copies at one place. `nuc_code` mostly names the library, `local_location` the branch."""

    nuc_code: str = ""
    local_location: str = ""
    shelving_location: str = ""
    call_number: str = ""
    copy_number: str = ""
    circulations: tuple[Circulation, ...] = ()


def read_opac(record: etree._Element) -> tuple[etree._Element, tuple[Holding, ...]]:
    """Return the MARC record within an `opacRecord`, and the holdings. Raises Malformed."""
    if _name(record) != "opacRecord":
        raise Malformed("not an OPAC record")
    bibliographic = next((child for child in record if _name(child) == "bibliographicRecord"), None)
    marc = None if bibliographic is None else next(records_in(bibliographic), None)
    if marc is None:
        raise Malformed("an OPAC record without a MARC record")
    found = [
        holding
        for holdings in record
        if _name(holdings) == "holdings"
        for holding in islice(_named(holdings, "holding"), MOST_HOLDINGS + 1)
    ]
    if len(found) > MOST_HOLDINGS:
        raise Malformed(f"an OPAC record of more than {MOST_HOLDINGS} holdings")
    return marc, tuple(map(_holding, found))


def _holding(element: etree._Element) -> Holding:
    circulations = [
        _circulation(circulation)
        for group in _named(element, "circulations")
        for circulation in islice(_named(group, "circulation"), MOST_HOLDINGS)
    ]
    return Holding(
        nuc_code=_text(element, "nucCode"),
        local_location=_text(element, "localLocation"),
        shelving_location=_text(element, "shelvingLocation"),
        call_number=_text(element, "callNumber"),
        copy_number=_text(element, "copyNumber"),
        circulations=tuple(circulations),
    )


def _circulation(element: etree._Element) -> Circulation:
    return Circulation(
        available_now=_flag(element, "availableNow"),
        available_on=_text(element, "availabilityDate"),
        item=_text(element, "itemId"),
        on_hold=_flag(element, "onHold"),
        restrictions=_text(element, "restrictions"),
    )


def _flag(element: etree._Element, name: str) -> bool | None:
    child = next(_named(element, name), None)
    said = "" if child is None else (child.get("value") or child.text or "").strip().lower()
    return True if said in ("1", "true") else False if said in ("0", "false") else None


def _text(element: etree._Element, name: str) -> str:
    child = next(_named(element, name), None)
    return "" if child is None else " ".join((child.text or "")[:LONGEST_CHARS].split())


def _named(element: etree._Element, name: str) -> Iterator[etree._Element]:
    return (child for child in element if _name(child) == name)


def _name(element: etree._Element) -> str:
    tag = element.tag
    return tag[tag.rfind("}") + 1 :] if isinstance(tag, str) else ""
