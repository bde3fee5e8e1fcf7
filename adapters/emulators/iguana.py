"""An emulated Iguana over V-smart: its front page and search proxy, and the HTTP API of V-smart beside them.

Shapes are those of public client code and recorded answers; where none shows one (how a session ends, what labels
carry the ISBN and PPN, what a refusal of a search looks like) it is made up, and the adapter is told so by options.
"""

from __future__ import annotations

import difflib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from lxml import etree
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.contract import ItemStatus, Verb
from adapters.emulators.stock import Copy, Stock, Work

COOKIE = "CSPSESSIONID-SP-443-UP-iguana-"
ZS = "http://www.loc.gov/zing/srw/"
MOST_A_PAGE = 50
PAGE = 10
LARGEST_FORM_BYTES = 64 * 1024

OVER = "<!DOCTYPE html>\n<html><head><title>Iguana</title></head><body><p>Uw sessie is verlopen.</p></body></html>"

CODES = {
    ItemStatus.AVAILABLE: "0",
    ItemStatus.ON_LOAN: "4",
    ItemStatus.HELD: "8",
    ItemStatus.IN_TRANSIT: "10",
    ItemStatus.MISSING: "13",
    ItemStatus.REFERENCE: "29",
    ItemStatus.ON_ORDER: "30",
    ItemStatus.IN_PROCESS: "31",
    ItemStatus.REQUESTABLE: "27",
}
"""Status codes of copies in 852 $y; any other status has one that nobody knows."""

