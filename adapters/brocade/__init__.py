"""Brocade, of the library of the University of Antwerp (Anet): OAI-PMH and files to read, SIP2 to place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from adapters.brocade.catalogue import FileCatalogue, FileForm, OaiCatalogue, Source
from adapters.brocade.files import read_columns
from adapters.brocade.finder import FRESH, Finder
from adapters.brocade.ill import LoanRequests
from adapters.brocade.system import BrocadeSystem
from adapters.brocade.translate import Dialect
from adapters.installation import SIP2, Entry, Installation, Kind, option
from adapters.protocols.iso18626.client import Iso18626Client
from adapters.protocols.iso18626.messages import Version
from adapters.protocols.oai_pmh import OaiPmh
from adapters.protocols.sip2 import Sip2, Sip2Lending

__all__ = ["KIND", "BrocadeSystem", "open_brocade"]

_PAIRS = r"\s*([^=,]+=[^=,]+(,[^=,]+=[^=,]+)*)?\s*"


def open_brocade(installation: Installation) -> BrocadeSystem:
    """Open an installation. Nothing is asked of it yet."""
    system, limits = installation.system, installation.limits
    dialect = Dialect(
        branches=installation.branches,
        reference_classes=frozenset(_listed(_option(installation, "reference_classes"))),
        ppn_type=_option(installation, "ppn_type").lower(),
    )
    catalogue = OaiCatalogue(
        OaiPmh.at(installation.addresses["oai"], system=system, limits=limits),
        dialect=dialect,
        set_=_option(installation, "set") or None,
        identifier=_option(installation, "identifier"),
    )
    files = installation.addresses.get("files", "")
    source: Source = catalogue
    if files:
        form = FileForm(
            columns=read_columns(_option(installation, "columns")), encoding=_option(installation, "encoding")
        )
        source = FileCatalogue(files, system=system, limits=limits, dialect=dialect, form=form)
    sip2 = _sip2(installation)
    requests = _requests(installation)
    return BrocadeSystem(
        catalogue=catalogue,
        source=source,
        finder=Finder(
            source,
            most=int(_option(installation, "index_records")),
            clock=installation.clock,
            fresh=timedelta(days=1) if files else FRESH,  # a file is read as a whole
        ),
        dialect=dialect,
        limits=limits,
        clock=installation.clock,
        sip2=sip2,
        lending=None if sip2 is None else _lending(installation, sip2),
        requests=requests,
    )


def _sip2(installation: Installation) -> Sip2 | None:
    address = installation.addresses.get("sip2", "")
    if not address:
        return None
    secrets = installation.secrets
    return Sip2(
        address,
        system=installation.system,
        limits=installation.limits,
        user=secrets.get("sip2_user", ""),
        password=secrets.get("sip2_password", ""),
        terminal_password=secrets.get("sip2_terminal_password", ""),
        institution=_option(installation, "sip2_institution"),
        location_code=_option(installation, "sip2_location"),
        encoding=_option(installation, "sip2_encoding"),
        checksums=_option(installation, "sip2_checksums") == "yes",
    )


def _lending(installation: Installation, sip2: Sip2) -> Sip2Lending | None:
    patron = installation.secrets.get("patron", "")
    if not patron:
        return None
    pickups = dict(_pairs(_option(installation, "pickups")))
    return Sip2Lending(sip2, patron=patron, pin=installation.secrets.get("pin", ""), pickups=pickups)


def _requests(installation: Installation) -> LoanRequests | None:
    """Loan requests, where they are wanted and it is known where to and from whom."""
    address, requester = installation.addresses.get("iso18626", ""), _option(installation, "requesting_agency")
    if _option(installation, "requests") != "iso18626" or not address or not requester:
        return None
    client = Iso18626Client(
        address,
        system=installation.system,
        limits=installation.limits,
        version=Version(_option(installation, "iso18626_version")),
    )
    supplier = _option(installation, "supplying_agency")
    return LoanRequests(client, requester=requester, supplier=supplier, clock=installation.clock)


def _option(installation: Installation, name: str) -> str:
    return option(KIND, installation, name)


def _listed(text: str) -> Iterator[str]:
    yield from (part for one in text.split(",") if (part := one.strip()))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for one in _listed(text):
        name, _, value = one.partition("=")
        yield name.strip(), value.strip()


_ADDRESSES: Mapping[str, Entry] = {
    "oai": Entry("Its OAI-PMH server, as in https://host/oai/…/server.phtml; it must offer catxml.", default=None),
    "files": Entry("A catalogue file; where it is given, harvests read it instead of asking OAI-PMH for lists."),
    "sip2": Entry(
        "Its SIP2 server, sip2://host:port or sip2s://host:port; without it nothing can be placed.", schemes=SIP2
    ),
    "iso18626": Entry("Where loan requests are taken, where `requests` is iso18626."),
}

_SECRETS: Mapping[str, Entry] = {
    "sip2_user": Entry("The name by which our terminal logs in to SIP2."),
    "sip2_password": Entry("Its password."),
    "sip2_terminal_password": Entry("What each message bears as terminal password (AC)."),
    "patron": Entry("The number of the patron who stands for us there; without it nothing can be placed."),
    "pin": Entry("The PIN of that patron."),
}

_OPTIONS: Mapping[str, Entry] = {
    "set": Entry("The OAI-PMH set to harvest, as in cxlib:ABC for one library; all where empty.", pattern=r"\S*"),
    "identifier": Entry(
        "What OAI-PMH calls a record, with {loi} for its c-loi.", default="{loi}", pattern=r"[^{}\s]*\{loi\}[^{}\s]*"
    ),
    "ppn_type": Entry("The type of number (nr/ty) that is a PPN.", default="ppn", pattern=r"[A-Za-z0-9_-]{1,20}"),
    "reference_classes": Entry("Classes of objects that never leave the house, as in REF,KOSTBAAR."),
    "index_records": Entry(
        "Of how many records to keep the numbers in memory, to find ISBNs and PPNs by; 0 to 1,000,000.",
        default="200000",
        pattern=r"[0-9]{1,6}|1000000",
    ),
    "columns": Entry(
        "How the file heads its columns, where otherwise than we know: record=…,library=….", pattern=_PAIRS
    ),
    "encoding": Entry("How the file is encoded.", default="iso-8859-1", pattern=r"iso-8859-1|windows-1252|utf-8"),
    "pickups": Entry(
        "SIP2's codes of pickup locations by ISIL, as in NL-0800070000=ABC,…; else the ISIL.", pattern=_PAIRS
    ),
    "requests": Entry("By what is placed: sip2 or iso18626.", default="sip2", pattern=r"sip2|iso18626"),
    "requesting_agency": Entry("The ISIL in whose name loan requests are sent by ISO 18626.", pattern=r"\S{0,40}"),
    "supplying_agency": Entry(
        "The ISIL that they go to, where it is not the supplying location.", pattern=r"\S{0,40}"
    ),
    "iso18626_version": Entry("In what version they are written.", default="2021-2", pattern=r"1\.2|2021-2"),
    "sip2_institution": Entry("The institution in SIP2 messages (AO)."),
    "sip2_location": Entry("Where our terminal stands, in SIP2 messages (CP, AP)."),
    "sip2_encoding": Entry("How SIP2 messages are encoded.", default="utf-8", pattern=r"[A-Za-z0-9_-]{1,20}"),
    "sip2_checksums": Entry("Whether SIP2 messages bear checksums: yes or no.", default="yes", pattern=r"yes|no"),
}

KIND = Kind(
    name="brocade",
    open=open_brocade,
    addresses=_ADDRESSES,
    secrets=_SECRETS,
    options=_OPTIONS,
)
