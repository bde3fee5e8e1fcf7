"""Drafts of the network: begun, changed by one planner at a time, undone, and thrown away."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path
from starlette.requests import Request
from starlette.responses import Response

from app.api.bodies import read_json
from app.api.dependencies import Caller, requires, resources
from app.api.draft_shapes import CHANGES, DraftChangesShape, DraftShape, LoggedShape, NewDraftShape
from app.api.paging import LARGEST_INTEGER, Cursor, Limit, Page, after, page
from app.api.parties import signed
from app.planning.drafts import DraftChanged, DraftTooLong, begin, change, log_document, look, rebase, take_back
from app.planning.edits import ChangeRefused
from app.problems import Forbidden, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.resources import Resources
from app.store.drafts import Draft, DraftFrozen, UnknownDraft, delete_draft, list_drafts, list_log, lock_draft
from app.store.network_versions import NoActiveVersion, NothingToUndo, VersionUnknown

router = APIRouter(prefix="/v1/network/drafts", tags=["Drafts"])

# What is still being thought about is for those who plan, and for who sees everything.
Looking = Annotated[Caller, Depends(requires("planner", "reader", "admin"))]
READING = [Depends(requires("planner", "reader", "admin"))]
Planner = Annotated[Caller, Depends(requires("planner", "admin"))]
HeldResources = Annotated[Resources, Depends(resources)]
DraftId = Annotated[int, Path(description="The draft's id.", ge=1, le=LARGEST_INTEGER, examples=[7])]
IfMatch = Annotated[
    str,
    Header(
        alias="If-Match",
        description="The revision that you looked at; `*`: whichever it is.",
        max_length=20,
        pattern=r'^(\*|"?[0-9]{1,9}"?)$',
        examples=["3"],
    ),
]


def takes_json(shape: str, example: Any) -> dict[str, Any]:
    """Describe for OpenAPI a body that is read by hand."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape}"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def revision_of(if_match: str) -> int | None:
    """Return the revision that a caller looked at; None: whichever."""
    return None if if_match == "*" else int(if_match.strip('"'))


def by(caller: Caller) -> str:
    """Return how whoever changes a draft is called: the agency of the key, and the person who signed in."""
    return signed(caller, caller.name)


def shown(draft: Draft, response: Response | None = None) -> dict[str, Any]:
    """Return a draft as it is answered; its revision is the entity tag too."""
    if response is not None:
        response.headers["ETag"] = f'"{draft.revision}"'
    hidden = {"base_number", "agency"}
    return {name: value for name, value in asdict(draft).items() if name not in hidden}


@router.post(
    "",
    status_code=201,
    summary="Begin a draft",
    response_model=DraftShape,
    openapi_extra=takes_json("NewDraftShape", {"name": "Winter timetable"}),
    responses=documented(TooLarge, UnsupportedMediaType, InvalidInput, VersionUnknown, NoActiveVersion),
)
async def begin_draft(request: Request, response: Response, held: HeldResources, caller: Planner) -> dict[str, Any]:
    """Begin a draft: a network version that can be changed, and that moves nothing until it is made a version.

    Whoever plans may change any draft: each change bears its maker's name, and can be undone.
    """
    asked = await read_json(request, NewDraftShape)
    draft = await begin(
        held.database,
        name=asked.name,
        base=asked.base,
        by=by(caller),
        agency=caller.agency,
        now=held.clock.now(),
    )
    return shown(draft, response)


