"""DAIA 1.0: how copies stand, asked over HTTP and answered in JSON.

Source: DAIA Specification 1.0.0 (GBV). An item lists services that it is available or unavailable for; what it does
not list it says nothing about. A server may answer for some of the identifiers it was asked for, and lead on to the
rest by `Link: …; rel="next"`. Fields that cannot be read are passed over; a document without an identifier is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from adapters.contract import ItemStatus, Malformed
from adapters.http import Http, Reply
from adapters.installation import Limits

MOST_PAGES = 20
MOST_ITEMS = 5_000
LONGEST_CHARS = 500

_LINK = re.compile(r"<([^<>]{1,2000})>\s*((?:;[^,<]*)?)")
_NEXT = re.compile(r';\s*rel\s*=\s*"?[^";]*\bnext\b', re.IGNORECASE)
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:Z|[+-][0-9]{2}:[0-9]{2})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What an item is available for, or is not. `name` is the last word of a service's URI, in small letters.

    `expected` is the day it comes back, or with `expected_some_day` one that nobody knows; without either it is not
    expected to. `queue` is how many wait for it.
    """

    name: str
    available: bool
    expected: date | None = None
    expected_some_day: bool = False
    queue: int | None = None
    limited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One copy. `department` is its branch, `storage` where it stands there, each by identifier and by name."""

    identifier: str = ""
    label: str = ""
    department: str = ""
    department_name: str = ""
    storage: str = ""
    storage_name: str = ""
    about: str = ""
    part: bool = False  # of the document, or more than it
    services: tuple[Service, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One title. `requested` is the identifier it was asked for by, where that is another."""

    identifier: str
    requested: str = ""
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemStanding:
    """How an item stands in our words. `lendable`: whether other libraries can have it; None where it is not told."""

    status: ItemStatus
    due: date | None = None
    queue: int | None = None
    lendable: bool | None = None


class Daia:
    """One DAIA server. The address may bring parameters of its own."""

    def __init__(
        self, address: str, *, system: str, limits: Limits, headers: Mapping[str, str] | None = None
    ) -> None:
        parts = urlsplit(address)
        self._address = address
        self._origin = (parts.scheme, parts.netloc)
        self._path = parts.path or "/"
        self._own = dict(parse_qsl(parts.query))
        self._http = Http(f"{parts.scheme}://{parts.netloc}", system=system, limits=limits, headers=headers)

    async def ask(self, identifiers: Sequence[str], *, what: str = "availability") -> list[Document]:
        """Return what the server knows of these titles; identifiers with a bar in them cannot be asked for.

        Raises what Http raises, and Malformed for a continuation that leads elsewhere, in a circle or on and on.
        """
        joined = "|".join(name for name in dict.fromkeys(identifiers) if name and "|" not in name)
        if not joined:
            return []
        path, params = self._path, {**self._own, "id": joined, "format": "json"}
        found, seen = list[Document](), set[str]()
        for _ in range(MOST_PAGES):
            reply = await self._http.ask("GET", path, what=what, params=params)
            found += read_documents(reply.json())
            link = next_link(reply)
            if link is None:
                return found
            path, params = self._following(link, seen)
        raise Malformed(f"{what}: the answer goes on and on")

    def _following(self, link: str, seen: set[str]) -> tuple[str, dict[str, str]]:
        """Where a continuation leads: never to another server, which would be told what we ask and how."""
        try:
            target = urlsplit(urljoin(self._address, link))
        except ValueError:
            raise Malformed("the continuation is no address") from None
        if (target.scheme, target.netloc) != self._origin or link in seen:
            raise Malformed("the continuation leads elsewhere, or in a circle")
        seen.add(link)
        return target.path or "/", dict(parse_qsl(target.query))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


def next_link(reply: Reply) -> str | None:
    """Return where the answer goes on (RFC 8288); None where this is all."""
    header = ", ".join(reply.headers.getall("link", []))
    return next((found.group(1) for found in _LINK.finditer(header) if _NEXT.search(found.group(2))), None)


