"""Speaks to Iguana, the public catalogue of Vubis: a session by cookie, searches by form, answers in XML.

The front page (`www.main.cls`) sets the cookie of the session and names its number, which each search repeats as
`CspSessionId` and `SIDTKN` (S). How a session ends is
inferred: status 401, a page for people instead of XML, or an empty result with a new session.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from adapters.contract import AuthExpired, Malformed
from adapters.http import Http, Reply
from adapters.installation import Limits
from adapters.vubis.translate import Document, Result, SessionOver, read_result

FRONT = "www.main.cls"
PROXY = "Proxy.SearchRequest.cls"
MOST_PAGES = 20
MOST_COOKIES = 16
LARGEST_BYTES = 2 * 2**20
"""More than fifty full records are; a larger answer would keep everybody waiting while it is read."""
_COOKIE = re.compile(
    r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,200})=([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{0,2000})(?:;|$)"
)
_NUMBER = re.compile(r"""\bsessionID\s*=\s*['"]([A-Za-z0-9$_~.-]{4,200})['"]""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """How an installation's Iguana is asked: its database and indexes by name, and how much a page holds."""

    database: str = "1"
    isbn_index: str = "Isbn"
    ppn_index: str = "PPN"
    profile: str = "Iguana"
    language: str = "dut"
    page_size: int = 10
    entry: str = ""  # `surl` of the front page, where several catalogues share one Iguana


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What Iguana knows us by: the cookies that go back to it, and the number that each search repeats."""

    cookie: str = field(repr=False)
    number: str = field(repr=False)


class Iguana:
    """One session with one Iguana, begun when first needed and shared by all who ask."""

    def __init__(self, base: str, *, system: str, limits: Limits, catalogue: Catalogue) -> None:
        self._base = base.rstrip("/")
        bounded = replace(limits, answer_bytes=min(limits.answer_bytes, LARGEST_BYTES))
        self._http = Http(f"{self._base}/", system=system, limits=bounded)
        self._catalogue = catalogue
        self._session: Session | None = None
        self._entering = asyncio.Lock()

    async def search(self, index: str, term: str) -> list[Document]:
        """Return all records that an index has under a term; none where Iguana only guesses.

        Raises what `Http.ask` raises, Malformed, Refused, or AuthExpired when a fresh session is not taken either.
        """
        found: dict[str, Document] = {}
        size = self._catalogue.page_size
        for page in range(MOST_PAGES):
            start = 1 + page * size
            result = await self._page(
                {
                    "RequestType": "ResultSet_DisplayList",
                    "NumberToRetrieve": str(size),
                    "StartValue": str(start),
                    "SearchTechnique": "Find",
                    "Index": index,
                    "Request": term,
                    "ExportByTemplate": "Brief",
                    "TemplateId": "Iguana_Brief",
                    "FacetedSearch": "No",
                },
                what="search",
            )
            if result.fuzzy:
                return []
            found |= {document.number: document for document in result.documents}
            # An empty page before the last: the result became smaller while it was read.
            if not result.documents or start + size > result.whole_size:
                break
        return list(found.values())

    async def record(self, number: str) -> Document | None:
        """Return one record in full by its number ("1.130922"), or None. Raises as `search`.

        That it is asked for by `RecordNumber` is sourced; that the answer then has a holdings summary, inferred.
        """
        prefix, _, inside = number.partition(".")
        given = self._catalogue.database
        # "2_LIE" is how one of several catalogues on database 2 calls it (S).
        database = given if given.partition("_")[0] == prefix else prefix
        result = await self._page(
            {
                "RequestType": "RecordNumber",
                "Database": database,
                "Request": inside,
                "ExportByTemplate": "Full",
                "TemplateId": "Iguana_Full",
            },
            what="record",
        )
        return next(
            (document for document in result.documents if document.number == number and not result.fuzzy), None
        )

    async def close(self) -> None:
        """Close the connections; the session ends by itself."""
        await self._http.close()

    async def _page(self, asked: Mapping[str, str], *, what: str) -> Result:
        """Ask for one page; where the session is over, begin a new one and ask for that page once more."""
        session = await self._enter(None)
        for last in (False, True):
            try:
                reply = await self._ask(asked, session, what=what)
                result = read_result(reply.body)
                if result.documents or last or not _is_replaced(session, reply):
                    return result
                session = await self._enter(session)
            except (AuthExpired, SessionOver) as error:
                if last:
                    raise AuthExpired(f"iguana {what}: a fresh session was not taken") from error
                session = await self._enter(session)
        raise AssertionError("the second time it returned or raised")

    async def _ask(self, asked: Mapping[str, str], session: Session, *, what: str) -> Reply:
        catalogue = self._catalogue
        form = {
            "fu": "BibSearch",
            "Application": "Bib",
            "Database": catalogue.database,
            "Profile": catalogue.profile,
            "Language": catalogue.language,
            "Namespace": "0",
            "Cluster": "0",
            "WithoutRestrictions": "Yes",
            "Associations": "Also",
            **asked,
            "CspSessionId": session.number,
            "SIDTKN": session.number,
        }
        headers = {"X-Requested-With": "XMLHttpRequest", "Referer": f"{self._base}/{FRONT}"}
        if session.cookie:
            headers["Cookie"] = session.cookie
        return await self._http.ask("POST", PROXY, what=f"iguana {what}", form=form, headers=headers)

    async def _enter(self, over: Session | None) -> Session:
        """Return the session there is, or begin one in place of the one that is `over`: at most one at a time."""
        async with self._entering:
            if self._session is None or self._session is over:
                self._session = None
                entry = self._catalogue.entry
                params = {"surl": entry} if entry else None
                self._session = read_session(await self._http.ask("GET", FRONT, what="iguana session", params=params))
            return self._session


def read_session(reply: Reply) -> Session:
    """Read a session from the front page. Its number stands in a script, or else within the cookie (both S)."""
    cookies = _cookies(reply)
    in_page = _NUMBER.search(reply.body.decode("utf-8", "replace"))
    in_cookie = next((value[12:22] for name, value in cookies.items() if _is_session(name)), "")
    number = in_page[1] if in_page is not None else in_cookie
    if not number:
        raise Malformed("iguana session: the front page names none")
    return Session("; ".join(f"{name}={value}" for name, value in cookies.items()), number)


def _is_replaced(session: Session, reply: Reply) -> bool:
    """Say whether an answer begins another session: its server gives whoever was idle too long a new one unasked (S).

    That such an answer may be an empty result is inferred, so an empty one with a new session is asked for again.
    """
    return any(
        _is_session(name) and f"{name}={value}" not in session.cookie for name, value in _cookies(reply).items()
    )


def _is_session(name: str) -> bool:
    return name.upper().startswith("CSPSESSIONID")


def _cookies(reply: Reply) -> dict[str, str]:
    lines = (line.strip() for line in reply.headers.getall("set-cookie", [])[:MOST_COOKIES])
    return {cookie[1]: cookie[2] for line in lines if (cookie := _COOKIE.match(line)) is not None}
