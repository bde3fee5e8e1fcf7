"""OAI-PMH 2.0, the client's side: who a server is, its records a page at a time, and one record by its identifier.

What is asked of whom harvests:

- An incremental harvest must overlap. A server stamps a record when it is changed, which may be before the change is
  to be seen, and its clock is not ours: ask `since` the `as_of` of the *first* page of the last harvest less an
  overlap (an hour; a day where the granularity is a day). Nothing is subtracted here. Records that come twice are
  to be harmless.
- A server whose `deletes` is not `persistent` forgets what it deleted: only a full harvest now and then shows what
  is gone.
- A token lives as long as the server likes. CursorLost: begin anew.

All rules are those of the specification (version of 2015-01-08) unless it is said otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from lxml import etree

from adapters.contract import CursorLost, Malformed, NotFound, Refused
from adapters.http import Http
from adapters.installation import Limits
from adapters.xml import parse_xml

OAI = "{http://www.openarchives.org/OAI/2.0/}"

LONGEST_TOKEN = 4096  # characters; longer ones do not fit the address line of most servers
LONGEST_IDENTIFIER = 1024
DAY = "YYYY-MM-DD"

# Their own words for a question that they do not take; what else may come is not in the specification.
_REFUSALS = frozenset({"badArgument", "badVerb", "cannotDisseminateFormat", "noMetadataFormats", "noSetHierarchy"})
# Characters that XML 1.0 does not have at all, as bytes in any encoding that extends ASCII, and as references.
_FORBIDDEN = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F])|0*(?:[0-8]|1[124-9]|2\d|3[01]));"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OaiIdentity:
    """What a server says of itself. `deletes`, whether it remembers what it deleted: no, transient or persistent."""

    name: str
    deletes: str
    by_the_second: bool  # False: its granularity is a day
    earliest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OaiRecord:
    """A record as it came. `metadata` is the root of what is inside; None for one that was deleted."""

    identifier: str
    deleted: bool = False
    changed_at: datetime | None = None
    sets: tuple[str, ...] = ()
    metadata: etree._Element | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OaiPage:
    """Some records. `token` leads on; None: this was the last. `as_of` is the server's clock when it answered.

    `whole_size` is how many records the list has, which a server may estimate; `rejects` says of those that could not
    be read why.
    """

    records: tuple[OaiRecord, ...] = ()
    token: str | None = field(default=None, repr=False)
    as_of: datetime | None = None
    whole_size: int | None = None
    token_expires_at: datetime | None = None
    rejects: tuple[str, ...] = ()


class OaiPmh:
    """One server. `path` is where it answers below the base of `http`; it may carry a query of its own.

    Every call may raise what `Http.ask` raises (a 503 with Retry-After: RateLimited), Malformed for what is no
    OAI-PMH, and Refused for what the server does not take.
    """

    def __init__(self, http: Http, path: str) -> None:
        parts = urlsplit(path)
        self._http = http
        self._path = parts.path
        self._always = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._identity: OaiIdentity | None = None

    @classmethod
    def at(cls, address: str, *, system: str, limits: Limits) -> OaiPmh:
        """Open a client of its own to the server at an address as it is made known: its whole base URL."""
        parts = urlsplit(address)
        base = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
        path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        return cls(Http(base, system=system, limits=limits), path)

    async def identify(self) -> OaiIdentity:
        """Return what the server says of itself; asked once."""
        if self._identity is None:
            root, _ = await self._ask({"verb": "Identify"}, what="oai identify")
            self._identity = _identity(root)
        return self._identity

    async def records(
        self,
        *,
        prefix: str,
        since: datetime | None = None,
        until: datetime | None = None,
        set_: str | None = None,
        token: str | None = None,
    ) -> OaiPage:
        """Return one page of records in the format `prefix`, changed from `since` up to and with `until` (aware).

        With `token`, the page that it leads to; all else is then known to the server, and not sent. Both bounds are
        rounded down to the server's granularity. No records at all are an empty page.

        Raises CursorLost where the server does not know the token any more.
        """
        if token is not None:
            arguments = {"resumptionToken": token}
        else:
            arguments = {"metadataPrefix": prefix}
            if since is not None or until is not None:
                finely = (await self.identify()).by_the_second
                bounds = {"from": since, "until": until}
                arguments |= {name: _stamp(moment, finely=finely) for name, moment in bounds.items() if moment}
            if set_:
                arguments["set"] = set_
        try:
            root, as_of = await self._ask({"verb": "ListRecords", **arguments}, what="oai records")
        except NotFound as error:
            if isinstance(error, NoRecords) and token is None:
                return OaiPage(as_of=error.as_of)
            if isinstance(error, NoRecords):
                # A list that ends in nothing half-way was lost: who took it for an end would delete all that follows.
                raise CursorLost("the server finds no records where its own token leads") from error
            raise Malformed("there is no OAI-PMH server at this address") from error
        except Refused as error:
            if token is not None:
                raise CursorLost("the server does not take its own token any more") from error
            raise
        return _page(root, as_of, token)

    async def record(self, identifier: str, prefix: str) -> OaiRecord:
        """Return one record. Raises NotFound; one that the server remembers as deleted is returned as such."""
        arguments = {"verb": "GetRecord", "identifier": identifier, "metadataPrefix": prefix}
        root, _ = await self._ask(arguments, what="oai record")
        found = root.find(f"{OAI}GetRecord/{OAI}record")
        if found is None:
            raise Malformed("the answer to GetRecord has no record")
        read = _record(found)
        if isinstance(read, str):
            raise Malformed(f"the answer to GetRecord {read}")
        return read

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    async def _ask(self, arguments: Mapping[str, str], *, what: str) -> tuple[etree._Element, datetime | None]:
        reply = await self._http.ask("GET", self._path, what=what, params={**self._always, **arguments})
        root = _parsed(reply.body)
        if root.tag != f"{OAI}OAI-PMH":
            raise Malformed(f"{what}: the answer is no OAI-PMH")
        as_of = moment_of(root.findtext(f"{OAI}responseDate"))
        codes = [error.get("code", "") for error in root.findall(f"{OAI}error")]
        if codes:
            _fail(codes, what, as_of)
        return root, as_of


class NoRecords(NotFound):
    """The server has no records that match; `as_of` is its clock."""

    def __init__(self, as_of: datetime | None) -> None:
        super().__init__("no records match")
        self.as_of = as_of


def moment_of(text: str | None) -> datetime | None:
    """Return an aware datetime of what a server wrote (a date is its first second), or None for what is neither."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _stamp(moment: datetime, *, finely: bool) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ" if finely else "%Y-%m-%d")


