"""The words of Wise in ours, and ours in Wise's. Numbers may be strings, and what may be several may be one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from adapters.contract import Answer, ItemStatus, Malformed, Snapshot, Standing

ITEM_STATUS: Mapping[str, ItemStatus] = {
    "AVAILABLE": ItemStatus.AVAILABLE,
    "HOLD_ALLOWED": ItemStatus.REQUESTABLE,
    "REFERENCE": ItemStatus.REFERENCE,
    "ON_HOLD": ItemStatus.HELD,
    "ON_LOAN": ItemStatus.ON_LOAN,
    "ON_ORDER": ItemStatus.ON_ORDER,
    "MISSING": ItemStatus.MISSING,
    "NOT_AVAILABLE": ItemStatus.UNKNOWN,
    "UNKNOWN": ItemStatus.UNKNOWN,
}
"""S: the words of `effectiveStatus` and `availabilityStatus`."""

HOLD_STATUS: Mapping[str, Answer] = {
    "ACTIVE": Answer.OPEN,
    "RECIEVED": Answer.PROMISED,  # so spelled by some versions
    "RECEIVED": Answer.PROMISED,
    "MESSAGE_SENT": Answer.PROMISED,
    "IN_TRANSPORT": Answer.SHIPPED,
    "LOANED": Answer.SHIPPED,
    "RETURNED_TO_BRANCH": Answer.RETURNED,
    "CLOSED": Answer.DECLINED,
    "UNKNOWN": Answer.OPEN,
}
"""S: the words of `holdStatus`. I: what each means for a hold that is fetched where the copy stands."""

ENDED = frozenset({"CLOSED", "RETURNED_TO_BRANCH"})

REASONS: Mapping[ItemStatus, str] = {
    ItemStatus.ON_LOAN: "InUse",
    ItemStatus.HELD: "OnReserve",
    ItemStatus.ON_ORDER: "OnOrder",
    ItemStatus.REFERENCE: "UseOnly",
    ItemStatus.MISSING: "NotOnShelf",
}
"""Why a copy that stands so cannot be had, as an ISO 18626 ReasonUnfilled."""

_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,59}")
_NUMBER = re.compile(r"-?\d{1,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A title as a search shows it. Empty `isbns` and `ppns` say nothing: its own page may name them."""

    number: str
    isbns: frozenset[str] = frozenset()
    ppns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What logging in gives. Patron and token are never shown."""

    token: str = field(repr=False)
    patron: str = field(repr=False)
    library: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The answer of `preparehold`; `parameters` go back as they came."""

    possible: bool
    ill_allowed: bool | None
    codes: tuple[str, ...]
    pickup_branches: tuple[str, ...]
    cost_cents: int | None
    queue: int | None
    parameters: Any = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRow:
    """A hold on the patron's list. `branch` is the pickup location's number, where it is told; else its name is."""

    number: str
    title: str
    status: str
    branch: str | None
    branch_name: str | None
    item: str | None
    may_cancel: bool


# --- values --------------------------------------------------------------------------------------


def text(value: Any) -> str | None:
    """Return a number or string as a string without blanks around it; None for anything else, or an empty one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        return str(value).strip() or None
    except ValueError:  # a number of thousands of digits
        return None


def whole(value: Any) -> int | None:
    """Return a whole number that may be written as a string or with a fraction of nothing; None for anything else."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**15:
        return int(value)
    said = text(value)
    if said is None:
        return None
    said = re.sub(r"\.0+$", "", said)
    return int(said) if said.isascii() and _NUMBER.fullmatch(said) else None


