"""An emulated Vubis installation: Iguana and the V-smart HTTP API, OAI-PMH, and a SIP2 desk, over one stock."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.contract import Verb
from adapters.emulators import demo_stock
from adapters.emulators.control import control_routes
from adapters.emulators.faults import Faults, FaultyHttp
from adapters.emulators.iguana import IguanaDesk, IguanaDialect, Peek, datafield, holding, record_of, work_by_record
from adapters.emulators.oai import OAI_DC_FORMAT, OaiFormat, OaiServer, oai_verb
from adapters.emulators.serve import Sip2Listener
from adapters.emulators.sip2 import Sip2Desk, Sip2Dialect
from adapters.emulators.stock import Stock, Work
from adapters.installation import Installation

MARC21 = "http://www.loc.gov/MARC21/slim"
MARCXCHANGE = "info:lc/xmlns/marcxchange-v1"
HOST = "oai:vubis.example"
USER, PASSWORD, PATRON, PIN = "leenpad", "terminal", "9990001", "4711"

BRANCHES: Mapping[str, str] = {name: location for location, name in demo_stock.locations_of("vubis").items()}


class VubisEmulator:
    """One installation. `branches` leads from the name of a branch to our location; copies stand under these names.

    To V-smart a branch is also institution and location: "LEE/001" for the first.
    """

    kind = "vubis"

    def __init__(
        self,
        stock: Stock | None = None,
        *,
        branches: Mapping[str, str] = BRANCHES,
        dialect: IguanaDialect | None = None,
        page_size: int = 25,
    ) -> None:
        self.stock = demo_stock.fill(Stock(), list(branches)) if stock is None else stock
        self.faults = Faults()
        self.dialect = IguanaDialect() if dialect is None else dialect
        self.branches = dict(branches)
        self.scopes = {name: f"{self.dialect.institution}/{at:03}" for at, name in enumerate(branches, 1)}
        self.iguana = IguanaDesk(self.stock, dialect=self.dialect, scopes=self.scopes)
        self.oai = OaiServer(
            self.stock,
            {
                "oai_dc": OAI_DC_FORMAT,
                "marc21": OaiFormat(write=self._marc21, namespace=MARC21, schema=f"{MARC21}/MARC21slim.xsd"),
                "marcxchange": OaiFormat(
                    write=self._marcxchange, namespace=MARCXCHANGE, schema="http://www.loc.gov/standards/iso25577/"
                ),
            },
            name="Vubis",
            identifier=self._identifier,
            number=self._number,
            page_size=page_size,
        )
        self.stock.patrons.setdefault(PATRON, PIN)
        self.app: ASGIApp | None = Peek(FaultyHttp(self._pages(), self.faults, _verb))
        self.sip2: Sip2Listener | None = Sip2Desk(
            self.stock,
            self.faults,
            user=USER,
            password=PASSWORD,
            dialect=Sip2Dialect(names=self.scopes, encoding="iso-8859-1", page_items=10),
        )

    def installation(self, addresses: Mapping[str, str]) -> Installation:
        """Return what an adapter needs to reach it."""
        http = addresses["http"]
        scopes = {self.scopes[name]: location for name, location in self.branches.items()}
        return Installation(
            system="vubis",
            addresses={
                "iguana": f"{http}/iguana/",
                "oai": f"{http}/oai",
                "vsmart": f"{http}/vsmart/VubisSmartHttpApi.csp",
                "sip2": addresses["sip2"],
            },
            secrets={"sip2_user": USER, "sip2_password": PASSWORD, "patron": PATRON, "pin": PIN},
            branches={**self.branches, **scopes},
            options={"database": self.dialect.database, "sip2_encoding": "iso-8859-1", "sip2_institution": "LEE"},
            clock=self.stock.clock,
        )

    def _pages(self) -> Starlette:
        return Starlette(
            routes=[
                *self.iguana.routes(),
                Route("/oai", self.oai.answer, methods=["GET", "POST"]),
                *control_routes(self.stock, self.faults),
            ]
        )

    def _identifier(self, number: str) -> str:
        return f"{HOST}:{self.dialect.prefix}/{record_of(self.stock, self.stock.works[number])}"

    def _number(self, identifier: str) -> str:
        record = identifier.removeprefix(f"{HOST}:{self.dialect.prefix}/")
        work = work_by_record(self.stock, record)
        return "" if work is None else work.number

    def _marc21(self, work: Work) -> etree._Element:
        return self._marc(work, etree.Element(etree.QName(MARC21, "record"), nsmap={"marc": MARC21}))

    def _marcxchange(self, work: Work) -> etree._Element:
        root = etree.Element(etree.QName(MARCXCHANGE, "record"), nsmap={"mx": MARCXCHANGE})
        root.set("format", "MARC21")
        root.set("type", "Bibliographic")
        return self._marc(work, root)

    def _marc(self, work: Work, root: etree._Element) -> etree._Element:
        space = etree.QName(root).namespace
        etree.SubElement(root, etree.QName(space, "leader")).text = "00000nam a2200000 a 4500"
        control = etree.SubElement(root, etree.QName(space, "controlfield"), tag="001")
        control.text = f"{self.dialect.prefix}/{record_of(self.stock, work)}"
        for isbn in work.isbns:
            datafield(root, "020", [("a", isbn)])
        if work.ppn is not None:
            datafield(root, "035", [("a", work.ppn)])
        if work.author:
            datafield(root, "100", [("a", work.author)])
        datafield(root, "245", [("a", work.title), *([("n", work.volume)] if work.volume else [])])
        for copy in work.copies:
            datafield(root, "852", holding(copy, work, self.scopes))
        return root


def _verb(request: Request) -> Verb | None:
    path = request.url.path
    if path == "/oai":
        return oai_verb(request)
    if path.endswith("VubisSmartHttpApi.csp"):
        return Verb.PREPARE
    found = request.scope.get("verb")
    return found if isinstance(found, Verb) else None
