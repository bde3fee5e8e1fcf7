"""Who may see a loan request, who may report what of it, and whose vans a planner plans: by the key."""

from __future__ import annotations

from typing import NamedTuple

from app.api.dependencies import Caller
from app.database import Connection
from app.lending.act import BOTH_SIDES, REQUESTING_SIDE, SUPPLYING_SIDE, Action
from app.lending.beside import as_leading
from app.lending.lifecycle import Item
from app.problems import Fault, Forbidden, InvalidInput
from app.store.events import Supplier
from app.store.loans import Loan, UnknownLoanRequest, takes_part, was_asked_for
from app.store.placements import find_both, find_last_of

MOVING = frozenset({Item.ON_TRIP, Item.AT_HUB, Item.ON_THE_WAY_BACK})


class UnknownRequester(InvalidInput):
    """No agency of this ISIL is registered: nobody could be told, charged, or counted as having asked."""

    def __init__(self, agency: str) -> None:
        super().__init__(Fault("/requesting_agency", f"No agency {agency} is registered."))


async def check_party(connection: Connection, caller: Caller, loan: Loan) -> None:
    """Let those pass who take part in a loan request, who drive its item, or who see everything.

    Whoever plans for a POI takes part for its locations that have no agency. Raises UnknownLoanRequest: to others it
    does not exist, for that it does would tell them something already.
    """
    if caller.sees_everything or carries(caller, loan):
        return
    if caller.agency is not None and await takes_part(connection, loan.id, caller.agency):
        return
    if caller.poi is None or not await was_asked_for(connection, loan.id, caller.poi):
        raise UnknownLoanRequest(f"There is no loan request {loan.id}.")


async def check_side(
    connection: Connection, caller: Caller, action: Action, loan: Loan, *, placement: int | None = None
) -> int | None:
    """Let those pass who stand on the side that an action belongs to. Raises Forbidden.

    Besides both sides, whoever drives the item may say where it was seen. For a supplying location without an agency
    whoever plans for its POI answers. Returns the number of the placement that is spoken of: the one that the caller
    names or its own, be it closed; of what is no supplier's, the one that leads (None: none does).
    """
    lead, beside = await find_both(connection, loan.id)
    leading = None if lead is None else lead.number
    # Whoever supplied it says things of it after its placement is closed, too.
    asked = [Asked(leading, loan.supplying_agency if lead is None else lead.supplying_agency)]
    asked += [] if beside is None else [Asked(beside.number, beside.supplying_agency)]
    if "admin" in caller.scopes or (action is Action.SCAN and carries(caller, loan)):
        return placement or leading
    supplying, requesting = action in SUPPLYING_SIDE | BOTH_SIDES, action in REQUESTING_SIDE | BOTH_SIDES
    if supplying:
        for one in asked:
            if placement in (None, one.number) and await _answers_for(connection, caller, loan, one):
                return one.number
    if requesting and _is(caller, "requester", loan.requesting_agency):
        return leading
    if supplying and "supplier" in caller.scopes and caller.agency is not None:
        had = await find_last_of(connection, loan.id, caller.agency)
        if had is not None and placement in (None, had):
            return had  # it has gone on since, which is no matter of keys
    sides: list[tuple[str, str | None]] = []
    if requesting:
        sides.append(("requester", loan.requesting_agency))
    if supplying:
        sides.append(("supplier", asked[0].agency))
    told = " or ".join(f"a key of {agency or 'nobody'} with the scope {scope}" for scope, agency in sides)
    raise Forbidden(f"{action} takes {told}.")


class Asked(NamedTuple):
    """A placement by its number (None: it is closed), and the agency that was asked (None: its location has none)."""

    number: int | None
    agency: str | None


async def _answers_for(connection: Connection, caller: Caller, loan: Loan, asked: Asked) -> bool:
    if asked.agency is not None:
        return _is(caller, "supplier", asked.agency)
    return await _has(connection, caller, loan, asked)


async def _has(connection: Connection, caller: Caller, loan: Loan, asked: Asked) -> bool:
    """Say whether a placement is of the caller's agency, or (where its location has none) of its POI."""
    if asked.agency is not None or caller.poi is None:
        return asked.agency is not None and caller.agency == asked.agency
    return await was_asked_for(connection, loan.id, caller.poi, number=asked.number)


def _is(caller: Caller, scope: str, agency: str | None) -> bool:
    return scope in caller.scopes and caller.agency == agency


async def as_seen_by(connection: Connection, caller: Caller, loan: Loan) -> Loan | None:
    """Return a loan request as a party has it; whoever is asked beside has it as if it led.

    None: whoever looks was asked, and need not supply it.
    """
    if told_as(caller, loan) is None:
        return loan
    lead, beside = await find_both(connection, loan.id)
    agency = loan.supplying_agency if lead is None else lead.supplying_agency
    if await _has(connection, caller, loan, Asked(None if lead is None else lead.number, agency)):
        return loan
    if beside is not None and await _has(connection, caller, loan, Asked(beside.number, beside.supplying_agency)):
        return as_leading(loan, beside)
    return None


def told_as(caller: Caller, loan: Loan) -> Supplier | None:
    """Return as which supplier a caller is told of a loan request; None: all of it.

    The same for whoever looks (here), is sent webhooks (app.lending.tell), or follows the stream (app.store.events).
    """
    if caller.sees_everything or caller.agency == loan.requesting_agency or carries(caller, loan):
        return None
    return Supplier(caller.agency, caller.poi)


def carries(caller: Caller, loan: Loan) -> bool:
    """Say whether a caller plans for somebody who drives a leg of the item's way, while the item is on it."""
    return loan.item in MOVING and any(leg["operator"] in caller.drives for leg in loan.itinerary or ())


def check_planner(caller: Caller, operator_or_poi: str | None) -> None:
    """Let those pass who may change what an operator drives (None: what is nobody's in particular). Raises Forbidden.

    `operator_or_poi` is any name that the operator goes by: the code or name of a POI, the `agency_id` of the
    active network, or the name by which a leg calls its `operator`. An admin passes always; a planner only for the
    POI or carrier that its key names (a key that names none: for the POI whose code is the key's agency, if there is
    one, and else for nobody). No other scope helps.
    """
    if "admin" in caller.scopes or ("planner" in caller.scopes and operator_or_poi in caller.drives):
        return
    whose = f"a planner's key of {operator_or_poi}, or one" if operator_or_poi else "a key"
    raise Forbidden(f"This takes {whose} with the scope admin.")


def own_operators(caller: Caller) -> frozenset[str] | None:
    """Return the operators whose routes and trips a caller may change; None: all."""
    return None if "admin" in caller.scopes else caller.drives


def signed(caller: Caller, by: str | None) -> str:
    """Return who is said to have done something: the key's agency, and after it whatever name the caller gives.

    Nobody can pass for another agency. Whoever holds the bootstrap key acts for others, and is believed.
    """
    if caller.agency is None:
        return by or "admin"
    return caller.agency if by in (None, caller.agency) else f"{caller.agency}: {by}"
