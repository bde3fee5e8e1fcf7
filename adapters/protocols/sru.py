"""SRU 1.1, 1.2 and 2.0: one client, which takes what servers really answer.

Sources: SRU 1.1 and 1.2 (Library of Congress), searchRetrieve 2.0 (OASIS, 2013), the list of diagnostics
info:srw/diagnostic/1; of the quirks: YAZ 5.34 and Zebra 2.2, as observed. Names are read without their namespaces,
which differ by version and now and then by server.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

from lxml import etree

from adapters.contract import (
    AuthExpired,
    CursorLost,
    Malformed,
    NotFound,
    NotOffered,
    Refused,
    SystemFault,
    Unavailable,
)
from adapters.http import Http, Reply
from adapters.installation import Limits
from adapters.xml import parse_xml

MARCXML = "marcxml"
OPAC = "opac"
OUT_OF_RANGE = 61  # "First record position out of range"

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_DIAGNOSTIC = re.compile(r"(?:info:srw/diagnostic/1/)?([0-9]{1,4})", re.ASCII).fullmatch


class Version(StrEnum):
    """Which SRU is asked for. A server may answer in a lower one."""

    V1_1 = "1.1"
    V1_2 = "1.2"
    V2_0 = "2.0"


@dataclass(frozen=True, slots=True)
class SruRecord:
    """A record as it came. `data` is its root element; None where the server sent a diagnostic in its stead."""

    position: int
    data: etree._Element | None
    diagnostic: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of a result set. `total` is None where the server does not count; `following` leads on, or is None.

    `warnings` are diagnostics that came beside records, `answered_at` what the server's clock said.
    """

    records: tuple[SruRecord, ...]
    total: int | None
    following: int | None
    warnings: tuple[int, ...] = ()
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What a server says of itself. `schemas` leads from short names to identifiers; `most` is a page's limit."""

    schemas: dict[str, str]
    indexes: frozenset[str]
    most: int | None = None


class Sru:
    """One database of one server. The address is that of the database, and may bring parameters of its own."""

    def __init__(
        self,
        address: str,
        *,
        system: str,
        limits: Limits,
        version: Version = Version.V1_1,
        user: str = "",
        password: str = "",
    ) -> None:
        parts = urlsplit(address)
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._path = parts.path or "/"
        self._own = dict(parse_qsl(parts.query))
        self._version = version
        self._limits = limits
        self._http = Http(
            f"{parts.scheme}://{parts.netloc}",
            system=system,
            limits=limits,
            headers={"Authorization": f"Basic {login}"} if user else None,
        )

    async def search(
        self, query: str, *, start: int = 1, most: int = 50, schema: str = MARCXML, what: str = "search"
    ) -> Found:
        """Return up to `most` records from `start` (the first is 1) on; what lies past the end is an empty page.

        Raises what Http raises, and for diagnostics what `fault_of` returns.
        """
        asked: dict[str, str | int] = {
            "query": query,
            "startRecord": start,
            "maximumRecords": most,
            "recordSchema": schema,
        }
        if self._version is Version.V2_0:
            own = {"queryType": "cql", "recordXMLEscaping": "xml"}
        else:
            own = {"operation": "searchRetrieve", "version": self._version.value, "recordPacking": "xml"}
        reply = await self._http.ask("GET", self._path, what=what, params={**self._own, **own, **asked})
        root = parse_xml(reply.body, largest_bytes=self._limits.answer_bytes)
        return read_page(root, start=start, most=most, what=what, answered_at=_date_of(reply))

    async def explain(self) -> Explained:
        """Ask the server what it has. Raises NotOffered where it says nothing of use."""
        own = {} if self._version is Version.V2_0 else {"operation": "explain", "version": self._version.value}
        reply = await self._http.ask("GET", self._path, what="explain", params={**self._own, **own})
        return read_explanation(parse_xml(reply.body, largest_bytes=self._limits.answer_bytes))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def fault_of(code: int, what: str) -> SystemFault:
    """Return what a diagnostic means. What it says in words is not repeated: it may quote the question."""
    said = f"{what}: diagnostic {code}"
    if code in (1, 2):
        return Unavailable(said)
    if code == 3:
        return AuthExpired(said)
    if code == 235:
        return NotFound(said)
    if code in (4, 5, 8) or 15 <= code <= 22 or code in (66, 67, 71):
        return NotOffered(said)  # operation, version, parameter, index or relation, record schema or packing
    if code in (51, 52):
        return CursorLost(said)
    return Refused("Other", said)


# --- reading a page ------------------------------------------------------------------------------