# --- reading -------------------------------------------------------------------------------------


def read_documents(answer: Any) -> list[Document]:
    """Read an answer. Raises Malformed."""
    documents = answer.get("document") if isinstance(answer, dict) else None
    if not isinstance(documents, list):
        raise Malformed("the answer holds no documents")
    found = []
    for document in documents:
        if not isinstance(document, dict) or not (identifier := _text(document, "id")):
            raise Malformed("a document without an identifier")
        items = [_item(item) for item in _objects(document, "item")]
        if len(items) > MOST_ITEMS:
            raise Malformed(f"a document of more than {MOST_ITEMS} items")
        found.append(Document(identifier=identifier, requested=_text(document, "requested"), items=tuple(items)))
    return found


def _item(item: Mapping[str, Any]) -> Item:
    department, storage = (_object(item, name) for name in ("department", "storage"))
    services = [*_services(item, "available"), *_services(item, "unavailable")]
    return Item(
        identifier=_text(item, "id"),
        label=_text(item, "label"),
        department=_text(department, "id"),
        department_name=_text(department, "content"),
        storage=_text(storage, "id"),
        storage_name=_text(storage, "content"),
        about=_text(item, "about"),
        part=item.get("part") in ("narrower", "broader"),
        services=tuple(services),
    )


def _services(item: Mapping[str, Any], how: str) -> Iterator[Service]:
    for said in _objects(item, how):
        name = re.split(r"[/#:]", _text(said, "service"))[-1].lower()
        if not name:
            continue
        queue, expected = said.get("queue"), _text(said, "expected")
        counted = isinstance(queue, int) and not isinstance(queue, bool) and 0 < queue < 100_000
        yield Service(
            name=name,
            available=how == "available",
            expected=_day(expected),
            expected_some_day=expected == "unknown",
            queue=queue if counted else None,
            limited=bool(_objects(said, "limitation")),
        )


def _day(text: str) -> date | None:
    found = _DAY.fullmatch(text)
    try:
        return date.fromisoformat(found.group(1)) if found else None
    except ValueError:
        return None


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value.strip()[:LONGEST_CHARS] if isinstance(value, str) else ""


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _objects(holder: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = holder.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


# --- in our words --------------------------------------------------------------------------------


def standing_of(item: Item) -> ItemStanding:
    """Return how an item stands.

    DAIA tells whether, not why not. So what is unavailable with a day is on loan, with a queue held, expected some
    day on order, and without any of these unknown, but not to be lent (I: these are the nearest of our words).
    """
    services = {service.name: service for service in reversed(item.services)}  # the first of a name stands
    loan, interloan, presentation = (services.get(name) for name in ("loan", "interloan", "presentation"))
    lending = [service for service in (loan, interloan) if service is not None]
    lendable = None if interloan is None else interloan.available or _comes_back(interloan)
    if any(service.available for service in lending):
        return ItemStanding(status=ItemStatus.AVAILABLE, lendable=lendable)
    if not lending:
        if presentation is not None and presentation.available:
            return ItemStanding(status=ItemStatus.REFERENCE, lendable=False)
        return ItemStanding(status=ItemStatus.UNKNOWN)
    said = next((service for service in lending if _comes_back(service)), None)
    if said is None:
        here = presentation is not None and presentation.available
        return ItemStanding(status=ItemStatus.REFERENCE if here else ItemStatus.UNKNOWN, lendable=False)
    if said.expected is not None:
        status = ItemStatus.ON_LOAN
    else:
        status = ItemStatus.HELD if said.queue else ItemStatus.ON_ORDER
    return ItemStanding(status=status, due=said.expected, queue=said.queue, lendable=lendable)


def _comes_back(service: Service) -> bool:
    return service.expected is not None or service.expected_some_day or service.queue is not None
