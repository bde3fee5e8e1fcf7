"""An emulated Brocade: catxml by OAI-PMH with a granularity of a day, a catalogue file in Latin-1, and a SIP2 desk.

What catxml looks like inside is not public: this is one plausible nesting of the fields that are (see
docs/adapters/brocade.md), with the quirks that are: LOIs as numbers, holdings without objects, `st="d"`, suppressed
fields, authority codes in place of names.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from csv import QUOTE_MINIMAL, writer
from datetime import UTC, timedelta
from email.utils import format_datetime
from hashlib import sha256

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.contract import Verb
from adapters.emulators import demo_stock
from adapters.emulators.control import control_routes
from adapters.emulators.faults import Faults, FaultyHttp
from adapters.emulators.oai import OAI_DC_FORMAT, OaiFormat, OaiServer
from adapters.emulators.serve import Sip2Listener
from adapters.emulators.sip2 import Sip2Desk, Sip2Dialect
from adapters.emulators.stock import Copy, Stock, Work
from adapters.installation import Installation, Limits
from adapters.protocols.iso18626.messages import ErrorData, ErrorType, confirmation_of
from adapters.protocols.iso18626.messages import Request as Request18626
from adapters.protocols.iso18626.reading import read_message
from adapters.protocols.iso18626.writing import write

OAI_PATH = "/oai/lvd/server.phtml"
FILE_PATH = "/files/catalogus.csv"
ILL_PATH = "/iso18626"
REGION = "lvd"

PATRON = "LEENPAD"
PIN = "1234"
USER, PASSWORD = "leenpad", "zo geheim"

HEADER = (
    "cloi",
    "ploi",
    "oloi",
    "is",
    "ty",
    "pk",
    "bz",
    "ic",
    "uc",
    "rc",
    "bc",
    "up",
    "ti",
    "au",
    "isbn",
    "ppn",
    "dr",
    "vo",
    "st",
)


BRANCHES: Mapping[str, str] = dict(
    zip(("WAT-C", "WAT-N", "DIJK", "HEI", "VEN"), demo_stock.locations_of("brocade"), strict=True)
)


class BrocadeEmulator:
    """One emulated Brocade; without a stock, with that of the demonstration.

    `stock` numbers its works `c:lvd:123456`; a copy's branch is `LIBRARY` or `LIBRARY/COLLECTION`. A work may be held
    without any copy that is known: `bare` names by work the branches whose holdings have no objects.
    `harvests_files`: the adapter is told of the catalogue file, and harvests that. `takes_requests`: it is told to
    place by ISO 18626, and `requests` holds by their ids those that were taken.
    """

    kind = "brocade"

    def __init__(
        self,
        stock: Stock | None = None,
        *,
        branches: Mapping[str, str] = BRANCHES,
        bare: Mapping[str, tuple[str, ...]] | None = None,
        page_size: int = 25,
        token_lives: timedelta = timedelta(minutes=30),
        harvests_files: bool = False,
        takes_requests: bool = False,
        limits: Limits | None = None,
    ) -> None:
        self.stock = stock = _demo() if stock is None else stock
        self.faults = Faults()
        self.bare = dict(bare or {})
        self._branches = dict(branches)
        self._harvests_files = harvests_files
        self._takes_requests = takes_requests
        self.requests: dict[str, Request18626] = {}
        self._limits = limits or Limits()
        stock.patrons.setdefault(PATRON, PIN)
        catxml = OaiFormat(
            write=self._catxml,
            namespace="http://anet.example.org/catxml",
            schema="http://anet.example.org/catxml.xsd",
        )
        self.oai = OaiServer(
            stock,
            {"catxml": catxml, "oai_dc": OAI_DC_FORMAT},
            name="Brocade",
            sets=self._sets,
            by_the_second=False,
            page_size=page_size,
            token_lives=token_lives,
        )
        routes = [
            Route(OAI_PATH, self.oai.answer, methods=["GET", "POST"]),
            Route(FILE_PATH, self._file, methods=["GET"]),
            Route(ILL_PATH, self._loan_request, methods=["POST"]),
            *control_routes(stock, self.faults),
        ]
        self.app: ASGIApp | None = FaultyHttp(Starlette(routes=routes), self.faults, self._verb_of)
        self.sip2: Sip2Listener | None = Sip2Desk(
            stock, self.faults, user=USER, password=PASSWORD, dialect=Sip2Dialect(encoding="iso-8859-1")
        )

    def installation(self, addresses: Mapping[str, str]) -> Installation:
        """Return what the adapter needs to reach it."""
        reached = {"oai": addresses["http"] + OAI_PATH}
        if self._harvests_files:
            reached["files"] = addresses["http"] + FILE_PATH
        if "sip2" in addresses:
            reached["sip2"] = addresses["sip2"]
        options = {"sip2_encoding": "iso-8859-1", "reference_classes": "REF"}
        if self._takes_requests:
            reached["iso18626"] = addresses["http"] + ILL_PATH
            options |= {"requests": "iso18626", "requesting_agency": "NL-0700000000"}
        return Installation(
            system="brocade",
            addresses=reached,
            secrets={"sip2_user": USER, "sip2_password": PASSWORD, "patron": PATRON, "pin": PIN},
            branches=self._branches,
            options=options,
            limits=self._limits,
            clock=self.stock.clock,
        )

    def _verb_of(self, request: Request) -> Verb | None:
        """A list or the file is harvested. One record is looked up for several verbs: whichever is to go wrong."""
        if request.url.path == ILL_PATH:
            return Verb.PLACE
        if request.url.path == FILE_PATH or request.query_params.get("verb") == "ListRecords":
            return Verb.HARVEST
        if request.query_params.get("verb") != "GetRecord":
            return None
        planned = {fault.verb for fault in self.faults.planned if fault.times > 0}
        asked = (Verb.RESOLVE, Verb.AVAILABILITY, Verb.PREPARE)
        return next((verb for verb in asked if verb in planned), Verb.AVAILABILITY)

    def _sets(self, work: Work) -> list[str]:
        return [f"cxlib:{library}" for library in sorted({_library(branch) for branch, _ in self._holdings(work)})]

    def _holdings(self, work: Work) -> list[tuple[str, list[Copy]]]:
        """By branch, its copies; those whose holdings are bare after the others."""
        found: dict[str, list[Copy]] = {}
        for copy in work.copies:
            found.setdefault(copy.branch, []).append(copy)
        for branch in self.bare.get(work.number, ()):
            found.setdefault(branch, [])
        return list(found.items())

    # --- catxml ----------------------------------------------------------------------------------

    def _catxml(self, work: Work) -> etree._Element:
        root = etree.Element("catxml")
        record = etree.SubElement(root, "catrecord", cloi=work.number)
        title = etree.SubElement(record, "ti", lg="dut", ty="h", pr="oi")
        etree.SubElement(title, "ti").text = work.title
        etree.SubElement(etree.SubElement(record, "ti", ty="u", pr="r"), "ti").text = "onderdrukt"
        if work.author:
            etree.SubElement(etree.SubElement(record, "au", ac="1"), "fn").text = "a::99.1:1"
            family, _, given = work.author.partition(", ")
            author = etree.SubElement(record, "au", fu="aut", ac="0")
            etree.SubElement(author, "fn").text = family
            if given:
                etree.SubElement(author, "vn").text = given
        for isbn in work.isbns:
            number = etree.SubElement(record, "nr", ty="isbn", ch="1")
            etree.SubElement(number, "nr").text = f"{isbn[:3]}-{isbn[3:5]}-{isbn[5:]}"
        wrong = etree.SubElement(record, "nr", ty="isbn", ch="0")
        etree.SubElement(wrong, "nr").text = "9789023400000"
        if work.ppn:
            etree.SubElement(etree.SubElement(record, "nr", ty="ppn"), "nr").text = work.ppn
        etree.SubElement(record, "dr").text = work.material
        if work.volume:
            etree.SubElement(record, "co", vo=work.volume)
        holdings = etree.SubElement(record, "holdings")
        for branch, copies in self._holdings(work):
            self._holding(holdings, work, branch, copies)
        return root

    def _holding(self, holdings: etree._Element, work: Work, branch: str, copies: list[Copy]) -> None:
        library, collection = _library(branch), _collection(branch)
        parent = etree.SubElement(holdings, "library", {"is": library})
        holding = etree.SubElement(parent, "pk", ploi=_loi("p", f"{work.number}@{branch}"), ty=collection)
        etree.SubElement(holding, "pk").text = work.shelfmark or "MAG-P 1"
        etree.SubElement(holding, "bz").text = work.volume or ""
        if copies and not any(copy.loanable for copy in copies):
            holding.set("ic", "0")
        volume = etree.SubElement(holding, "vo", vo="-")
        for copy in copies:
            item = etree.SubElement(volume, "object", oloi=_loi("o", copy.barcode), up=_class(copy))
            etree.SubElement(item, "ix", ty="bc").text = copy.barcode

    # --- loan requests ---------------------------------------------------------------------------

    async def _loan_request(self, request: Request) -> Response:
        """Take a loan request, once for each request id, and confirm it; what comes of it nobody is told."""
        message = read_message(await request.body()).message
        errors: tuple[ErrorData, ...] = ()
        if request.scope.get("refuse") or not isinstance(message, Request18626):
            errors = (ErrorData(ErrorType.UNSUPPORTED_ACTION),)
        else:
            self.requests.setdefault(message.header.requesting_agency_request_id, message)
        confirmation = confirmation_of(message, received_at=self.stock.clock(), errors=errors)
        return Response(write(confirmation), media_type="application/xml")

    # --- the catalogue file ----------------------------------------------------------------------

    async def _file(self, request: Request) -> Response:
        """The file, or the part of it that is asked for by Range, if it is still the one that is meant (If-Range)."""
        if request.scope.get("refuse"):
            return Response(status_code=403)
        body = self.catalogue_file()
        mark = f'"{sha256(body).hexdigest()[:16]}"'
        written_at = max((work.changed_at for work in self.stock.works.values()), default=self.stock.clock())
        headers = {"ETag": mark, "Last-Modified": format_datetime(written_at.astimezone(UTC), usegmt=True)}
        wanted = request.headers.get("range", "")
        if not wanted.startswith("bytes=") or request.headers.get("if-range", mark) != mark:
            return Response(body, media_type="text/csv; charset=ISO-8859-1", headers=headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last or len(body)), len(body) - 1)
        if start >= len(body):
            return Response(status_code=416, headers={"Content-Range": f"bytes */{len(body)}"})
        headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
        return Response(body[start : end + 1], status_code=206, media_type="text/csv", headers=headers)

    def catalogue_file(self) -> bytes:
        """Write the catalogue: a row an object, and one for a holding without any."""
        lines = io.StringIO(newline="")
        rows = writer(lines, delimiter=";", lineterminator="\r\n", quoting=QUOTE_MINIMAL)
        rows.writerow(HEADER)
        for work in sorted(self.stock.works.values(), key=lambda work: work.number):
            if work.deleted:
                rows.writerow([work.number, *[""] * (len(HEADER) - 2), "d"])
            for branch, copies in self._holdings(work):
                row_of: list[Copy | None] = list(copies) or [None]
                for copy in row_of:
                    rows.writerow(self._row(work, branch, copies, copy))
        return lines.getvalue().encode("iso-8859-1", errors="replace")

    def _row(self, work: Work, branch: str, copies: list[Copy], copy: Copy | None) -> list[str]:
        kept = copies and not any(one.loanable for one in copies)
        return [
            work.number,
            _loi("p", f"{work.number}@{branch}"),
            _loi("o", copy.barcode) if copy else "",
            _library(branch),
            _collection(branch),
            work.shelfmark or "MAG-P 1",
            work.volume or "",
            "0" if kept else "",
            "",
            "",
            copy.barcode if copy else "",
            _class(copy) if copy else "",
            work.title,
            work.author,
            "_".join(work.isbns),
            work.ppn or "",
            work.material,
            work.volume or "",
            "",
        ]


def _demo() -> Stock:
    stock = Stock()
    for place in range(demo_stock.WORKS):
        stock.add(demo_stock.demo_work(place, f"c:{REGION}:{718_001 + place}", list(BRANCHES)))
    return stock


def _library(branch: str) -> str:
    return branch.partition("/")[0]


def _collection(branch: str) -> str:
    return branch.partition("/")[2]


def _class(copy: Copy) -> str:
    return "UITL" if copy.loanable else "REF"


def _loi(kind: str, of: str) -> str:
    """A lasting number for a holding or an object."""
    return f"{kind}:{REGION}:{int.from_bytes(sha256(of.encode()).digest()[:5], 'big')}"