def read_page(
    root: etree._Element, *, start: int, most: int, what: str, answered_at: datetime | None = None
) -> Found:
    """Return the page that answers a question for `most` records from `start` on. Raises what `search` raises."""
    if _name(root) == "explainResponse":
        raise NotOffered(f"{what}: the server answered with what it can instead")
    if _name(root) != "searchRetrieveResponse":
        raise Malformed(f"{what}: no answer of SRU")
    total = _number(_child_text(root, "numberOfRecords"))
    records = tuple(_records(root, start=start, what=what))
    diagnostics = tuple(_diagnostics(root))
    if diagnostics and not records:
        past_the_end = OUT_OF_RANGE in diagnostics and (not total or start > total)
        if not past_the_end:
            raise fault_of(diagnostics[0], what)
    elif most > 0 and not records and total is not None and start <= total:
        raise Malformed(f"{what}: the server counts records and sends none")
    given = _number(_child_text(root, "nextRecordPosition"))
    return Found(
        records=records,
        total=total,
        following=_following(given, start=start, got=len(records), most=most, total=total),
        warnings=diagnostics,
        answered_at=answered_at,
    )


def _following(given: int | None, *, start: int, got: int, most: int, total: int | None) -> int | None:
    """Where the next page begins. Servers leave it out, or name a place past the end; it never leads back."""
    if got == 0:
        return None
    following = given if given is not None and given > start else start + got
    if total is not None:
        return following if following <= total else None
    return following if given == following or got >= most else None


def _records(root: etree._Element, *, start: int, what: str) -> Iterator[SruRecord]:
    records = _child(root, "records")
    if records is None:
        return
    for place, element in enumerate(child for child in records if _name(child) == "record"):
        position = _number(_child_text(element, "recordPosition")) or start + place
        data = _data(element, what)
        code = _code(data) if data is not None and _name(data) == "diagnostic" else 0
        yield SruRecord(position, None, code) if code else SruRecord(position, data)


def _data(record: etree._Element, what: str) -> etree._Element | None:
    """What a record holds: an element, or where it was packed as a string the document that this spells."""
    data = _child(record, "recordData")
    if data is None:
        return None
    inner = next((child for child in data if isinstance(child.tag, str)), None)
    if inner is not None:
        return inner
    text = _DECLARATION.sub("", data.text or "").strip()
    if not text:
        return None
    if not text.startswith("<"):
        raise Malformed(f"{what}: a record that is no XML")
    return parse_xml(text.encode())


def _diagnostics(root: etree._Element) -> Iterator[int]:
    for group in root:
        if _name(group) == "diagnostics":
            yield from (_code(child) for child in group if _name(child) == "diagnostic")
        elif _name(group) == "diagnostic":  # unwrapped by some
            yield _code(group)


def _code(diagnostic: etree._Element) -> int:
    """The number of a diagnostic; 1, a general error, where it has none of the standard list."""
    found = _DIAGNOSTIC(_child_text(diagnostic, "uri") or _child_text(diagnostic, "code"))
    return int(found.group(1)) if found else 1


# --- reading an explanation ----------------------------------------------------------------------


def read_explanation(root: etree._Element) -> Explained:
    """Return what a server says of itself. Raises NotOffered, Malformed, or what a diagnostic means."""
    if _name(root) not in ("explainResponse", "explain"):
        raise Malformed("explain: no answer of SRU")
    if codes := list(_diagnostics(root)):
        raise fault_of(codes[0], "explain")
    record = _child(root, "record")
    explain = root if _name(root) == "explain" else None if record is None else _data(record, "explain")
    if explain is None or not len(explain):
        raise NotOffered("explain: the server says nothing of itself")
    schemas, indexes, most = dict[str, str](), set[str](), None
    for element in explain.iter():
        name = _name(element)
        if name == "schema" and (short := element.get("name")):
            schemas[short] = element.get("identifier") or ""
        elif name == "name" and element.get("set") and element.text:
            indexes.add(f"{element.get('set')}.{element.text.strip()}")
        elif name == "setting" and element.get("type") == "maximumRecords":
            most = _number((element.text or "").strip())
    return Explained(schemas=schemas, indexes=frozenset(indexes), most=most)


# --- reading XML ---------------------------------------------------------------------------------


def _name(element: etree._Element) -> str:
    tag = element.tag
    return tag[tag.rfind("}") + 1 :] if isinstance(tag, str) else ""


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return next((child for child in element if _name(child) == name), None)


def _child_text(element: etree._Element, name: str) -> str:
    child = _child(element, name)
    return "" if child is None else (child.text or "").strip()


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


def _date_of(reply: Reply) -> datetime | None:
    try:
        moment = parsedate_to_datetime(reply.headers.get("date", ""))
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
