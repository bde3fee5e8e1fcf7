"""Activations of network versions that are to come: put down, listed and cancelled."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from app.api.bodies import read_json
from app.api.dependencies import Caller, requires
from app.api.draft_shapes import NewActivationShape, ScheduledShape
from app.api.drafts import HeldResources, by, takes_json
from app.api.paging import LARGEST_INTEGER, Cursor, Limit, Page, after, page
from app.api.parties import own_operators
from app.planning.activate import AnotherWaits, activate_at, cancel_scheduled
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.network_changes import NotYours
from app.store.network_versions import VersionUnknown
from app.store.schedules import Scheduled, UnknownActivation, list_scheduled

router = APIRouter(prefix="/v1/network/activations", tags=["Drafts"])

Planner = Annotated[Caller, Depends(requires("planner", "admin"))]


def shown(scheduled: Scheduled) -> dict[str, Any]:
    """Return an activation as it is answered."""
    hidden = {"own", "expected", "agency"}
    return {name: value for name, value in asdict(scheduled).items() if name not in hidden}


@router.post(
    "",
    status_code=201,
    summary="Have a network version become active later",
    response_model=ScheduledShape,
    openapi_extra=takes_json(
        "NewActivationShape", {"version": "nv-b2eeb8fb5b72f407", "at": "2026-12-14T04:00:00+01:00"}
    ),
    responses=documented(TooLarge, UnsupportedMediaType, InvalidInput, VersionUnknown, NotYours, AnotherWaits),
)
async def put_down(request: Request, held: HeldResources, caller: Planner) -> dict[str, Any]:
    """Have a version become the active one at a moment, whichever is active then.

    A planner may where that changes nothing but its own POI's vans: looked at now, and again at the moment itself.
    Where another one waits and one of both would be refused then, it is not taken on.
    """
    asked = await read_json(request, NewActivationShape)
    now = held.clock.now()
    if asked.at <= now:
        raise InvalidInput(Fault("/at", "This moment has passed."))
    async with held.database.transaction() as connection:
        return shown(
            await activate_at(
                connection,
                asked.version,
                asked.at,
                own=own_operators(caller),
                expected=None,
                draft=None,
                by=by(caller),
                agency=caller.agency,
                now=now,
            )
        )


@router.get(
    "",
    summary="List activations that were put down",
    response_model=Page[ScheduledShape],
    dependencies=[Depends(requires())],
)
async def read_activations(held: HeldResources, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Answer them with what became of each, the newest first."""
    async with held.database.connection() as connection:
        found = await list_scheduled(connection, before=after(cursor, int), limit=limit + 1)
    return page([shown(one) for one in found], [one.id for one in found], limit)


@router.delete(
    "/{activation}",
    status_code=204,
    summary="Cancel an activation",
    responses={204: {"description": "It will not happen."}, **documented(UnknownActivation)},
)
async def cancel_activation(
    held: HeldResources,
    caller: Planner,
    activation: Annotated[int, Path(description="The activation's id.", ge=1, le=LARGEST_INTEGER, examples=[3])],
) -> Response:
    """Have it not happen; a key of the agency that put it down may, or an admin's."""
    await cancel_scheduled(
        held.database,
        activation,
        agency=caller.agency,
        everyones="admin" in caller.scopes,
        now=held.clock.now(),
    )
    return Response(status_code=204)
