"""Which trips and routes a planner may stop: those of its own POI."""

from __future__ import annotations

from app.api.dependencies import Caller
from app.database import Connection
from app.problems import Forbidden
from app.store.planners import plans_for


async def check_planner(connection: Connection, caller: Caller, operator: str | None, *, what: str) -> None:
    """Let those pass who plan for an operator (None: for nobody in particular), and admins. Raises Forbidden."""
    if "admin" in caller.scopes:
        return
    if operator is None:
        raise Forbidden(f"{what} takes a key with the scope admin.")
    if caller.agency is None or not await plans_for(connection, caller.agency, operator):
        raise Forbidden(f"{what} is driven by {operator}: it takes a planner's key of theirs.")
