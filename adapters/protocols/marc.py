"""MARC 21 records in XML (MARCXML, MarcXchange): the few things of them that lending asks for.

Records come from outside and are read as they are: in any namespace or none, fields in any order, repeated, empty or
without indicators. What one record lacks is empty in its value; only what is no record at all is Malformed.
Source of tags and subfields: MARC 21 Format for Bibliographic Data, and for Holdings (852, 876), Library of Congress.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from lxml import etree

from adapters.contract import Malformed
from adapters.protocols.isbn import find_isbn13

HOLDINGS_TAGS = frozenset({"852", "949"})  # 949 is local by definition, and where many systems put their items
MOST_FIELDS = 5_000
LONGEST_CHARS = 1_000  # of one value; the rest is cut off

PPN_RULE = r"(001|035(\(.{1,40}\))?)?"
"""How an option says where PPNs stand: nowhere, in 001, or in 035$a, there after a prefix: `035(OCoLC)`."""

_PPN = re.compile(r"[0-9A-Za-z]{1,32}").fullmatch
_UNSORTED = dict.fromkeys((0x88, 0x89, 0x98, 0x9C))  # control characters around words that are not sorted by
_PUNCTUATION = " /:;,=."  # with which ISBD separates what MARC keeps apart anyway


@dataclass(frozen=True, slots=True)
class Field:
    """One data field; subfields as (code, value) in their order."""

    tag: str
    subfields: tuple[tuple[str, str], ...]

    def first(self, code: str) -> str:
        """Return the first value under a code, or an empty string."""
        return next((value for name, value in self.subfields if name == code), "")

    def every(self, codes: str) -> list[str]:
        """Return the values under any of these codes, in the order of the record."""
        return [value for name, value in self.subfields if name in codes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marc:
    """What a record says. `number` is 001; `isbns` are of 13 digits, checked, without those marked wrong ($z).

    `volume` is 245 $n and $p, `changed_at` 005 (in UTC, which MARC leaves open), `holdings` the fields asked for.
    """

    number: str
    isbns: tuple[str, ...] = ()
    ppn: str | None = None
    title: str = ""
    author: str = ""
    volume: str | None = None
    material: str = ""
    deleted: bool = False
    changed_at: datetime | None = None
    holdings: tuple[Field, ...] = ()


def records_in(document: etree._Element) -> Iterator[etree._Element]:
    """Go through the records in a document: itself, or those in a collection or any wrapping."""
    for element in document.iter():
        if _name(element) == "record" and any(_name(child) == "leader" or _is_field(child) for child in element):
            yield element


def read_marc(record: etree._Element, *, ppn: str = "", holdings_tags: Collection[str] = HOLDINGS_TAGS) -> Marc:
    """Read one `record` element, where `ppn` says by PPN_RULE where its PPN stands.

    Raises Malformed for what is no MARC 21 record, or has more than MOST_FIELDS fields.
    """
    if _name(record) != "record":
        raise Malformed("not a MARC record")
    if (record.get("format") or "").strip().lower().startswith("unimarc"):
        raise Malformed("a UNIMARC record, whose tags mean other things")
    leader, controls, fields = _parts(record)
    number = controls.get("001", "")
    return Marc(
        number=number,
        isbns=tuple(_isbns(fields)),
        ppn=_ppn_of(number, fields, ppn),
        title=_title(fields),
        author=_author(fields),
        volume=_volume(fields),
        material=_material(leader, controls.get("007", ""), controls.get("008", "")),
        deleted=leader[5:6] == "d",
        changed_at=_moment(controls.get("005", "")),
        holdings=tuple(field for field in fields if field.tag in holdings_tags),
    )


# --- reading the XML -----------------------------------------------------------------------------


def _parts(record: etree._Element) -> tuple[str, dict[str, str], list[Field]]:
    leader, controls, fields = "", dict[str, str](), list[Field]()
    for place, element in enumerate(record):
        if place >= MOST_FIELDS:
            raise Malformed(f"a MARC record of more than {MOST_FIELDS} fields")
        name, tag = _name(element), (element.get("tag") or "").strip()
        if name == "leader":
            leader = element.text or ""  # blanks count in it
        elif name == "controlfield" or (name == "datafield" and tag < "010" and not len(element)):
            controls.setdefault(tag, _control_text(tag, element))
        elif name == "datafield":
            fields.append(Field(tag, tuple(_subfields(element))))
    return leader, controls, fields


def _subfields(field: etree._Element) -> Iterator[tuple[str, str]]:
    for element in islice(field, MOST_FIELDS):
        if _name(element) == "subfield" and (text := _text(element)):
            yield (element.get("code") or "").strip()[:1], text


def _name(element: etree._Element) -> str:
    """The name without its namespace, which servers leave out or invent; comments have none."""
    tag = element.tag
    return tag[tag.rfind("}") + 1 :] if isinstance(tag, str) else ""


def _is_field(element: etree._Element) -> bool:
    return _name(element) in ("controlfield", "datafield")


def _control_text(tag: str, element: etree._Element) -> str:
    """Places count in 006 to 008; the others are plain words."""
    return (element.text or "")[:LONGEST_CHARS] if tag in ("006", "007", "008") else _text(element)


def _text(element: etree._Element) -> str:
    """All text within, in composed characters, single blanks and without sorting marks."""
    said = "".join(str(part) for part in element.itertext("*")) if len(element) else element.text or ""
    said = unicodedata.normalize("NFC", said[: 4 * LONGEST_CHARS].translate(_UNSORTED))
    return " ".join(said.split())[:LONGEST_CHARS]


# --- understanding the fields --------------------------------------------------------------------


def _isbns(fields: list[Field]) -> Iterator[str]:
    seen = set[str]()
    for field in fields:
        if field.tag != "020":
            continue
        for value in field.every("a"):
            isbn = find_isbn13(value)
            if isbn is not None and isbn not in seen:
                seen.add(isbn)
                yield isbn


def _ppn_of(number: str, fields: list[Field], rule: str) -> str | None:
    if rule == "001":
        return _normal_ppn(number)
    if not rule.startswith("035"):
        return None
    prefix = rule[3:]
    for field in fields:
        for value in field.every("a") if field.tag == "035" else ():
            if value.startswith(prefix) and (found := _normal_ppn(value.removeprefix(prefix))):
                return found
    return None


def _normal_ppn(text: str) -> str | None:
    text = text.strip().upper()
    return text if _PPN(text) else None


def _title(fields: list[Field]) -> str:
    field = _first(fields, "245")
    if field is None:
        return ""
    parts = [trimmed for value in field.every("ab") if (trimmed := _trimmed(value))]
    return " : ".join(parts)[:LONGEST_CHARS]


def _volume(fields: list[Field]) -> str | None:
    """Number and name of the part: `Dl. 2, De terugkeer`."""
    field = _first(fields, "245")
    parts = [] if field is None else [trimmed for value in field.every("np") if (trimmed := _trimmed(value))]
    return ", ".join(parts)[:LONGEST_CHARS] or None


def _author(fields: list[Field]) -> str:
    """The main entry; without one the first added entry, or what the title page says (245 $c)."""
    for tag, codes in (("100", "a"), ("110", "ab"), ("111", "a"), ("700", "a"), ("710", "ab"), ("245", "c")):
        field = _first(fields, tag)
        if field is not None and (said := " ".join(field.every(codes)).strip(_PUNCTUATION.replace(".", ""))):
            return said[:LONGEST_CHARS]
    return ""


def _first(fields: list[Field], tag: str) -> Field | None:
    return next((field for field in fields if field.tag == tag), None)


def _trimmed(value: str) -> str:
    """Without the ISBD signs at the end; a full stop stays where it may end an abbreviation (`Dl.`)."""
    return value.rstrip(_PUNCTUATION.replace(".", "")).lstrip(_PUNCTUATION)


_BY_TYPE = {
    "c": "sheet music",
    "d": "sheet music",
    "e": "map",
    "f": "map",
    "g": "video",
    "i": "audiobook",
    "j": "music",
    "k": "picture",
    "m": "software",
    "o": "kit",
    "r": "object",
    "t": "manuscript",
}


def _material(leader: str, physical: str, general: str) -> str:
    """A word for what it is, by leader/06 and 07, 007/00-01 and 008/23; empty where the leader does not say."""
    kind, level = leader[6:7], leader[7:8]
    if kind in ("a", "t") and level in ("b", "i", "s"):
        return "periodical"
    if kind == "a":
        return {"d": "large print", "f": "braille", "o": "ebook", "s": "ebook"}.get(general[23:24], "book")
    if kind == "g" and physical[:2] == "vd":
        return "dvd"
    return _BY_TYPE.get(kind, "")


def _moment(text: str) -> datetime | None:
    """005 is `yyyymmddhhmmss.f`; the zone is not said, and most systems write UTC."""
    try:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