def several(value: Any) -> list[Any]:
    """Return what may be one thing, several, or none as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def isbn13(value: str) -> str | None:
    """Return an ISBN of 10 or 13 digits as 13 digits, hyphens dropped; None where it is none, or its check fails."""
    said = re.sub(r"[\s-]", "", value).upper()
    if re.fullmatch(r"\d{9}[\dX]", said, re.ASCII):
        digits = [10 if sign == "X" else int(sign) for sign in said]
        if sum(weight * digit for weight, digit in zip(range(10, 0, -1), digits, strict=True)) % 11:
            return None
        stem = "978" + said[:9]
        return stem + str(-sum(int(sign) * (1, 3)[place % 2] for place, sign in enumerate(stem)) % 10)
    if re.fullmatch(r"97[89]\d{10}", said, re.ASCII):
        return None if sum(int(sign) * (1, 3)[place % 2] for place, sign in enumerate(said)) % 10 else said
    return None


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{what}: no object")
    return value


# --- searching -----------------------------------------------------------------------------------


def search_form(words: str, *, branch: str, search_in: str, offset: int, amount: int) -> dict[str, str]:
    """Return the form of a search in the whole catalogue (S: public clients)."""
    return {
        "prt": "INTERNET",
        "var": "portal",
        "vestnr": branch,
        "fmt": "json",
        "search_in": search_in,
        "amount": str(amount),
        "catalog": "default",
        "event": "osearch",
        "preset": "all",
        "offset": str(offset),
        "qs": words,
        "vcgrpf": "0",
        "backend": "wise",
        "vcgrpt": "0",
    }


def read_search(document: Any, *, ppn_field: str) -> tuple[list[Hit], int]:
    """Return the titles on a page of results, and how many there are in all. Raises Malformed."""
    found = _object(document, "search")
    total = whole(_object(found.get("paging", {}), "search: paging").get("total"))
    hits = [
        hit
        for one in several(found.get("objects"))
        if (hit := read_fields(_object(one, "search: objects").get("fields"), ppn_field=ppn_field)) is not None
    ]
    return hits, len(hits) if total is None else total


def read_detail(document: Any, number: str, *, ppn_field: str) -> Hit | None:
    """Return a title from its own page; None where there is none. Raises Malformed."""
    hit = read_fields(_object(document, "detail").get("fields"), ppn_field=ppn_field)
    return hit if hit is not None and hit.number == number else None


def read_fields(fields: Any, *, ppn_field: str) -> Hit | None:
    """Return a title from its fields, or None where they name none."""
    if not isinstance(fields, dict):
        return None
    number = next(contents(fields, "id"), None)
    if number is None:
        return None
    isbns = frozenset(isbn for said in contents(fields, "isbn") if (isbn := isbn13(said)) is not None)
    return Hit(number=number, isbns=isbns, ppns=frozenset(contents(fields, ppn_field)))


def contents(fields: Mapping[str, Any], name: str) -> Iterator[str]:
    """Go through the values of a field, whose `content` is an object, or an array of them."""
    held = fields.get(name)
    for one in several(held.get("content") if isinstance(held, dict) else None):
        said = text(one.get("value") if isinstance(one, dict) else one)
        if said is not None:
            yield said


# --- availability --------------------------------------------------------------------------------


def read_items(
    document: Any, reference: str, *, branches: Mapping[str, str], observed_at: datetime
) -> dict[str, tuple[Snapshot, bool]]:
    """Return by item number how each stands, and whether the answer says so at all. Raises Malformed."""
    if not isinstance(document, list):
        raise Malformed("iteminformation: no array")
    found: dict[str, tuple[Snapshot, bool]] = {}
    for one in document:
        row = _object(one, "iteminformation")
        item, branch = text(row.get("id")), text(row.get("branchId"))
        if item is None or branch is None:
            raise Malformed("iteminformation: an item without number or branch")
        told = text(row.get("effectiveStatus"))
        status = ITEM_STATUS.get((told or "").upper(), ItemStatus.UNKNOWN)
        snapshot = Snapshot(
            reference=reference,
            branch=branch,
            location=branches.get(branch),
            status=status,
            observed_at=observed_at,
            count=1,
            item=item,
            due=_day(row.get("returnDate")),
            lendable=False if status is ItemStatus.REFERENCE else None,
        )
        found[item] = (snapshot, told is not None)
    return found


def read_item_statuses(document: Any) -> dict[str, ItemStatus]:
    """Return by item number how each stands. Raises Malformed."""
    if not isinstance(document, list):
        raise Malformed("availability: no array")
    rows = [_object(one, "availability") for one in document]
    statuses = {text(row.get("itemId")): text(row.get("availabilityStatus")) or "" for row in rows}
    return {
        item: ITEM_STATUS.get(told.upper(), ItemStatus.UNKNOWN) for item, told in statuses.items() if item is not None
    }


def _day(value: Any) -> date | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).date()
    except ValueError:
        return None


# --- holds ---------------------------------------------------------------------------------------


def read_login(document: Any) -> Login:
    """Return what logging in gave. Raises Malformed."""
    given = _object(document, "login")
    token, patron, library = (text(given.get(name)) for name in ("token", "patronSystemId", "libraryId"))
    if token is None or patron is None or library is None:
        raise Malformed("login: no token, patronSystemId or libraryId")
    return Login(token=token, patron=patron, library=library)


def read_prepared(document: Any) -> Prepared:
    """Return what `preparehold` says. Raises Malformed."""
    given = _object(document, "preparehold")
    possible = given.get("holdPossible")
    if not isinstance(possible, bool):
        raise Malformed("preparehold: no holdPossible")
    allowed = given.get("illAllowed")
    locations = [text(one.get("branchId")) for one in several(given.get("pickupLocations")) if isinstance(one, dict)]
    cost = given.get("reservationCost")
    return Prepared(
        possible=possible,
        ill_allowed=allowed if isinstance(allowed, bool) else None,  # absent without region or system in the strategy
        codes=read_codes(given),
        pickup_branches=tuple(branch for branch in locations if branch is not None),
        cost_cents=whole(cost),
        queue=whole(given.get("queuePosition")),
        parameters=given.get("holdParameters"),
    )


def read_codes(document: Any) -> tuple[str, ...]:
    """Return the codes of what forbids a hold; sentences are left out, as they may name a patron."""
    if not isinstance(document, dict):
        return ()
    given = several(document.get("validationErrors")) or [document]
    said = [one.get("code", one.get("errorCode")) if isinstance(one, dict) else one for one in given]
    return tuple(code for code in said if isinstance(code, str) and _CODE.fullmatch(code))[:10]


def says_stale(body: bytes) -> bool:
    """Whether a refusal is about holdParameters that no longer hold (I: its wording is nowhere described)."""
    return b"holdparameters" in body.lower().replace(b"_", b"")


def hold_form(*, title: str, pickup: str, parameters: Any) -> dict[str, Any]:
    """Return the body of a hold (S)."""
    return {"bibliographicRecordId": title, "pickupLocationBranchId": pickup, "holdParameters": parameters}


def read_placed(document: Any) -> str | None:
    """Return the number of a hold that was placed; None where the answer names none (N: what it looks like)."""
    return text(document.get("id")) if isinstance(document, dict) else None


def read_holds(document: Any) -> list[HoldRow]:
    """Return the holds on a patron's list (S: public clients). Raises Malformed."""
    items = _object(document, "holds").get("items", [])
    rows = [_object(one, "holds") for one in several(items)]
    return [_hold(row) for row in rows]