SUMMARIES = {
    ItemStatus.AVAILABLE: "Aanwezig",
    ItemStatus.ON_LOAN: "Uitgeleend",
    ItemStatus.HELD: "Gereserveerd",
    ItemStatus.IN_TRANSIT: "Onderweg",
    ItemStatus.MISSING: "Vermist",
    ItemStatus.REFERENCE: "Niet uitleenbaar",
    ItemStatus.ON_ORDER: "In bestelling",
    ItemStatus.IN_PROCESS: "In bewerking",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IguanaDialect:
    """How an installation is set up. `wordings`: lines have the branch by itself too, not in the shelfmark alone.

    `brief_numbers`: brief records show ISBN and PPN; otherwise only full ones do. `ends_silently`: who comes with a
    session that is over gets a new one and an empty result, instead of a page that says so.
    """

    database: str = "1"
    institution: str = "LEE"
    wordings: bool = True
    brief_numbers: bool = True
    ends_silently: bool = False
    session_lives: timedelta = timedelta(minutes=15)

    @property
    def prefix(self) -> str:
        """Return the database as record numbers have it: "2" of the database "2_LIE"."""
        return self.database.partition("_")[0]


@dataclass(slots=True)
class _Session:
    cookie: str
    used_at: datetime


class IguanaDesk:
    """The pages of one installation. `scopes` leads from the name of a branch to institution and location."""

    def __init__(self, stock: Stock, *, dialect: IguanaDialect, scopes: Mapping[str, str]) -> None:
        self._stock = stock
        self._dialect = dialect
        self._scopes = scopes
        self.sessions: dict[str, _Session] = {}
        self.entered = 0  # how often a session was begun

    def routes(self) -> list[BaseRoute]:
        """Return where the pages are."""
        return [
            Route("/iguana/www.main.cls", self._front, methods=["GET"]),
            Route("/iguana/Proxy.SearchRequest.cls", self._search, methods=["POST"]),
            Route("/vsmart/VubisSmartHttpApi.csp", self._api, methods=["GET"]),
        ]

    def expire_sessions(self) -> None:
        """End every session at once."""
        self.sessions.clear()

    async def _front(self, _: Request) -> Response:
        number, cookie = self._begin()
        page = f"<html><head><script>var sessionID = '{number}';</script></head><body>Iguana</body></html>"
        response = HTMLResponse(page)
        response.headers.append("Set-Cookie", f"{COOKIE}={cookie}; path=/iguana/; httpOnly")
        response.headers.append("Set-Cookie", "CSPWSERVERID=hA0TLhQP; path=/")
        return response

    def _begin(self) -> tuple[str, str]:
        """Begin a session, and return its number and its cookie."""
        number = secrets.token_hex(5).upper()
        cookie = f"000001000000{number}{secrets.token_hex(12)}"
        self.sessions[number] = _Session(cookie, self._stock.clock())
        self.entered += 1
        return number, cookie

    async def _search(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        if not self._is_in(request, form):
            return self._turn_away()
        if request.scope.get("refuse") or form.get("fu") != "BibSearch" or form.get("Application") != "Bib":
            return _reported(form.get("fu", ""), "Geen toegang")
        if form.get("Database", "") != self._dialect.database:
            return _reported("BibSearch", "Onbekende database")
        if form.get("RequestType") == "RecordNumber":
            work = work_by_record(self._stock, form.get("Request", ""))
            return self._result([] if work is None else [work], 0, fuzzy=False, full=True)
        works, fuzzy = self.found(form.get("Index", ""), form.get("Request", "").strip())
        start = _number(form.get("StartValue"), 1) - 1
        size = min(_number(form.get("NumberToRetrieve"), PAGE), MOST_A_PAGE)
        full = form.get("ExportByTemplate") == "Full"
        return self._result(works, start, size=size, fuzzy=fuzzy, full=full, term=form.get("Request", ""))

    def _turn_away(self) -> Response:
        if not self._dialect.ends_silently:
            return HTMLResponse(OVER)
        response = self._result([], 0, fuzzy=False, full=False)
        response.headers.append("Set-Cookie", f"{COOKIE}={self._begin()[1]}; path=/iguana/; httpOnly")
        return response

    def _is_in(self, request: Request, form: Mapping[str, str]) -> bool:
        number = form.get("SIDTKN", "")
        session = self.sessions.get(number)
        if session is None or form.get("CspSessionId") != number:
            return False
        now = self._stock.clock()
        if request.cookies.get(COOKIE) != session.cookie or now - session.used_at > self._dialect.session_lives:
            return False
        session.used_at = now
        return True

    def found(self, index: str, term: str) -> tuple[list[Work], bool]:
        """Return what matches, and whether it is only a guess: Iguana rather finds something than nothing."""
        works = [work for work in self._stock.works.values() if not work.deleted]
        wanted = re.sub(r"[-\s]", "", term).casefold()
        match index.casefold():
            case "isbn":
                exact = [work for work in works if wanted in work.isbns]
            case "ppn":
                exact = [work for work in works if work.ppn is not None and work.ppn.casefold() == wanted]
            case _:
                exact = [work for work in works if term.casefold() in f"{work.title} {work.author}".casefold()]
        if exact or not wanted:
            return exact, False
        known = {key: work for work in works for key in (*work.isbns, work.ppn or "", work.title.casefold()) if key}
        guessed = difflib.get_close_matches(wanted, known, n=PAGE, cutoff=0.5)
        return list({known[key].number: known[key] for key in guessed}.values()), bool(guessed)

    def _result(
        self, works: list[Work], start: int, *, fuzzy: bool, full: bool, size: int = PAGE, term: str = ""
    ) -> Response:
        root = etree.Element("searchRetrieveResponse")
        _add(root, "version", "2010.10.14")
        _add(root, "numberOfRecords", str(len(works)))
        _add(root, "resultSetId", f"{abs(hash(term)) % 10_000}_1")
        if fuzzy:
            _add(root, "bestMatch", "1")
        records = _add(root, "records")
        for work in works[max(start, 0) : max(start, 0) + size]:
            record = _add(records, "record")
            _add(record, "recordSchema", "BibDocument")
            self._document(_add(record, "recordData"), work, full=full, term=term)
        return _xml(root)

    def _document(self, parent: etree._Element, work: Work, *, full: bool, term: str) -> None:
        document = _add(parent, "BibDocument")
        _add(document, "Id", f"{self._dialect.prefix}.{record_of(self._stock, work)}")
        fields = _add(document, "Fields")
        style = "Full" if full else "Brief"
        shown = [("MainTitle", _marked(work.title, term)), ("Author", work.author), ("MaterialType", work.material)]
        if full or self._dialect.brief_numbers:
            shown += [("Isbn", f"ISBN {' ; '.join(work.isbns)}" if work.isbns else ""), ("Ppn", work.ppn or "")]
        for label, data in shown:
            field = _add(fields, "Field")
            _add(field, "Label", f"{style}{label}")
            _add_cdata(field, "Data", data)
        summary = _add(document, "HoldingsSummary")
        for branch, copies in _by_branch(work.copies):
            self._line(summary, work, branch, copies)

    def _line(self, summary: etree._Element, work: Work, branch: str, copies: list[Copy]) -> None:
        line = _add(summary, "ShelfmarkData")
        _add_cdata(line, "Shelfmark", f"{branch} : {work.shelfmark or work.author[:4].upper() or 'ROMAN'}")
        if self._dialect.wordings:
            _add_cdata(line, "LocationWording", branch)
            _add_cdata(line, "Scope", self._scopes.get(branch, ""))
        available = sum(copy.status is ItemStatus.AVAILABLE for copy in copies)
        status = ItemStatus.AVAILABLE if available else copies[0].status
        _add_cdata(line, "StatusSummary", SUMMARIES.get(status if copies[0].loanable else ItemStatus.REFERENCE, ""))
        _add_cdata(line, "Available", str(available))

    async def _api(self, request: Request) -> Response:
        """The HTTP API of V-smart: a record by its number, with its copies, in MARC without a record around it."""
        asked = request.query_params
        if request.scope.get("refuse") or asked.get("fu") != "BibSearch":
            return _reported(asked.get("fu", ""), "Geen toegang")
        root = etree.Element(f"{{{ZS}}}searchRetrieveResponse", nsmap={"zs": ZS})
        work = None
        if asked.get("RequestType") == "RecordNumber" and asked.get("Database") == self._dialect.prefix:
            work = work_by_record(self._stock, asked.get("Request", ""))
        _add(root, f"{{{ZS}}}numberOfRecords", "0" if work is None else "1")
        records = _add(root, f"{{{ZS}}}records")
        if work is not None:
            record = _add(records, f"{{{ZS}}}record")
            record.set("format", "UniMarc/B")
            data = _add(record, f"{{{ZS}}}recordData")
            _add(data, "leader", "00000nam##22######i#450#")
            _add(data, "controlfield", f"{self._dialect.prefix}/{record_of(self._stock, work)}").set("tag", "001")
            for isbn in work.isbns:
                datafield(data, "073", [("a", isbn)])
            datafield(data, "200", [("a", work.title), ("f", work.author)])
            for copy in work.copies:
                datafield(data, "852", holding(copy, work, self._scopes))
        return _xml(root)


class Peek:
    """Stands before `FaultyHttp` and says which verb a search serves, which stands in its body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the form of a search, note its verb, and pass it on."""
        if scope["type"] != "http" or not scope["path"].endswith("/Proxy.SearchRequest.cls"):
            await self._app(scope, receive, send)
            return
        body, more = bytearray(), True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False) and len(body) < LARGEST_FORM_BYTES
        by_number = b"RequestType=RecordNumber" in body
        scope["verb"] = Verb.AVAILABILITY if by_number else Verb.RESOLVE
        sent = False

        async def again() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, again, send)


