"""What a Vubis installation is given, and how one is opened."""

from __future__ import annotations

from adapters.installation import SIP2, Entry, Installation, Kind, option
from adapters.protocols.marc import PPN_RULE
from adapters.protocols.oai_pmh import OaiPmh
from adapters.protocols.sip2 import Sip2, Sip2Lending
from adapters.vubis.copies import Dialect
from adapters.vubis.iguana import Catalogue, Iguana
from adapters.vubis.system import VubisSystem, Words
from adapters.vubis.translate import Branches, Labels
from adapters.vubis.vsmart import VSmart

_CODES = r"[0-9a-z]{0,8}"
_PICKUP = r"\s*[A-Za-z0-9:/-]{1,40}\s*=[^,=|\r\n]{1,60}"
_WORD = r"[^\s&=]{1,80}"


def open_vubis(installation: Installation) -> VubisSystem:
    """Open an installation by the interfaces whose addresses it was given."""
    addresses, system, limits = installation.addresses, installation.system, installation.limits

    def given(name: str) -> str:
        return option(KIND, installation, name)

    iguana = Iguana(
        addresses["iguana"],
        system=system,
        limits=limits,
        catalogue=Catalogue(
            database=given("database"),
            profile=given("profile"),
            language=given("language"),
            page_size=int(given("page_size")),
            entry=given("entry"),
        ),
    )
    words = Words(
        isbn_index=given("isbn_index"),
        ppn_index=given("ppn_index"),
        labels=Labels(isbn=_several(given("isbn_labels")), ppn=_several(given("ppn_labels"))),
        branches=Branches(installation.branches),
        dialect=Dialect(
            field=given("holdings_field"),
            branch=given("holdings_branch"),
            barcode=given("holdings_barcode"),
            status=given("holdings_status"),
        ),
        ppn_rule=given("marc_ppn"),
        oai_prefix=given("oai_prefix"),
        oai_set=given("oai_set"),
        oai_identifier=given("oai_identifier"),
        database=given("database"),
    )
    sip2 = _sip2(installation)
    oai, vsmart = addresses.get("oai"), addresses.get("vsmart")
    return VubisSystem(
        iguana,
        words=words,
        limits=limits,
        clock=installation.clock,
        oai=None if oai is None else OaiPmh.at(oai, system=system, limits=limits),
        vsmart=None if vsmart is None else VSmart(vsmart, system=system, limits=limits),
        sip2=sip2,
        lending=None if sip2 is None else _lending(installation, sip2),
    )


def _sip2(installation: Installation) -> Sip2 | None:
    address, secrets = installation.addresses.get("sip2"), installation.secrets
    if address is None:
        return None
    return Sip2(
        address,
        system=installation.system,
        limits=installation.limits,
        user=secrets.get("sip2_user", ""),
        password=secrets.get("sip2_password", ""),
        terminal_password=secrets.get("sip2_terminal_password", ""),
        institution=option(KIND, installation, "sip2_institution"),
        location_code=option(KIND, installation, "sip2_location"),
        encoding=option(KIND, installation, "sip2_encoding"),
        checksums=option(KIND, installation, "sip2_checksums") == "yes",
    )


def _lending(installation: Installation, sip2: Sip2) -> Sip2Lending | None:
    """Return what holds and lends; None without a patron to do it for."""
    secrets = installation.secrets
    if not secrets.get("patron"):
        return None
    pairs = (pair.partition("=") for pair in _several(option(KIND, installation, "pickups")))
    pickups = {location.strip(): code.strip() for location, _, code in pairs}
    return Sip2Lending(sip2, patron=secrets["patron"], pin=secrets.get("pin", ""), pickups=pickups)


def _several(text: str) -> tuple[str, ...]:
    return tuple(stripped for part in text.split(",") if (stripped := part.strip()))


KIND = Kind(
    name="vubis",
    open=open_vubis,
    addresses={
        "iguana": Entry("Where Iguana's pages are: https://host/iguana/.", default=None, base=True),
        "oai": Entry("The base URL of the OAI-PMH server; without it nothing is harvested."),
        "vsmart": Entry("The HTTP API of V-smart (…/VubisSmartHttpApi.csp), which names copies.", base=True),
        "sip2": Entry(
            "The SIP2 server: sip2://host:port, or sip2s:// for TLS; without it nothing is placed.", schemes=SIP2
        ),
    },
    secrets={
        "sip2_user": Entry("Name of our terminal at the SIP2 server; empty: nobody logs in."),
        "sip2_password": Entry("Password of our terminal."),
        "sip2_terminal_password": Entry("What each SIP2 message bears as terminal password (AC)."),
        "patron": Entry("Number of the patron that stands for us there; without it nothing is placed."),
        "pin": Entry("PIN of that patron."),
    },
    options={
        "database": Entry("The database that Iguana searches.", "1", r"[0-9]{1,4}(_[A-Za-z0-9]{1,20})?"),
        "isbn_index": Entry("The index of ISBNs.", "Isbn", _WORD),
        "ppn_index": Entry("The index of PPNs; empty: there is none.", "PPN", rf"({_WORD})?"),
        "isbn_labels": Entry("The labels under which a record shows ISBNs.", "BriefIsbn,FullIsbn,ISBN", r".{1,400}"),
        "ppn_labels": Entry("The labels under which a record shows its PPN.", "BriefPpn,FullPpn,PPN", r".{1,400}"),
        "profile": Entry("The profile that searches are made under.", "Iguana", _WORD),
        "language": Entry("The language of answers.", "dut", r"[a-z]{3}"),
        "page_size": Entry("Records a page.", "10", r"[1-9]|[1-4][0-9]|50"),
        "entry": Entry("`surl` of the front page, where several catalogues share an Iguana.", "", rf"({_WORD})?"),
        "oai_prefix": Entry("The format that is harvested.", "marcxchange", r"[A-Za-z0-9_.!~*'()-]{1,60}"),
        "oai_set": Entry("The set that is harvested; empty: all.", "", rf"({_WORD})?"),
        "oai_identifier": Entry(
            "How a record is called in OAI-PMH, with {database} and {record}: `oai:host:{database}/{record}`.",
            "",
            r"([^\s{}]{0,200}(\{database\}[^\s{}]{0,20})?\{record\})?",
        ),
        "marc_ppn": Entry("Where the PPN is in MARC: 001, 035 or 035(PREFIX); empty: nowhere.", "035", PPN_RULE),
        "holdings_field": Entry("The MARC field of copies.", "852", r"[0-9]{3}"),
        "holdings_branch": Entry("Its subfields that make up the branch, joined by a stroke.", "ab", _CODES),
        "holdings_barcode": Entry("Its subfields with the barcode; the first that is there.", "qp", _CODES),
        "holdings_status": Entry("Its subfield with the status code; empty: none.", "y", _CODES),
        "sip2_institution": Entry("The institution that SIP2 messages name.", "", r"[^|\r\n]{0,40}"),
        "sip2_location": Entry("Where our terminal stands, for SIP2.", "", r"[^|\r\n]{0,40}"),
        "sip2_encoding": Entry(
            "The encoding of SIP2 messages.", "utf-8", r"utf-8|iso-8859-1|iso-8859-15|cp1252|cp850"
        ),
        "sip2_checksums": Entry("Whether SIP2 messages bear checksums.", "yes", r"yes|no"),
        "pickups": Entry(
            "Codes of pickup locations where they are not the ISIL: `NL-0800070000=LEE/001, …`.",
            "",
            rf"({_PICKUP}(,{_PICKUP})*)?",
        ),
    },
)