def _hold(row: Mapping[str, Any]) -> HoldRow:
    number, title = text(row.get("id")), text(row.get("bibliographicRecordId"))
    if number is None or title is None:
        raise Malformed("holds: a hold without number or title")
    item = text(row.get("itemId"))
    return HoldRow(
        number=number,
        title=title,
        status=(text(row.get("holdStatus")) or "UNKNOWN").upper(),
        branch=text(row.get("pickupLocationBranchId")),
        branch_name=text(row.get("pickupLocationName")),
        item=None if item == "0" else item,
        may_cancel=row.get("cancelAllowed") is not False,
    )


def standing(hold: HoldRow) -> Standing:
    """Return how a hold stands, in our words."""
    answer = HOLD_STATUS.get(hold.status, Answer.OPEN)
    return Standing(answer, "Other" if answer is Answer.DECLINED else None, hold.item)


def match(
    holds: Sequence[HoldRow], *, titles: Collection[str], branch: str, name: str | None, taken: Collection[str]
) -> list[HoldRow]:
    """Return the holds of these titles for a pickup branch that still count and are nobody else's, oldest first."""
    found = [
        hold
        for hold in holds
        if hold.title in titles
        and hold.number not in taken
        and hold.status not in ENDED
        and (hold.branch == branch if hold.branch is not None else hold.branch_name in (None, name))
    ]
    return sorted(found, key=lambda hold: (len(hold.number), hold.number))


def read_name(document: Any) -> str | None:
    """Return what a branch is called."""
    return text(document.get("name")) if isinstance(document, dict) else None
