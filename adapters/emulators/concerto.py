"""An emulated Concerto-style system: an SRU database whose records carry 852 in one of two dialects, and a SIP2 desk.

`PER_COPY` has a field for each copy, with its barcode and a status in words that brings its date along. `PER_BRANCH`
has one for each branch, with two numbers and no barcode: such a library can be read, and nothing placed there. What
stands in `opac` records is the same in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from xml.sax.saxutils import escape, quoteattr

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.contract import ItemStatus
from adapters.emulators import demo_stock
from adapters.emulators.control import control_routes
from adapters.emulators.faults import Faults, FaultyHttp
from adapters.emulators.serve import Sip2Listener
from adapters.emulators.sip2 import Sip2Desk, Sip2Dialect
from adapters.emulators.sru import SruManners, SruServer, verb_of
from adapters.emulators.stock import Copy, Stock, Work
from adapters.installation import Installation

PATH = "/sru/concerto"
PATRON, PIN = "P0800001", "1357"
TERMINAL, TERMINAL_PASSWORD = "leenpad", "zelfbediening"
BRANCHES: Mapping[str, str] = {name: location for location, name in demo_stock.locations_of("concerto").items()}

_SAID = {
    ItemStatus.AVAILABLE: "Aanwezig",
    ItemStatus.REQUESTABLE: "Aanwezig in magazijn",
    ItemStatus.ON_LOAN: "Uitgeleend",
    ItemStatus.HELD: "Gereserveerd",
    ItemStatus.IN_TRANSIT: "Onderweg",
    ItemStatus.ON_ORDER: "In bestelling",
    ItemStatus.IN_PROCESS: "In bewerking",
    ItemStatus.REFERENCE: "Ter inzage",
    ItemStatus.RECALLED: "Teruggevraagd",
    ItemStatus.MISSING: "Vermist",
    ItemStatus.UNKNOWN: "Vraag het aan de balie",
}
_LEADERS = {"book": "nam", "periodical": "nas", "music": "njm", "dvd": "ngm", "video": "ngm", "map": "nem"}


class Shelving(StrEnum):
    """How 852 is filled in."""

    PER_COPY = "per copy"
    PER_BRANCH = "per branch"


class ConcertoEmulator:
    """One emulated system; without a stock, with that of the demonstration.

    `branches` leads from the names of its branches, as they stand in 852, to our locations.
    """

    kind = "concerto"

    def __init__(
        self,
        stock: Stock | None = None,
        *,
        branches: Mapping[str, str] = BRANCHES,
        shelving: Shelving = Shelving.PER_COPY,
        manners: SruManners | None = None,
        sip2_dialect: Sip2Dialect | None = None,
    ) -> None:
        self.stock = demo_stock.fill(Stock(), list(BRANCHES), first_number=318_001) if stock is None else stock
        self.stock.patrons.setdefault(PATRON, PIN)
        self.faults = Faults()
        self.shelving = shelving
        self.server = SruServer(
            self.stock,
            write={"marcxml": self._marcxml, "opac": self._opac},
            manners=manners or SruManners(),
        )
        routes = [Route(PATH, self.server.answer, methods=["GET"]), *control_routes(self.stock, self.faults)]
        self.app: ASGIApp | None = FaultyHttp(Starlette(routes=routes), self.faults, verb_of)
        self.desk = Sip2Desk(
            self.stock,
            self.faults,
            user=TERMINAL,
            password=TERMINAL_PASSWORD,
            dialect=sip2_dialect or Sip2Dialect(padding=True, short_checksums=True),
        )
        self.sip2: Sip2Listener | None = self.desk
        self._branches = dict(branches)

    def installation(self, addresses: Mapping[str, str]) -> Installation:
        """Return what an adapter needs to reach it."""
        options = {"ppn": "035(NL-PPN)", "ppn_index": "rec.ppn", "modified_index": "rec.lastModificationDate"}
        if not self.server.manners.knows_modified:
            del options["modified_index"]
        if self.shelving is Shelving.PER_BRANCH:
            options |= {"branch": "a", "shelfmark": "j", "copies": "t", "available": "9"}
            options |= {"status": "", "barcode": "", "loanable": "q", "not_loanable": "Ter inzage"}
        return Installation(
            system="concerto",
            addresses={"sru": addresses["http"] + PATH, "sip2": addresses["sip2"]},
            secrets={
                "sip2_user": TERMINAL,
                "sip2_password": TERMINAL_PASSWORD,
                "patron": PATRON,
                "pin": PIN,
            },
            branches=self._branches,
            options=options,
            clock=self.stock.clock,
        )

    # --- records ---------------------------------------------------------------------------------

    def _marcxml(self, work: Work) -> str:
        return self._marc(work, "".join(self._holdings(work)))

    def _marc(self, work: Work, holdings: str) -> str:
        status = "d" if work.deleted else "n"
        leader = f"00000{status}{_LEADERS.get(work.material, 'nam')[1:]} a2200000 a 4500"
        physical = '<controlfield tag="007">vd cvaizq</controlfield>' if work.material == "dvd" else ""
        ppn = _field("035", a=f"(NL-PPN){work.ppn}") if work.ppn else ""
        isbns = "".join(_field("020", a=f"{isbn} (geb.) : EUR 19,99") for isbn in work.isbns)
        author = _field("100", a=f"{work.author},") if work.author else ""
        title = _field("245", a=f"{work.title} /" if not work.volume else f"{work.title}.", n=work.volume or "")
        changed = work.changed_at.strftime("%Y%m%d%H%M%S.0")
        return (
            f'<record xmlns="http://www.loc.gov/MARC21/slim"><leader>{leader}</leader>'
            f'<controlfield tag="001">{escape(work.number)}</controlfield>'
            f'<controlfield tag="005">{changed}</controlfield>{physical}'
            f"{isbns}{ppn}{author}{title}{holdings}</record>"
        )

    def _holdings(self, work: Work) -> list[str]:
        if self.shelving is Shelving.PER_COPY:
            return [self._of_copy(work, copy) for copy in work.copies]
        by_branch: dict[str, list[Copy]] = {}
        for copy in work.copies:
            by_branch.setdefault(copy.branch, []).append(copy)
        return [self._of_branch(work, branch, copies) for branch, copies in by_branch.items()]

    def _of_copy(self, work: Work, copy: Copy) -> str:
        due = f" tot {copy.due:%d-%m-%Y}" if copy.due and copy.status is ItemStatus.ON_LOAN else ""
        return _field(
            "852",
            b=copy.branch,
            h=work.shelfmark,
            p=copy.barcode,
            y="J" if copy.loanable else "N",
            z=_SAID[copy.status] + due,
        )

    def _of_branch(self, work: Work, branch: str, copies: list[Copy]) -> str:
        available = sum(copy.status is ItemStatus.AVAILABLE for copy in copies)
        said = "Uitleenbaar" if any(copy.loanable for copy in copies) else "Ter inzage"
        fields = {"a": branch, "j": work.shelfmark, "t": str(len(copies)), "9": str(available), "q": said}
        return _field("852", **fields)

    def _opac(self, work: Work) -> str:
        holdings = "".join(self._opac_holding(work, copy) for copy in work.copies)
        return (
            f"<opacRecord><bibliographicRecord>{self._marc(work, '')}</bibliographicRecord>"
            f"<holdings>{holdings}</holdings></opacRecord>"
        )

    def _opac_holding(self, work: Work, copy: Copy) -> str:
        now = int(copy.status is ItemStatus.AVAILABLE)
        due = f"<availabilityDate>{copy.due:%Y-%m-%d}</availabilityDate>" if copy.due else ""
        only_here = "" if copy.loanable else "<restrictions>Ter inzage</restrictions>"
        return (
            f"<holding><localLocation>{escape(copy.branch)}</localLocation>"
            f"<callNumber>{escape(work.shelfmark)}</callNumber><circulations><circulation>"
            f'<availableNow value="{now}"/>{due}{only_here}<itemId>{escape(copy.barcode)}</itemId>'
            f'<renewable value="0"/><onHold value="{int(copy.status is ItemStatus.HELD)}"/>'
            "</circulation></circulations></holding>"
        )


def _field(tag: str, **subfields: str) -> str:
    inner = "".join(
        f"<subfield code={quoteattr(code)}>{escape(value)}</subfield>" for code, value in subfields.items() if value
    )
    return f'<datafield tag="{tag}" ind1=" " ind2=" ">{inner}</datafield>'