def holding(copy: Copy, work: Work, scopes: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the subfields of 852 for a copy."""
    institution, _, location = scopes.get(copy.branch, f"/{copy.branch}").partition("/")
    status = copy.status if copy.loanable else ItemStatus.REFERENCE
    fields = [("a", institution), ("b", location), ("h", work.shelfmark), ("p", copy.barcode), ("q", copy.barcode)]
    fields.append(("y", CODES.get(status, "999")))
    if copy.due is not None:
        fields.append(("x", copy.due.strftime("%Y%m%d")))
    return [(code, value) for code, value in fields if value]


def record_of(stock: Stock, work: Work) -> str:
    """Return the number of a record within its database: V-smart has only digits."""
    if work.number.isascii() and work.number.isdigit():
        return work.number
    return str(900_000_001 + list(stock.works).index(work.number))


def work_by_record(stock: Stock, record: str) -> Work | None:
    """Return the work of a record, unless it was deleted."""
    return next(
        (work for work in stock.works.values() if not work.deleted and record_of(stock, work) == record), None
    )


def datafield(parent: etree._Element, tag: str, subfields: Iterable[tuple[str, str]]) -> None:
    """Add a MARC data field, in the namespace of its parent or in none."""
    space = etree.QName(parent).namespace if etree.QName(parent).localname == "record" else None
    field = etree.SubElement(parent, etree.QName(space, "datafield"), tag=tag, ind1=" ", ind2=" ")
    for code, value in subfields:
        etree.SubElement(field, etree.QName(space, "subfield"), code=code).text = value


def _by_branch(copies: Iterable[Copy]) -> list[tuple[str, list[Copy]]]:
    """Group copies into lines: by branch, those that never leave the house apart."""
    lines: dict[tuple[str, bool], list[Copy]] = {}
    for copy in copies:
        lines.setdefault((copy.branch, copy.loanable), []).append(copy)
    return [(branch, found) for (branch, _), found in lines.items()]


def _marked(text: str, term: str) -> str:
    """Put marks around the words that were searched for, as Iguana does."""
    words = {re.escape(word) for word in term.split() if len(word) > 2}
    return re.sub(f"(?i)({'|'.join(sorted(words))})", r"<q>\1</q>", text) if words else text


def _reported(function: str, said: str) -> Response:
    root = etree.Element("VubisSmart")
    header = _add(root, "Header")
    _add(header, "Function", re.sub(r"[^A-Za-z]", "", function))
    _add(header, "ErrorCode", "2")
    _add(header, "ErrorText", said)
    return _xml(root)


def _xml(root: etree._Element) -> Response:
    return Response(etree.tostring(root, xml_declaration=True, encoding="UTF-8"), media_type="text/xml")


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, name)
    element.text = text
    return element


def _add_cdata(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = etree.CDATA(text)


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 9 else otherwise
