"""The options of a Concerto-style installation: its SRU indexes, its dialect of 852, its SIP2 terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adapters.concerto.holdings import NOT_LOANABLE, STATUS_WORDS, Dialect
from adapters.contract import ItemStatus
from adapters.installation import Entry
from adapters.protocols.marc import PPN_RULE

_INDEX = r"([A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)?)?"
_CODES = r"[0-9a-z]{0,4}"
_STATUSES = "|".join(ItemStatus)

KIND_OPTIONS: Mapping[str, Entry] = {
    "sru_version": Entry("Which SRU: 1.1, 1.2 or 2.0.", default="1.2", pattern=r"1\.1|1\.2|2\.0"),
    "record_schema": Entry(
        "Where holdings stand: `marcxml` (in a field of MARC) or `opac` (OPAC records).",
        default="marcxml",
        pattern=r"[A-Za-z0-9_.:/-]{1,100}",
    ),
    "page_size": Entry("Records in one answer, 1 to 500.", default="50", pattern=r"[1-9][0-9]?|[1-4][0-9]{2}|500"),
    "batch": Entry(
        "Records in one question about availability, 1 to 50.", default="10", pattern=r"[1-9]|[1-4][0-9]|50"
    ),
    "isbn_index": Entry("The CQL index of ISBNs; empty: none.", default="bath.isbn", pattern=_INDEX),
    "ppn_index": Entry("The CQL index of PPNs; empty: none.", pattern=_INDEX),
    "number_index": Entry(
        "The CQL index of record numbers (001).", default="rec.identifier", pattern=f"(?=.){_INDEX}"
    ),
    "modified_index": Entry("The CQL index of days of change; empty: every harvest is whole.", pattern=_INDEX),
    "modified_format": Entry(
        "How that index writes days (strftime).", default="%Y-%m-%d", pattern=r"[%YmdHMSTZ:.-]{1,40}"
    ),
    "sweep_query": Entry("The CQL query that finds everything.", default="cql.allRecords = 1", pattern=r".{1,200}"),
    "ppn": Entry("Where PPNs stand: empty, 001, 035, or 035 with a prefix: 035(OCoLC).", pattern=PPN_RULE),
    "tag": Entry("The field of holdings.", default="852", pattern=r"[0-9]{3}"),
    "branch": Entry("Subfields of the branch.", default="b", pattern=f"(?=.){_CODES}"),
    "shelfmark": Entry("Subfields of the shelfmark.", default="h", pattern=_CODES),
    "copies": Entry("Subfield with how many copies.", pattern=_CODES),
    "available": Entry("Subfield with how many of them are available.", pattern=_CODES),
    "status": Entry("Subfield of the status.", default="z", pattern=_CODES),
    "due": Entry("Subfield of the due date, where the status does not bring it along.", pattern=_CODES),
    "barcode": Entry("Subfield of the barcode; empty: nothing can be placed.", default="p", pattern=_CODES),
    "loanable": Entry("Subfield that says whether it leaves the house.", default="y", pattern=_CODES),
    "not_loanable": Entry("The words there that mean no, with `;` between.", pattern=r".{0,500}"),
    "status_words": Entry(
        "Words for statuses that the installation has of its own: `word=status;word=status`.",
        pattern=rf"([^=;]+=({_STATUSES})(;(?!$)|$))*",
    ),
    "pickups": Entry(
        "Codes of pickup locations there: `ISIL=code;ISIL=code`.", pattern=r"([^=;]+=[^=;]+(;(?!$)|$))*"
    ),
    "sip2_institution": Entry("The institution in SIP2 messages (AO)."),
    "sip2_location": Entry("The terminal's location at login (CP)."),
    "sip2_encoding": Entry(
        "How SIP2 messages are written.", default="utf-8", pattern=r"utf-8|iso-8859-1|cp1252|cp850"
    ),
    "sip2_checksums": Entry("Whether SIP2 messages carry checksums.", default="yes", pattern=r"yes|no"),
}


def dialect_of(option: Callable[[str], str]) -> Dialect:
    """Return the dialect that the options describe."""
    own_words = frozenset(word.strip().casefold() for word in option("not_loanable").split(";") if word.strip())
    return Dialect(
        tag=option("tag"),
        branch=option("branch"),
        shelfmark=option("shelfmark"),
        copies=option("copies"),
        available=option("available"),
        status=option("status"),
        due=option("due"),
        barcode=option("barcode"),
        loanable=option("loanable"),
        words=words_of(option("status_words")),
        not_loanable=own_words or NOT_LOANABLE,
    )


def pairs_of(text: str) -> dict[str, str]:
    """Read an option of the form `a=b;c=d`."""
    pairs = (pair.rpartition("=") for pair in text.split(";") if "=" in pair)
    return {name.strip(): value.strip() for name, _, value in pairs}


def words_of(text: str) -> Mapping[str, ItemStatus]:
    """Return the words for statuses: ours, and those of an option `word=status;…`, which go first."""
    own = {word.casefold(): ItemStatus(status) for word, status in pairs_of(text).items()}
    return {**STATUS_WORDS, **own}
