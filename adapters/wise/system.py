"""The adapter to Wise: catalogue and copies for whoever has a key, holds in the name of one patron."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from adapters.contract import (
    Capabilities,
    ItemStatus,
    Lacking,
    NotFound,
    NotOffered,
    Order,
    OutcomeUnknown,
    Page,
    Quote,
    Refused,
    Scheme,
    Snapshot,
    Standing,
    SystemFault,
    Title,
    Verb,
)
from adapters.http import Http, Reply
from adapters.installation import Installation, Kind, option
from adapters.wise import translate
from adapters.wise.door import Door
from adapters.wise.holdings import harvest_file
from adapters.wise.options import ADDRESSES, OPTIONS, SECRETS

BATCH = 20  # titles in one question about availability; Wise itself is asked one by one
ITEMS_AT_ONCE = 50  # item numbers in one address
HITS = 10  # on a page of results
MOST_PAGES = 3
MOST_DETAILS = 10  # titles whose own page is looked at, where the results do not say their ISBN

READS = frozenset({Verb.RESOLVE, Verb.AVAILABILITY})
HOLDS = frozenset({Verb.PREPARE, Verb.PLACE, Verb.FIND, Verb.STATUS, Verb.CANCEL})
REFUSALS = (400, 403, 409, 422)
OBTAINABLE = frozenset({ItemStatus.AVAILABLE, ItemStatus.REQUESTABLE})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """What a hold is placed with: the token of a quote."""

    title: str
    branch: str  # that has the copy
    pickup: str
    parameters: Any = field(repr=False)


class WiseSystem(Lacking):
    """One installation of Wise."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._http = Http(
            installation.addresses["wise"].rstrip("/"), system=installation.system, limits=installation.limits
        )
        self._door = Door(installation, self._http)

    def capabilities(self) -> Capabilities:
        """Reading needs a key, holds need a patron too, and harvesting an address of a file."""
        verbs = READS | (HOLDS if self._door.has_patron else frozenset())
        if self._holdings:
            verbs |= {Verb.HARVEST}
        return Capabilities(verbs=verbs, schemes=frozenset(Scheme), batch=BATCH)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    # --- titles and copies -------------------------------------------------------------------------

    async def resolve(self, title: Title) -> list[str]:
        """Search, and keep what is exactly this title: by its results or, where they do not say, by its own page."""
        with self._http.together():
            found: list[str] = []
            if title.local is not None and await self._detail(title.local) is not None:
                found.append(title.local)
            isbn = translate.isbn13(title.isbn) if title.isbn else None
            if isbn is not None:
                found += [hit.number for hit in await self._search(isbn, _isbns) if isbn in hit.isbns]
            if title.ppn:
                found += [hit.number for hit in await self._search(title.ppn, _ppns) if title.ppn in hit.ppns]
            return list(dict.fromkeys(found))

    async def _search(self, words: str, said: Callable[[translate.Hit], frozenset[str]]) -> list[translate.Hit]:
        """Return the titles found; what is not `said` among the results is looked up on the title's own page."""
        hits: list[translate.Hit] = []
        for page in range(MOST_PAGES):
            form = translate.search_form(
                words,
                branch=self._option("branch"),
                search_in=self._option("search_in"),
                offset=page * HITS,
                amount=HITS,
            )
            reply = await self._door.ask("POST", "/cgi-bin/bx.pl", what="search", form=form)
            more, total = translate.read_search(reply.json(), ppn_field=self._option("ppn_field"))
            hits += more
            if not more or (page + 1) * HITS >= total:
                break
        silent = [hit.number for hit in hits if not said(hit)][:MOST_DETAILS]
        details = await self._all(self._detail(number) for number in silent)
        return [hit for hit in [*hits, *details] if hit is not None]

    async def _detail(self, number: str) -> translate.Hit | None:
        params = {"event": "odetail", "fmt": "json", "oid": number, "pub": "0", "vestnr": self._option("branch")}
        try:
            reply = await self._door.ask("GET", "/cgi-bin/bx.pl", what="detail", params=params)
        except NotFound:
            return None
        return translate.read_detail(reply.json(), number, ppn_field=self._option("ppn_field"))

    async def availability(self, references: Collection[str]) -> list[Snapshot]:
        """Ask for the items of each title, and for how they stand where the items do not say."""
        with self._http.together():
            wanted = list(dict.fromkeys(references))
            asked = await self._all(self._items(reference) for reference in wanted)
            return [snapshot for snapshots in asked for snapshot in snapshots]

    async def _items(self, reference: str) -> list[Snapshot]:
        groups = self._option("branch_groups").split()
        answers = await self._all(self._items_in(reference, group) for group in groups)
        known = {item: one for answer in answers for item, one in answer.items()}  # an item may be in several groups
        unsaid = [item for item, (_, told) in known.items() if not told]
        chunks = [unsaid[start : start + ITEMS_AT_ONCE] for start in range(0, len(unsaid), ITEMS_AT_ONCE)]
        statuses = {
            item: status
            for answer in await self._all(self._statuses(chunk) for chunk in chunks)
            for item, status in answer.items()
        }
        return [
            snapshot
            if told
            else replace(
                snapshot,
                status=(status := statuses.get(item, ItemStatus.UNKNOWN)),
                lendable=False if status is ItemStatus.REFERENCE else None,
            )
            for item, (snapshot, told) in known.items()
        ]

    async def _items_in(self, reference: str, group: str) -> dict[str, tuple[Snapshot, bool]]:
        try:
            reply = await self._door.ask(
                "GET",
                f"/restapi/title/{quote(reference, safe='')}/iteminformation",
                what="iteminformation",
                params={
                    "branchCatGroups": group,
                    "branchId": self._option("branch"),
                    "clientType": self._option("client_type"),
                },
            )
        except NotFound:
            return {}
        now = self._installation.clock()
        return translate.read_items(reply.json(), reference, branches=self._installation.branches, observed_at=now)

    async def _statuses(self, items: list[str]) -> dict[str, ItemStatus]:
        joined = ",".join(quote(item, safe="") for item in items)
        reply = await self._door.ask("GET", f"/restapi/item/{joined}/availability", what="item availability")
        return translate.read_item_statuses(reply.json())

    # --- holds -------------------------------------------------------------------------------------

    async def prepare(self, order: Order, *, taken: Collection[str] = ()) -> Quote:
        """Find the title, see that its copy is where the order says, and have Wise prepare the hold."""
        with self._http.together():
            return (await self._prepared(order))[0]

    async def place(self, quote: Quote, *, key: str) -> str:
        """Place the hold; with parameters that Wise no longer takes it is prepared anew, once."""
        with self._http.together():
            offer = _unpacked(quote.token) or await self._offer(quote.order)
            reply = await self._post(offer)
            if reply.status in REFUSALS and translate.says_stale(reply.body):
                offer = await self._offer(quote.order)
                reply = await self._post(offer)
            if reply.status in REFUSALS:
                raise _refused(reply)
            return translate.read_placed(reply.json()) or await self._only_hold(offer)

    async def find(self, order: Order, *, key: str, taken: Collection[str] = ()) -> str | None:
        """Look for a hold of this title, to be fetched where this order's would be: Wise keeps no key."""
        with self._http.together():
            titles = await self._titles(order)
            holds = await self._holds() if titles else []
            for branch in self._pickups(order):
                name = await self._name(branch) if any(hold.branch is None for hold in holds) else None
                for hold in translate.match(holds, titles=titles, branch=branch, name=name, taken=taken):
                    return hold.number
            return None

    async def status(self, receipt: str) -> Standing:
        """Look for the hold on the patron's list. Raises NotFound for one that is no longer there."""
        with self._http.together():
            return translate.standing(await self._hold(receipt))

    async def cancel(self, receipt: str) -> bool:
        """Delete the hold, unless Wise says that it cannot be any more. Raises NotFound."""
        with self._http.together():
            hold = await self._hold(receipt)
            if hold.status == "CLOSED":
                return True
            if not hold.may_cancel:
                return False
            path = self._option("hold_path") + "/{hold}"
            try:
                reply = await self._door.ask_as_patron(
                    "DELETE", path, what="delete hold", names={"hold": receipt}, writes=True
                )
            except Refused:
                return False
            if reply.body:
                reply.json()  # something else that answers in its place has deleted nothing
            return True

    async def _prepared(self, order: Order) -> tuple[Quote, _Offer | None]:
        branches = self._branches(order.supplying_location)
        titles = await self._titles(order) if branches else []
        items = [item for title in titles for item in await self._items(title) if item.branch in branches]
        at_hand = [item for item in items if item.status in OBTAINABLE]
        if not items:
            raise NotFound("The title is not at that location.")
        if not at_hand:
            reason = next(
                (translate.REASONS[item.status] for item in items if item.status in translate.REASONS), None
            )
            return Quote(order=order, possible=False, reason=reason or "NotOnShelf", detail=items[0].status), None
        chosen = min(at_hand, key=lambda item: item.status is not ItemStatus.AVAILABLE)
        pickup = next((branch for branch in self._pickups(order) if branch not in branches), chosen.branch)
        said = translate.read_prepared(
            (
                await self._door.ask_as_patron(
                    "GET",
                    self._option("prepare_path"),
                    what="preparehold",
                    names={"title": chosen.reference, "branch": pickup},
                )
            ).json()
        )
        offer = _Offer(title=chosen.reference, branch=chosen.branch, pickup=pickup, parameters=said.parameters)
        known = self._installation.branches
        quote_ = Quote(
            order=order,
            possible=said.possible,
            lendable=said.ill_allowed,
            reason=None if said.possible else "PolicyProblem",
            detail=", ".join(said.codes),
            cost_cents=said.cost_cents,
            pickups=tuple(known[branch] for branch in said.pickup_branches if branch in known),
            queue=said.queue,
            token=_packed(offer) if said.possible else None,
        )
        return quote_, offer

    async def _offer(self, order: Order) -> _Offer:
        """Prepare, and return what to place. Raises Refused where Wise says no."""
        quoted, offer = await self._prepared(order)
        if offer is None or not quoted.possible:
            raise Refused(quoted.reason or "Other", quoted.detail)
        return offer

    async def _post(self, offer: _Offer) -> Reply:
        form = translate.hold_form(title=offer.title, pickup=offer.pickup, parameters=offer.parameters)
        path = self._option("hold_path")
        return await self._door.ask_as_patron("POST", path, what="hold", writes=True, json=form, judges=REFUSALS)

    async def _only_hold(self, offer: _Offer) -> str:
        """Return the hold that was just placed, which its answer did not name. Raises OutcomeUnknown if in doubt."""
        try:
            holds = await self._holds()
            name = await self._name(offer.pickup) if any(hold.branch is None for hold in holds) else None
        except SystemFault as fault:
            raise OutcomeUnknown("hold: placed, but not named") from fault
        found = translate.match(holds, titles=[offer.title], branch=offer.pickup, name=name, taken=())
        if len(found) != 1:
            raise OutcomeUnknown("hold: placed, but not named")
        return found[0].number

    async def _holds(self) -> list[translate.HoldRow]:
        reply = await self._door.ask_as_patron("GET", self._option("hold_path"), what="holds")
        return translate.read_holds(reply.json())

    async def _hold(self, receipt: str) -> translate.HoldRow:
        for hold in await self._holds():
            if hold.number == receipt:
                return hold
        raise NotFound("The hold is not on the patron's list.")

    async def _titles(self, order: Order) -> list[str]:
        return await self.resolve(Title(isbn=order.isbn, ppn=order.ppn))

    async def _name(self, branch: str) -> str | None:
        try:
            reply = await self._door.ask("GET", f"/restapi/branch/{quote(branch, safe='')}", what="branch")
        except NotFound:
            return None
        return translate.read_name(reply.json())

    # --- where -------------------------------------------------------------------------------------

    def _branches(self, location: str) -> list[str]:
        return [branch for branch, ours in self._installation.branches.items() if ours == location]

    def _pickups(self, order: Order) -> list[str]:
        """Return the branches where the hold of an order may be fetched, the likeliest first."""
        there = self._branches(order.pickup_location) if self._option("hold_at") == "pickup" else []
        return there or self._branches(order.supplying_location)

    # --- harvesting --------------------------------------------------------------------------------

    async def harvest(self, *, since: datetime | None = None, cursor: str | None = None) -> AsyncIterator[Page]:
        """Go through the file of holdings. Raises CursorLost where it was written anew meanwhile."""
        if not self._holdings:
            raise NotOffered("This system was given no file of holdings.")
        pages = harvest_file(
            self._http,
            self._holdings,
            branches=self._installation.branches,
            clock=self._installation.clock,
            since=since,
            cursor=cursor,
        )
        try:
            async for page in pages:
                yield page
        finally:
            await pages.aclose()

    # --- the rest ----------------------------------------------------------------------------------

    @property
    def _holdings(self) -> str:
        return self._installation.addresses.get("holdings", "")

    def _option(self, name: str) -> str:
        return option(KIND, self._installation, name)

    @staticmethod
    async def _all(calls: Iterable[Awaitable[T]]) -> list[T]:
        """Wait for all; the first fault ends the others."""
        tasks = [asyncio.ensure_future(call) for call in calls]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _isbns(hit: translate.Hit) -> frozenset[str]:
    return hit.isbns


def _ppns(hit: translate.Hit) -> frozenset[str]:
    return hit.ppns


def _refused(reply: Reply) -> Refused:
    codes = translate.read_codes(_lenient(reply.body))
    return Refused("PolicyProblem", ", ".join(codes) or f"hold: status {reply.status}")


def _lenient(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _packed(offer: _Offer) -> str:
    return json.dumps([offer.title, offer.branch, offer.pickup, offer.parameters])


def _unpacked(token: str | None) -> _Offer | None:
    if token is None:
        return None
    title, branch, pickup, parameters = json.loads(token)
    return _Offer(title=title, branch=branch, pickup=pickup, parameters=parameters)


KIND = Kind(name="wise", open=WiseSystem, addresses=ADDRESSES, secrets=SECRETS, options=OPTIONS)
