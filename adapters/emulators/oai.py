"""An OAI-PMH 2.0 server over a stock: small pages, tokens that expire, deletions, sets, and formats plugged in.

A list is what the stock was when it was first asked for, as with a server that keeps a result set: a token knows
nothing of what changes meanwhile. What is not here: ListSets in pages, and compression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count

from lxml import etree
from starlette.requests import Request
from starlette.responses import Response

from adapters.contract import Verb
from adapters.emulators.stock import Stock, Work

OAI = "http://www.openarchives.org/OAI/2.0/"
OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
DC = "http://purl.org/dc/elements/1.1/"
DAY = "%Y-%m-%d"
SECOND = "%Y-%m-%dT%H:%M:%SZ"

ARGUMENTS = {
    "Identify": (frozenset[str](), frozenset[str]()),
    "ListMetadataFormats": (frozenset[str](), frozenset({"identifier"})),
    "ListSets": (frozenset[str](), frozenset({"resumptionToken"})),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset[str]()),
    "ListRecords": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
}
"""By verb: the arguments that it needs, and those that it takes besides."""


class OaiError(Exception):
    """An error that goes into an answer of status 200."""

    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(said or code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class OaiFormat:
    """A metadata format: how a work is written in it, and where it is described."""

    write: Callable[[Work], etree._Element]
    namespace: str
    schema: str


@dataclass(frozen=True, slots=True)
class _List:
    works: tuple[str, ...]
    prefix: str
    start: int
    expires_at: datetime


class OaiServer:
    """Answers OAI-PMH. `identifier` and `number` lead from the number of a work to its identifier and back.

    `sets` says of a work to which sets it belongs. `by_the_second` False: its granularity is a day. A token lives for
    `token_lives`; `expire_tokens` ends them all at once.
    """

    def __init__(
        self,
        stock: Stock,
        formats: Mapping[str, OaiFormat],
        *,
        name: str,
        identifier: Callable[[str], str] = str,
        number: Callable[[str], str] = str,
        sets: Callable[[Work], Iterable[str]] | None = None,
        by_the_second: bool = True,
        page_size: int = 25,
        token_lives: timedelta = timedelta(hours=1),
    ) -> None:
        self._stock = stock
        self._formats = formats
        self._name = name
        self._identifier = identifier
        self._number = number
        self._sets = sets
        self._stamp = SECOND if by_the_second else DAY
        self._granularity = "YYYY-MM-DDThh:mm:ssZ" if by_the_second else "YYYY-MM-DD"
        self._page_size = page_size
        self._token_lives = token_lives
        self._lists: dict[str, _List] = {}
        self._tokens = count(1)

    def expire_tokens(self) -> None:
        """Have no token be known any more."""
        self._lists.clear()

    async def answer(self, request: Request) -> Response:
        """Answer a request, by GET or by POST."""
        pairs = list(request.query_params.multi_items())
        if request.method == "POST":
            pairs += [(name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str)]
        root = etree.Element(f"{{{OAI}}}OAI-PMH", nsmap={None: OAI})  # type: ignore[dict-item]  # the stubs forget None
        _add(root, "responseDate", self._stock.clock().astimezone(UTC).strftime(SECOND))
        asked = _add(root, "request", str(request.url.replace(query="")))
        try:
            if request.scope.get("refuse"):
                raise OaiError("cannotDisseminateFormat", "Not to you.")
            arguments = _checked(pairs)
            for name, value in arguments.items():
                asked.set(name, value)
            self._fill(root, arguments, str(request.url.replace(query="")))
        except OaiError as error:
            _add(root, "error", str(error)).set("code", error.code)
        body = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
        return Response(body, media_type="text/xml; charset=UTF-8")

    def _fill(self, root: etree._Element, arguments: Mapping[str, str], base: str) -> None:
        verb = arguments["verb"]
        holder = etree.SubElement(root, f"{{{OAI}}}{verb}")
        try:
            match verb:
                case "Identify":
                    self._identify(holder, base)
                case "ListMetadataFormats":
                    self._list_formats(holder, arguments.get("identifier"))
                case "ListSets":
                    self._list_sets(holder)
                case "GetRecord":
                    work = self._work(arguments["identifier"])
                    self._record(holder, work, self._format(arguments["metadataPrefix"]))
                case _:
                    self._list(holder, arguments, only_headers=verb == "ListIdentifiers")
        except OaiError:
            root.remove(holder)
            raise

    def _identify(self, holder: etree._Element, base: str) -> None:
        earliest = min((work.changed_at for work in self._stock.works.values()), default=self._stock.clock())
        for name, text in (
            ("repositoryName", self._name),
            ("baseURL", base),
            ("protocolVersion", "2.0"),
            ("adminEmail", "oai@example.org"),
            ("earliestDatestamp", self._date(earliest)),
            ("deletedRecord", "persistent"),
            ("granularity", self._granularity),
        ):
            _add(holder, name, text)

    def _list_formats(self, holder: etree._Element, identifier: str | None) -> None:
        if identifier is not None:
            self._work(identifier)
        for prefix, form in self._formats.items():
            entry = _add(holder, "metadataFormat")
            _add(entry, "metadataPrefix", prefix)
            _add(entry, "schema", form.schema)
            _add(entry, "metadataNamespace", form.namespace)

    def _list_sets(self, holder: etree._Element) -> None:
        if self._sets is None:
            raise OaiError("noSetHierarchy")
        for spec in sorted({spec for work in self._stock.works.values() for spec in self._sets(work)}):
            entry = _add(holder, "set")
            _add(entry, "setSpec", spec)
            _add(entry, "setName", spec)

    def _list(self, holder: etree._Element, arguments: Mapping[str, str], *, only_headers: bool) -> None:
        token = arguments.get("resumptionToken")
        if token is None:
            listed = _List(self._matching(arguments), arguments["metadataPrefix"], 0, self._stock.clock())
        else:
            found = self._lists.get(token)
            if found is None or found.expires_at < self._stock.clock():
                raise OaiError("badResumptionToken")
            listed = found
        form = self._format(listed.prefix)
        end = listed.start + self._page_size
        for number in listed.works[listed.start : end]:
            work = self._stock.works[number]
            if only_headers:
                self._header(holder, work)
            else:
                self._record(holder, work, form)
        self._lead_on(holder, listed, end)

    def _lead_on(self, holder: etree._Element, listed: _List, end: int) -> None:
        if end >= len(listed.works) and listed.start == 0:
            return  # an answer that is whole has no token; the last of several has an empty one
        leads_on = _add(holder, "resumptionToken")
        leads_on.set("completeListSize", str(len(listed.works)))
        leads_on.set("cursor", str(listed.start))
        if end < len(listed.works):
            expires_at = self._stock.clock() + self._token_lives
            token = leads_on.text = f"{next(self._tokens)}|{listed.prefix}/{end}+&"
            leads_on.set("expirationDate", expires_at.astimezone(UTC).strftime(SECOND))
            self._lists[token] = _List(listed.works, listed.prefix, end, expires_at)

    def _matching(self, arguments: Mapping[str, str]) -> tuple[str, ...]:
        self._format(arguments["metadataPrefix"])
        bounds = [self._read_date(arguments.get(name)) for name in ("from", "until")]
        if all(bounds) and len(arguments["from"]) != len(arguments["until"]):
            raise OaiError("badArgument", "from and until differ in granularity")
        wanted = arguments.get("set")
        if wanted is not None and self._sets is None:
            raise OaiError("noSetHierarchy")
        found = [
            (work.changed_at, work.number)
            for work in self._stock.works.values()
            if (bounds[0] is None or self._date(work.changed_at)[: len(arguments["from"])] >= arguments["from"])
            and (bounds[1] is None or self._date(work.changed_at)[: len(arguments["until"])] <= arguments["until"])
            and (wanted is None or (self._sets is not None and wanted in self._sets(work)))
        ]
        if not found:
            raise OaiError("noRecordsMatch")
        return tuple(number for _, number in sorted(found))

    def _read_date(self, text: str | None) -> datetime | None:
        if text is None:
            return None
        for form in {DAY, self._stamp}:
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                continue
        raise OaiError("badArgument", "a date in another granularity than this repository's")

    def _date(self, moment: datetime) -> str:
        return moment.astimezone(UTC).strftime(self._stamp)

    def _format(self, prefix: str) -> OaiFormat:
        try:
            return self._formats[prefix]
        except KeyError:
            raise OaiError("cannotDisseminateFormat") from None

    def _work(self, identifier: str) -> Work:
        work = self._stock.works.get(self._number(identifier))
        if work is None:
            raise OaiError("idDoesNotExist")
        return work

    def _record(self, holder: etree._Element, work: Work, form: OaiFormat) -> None:
        record = _add(holder, "record")
        self._header(record, work)
        if not work.deleted:
            _add(record, "metadata").append(form.write(work))

    def _header(self, holder: etree._Element, work: Work) -> None:
        header = _add(holder, "header")
        if work.deleted:
            header.set("status", "deleted")
        _add(header, "identifier", self._identifier(work.number))
        _add(header, "datestamp", self._date(work.changed_at))
        for spec in () if self._sets is None else self._sets(work):
            _add(header, "setSpec", spec)


def oai_verb(request: Request) -> Verb | None:
    """Return which of our verbs an OAI-PMH request serves: a list is harvested, one record is looked up."""
    return {"ListRecords": Verb.HARVEST, "GetRecord": Verb.AVAILABILITY}.get(request.query_params.get("verb", ""))


def dublin_core(work: Work) -> etree._Element:
    """Write a work in Dublin Core, the one format that every server has."""
    root = etree.Element(f"{{{OAI_DC}}}dc", nsmap={"oai_dc": OAI_DC, "dc": DC})
    fields = [("title", work.title), ("creator", work.author), ("type", work.material)]
    fields += [("identifier", f"urn:isbn:{isbn}") for isbn in work.isbns]
    for name, text in fields:
        if text:
            etree.SubElement(root, f"{{{DC}}}{name}").text = text
    return root


OAI_DC_FORMAT = OaiFormat(
    write=dublin_core, namespace=OAI_DC, schema="http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
)


def _checked(pairs: list[tuple[str, str]]) -> dict[str, str]:
    arguments = dict(pairs)
    verb = arguments.get("verb", "")
    if verb not in ARGUMENTS or sum(name == "verb" for name, _ in pairs) != 1:
        raise OaiError("badVerb")
    needed, taken = ARGUMENTS[verb]
    given = arguments.keys() - {"verb"}
    if len(arguments) != len(pairs):
        raise OaiError("badArgument", "an argument is repeated")
    if verb.startswith("List") and given == {"resumptionToken"}:
        return arguments
    if not needed <= given or not given <= needed | taken:
        raise OaiError("badArgument")
    return arguments


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{OAI}}}{name}")
    element.text = text
    return element
