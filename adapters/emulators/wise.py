"""An emulated Wise: its REST interface and its search, with the quirks that its public descriptions show.

Numbers are strings in one answer and numbers in the next; `content` is an object or an array of them; `illAllowed`
is there only with a search strategy that goes beyond the library. The key rolls with the UTC day and a token ends
with the local one, both by this emulator's own clock.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from adapters.contract import ItemStatus, Verb
from adapters.emulators import demo_stock
from adapters.emulators.control import control_routes
from adapters.emulators.faults import Faults, FaultyHttp
from adapters.emulators.serve import Sip2Listener
from adapters.emulators.stock import Copy, Hold, NoSuchThing, NotPossible, Stock, Work
from adapters.emulators.wise_holdings import holdings_answer
from adapters.installation import Clock, Installation, utc_now

API_ID, API_KEY, APPLICATION = "5f0c7c1e-demo", "a-key-for-the-emulator", "Leenpad"
STALE_AFTER = timedelta(minutes=15)
COST_CENTS = 75

WORDS = {
    ItemStatus.AVAILABLE: "AVAILABLE",
    ItemStatus.REQUESTABLE: "HOLD_ALLOWED",
    ItemStatus.ON_LOAN: "ON_LOAN",
    ItemStatus.HELD: "ON_HOLD",
    ItemStatus.ON_ORDER: "ON_ORDER",
    ItemStatus.REFERENCE: "REFERENCE",
    ItemStatus.MISSING: "MISSING",
}
HOLD_WORDS = {"active": "ACTIVE", "shipped": "LOANED", "returned": "RETURNED_TO_BRANCH", "declined": "CLOSED"}

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch of one of the libraries in this Wise, and the location that it is to others."""

    name: str
    library: str
    location: str


BRANCHES: Mapping[str, Branch] = {
    str(6491 + place): Branch(name=name, library="1001" if location < "NL-080099" else "1002", location=location)
    for place, (location, name) in enumerate(demo_stock.locations_of("wise").items())
}


