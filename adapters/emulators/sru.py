"""An SRU server over the works of a stock, with the manners that servers in the field have.

Diagnostics come in status 200. No records are sent unless `maximumRecords` is given, and never more than the server
likes; where the next page begins is not said. Version 1.1 to 2.0 are answered each in its own namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape, quoteattr

from starlette.requests import Request
from starlette.responses import Response

from adapters.contract import Verb
from adapters.emulators.cql import Clause, Combined, CqlFault, Query, read_cql
from adapters.emulators.stock import Stock, Work

NAMESPACES = {
    "1.1": "http://www.loc.gov/zing/srw/",
    "1.2": "http://www.loc.gov/zing/srw/",
    "2.0": "http://docs.oasis-open.org/ns/search-ws/sruResponse",
}
DIAGNOSTICS = {
    3: "Authentication error",
    4: "Unsupported operation",
    5: "Unsupported version",
    6: "Unsupported parameter value",
    7: "Mandatory parameter not supplied",
    10: "Query syntax error",
    16: "Unsupported index",
    19: "Unsupported relation",
    28: "Masking character not supported",
    36: "Term in invalid format for index or relation",
    47: "Cannot process query; reason unknown",
    61: "First record position out of range",
    66: "Unknown schema for retrieval",
}
INDEXES = (
    "bath.isbn",
    "rec.identifier",
    "rec.ppn",
    "dc.title",
    "dc.creator",
    "rec.lastModificationDate",
    "cql.allRecords",
)
MODIFIED = "rec.lastmodificationdate"


@dataclass(frozen=True, slots=True, kw_only=True)
class SruManners:
    """How a server answers. `most` is the largest page; `counts` whether it says how many there are.

    `tells_deleted` has works that were deleted come along where it is asked what changed, marked in their leader.
    """

    most: int = 50
    counts: bool = True
    names_next: bool = False
    packs_strings: bool = False
    knows_modified: bool = True
    tells_deleted: bool = False


class SruServer:
    """One database. `write` has for every record schema what writes a work in it."""

    def __init__(self, stock: Stock, *, write: Mapping[str, Callable[[Work], str]], manners: SruManners) -> None:
        self._stock = stock
        self._write = write
        self.manners = manners

    async def answer(self, request: Request) -> Response:
        """Answer a GET."""
        asked = dict(request.query_params)
        version = asked.get("version") or ("2.0" if "operation" not in asked else "1.1")
        if version not in NAMESPACES:
            return _xml(_fault("1.2", CqlFault(5, "2.0")))
        operation = asked.get("operation", "searchRetrieve" if "query" in asked else "explain")
        try:
            if operation == "explain":
                return _xml(self._explain(version, request))
            if operation != "searchRetrieve":
                raise CqlFault(4)
            if request.scope.get("refuse"):
                raise CqlFault(47)
            return _xml(self._search(version, asked))
        except CqlFault as fault:
            return _xml(_fault(version, fault))

    # --- searching -------------------------------------------------------------------------------

    def _search(self, version: str, asked: Mapping[str, str]) -> str:
        if "query" not in asked:
            raise CqlFault(7, "query")
        query = read_cql(asked["query"])
        works = [work for work in self._stock.works.values() if self._fits(query, work)]
        start = _number(asked, "startRecord", default=1, least=1)
        most = min(_number(asked, "maximumRecords", default=0, least=0), self.manners.most)
        schema = asked.get("recordSchema", "marcxml")
        write = self._write.get(schema)
        if write is None:
            raise CqlFault(66, schema)
        if works and start > len(works):
            raise CqlFault(61)
        page = works[start - 1 :][:most]
        parts = [f"<zs:numberOfRecords>{len(works)}</zs:numberOfRecords>"] if self.manners.counts else []
        if page:
            records = "".join(
                self._record(version, schema, position, write(work)) for position, work in enumerate(page, start)
            )
            parts.append(f"<zs:records>{records}</zs:records>")
        if self.manners.names_next and page and start + len(page) <= len(works):
            parts.append(f"<zs:nextRecordPosition>{start + len(page)}</zs:nextRecordPosition>")
        return _wrapped("searchRetrieveResponse", version, "".join(parts))

    def _record(self, version: str, schema: str, position: int, text: str) -> str:
        packing = "recordXMLEscaping" if version == "2.0" else "recordPacking"
        how = "string" if self.manners.packs_strings else "xml"
        data = escape(f'<?xml version="1.0"?>{text}') if self.manners.packs_strings else text
        return (
            f"<zs:record><zs:recordSchema>{escape(schema)}</zs:recordSchema><zs:{packing}>{how}</zs:{packing}>"
            f"<zs:recordData>{data}</zs:recordData><zs:recordPosition>{position}</zs:recordPosition></zs:record>"
        )

    def _fits(self, query: Query, work: Work) -> bool:
        if isinstance(query, Combined):
            left, right = self._fits(query.left, work), self._fits(query.right, work)
            return {"and": left and right, "or": left or right, "not": left and not right}[query.boolean]
        index = query.index.lower()
        if index == MODIFIED and self.manners.knows_modified:
            return _changed(query, work) and (self.manners.tells_deleted or not work.deleted)
        if query.masked:
            raise CqlFault(28, "*")
        return _says(query, index, work) and not work.deleted

    def _explain(self, version: str, request: Request) -> str:
        host, port = request.url.hostname or "", request.url.port or 80
        names = (name.split(".") for name in INDEXES if self.manners.knows_modified or name.lower() != MODIFIED)
        indexes = "".join(f"<index><map><name set={quoteattr(s)}>{n}</name></map></index>" for s, n in names)
        schemas = "".join(f"<schema name={quoteattr(name)} identifier={quoteattr(name)}/>" for name in self._write)
        return _wrapped(
            "explainResponse",
            version,
            "<zs:record><zs:recordSchema>http://explain.z3950.org/dtd/2.0/</zs:recordSchema><zs:recordData>"
            '<explain xmlns="http://explain.z3950.org/dtd/2.0/"><serverInfo protocol="SRU">'
            f"<host>{escape(host)}</host><port>{port}</port><database>concerto</database></serverInfo>"
            f"<indexInfo>{indexes}</indexInfo><schemaInfo>{schemas}</schemaInfo><configInfo>"
            f'<setting type="maximumRecords">{self.manners.most}</setting></configInfo></explain>'
            "</zs:recordData></zs:record>",
        )


def verb_of(request: Request) -> Verb | None:
    """Which verb a question serves, told by the index that it asks."""
    query = request.query_params.get("query", "").lower()
    for word, verb in (("isbn", Verb.RESOLVE), ("rec.ppn", Verb.RESOLVE), ("rec.identifier", Verb.AVAILABILITY)):
        if word in query:
            return verb
    return Verb.HARVEST if "allrecords" in query or MODIFIED in query else None


# --- what the indexes find -----------------------------------------------------------------------


def _says(query: Clause, index: str, work: Work) -> bool:
    text = query.text.casefold()
    if index in ("", "cql.serverchoice", "dc.title", "dc.creator"):
        found = {"dc.title": work.title, "dc.creator": work.author}.get(index, f"{work.title} {work.author}")
        return _words(query.relation, text.split(), found.casefold().split())
    if query.relation not in ("=", "==", "exact"):
        raise CqlFault(19, query.relation)
    match index:
        case "cql.allrecords":
            return True
        case "bath.isbn":
            return text.replace("-", "") in work.isbns
        case "rec.ppn":
            return text == (work.ppn or "").casefold()
        case "rec.identifier":
            return text == work.number.casefold()
        case _:
            raise CqlFault(16, query.index)


def _words(relation: str, asked: list[str], found: list[str]) -> bool:
    if relation == "any":
        return any(word in found for word in asked)
    if relation == "all":
        return all(word in found for word in asked)
    if relation in ("", "=", "==", "exact", "adj"):
        length = len(asked)
        return any(found[place : place + length] == asked for place in range(len(found)))
    raise CqlFault(19, relation)


def _changed(query: Clause, work: Work) -> bool:
    try:
        day = date.fromisoformat(query.text)
    except ValueError:
        raise CqlFault(36, query.text) from None
    changed_on = work.changed_at.date()
    match query.relation:
        case ">=":
            return changed_on >= day
        case ">":
            return changed_on > day
        case "=":
            return changed_on == day
        case _:
            raise CqlFault(19, query.relation)


# --- writing the answer --------------------------------------------------------------------------


def _number(asked: Mapping[str, str], name: str, *, default: int, least: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise CqlFault(6, name)
    return int(text)


def _fault(version: str, fault: CqlFault) -> str:
    details = f"<details>{escape(fault.details)}</details>" if fault.details else ""
    namespace = (
        "http://docs.oasis-open.org/ns/search-ws/diagnostic"
        if version == "2.0"
        else "http://www.loc.gov/zing/srw/diagnostic/"
    )
    return _wrapped(
        "searchRetrieveResponse",
        version,
        "<zs:numberOfRecords>0</zs:numberOfRecords>"
        f"<zs:diagnostics><diagnostic xmlns={quoteattr(namespace)}><uri>info:srw/diagnostic/1/{fault.code}</uri>"
        f"{details}<message>{DIAGNOSTICS.get(fault.code, 'Error')}</message></diagnostic></zs:diagnostics>",
    )


def _wrapped(name: str, version: str, inner: str) -> str:
    said = "" if version == "2.0" else f"<zs:version>{version}</zs:version>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<zs:{name} xmlns:zs={quoteattr(NAMESPACES[version])}>{said}{inner}</zs:{name}>"
    )


def _xml(text: str) -> Response:
    return Response(text, media_type="text/xml")