def _parsed(document: bytes) -> etree._Element:
    """Read an answer. One stray control character would hold up a harvest for ever: they are left out."""
    try:
        return parse_xml(document)
    except Malformed:
        mended = _FORBIDDEN.sub(b"", document)
        if mended == document:
            raise
        return parse_xml(mended)


def _fail(codes: list[str], what: str, as_of: datetime | None) -> NoReturn:
    """Raise what the error codes of an answer mean. Their texts may repeat what was asked, and are not repeated."""
    if "badResumptionToken" in codes:
        raise CursorLost(f"{what}: badResumptionToken")
    if "idDoesNotExist" in codes:
        raise NotFound(f"{what}: idDoesNotExist")
    if codes == ["noRecordsMatch"]:
        raise NoRecords(as_of)
    known = sorted(_REFUSALS.intersection(codes))
    if known:
        raise Refused("Other", f"{what}: {', '.join(known)}")
    raise Malformed(f"{what}: an error of no known code")


def _identity(root: etree._Element) -> OaiIdentity:
    identify = root.find(f"{OAI}Identify")
    if identify is None or _text(identify, "protocolVersion") != "2.0":
        raise Malformed("the server does not say that it speaks OAI-PMH 2.0")
    granularity = _text(identify, "granularity")
    return OaiIdentity(
        name=_text(identify, "repositoryName"),
        deletes=_text(identify, "deletedRecord"),
        # Every server takes a day, so that is what one is asked by that says nothing readable.
        by_the_second=granularity.upper() == f"{DAY}THH:MM:SSZ",
        earliest=moment_of(_text(identify, "earliestDatestamp")),
    )


def _page(root: etree._Element, as_of: datetime | None, asked: str | None) -> OaiPage:
    listed = root.find(f"{OAI}ListRecords")
    if listed is None:
        raise Malformed("the answer to ListRecords has no list")
    read = [_record(element) for element in listed.findall(f"{OAI}record")]
    leads_on = listed.find(f"{OAI}resumptionToken")
    token = None if leads_on is None else (leads_on.text or "").strip() or None
    if token is not None and len(token) > LONGEST_TOKEN:
        raise Malformed("the resumption token is too long")
    if token is not None and token == asked:
        # The same token again is the same page again: the specification wants answers to be repeatable.
        raise Malformed("the resumption token leads in a circle")
    size = "" if leads_on is None else leads_on.get("completeListSize", "").strip()
    return OaiPage(
        records=tuple(record for record in read if isinstance(record, OaiRecord)),
        token=token,
        as_of=as_of,
        whole_size=int(size) if re.fullmatch(r"[0-9]{1,12}", size) else None,
        token_expires_at=None if leads_on is None else moment_of(leads_on.get("expirationDate")),
        rejects=tuple(f"record {at} of the page {why}" for at, why in enumerate(read, 1) if isinstance(why, str)),
    )


def _record(element: etree._Element) -> OaiRecord | str:
    """Return a record, or why it is none."""
    header = element.find(f"{OAI}header")
    identifier = "" if header is None else _text(header, "identifier")
    if header is None or not identifier or len(identifier) > LONGEST_IDENTIFIER:
        return "has no identifier that can be read"
    deleted = header.get("status") == "deleted"
    holder = element.find(f"{OAI}metadata")
    metadata = None if holder is None else next(holder.iterchildren(tag=etree.Element), None)
    if metadata is None and not deleted:
        return "has no metadata, and is not deleted"
    return OaiRecord(
        identifier=identifier,
        deleted=deleted,
        changed_at=moment_of(_text(header, "datestamp")),
        sets=tuple(text for spec in header.findall(f"{OAI}setSpec") if (text := (spec.text or "").strip())),
        metadata=None if deleted else metadata,
    )


def _text(parent: etree._Element, name: str) -> str:
    return (parent.findtext(f"{OAI}{name}") or "").strip()