class WiseEmulator:
    """One emulated Wise. `names_holds` False: the answer to a hold that was placed does not say its number.

    With `tells_status` False items come without `effectiveStatus`, and `documented_paths` is the spelling in
    OCLC's text instead of the one that clients use.
    """

    kind = "wise"

    def __init__(
        self,
        stock: Stock | None = None,
        *,
        branches: Mapping[str, Branch] = BRANCHES,
        clock: Clock = utc_now,
        timezone: str = "Europe/Amsterdam",
        strategy: str = "BLRI",
        names_holds: bool = True,
        tells_status: bool = True,
        documented_paths: bool = False,
    ) -> None:
        self.stock = (
            demo_stock.fill(Stock(clock=clock), list(branches), first_number=218_001) if stock is None else stock
        )
        self.faults = Faults()
        self.branches = branches
        self.clock = clock
        self.set_aside: set[str] = set()  # holds whose copy was found, and lies ready
        self.logins = 0
        self.stale_answers = 0
        self._zone = ZoneInfo(timezone)
        self._strategy = strategy
        self._names_holds = names_holds
        self._tells_status = tells_status
        self._documented_paths = documented_paths
        self._tokens: dict[str, tuple[str, date]] = {}
        self._parameters: dict[str, tuple[str, str, datetime]] = {}  # → title, branch, until
        self.app: ASGIApp | None = FaultyHttp(self._starlette(), self.faults, self._verb_of)
        self.sip2: Sip2Listener | None = None

    def installation(self, addresses: Mapping[str, str]) -> Installation:
        """Return what an adapter needs to reach it, by the words of Leenpad's kind `wise`."""
        patron, pin = next(iter(self.stock.patrons.items()), ("", ""))
        options = {"branch": next(iter(self.branches))}
        if self._documented_paths:
            options["prepare_path"] = (
                "/restapi/patron/{patron}/libraryId/{library}/prepareHold/{title}/branch/{branch}"
            )
        return Installation(
            system="wise-emulator",
            addresses={"wise": addresses["http"], "holdings": addresses["http"] + "/export/holdings.csv"},
            secrets={
                "api_id": API_ID,
                "api_key": API_KEY,
                "application": APPLICATION,
                "username": patron,
                "password": pin,
            },
            branches={number: branch.location for number, branch in self.branches.items()},
            options=options,
            clock=self.clock,
        )

    def _starlette(self) -> Starlette:
        patron = "/restapi/patron/{patron}/library/{library}"
        prepare = patron + "/preparehold/{title}/branch/{branch}"
        if self._documented_paths:
            prepare = "/restapi/patron/{patron}/libraryId/{library}/prepareHold/{title}/branch/{branch}"
        routes = [
            *control_routes(self.stock, self.faults),
            Route("/export/holdings.csv", self._export, methods=["GET"]),
            Route("/cgi-bin/bx.pl", self._keyed(self._search), methods=["POST"]),
            Route("/cgi-bin/bx.pl", self._keyed(self._detail), methods=["GET"]),
            Route("/restapi/title/{title}/iteminformation", self._keyed(self._items), methods=["GET"]),
            Route("/restapi/item/{items}/availability", self._keyed(self._item_availability), methods=["GET"]),
            Route("/restapi/branch/{branch}", self._keyed(self._branch), methods=["GET"]),
            Route(
                "/restapi/branch/{branch}/titleavailability/{title}", self._keyed(self._at_branch), methods=["GET"]
            ),
            Route("/restapi/patron/authentication", self._keyed(self._authenticate), methods=["POST"]),
            Route(prepare, self._keyed(self._patron(self._prepare)), methods=["GET"]),
            Route(patron + "/hold", self._keyed(self._patron(self._list_holds)), methods=["GET"]),
            Route(patron + "/hold", self._keyed(self._patron(self._place_hold)), methods=["POST"]),
            Route(patron + "/hold/{hold}", self._keyed(self._patron(self._delete_hold)), methods=["DELETE"]),
        ]
        return Starlette(routes=routes, exception_handlers={NoSuchThing: _nothing})

    def _verb_of(self, request: Request) -> Verb | None:
        path, method = request.url.path.lower(), request.method
        if path.startswith("/export/"):
            return Verb.HARVEST
        if path.startswith("/cgi-bin/"):
            return Verb.RESOLVE
        if "preparehold" in path:
            return Verb.PREPARE
        if "/hold" in path:
            if method == "GET":
                return self._looking()
            return Verb.PLACE if method == "POST" else Verb.CANCEL
        if path.endswith("/authentication") or path.startswith("/restapi/branch/"):
            return None
        return Verb.AVAILABILITY

    def _looking(self) -> Verb:
        """The list of holds serves three verbs alike: it counts as the one of which a fault is planned."""
        planned = {fault.verb for fault in self.faults.planned if fault.times > 0}
        return Verb.FIND if Verb.FIND in planned and Verb.STATUS not in planned else Verb.STATUS

    # --- who is asking -----------------------------------------------------------------------------

    def _keyed(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            day = self.clock().astimezone(UTC).date().toordinal() - date(1970, 1, 1).toordinal()
            digest = hmac.new(API_KEY.encode(), f"{day}{APPLICATION}".encode(), hashlib.sha256).hexdigest()
            if not hmac.compare_digest(request.headers.get("WISE_KEY", ""), f"{API_ID}:{digest}"):
                return _error(401, "INVALID_WISE_KEY")
            return await handler(request)

        return checked

    def _patron(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            token = request.headers.get("Authorization", "")
            patron, day = self._tokens.get(token, ("", None))
            if day != self._today() or request.path_params["patron"] != _system_id(patron):
                return _error(401, "INVALID_TOKEN")
            if request.path_params["library"] != self._library():
                return _error(404, "NOT_FOUND")
            request.state.patron = patron
            return await handler(request)

        return checked

    async def _authenticate(self, request: Request) -> Response:
        given = await request.json()
        username = str(given.get("username", ""))
        if self.stock.patrons.get(username) != given.get("password"):
            return _error(401, "AUTHENTICATION_FAILED")
        self.logins += 1
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (username, self._today())
        return JSONResponse(
            {
                "token": token,
                "patronSystemId": _system_id(username),
                "libraryId": int(self._library()),
                "membershipExpiryDate": "2099-12-31",
            }
        )

    def _today(self) -> date:
        return self.clock().astimezone(self._zone).date()

    def _library(self) -> str:
        return next(iter(self.branches.values())).library

    # --- the catalogue -----------------------------------------------------------------------------

    async def _search(self, request: Request) -> Response:
        given = dict(parse_qsl((await request.body()).decode(), max_num_fields=50))
        if request.scope.get("refuse"):
            return _error(403, "NO_PERMISSION")
        words = given.get("qs", "").lower().strip()
        amount, offset = min(int(given.get("amount") or 10), 100), int(given.get("offset") or 0)
        found = [work for work in self.stock.works.values() if not work.deleted and words and _speaks_of(work, words)]
        objects = [{"fields": _fields(work, brief=True)} for work in found[offset : offset + amount]]
        paging = {"total": str(len(found)), "perpage": str(amount), "offset": str(offset)}
        return JSONResponse({"objects": objects, "paging": paging})

    async def _detail(self, request: Request) -> Response:
        if request.scope.get("refuse"):
            return _error(403, "NO_PERMISSION")
        work = self.stock.works.get(request.query_params.get("oid", ""))
        return JSONResponse({"fields": {} if work is None or work.deleted else _fields(work, brief=False)})

    async def _items(self, request: Request) -> Response:
        if request.scope.get("refuse"):
            return _error(403, "NO_PERMISSION")
        work = self.stock.work(request.path_params["title"])
        here = request.query_params.get("branchId", "")
        group = request.query_params.get("branchCatGroups", "0")
        if here not in self.branches or group not in ("0", "1", "2"):
            return _error(400, "BAD_REQUEST")
        copies = [copy for copy in work.copies if self._group(copy.branch, here) == group]
        return JSONResponse([self._item(work, copy) for copy in copies]) if copies else _error(404, "NOT_FOUND")

    def _group(self, branch: str, here: str) -> str:
        if branch == here:
            return "0"
        return "1" if self.branches[branch].library == self.branches[here].library else "2"

    def _item(self, work: Work, copy: Copy) -> dict[str, Any]:
        item: dict[str, Any] = {
            "id": copy.barcode,
            "branchId": int(copy.branch) if int(copy.branch) % 2 else copy.branch,
            "branchName": self.branches[copy.branch].name,
            "subLocation": "Volwassenen",
            "callNumber": work.shelfmark,
        }
        if self._tells_status:
            item["effectiveStatus"] = WORDS.get(copy.status, "NOT_AVAILABLE")
        if copy.due is not None:
            item["returnDate"] = f"{copy.due.isoformat()}T00:00:00"
        return item

    async def _item_availability(self, request: Request) -> Response:
        copies = [self.stock.copies.get(number) for number in request.path_params["items"].split(",")]
        return JSONResponse(
            [
                {"itemId": int(copy.barcode), "availabilityStatus": WORDS.get(copy.status, "NOT_AVAILABLE")}
                for copy in copies
                if copy is not None
            ]
        )

    async def _branch(self, request: Request) -> Response:
        branch = self.branches.get(request.path_params["branch"])
        if branch is None:
            return _error(404, "NOT_FOUND")
        return JSONResponse({"id": request.path_params["branch"], "name": branch.name, "libraryId": branch.library})

    async def _at_branch(self, request: Request) -> Response:
        work = self.stock.work(request.path_params["title"])
        statuses = [copy.status for copy in work.copies if copy.branch == request.path_params["branch"]]
        if not statuses:
            return _error(404, "NOT_FOUND")
        best = ItemStatus.AVAILABLE if ItemStatus.AVAILABLE in statuses else statuses[0]
        return JSONResponse({"availabilityStatus": WORDS.get(best, "NOT_AVAILABLE")})

    # --- holds -------------------------------------------------------------------------------------

    async def _prepare(self, request: Request) -> Response:
        title, branch = request.path_params["title"], request.path_params["branch"]
        work = self.stock.work(title)
        if branch not in self.branches or work.deleted:
            return _error(404, "NOT_FOUND")
        free = any(copy.loanable and copy.status is ItemStatus.AVAILABLE for copy in work.copies)
        errors = [] if free else [{"code": "NO_ITEMS_FOR_HOLD", "message": "Er is geen exemplaar te reserveren."}]
        if request.scope.get("refuse"):
            errors.append({"code": "PATRON_BLOCKED", "message": f"Lid {request.state.patron} is geblokkeerd."})
        answer: dict[str, Any] = {
            "id": "",
            "validationErrors": errors,
            "holdPossible": not errors,
            "chooseIssueFirst": False,
            "pickupLocations": [{"branchId": number, "locationType": "B"} for number in self.branches],
            "pickupLocation": branch,
            "reservationCost": str(COST_CENTS),
            "reserverationCostDetails": [{"costType": "RESERVATION", "amount": COST_CENTS}],
            "queuePosition": str(len(self.stock.queue(title))) if self.stock.queue(title) else "",
        }
        if not errors:
            answer["holdParameters"] = secrets.token_urlsafe(30)
            self._parameters[answer["holdParameters"]] = (title, branch, self.clock() + STALE_AFTER)
        if {"R", "I"} & set(self._strategy):
            answer["illAllowed"] = True
        return JSONResponse(answer)

    async def _place_hold(self, request: Request) -> Response:
        given = json.loads(await request.body())
        title, pickup = str(given["bibliographicRecordId"]), str(given["pickupLocationBranchId"])
        prepared_title, prepared_branch, until = self._parameters.pop(given["holdParameters"], ("", "", None))
        if (prepared_title, prepared_branch) != (title, pickup) or until is None or until < self.clock():
            self.stale_answers += 1
            return _error(409, "HOLD_PARAMETERS_INVALID")
        if request.scope.get("refuse"):
            return JSONResponse({"validationErrors": [{"code": "PATRON_BLOCKED"}]}, status_code=422)
        at_hand = any(
            copy.branch == pickup and copy.loanable and copy.status is ItemStatus.AVAILABLE
            for copy in self.stock.work(title).copies
        )
        try:
            hold = self.stock.place_hold(
                title, patron=request.state.patron, pickup=pickup, branch=pickup if at_hand else None
            )
        except NotPossible:
            return JSONResponse({"validationErrors": [{"code": "NO_ITEMS_FOR_HOLD"}]}, status_code=422)
        return JSONResponse({"id": int(hold.number), "holdStatus": "ACTIVE"} if self._names_holds else {})

    async def _list_holds(self, request: Request) -> Response:
        if request.scope.get("refuse"):
            return _error(403, "NO_PERMISSION")
        holds = [
            hold
            for hold in self.stock.holds.values()
            if hold.patron == request.state.patron and hold.state in HOLD_WORDS
        ]
        return JSONResponse({"items": [self._hold(hold) for hold in holds]})

    def _hold(self, hold: Hold) -> dict[str, Any]:
        work = self.stock.work(hold.work)
        ready = hold.state == "active" and hold.number in self.set_aside
        return {
            "id": hold.number,
            "holdNumber": int(hold.number) + 7_000_000,
            "bibliographicRecordId": hold.work,
            "title": work.title,
            "author": work.author,
            "medium": "BOE",
            "momkeys": "",
            "pickupLocationName": self.branches[hold.pickup].name,
            "holdStatus": "RECIEVED" if ready else HOLD_WORDS[hold.state],
            "cancelAllowed": hold.state == "active",
            "updateAllowed": hold.state == "active",
            "awaitingPickup": ready,
            "itemId": int(hold.barcode) if hold.barcode and (ready or hold.state != "active") else 0,
        }

    async def _delete_hold(self, request: Request) -> Response:
        hold = self.stock.hold(request.path_params["hold"])
        if hold.patron != request.state.patron:
            return _error(404, "NOT_FOUND")
        if request.scope.get("refuse") or not self.stock.cancel_hold(hold.number):
            return _error(409, "CANCEL_NOT_ALLOWED")
        return JSONResponse({"id": hold.number, "holdStatus": "CLOSED"})

    # --- what Wise is not known to have ------------------------------------------------------------

    async def _export(self, request: Request) -> Response:
        if request.scope.get("refuse"):
            return _error(403, "NO_PERMISSION")
        return holdings_answer(self.stock, request.headers.get("Range", ""))


def _system_id(username: str) -> str:
    """The patronSystemId is not the number on the card."""
    return str(int(hashlib.sha256(username.encode()).hexdigest()[:8], 16))


def _speaks_of(work: Work, words: str) -> bool:
    said = [work.title, work.author, *work.isbns, work.ppn or "", work.number]
    return any(words in one.lower() for one in said)


def _fields(work: Work, *, brief: bool) -> dict[str, Any]:
    """Return what a catalogue page shows; in results some titles show no ISBN."""
    fields: dict[str, Any] = {
        "id": {"content": {"value": int(work.number) if work.number.isdigit() else work.number}},
        "titel": {"content": {"value": work.title}},
        "auteur": {"content": [{"value": work.author}]},
        "medium_srt": {"content": {"value": "BOE", "label": "Boek"}},
    }
    if work.isbns and not (brief and sum(map(ord, work.number)) % 3 == 0):
        told = [{"value": isbn} for isbn in work.isbns]
        fields["isbn"] = {"content": told[0] if len(told) == 1 else told}
    if work.ppn:
        fields["ppn"] = {"content": {"value": work.ppn}}
    return fields


def _error(status: int, code: str) -> JSONResponse:
    return JSONResponse({"code": code, "message": code.replace("_", " ").lower()}, status_code=status)


async def _nothing(_: Request, __: Exception) -> Response:
    return _error(404, "NOT_FOUND")