@router.get("", summary="List drafts", response_model=Page[DraftShape], dependencies=READING)
async def read_drafts(held: HeldResources, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Answer all drafts, the newest first; `version` says which became a network version."""
    async with held.database.connection() as connection:
        found = await list_drafts(connection, before=after(cursor, int), limit=limit + 1)
    return page([shown(draft) for draft in found], [draft.id for draft in found], limit)


@router.get(
    "/{draft}",
    summary="Look at a draft",
    response_model=DraftShape,
    dependencies=READING,
    responses=documented(UnknownDraft),
)
async def read_draft(response: Response, held: HeldResources, draft: DraftId) -> dict[str, Any]:
    """Answer what it changes and how far it is; `ETag` holds its revision."""
    return shown(await look(held.database, draft), response)


@router.delete(
    "/{draft}",
    status_code=204,
    summary="Throw a draft away",
    responses={204: {"description": "It is gone."}, **documented(UnknownDraft, Forbidden)},
)
async def throw_away(held: HeldResources, caller: Planner, draft: DraftId) -> Response:
    """Throw a draft away with its changes. A key of the agency that began it may; a version that it became stays."""
    async with held.database.transaction() as connection:
        found = await lock_draft(connection, draft)
        if "admin" not in caller.scopes and found.agency != caller.agency:
            raise Forbidden(f"This draft was begun by {found.by}, whose key may throw it away.")
        await delete_draft(connection, draft)
    return Response(status_code=204)


@router.get(
    "/{draft}/changes",
    summary="List the changes of a draft",
    response_model=Page[LoggedShape],
    dependencies=READING,
    responses=documented(UnknownDraft),
)
async def read_changes(
    held: HeldResources, draft: DraftId, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Answer who changed what, in order, and what was taken back."""
    start = after(cursor, int) or 0
    await look(held.database, draft)
    async with held.database.connection() as connection:
        found = await list_log(connection, draft, after=start, limit=limit + 1)
    return page([log_document(one) for one in found], [one.revision for one in found], limit)


@router.post(
    "/{draft}/changes",
    summary="Change a draft",
    response_model=DraftShape,
    openapi_extra=takes_json("DraftChangesShape", CHANGES),
    responses=documented(
        TooLarge,
        UnsupportedMediaType,
        InvalidInput,
        ChangeRefused,
        UnknownDraft,
        DraftFrozen,
        DraftTooLong,
        DraftChanged,
    ),
)
async def change_draft(
    request: Request, response: Response, held: HeldResources, caller: Planner, draft: DraftId, if_match: IfMatch
) -> dict[str, Any]:
    """Make changes, all of them or none, where nobody changed the draft since: else 412, and who changed what.

    Values are held to what an import of GTFS takes; `errors` names each field that is not.
    """
    asked = await read_json(request, DraftChangesShape)
    changes = [one.model_dump(mode="json") for one in asked.changes]
    found = await change(
        held.workshop,
        held.database,
        draft,
        revision_of(if_match),
        changes,
        by=by(caller),
        now=held.clock.now(),
    )
    return shown(found, response)


@router.post(
    "/{draft}/undo",
    summary="Undo the newest change of a draft",
    response_model=DraftShape,
    responses=documented(UnknownDraft, DraftFrozen, DraftChanged, NothingToUndo),
)
async def undo_newest(
    response: Response, held: HeldResources, caller: Planner, draft: DraftId, if_match: IfMatch
) -> dict[str, Any]:
    """Take the newest change that stands back, whoever made it; done again, the one before that."""
    found = await take_back(held.database, draft, revision_of(if_match), by=by(caller), now=held.clock.now())
    return shown(found, response)


@router.post(
    "/{draft}/rebase",
    summary="Put a draft on the active version",
    response_model=DraftShape,
    responses=documented(UnknownDraft, DraftFrozen, DraftChanged, ChangeRefused, NoActiveVersion),
)
async def put_on_active(
    response: Response, held: HeldResources, caller: Planner, draft: DraftId, if_match: IfMatch
) -> dict[str, Any]:
    """Make the draft's changes to the version that is active now, as another may have become so meanwhile.

    Where a change no longer fits, the draft stays as it is, and `errors` names the change. What the draft says wins
    over what the other version said of the same trip, service, route or stop: compare before you activate.
    """
    found = await rebase(held.workshop, held.database, draft, revision_of(if_match), now=held.clock.now())
    return shown(found, response)
