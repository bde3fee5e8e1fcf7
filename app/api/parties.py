"""Who may see a loan request, and who may report what of it: by the agency of the key, and its scopes."""

from __future__ import annotations

from app.api.dependencies import Caller
from app.database import Connection
from app.lending.act import BOTH_SIDES, REQUESTING_SIDE, SUPPLYING_SIDE, Action
from app.problems import Forbidden
from app.store.loans import Loan, UnknownLoanRequest, takes_part


async def check_party(connection: Connection, caller: Caller, loan: Loan) -> None:
    """Let those pass who take part in a loan request, or see everything. Raises UnknownLoanRequest.

    To others it does not exist: that it does would tell them something already.
    """
    if caller.sees_everything:
        return
    if caller.agency is None or not await takes_part(connection, loan.id, caller.agency):
        raise UnknownLoanRequest(f"There is no loan request {loan.id}.")


def check_side(caller: Caller, action: Action, loan: Loan) -> None:
    """Let those pass who stand on the side that an action belongs to. Raises Forbidden."""
    if "admin" in caller.scopes:
        return
    sides: list[tuple[str, str | None]] = []
    if action in REQUESTING_SIDE | BOTH_SIDES:
        sides.append(("requester", loan.requesting_agency))
    if action in SUPPLYING_SIDE | BOTH_SIDES:
        sides.append(("supplier", loan.supplying_agency))
    if any(scope in caller.scopes and caller.agency == agency for scope, agency in sides):
        return
    told = " or ".join(f"a key of {agency or 'nobody'} with the scope {scope}" for scope, agency in sides)
    raise Forbidden(f"{action} takes {told}.")
