"""An NCIP 2.02 responder over HTTP: the eight messages that a loan between libraries needs, on a stock of its own.

Faithful to what responders in the field do: everything is a POST to one address and is answered 200, with what is
wrong in `Problem` elements; `version` must be qualified, or it is missing; a request id is taken once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.contract import ItemStatus, Malformed, Verb
from adapters.emulators.faults import Faults, FaultyHttp
from adapters.emulators.serve import Sip2Listener
from adapters.emulators.stock import Copy, NoSuchThing, NotPossible, Stock, Work
from adapters.installation import Clock, Installation, utc_now
from adapters.xml import parse_xml

NS = "http://www.niso.org/2008/ncip"
PATH = "/ncip"
MOST_BYTES = 2**20
WORDS: Mapping[ItemStatus, str] = {
    ItemStatus.AVAILABLE: "Available On Shelf",
    ItemStatus.ON_LOAN: "On Loan",
    ItemStatus.HELD: "Available For Pickup",
    ItemStatus.IN_TRANSIT: "In Transit Between Library Locations",
    ItemStatus.ON_ORDER: "On Order",
    ItemStatus.IN_PROCESS: "In Process",
    ItemStatus.RECALLED: "Recalled",
    ItemStatus.MISSING: "Missing",
}
VERBS: Mapping[str, Verb] = {
    "LookupItem": Verb.AVAILABILITY,
    "LookupUser": Verb.FIND,
    "RequestItem": Verb.PLACE,
    "CancelRequestItem": Verb.CANCEL,
    "AcceptItem": Verb.ACCEPT_ITEM,
    "CheckOutItem": Verb.CHECK_OUT,
    "CheckInItem": Verb.CHECK_IN,
    "DeleteItem": Verb.CHECK_IN,
}


class _Problem(Exception):  # noqa: N818 - named as its element
    def __init__(self, type_: str, element: str | None = None, value: str | None = None) -> None:
        super().__init__(type_)
        self.parts = {"ProblemType": type_, "ProblemElement": element, "ProblemValue": value}


class Ncip:
    """The emulator. `password` is what FromSystemAuthentication must be, where one is set."""

    kind = "ncip"
    sip2: Sip2Listener | None = None

    def __init__(self, stock: Stock | None = None, *, password: str | None = None, clock: Clock = utc_now) -> None:
        self.stock = stock or Stock(clock=clock)
        self.faults = Faults()
        self.password = password
        self.requests: dict[str, str] = {}  # the asker's request id → the hold
        self.accepted: dict[str, str] = {}  # barcode → the work made for it
        self._answers: Mapping[str, Callable[[etree._Element, etree._Element], None]] = {
            "LookupItem": self._lookup_item,
            "LookupUser": self._lookup_user,
            "RequestItem": self._request_item,
            "CancelRequestItem": self._cancel_request_item,
            "AcceptItem": self._accept_item,
            "CheckOutItem": self._check_out_item,
            "CheckInItem": self._check_in_item,
            "DeleteItem": self._delete_item,
        }
        routes = [Route(PATH, self._take, methods=["POST"])]
        self.app: ASGIApp | None = _Peek(FaultyHttp(Starlette(routes=routes), self.faults, _verb_of))

    def installation(self, addresses: Mapping[str, str]) -> Installation:
        """Return what a client needs to reach it."""
        secrets = {} if self.password is None else {"system_password": self.password}
        return Installation(system="ncip", addresses={"ncip": addresses["http"] + PATH}, secrets=secrets)

    async def _take(self, request: Request) -> Response:
        try:
            root = parse_xml(await request.body(), largest_bytes=MOST_BYTES)
        except Malformed:
            return _answered(None, _Problem("Invalid Message Syntax Error"))
        asked = root[0] if len(root) else None
        try:
            if root.get(f"{{{NS}}}version") is None:
                raise _Problem("Missing Version", "NCIPMessage")
            if asked is None or (name := etree.QName(asked).localname) not in self._answers:
                raise _Problem("Unsupported Service")
            self._check_password(asked)
            if request.scope.get("refuse"):
                raise _Problem("Item Does Not Circulate", "ItemId")
            response = etree.Element(f"{{{NS}}}{name}Response")
            self._answers[name](asked, response)
        except (NoSuchThing, NotPossible, _Problem) as problem:
            return _answered(None if asked is None else asked, problem)
        return _document(response)

    def _check_password(self, asked: etree._Element) -> None:
        given = asked.findtext(f"{{{NS}}}InitiationHeader/{{{NS}}}FromSystemAuthentication")
        if self.password is not None and given != self.password:
            raise _Problem("System Authentication Failed", "FromSystemAuthentication")

    # --- the eight ----------------------------------------------------------------------------------

    def _lookup_item(self, asked: etree._Element, response: etree._Element) -> None:
        request = _said(asked, "Request")
        if request is not None:
            hold = self.stock.hold(self._hold_of(request))
            _id(response, "Request", request)
            barcode = hold.barcode
        else:
            barcode = _said(asked, "Item")
        copy = self._copy(barcode)
        _id(response, "Item", copy.barcode)
        self._describe(response, copy)

    def _describe(self, response: etree._Element, copy: Copy) -> None:
        work = self.stock.work_of(copy.barcode)
        fields = _inside(response, "ItemOptionalFields")
        described = _inside(fields, "BibliographicDescription")
        _inside(described, "Author", work.author)
        _inside(described, "Title", work.title)
        if not copy.loanable:
            _inside(fields, "ItemUseRestrictionType", "In Library Use Only")
        _inside(fields, "CirculationStatus", WORDS.get(copy.status, "Circulation Status Undefined"))
        _inside(fields, "HoldQueueLength", str(len(self.stock.queue(work.number))))
        if work.shelfmark:
            _inside(_inside(fields, "ItemDescription"), "CallNumber", work.shelfmark)
        location = _inside(fields, "Location")
        _inside(location, "LocationType", "Permanent Location")
        instance = _inside(_inside(location, "LocationName"), "LocationNameInstance")
        _inside(instance, "LocationNameLevel", "1")
        _inside(instance, "LocationNameValue", copy.branch)
        if copy.due is not None:
            _inside(fields, "DateDue", _end_of(copy))

    def _lookup_user(self, asked: etree._Element, response: etree._Element) -> None:
        user = self._user(asked)
        _id(response, "User", user)
        if asked.find(f"{{{NS}}}LoanedItemsDesired") is not None:
            for copy in self.stock.copies.values():
                if copy.patron == user:
                    loaned = _inside(response, "LoanedItem")
                    _id(loaned, "Item", copy.barcode)
                    _inside(loaned, "DateDue", _end_of(copy))
        if asked.find(f"{{{NS}}}RequestedItemsDesired") is not None:
            names = {hold: request for request, hold in self.requests.items()}
            for hold in self.stock.holds_of(user):
                requested = _inside(response, "RequestedItem")
                _id(requested, "Request", names.get(hold.number, hold.number))
                if hold.barcode is not None:
                    _id(requested, "Item", hold.barcode)
                _inside(requested, "RequestType", "Hold")
                _inside(requested, "RequestStatusType", "In Process")
                _inside(requested, "DatePlaced", _moment(hold.placed_at))

    def _request_item(self, asked: etree._Element, response: etree._Element) -> None:
        user, barcode, request = self._user(asked), _said(asked, "Item"), _said(asked, "Request")
        if request in self.requests:
            raise _Problem("Duplicate Request", "RequestId", request)
        work = self.stock.work_of(self._copy(barcode).barcode) if barcode is not None else self._work(asked)
        pickup = asked.findtext(f"{{{NS}}}PickupLocation") or ""
        hold = self.stock.place_hold(work.number, patron=user, pickup=pickup, barcode=barcode)
        request = request or hold.number
        self.requests[request] = hold.number
        _id(response, "Request", request)
        if hold.barcode is not None:
            _id(response, "Item", hold.barcode)
        _id(response, "User", user)
        for name in ("RequestType", "RequestScopeType"):
            _inside(response, name, asked.findtext(f"{{{NS}}}{name}"))

    def _cancel_request_item(self, asked: etree._Element, response: etree._Element) -> None:
        user, request, barcode = self._user(asked), _said(asked, "Request"), _said(asked, "Item")
        if request is not None:
            number = self._hold_of(request)
        else:
            held = [hold.number for hold in self.stock.holds_of(user) if hold.barcode == barcode]
            if not held:
                raise _Problem("Unknown Request", "ItemId", barcode)
            number = held[0]
        if not self.stock.cancel_hold(number):
            raise _Problem("Request Already Processed", "RequestId", request)
        if request is not None:
            _id(response, "Request", request)
        if barcode is not None:
            _id(response, "Item", barcode)
        _id(response, "User", user)

    def _accept_item(self, asked: etree._Element, response: etree._Element) -> None:
        request, barcode = _said(asked, "Request"), _said(asked, "Item")
        if barcode is None:
            barcode = f"ILL-{request}"
        if barcode in self.stock.copies:
            raise _Problem("Duplicate Item", "ItemId", barcode)
        user = self._user(asked) if _said(asked, "User") is not None else None
        described = f"{{{NS}}}ItemOptionalFields/{{{NS}}}BibliographicDescription/{{{NS}}}"
        work = Work(
            number=f"accepted-{barcode}",
            title=asked.findtext(f"{described}Title") or "",
            author=asked.findtext(f"{described}Author") or "",
            copies=[Copy(barcode=barcode, branch=asked.findtext(f"{{{NS}}}PickupLocation") or "counter")],
        )
        self.stock.add(work)
        self.accepted[barcode] = work.number
        if user is not None:
            hold = self.stock.place_hold(work.number, patron=user, pickup=work.copies[0].branch, barcode=barcode)
            self.requests.setdefault(request or barcode, hold.number)
        _id(response, "Request", request or "")
        _id(response, "Item", barcode)

    def _check_out_item(self, asked: etree._Element, response: etree._Element) -> None:
        user, copy = self._user(asked), self._copy(_said(asked, "Item"))
        copy = self.stock.check_out(copy.barcode, patron=user)
        _id(response, "Item", copy.barcode)
        _id(response, "User", user)
        _inside(response, "DateDue", _end_of(copy))

    def _check_in_item(self, asked: etree._Element, response: etree._Element) -> None:
        copy = self._copy(_said(asked, "Item"))
        if copy.status is not ItemStatus.ON_LOAN:
            raise _Problem("Item Not Checked Out", "ItemId", copy.barcode)
        _id(response, "Item", self.stock.check_in(copy.barcode).barcode)

    def _delete_item(self, asked: etree._Element, response: etree._Element) -> None:
        copy = self._copy(_said(asked, "Item"))
        if copy.barcode not in self.accepted:
            raise _Problem("Item Access Denied", "ItemId", copy.barcode)
        self.stock.remove(self.accepted.pop(copy.barcode))
        _id(response, "Item", copy.barcode)

    # --- what they are about ------------------------------------------------------------------------

    def _copy(self, barcode: str | None) -> Copy:
        try:
            return self.stock.copy(barcode or "")
        except NoSuchThing:
            raise _Problem("Unknown Item", "ItemId", barcode) from None

    def _user(self, asked: etree._Element) -> str:
        user = _said(asked, "User")
        if user is None or user not in self.stock.patrons:
            raise _Problem("Unknown User", "UserId", user)
        return user

    def _hold_of(self, request: str) -> str:
        if request not in self.requests:
            raise _Problem("Unknown Request", "RequestId", request)
        return self.requests[request]

    def _work(self, asked: etree._Element) -> Work:
        for element in asked.iter(f"{{{NS}}}BibliographicRecordIdentifier", f"{{{NS}}}BibliographicItemIdentifier"):
            number = (element.text or "").strip()
            if number in self.stock.works and not self.stock.works[number].deleted:
                return self.stock.works[number]
            for work in self.stock.find(isbn=number, ppn=number):
                return work
        raise _Problem("Unknown Item", "BibliographicId")


class _Peek:
    """Reads the whole message first, so that what goes wrong can depend on which it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        more = scope["type"] == "http"
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False) and len(body) <= MOST_BYTES
        scope["ncip"] = next(
            (name for name in VERBS if f":{name}>".encode() in body or f"<{name}>".encode() in body), ""
        )
        whole: list[Message] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def again() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, again, send)


