"""Webhooks: made with a secret that is shown once, listed, and taken away."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request

from app.api.bodies import read_json
from app.api.dependencies import Caller, database, requires, resources
from app.api.paging import Cursor, Limit, Page, after, page
from app.api.webhook_shapes import (
    NEW_WEBHOOK,
    WEBHOOK,
    WEBHOOK_REQUEST,
    NewWebhookShape,
    WebhookRequestShape,
    WebhookShape,
)
from app.database import Database
from app.lending.addresses import AddressRefused
from app.lending.hook import TooManyWebhooks, add_hook, remove_hook
from app.problems import Fault, Forbidden, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.webhooks import UnknownWebhook, list_webhooks

router = APIRouter(prefix="/v1", tags=["Being told"])

LARGEST_ID = 2**63 - 1
Party = Annotated[Caller, Depends(requires("requester", "supplier", "admin"))]

_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"$ref": "#/components/schemas/WebhookRequestShape"},
            "example": WEBHOOK_REQUEST,
        }
    },
}


@router.post(
    "/webhooks",
    status_code=201,
    summary="Make a webhook",
    response_model=NewWebhookShape,
    openapi_extra={"requestBody": _BODY},
    responses={
        201: {
            "description": "It is told from the next event on. The secret is not shown again.",
            "content": {"application/json": {"example": NEW_WEBHOOK}},
        },
        **documented(TooLarge, UnsupportedMediaType, InvalidInput),
    },
)
async def create_webhook(request: Request, caller: Party) -> dict[str, Any]:
    """Have an agency's loan requests told to `url`: each event a POST, signed, in the order of the loan request.

    A loan request is told of from its next event on, and then from its first event, so that no sequence has a gap.
    Any 2xx within ten seconds confirms; otherwise the same event is sent again, later and later, for the greater part
    of a day. Redirects are not followed.
    """
    asked = await read_json(request, WebhookRequestShape)
    held = await resources(request)
    try:
        return await add_hook(held.ground, agency=_agency(caller, asked.agency), url=asked.url)
    except AddressRefused as error:
        raise InvalidInput(Fault("/url", str(error))) from None
    except TooManyWebhooks as error:
        raise InvalidInput(Fault("", str(error))) from None


def _agency(caller: Caller, named: str | None) -> str:
    agency = named or caller.agency
    if agency is None:
        raise InvalidInput(Fault("/agency", "This key is no agency's: name one."))
    if "admin" not in caller.scopes and agency != caller.agency:
        raise Forbidden(f"This key is {caller.agency}'s: it may make no webhook of {agency}.")
    return agency


@router.get(
    "/webhooks",
    summary="List webhooks",
    response_model=Page[WebhookShape],
    responses={200: {"content": {"application/json": {"example": {"items": [WEBHOOK], "next_cursor": None}}}}},
)
async def read_webhooks(
    held: Annotated[Database, Depends(database)], caller: Party, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer the agency's webhooks, without their secrets; an admin sees everyone's."""
    async with held.connection() as connection:
        found = await list_webhooks(connection, agency=_owner(caller), after=after(cursor, int), limit=limit + 1)
    return page(found, [row["id"] for row in found], limit)


@router.delete(
    "/webhooks/{webhook}",
    status_code=204,
    summary="Take a webhook away",
    responses={204: {"description": "It is told nothing more."}, **documented(UnknownWebhook)},
)
async def delete_webhook(
    request: Request,
    caller: Party,
    webhook: Annotated[int, Path(ge=1, le=LARGEST_ID, description="The webhook's id.", examples=[WEBHOOK["id"]])],
) -> None:
    """Take a webhook away, with everything that it was still to be told."""
    await remove_hook((await resources(request)).ground, webhook, agency=_owner(caller))


def _owner(caller: Caller) -> str | None:
    """Return whose webhooks a caller sees and may take away; None: everyone's."""
    return None if "admin" in caller.scopes else caller.agency