def _verb_of(request: Request) -> Verb | None:
    return VERBS.get(request.scope["ncip"])


# --- XML ------------------------------------------------------------------------------------------


def _said(asked: etree._Element, name: str) -> str | None:
    return asked.findtext(f"{{{NS}}}{name}Id/{{{NS}}}{name}IdentifierValue") or None


def _id(parent: etree._Element, name: str, value: str) -> None:
    _inside(_inside(parent, f"{name}Id"), f"{name}IdentifierValue", value)


def _inside(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{NS}}}{name}")
    element.text = text
    return element


def _end_of(copy: Copy) -> str:
    assert copy.due is not None
    return _moment(datetime.combine(copy.due, time(23, 59, 59), UTC))


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _answered(asked: etree._Element | None, error: Exception) -> Response:
    """A response of problems: inside the answer to what was asked, or by itself where that is not known."""
    name = "" if asked is None else etree.QName(asked).localname
    response = etree.Element(f"{{{NS}}}{name}Response" if name in VERBS else f"{{{NS}}}Problem")
    if isinstance(error, _Problem):
        parts = error.parts
    else:
        type_ = "Unknown Item" if isinstance(error, NoSuchThing) else "Resource Cannot Be Provided"
        parts = {"ProblemType": type_, "ProblemDetail": str(error)}
    problem = _inside(response, "Problem") if name in VERBS else response
    for part in ("ProblemType", "ProblemDetail", "ProblemElement", "ProblemValue"):
        if parts.get(part) is not None:
            _inside(problem, part, parts[part])
    return _document(response)


def _document(inner: etree._Element) -> Response:
    root = etree.Element(f"{{{NS}}}NCIPMessage", {f"{{{NS}}}version": NS}, {"ns1": NS})
    root.append(inner)
    document = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return Response(document, media_type="application/xml")
