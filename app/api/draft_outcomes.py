"""What becomes of a draft: compared, made a network version, and activated, now or at a moment."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.activations import shown as scheduled_shown
from app.api.bodies import read_json
from app.api.decision_shapes import Moment
from app.api.dependencies import Caller, requires
from app.api.draft_shapes import ActivatedDraftShape, ActivateDraftShape, ComparisonShape, DraftShape
from app.api.drafts import DraftId, HeldResources, IfMatch, Looking, by, revision_of, shown, takes_json
from app.api.parties import own_operators
from app.aside import aside
from app.database import Connection
from app.imports.gtfs import FeedFaulty
from app.lending.activations import BaseNotActive, activate_on
from app.lending.snapshot import NotReady
from app.planning.activate import AnotherWaits, activate_at
from app.planning.differences import compare
from app.planning.drafts import DraftChanged, freeze, look
from app.planning.effects import find_effects
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.resources import Resources
from app.store.drafts import Draft, UnknownDraft
from app.store.loans import list_seen
from app.store.network_changes import NotYours
from app.store.network_versions import VersionUnknown
from app.store.schedules import Scheduled
from app.store.timetable import Content

router = APIRouter(prefix="/v1/network/drafts/{draft}", tags=["Drafts"])

Planner = Annotated[Caller, Depends(requires("planner", "admin"))]
BEFORE = timedelta(minutes=5)
"""How far back a moment still means now: clocks differ, and answers take their time."""
MOST_DIFFERENCES = 1000


@router.get(
    "/compare",
    summary="Compare a draft with a network version",
    response_model=ComparisonShape,
    responses=documented(UnknownDraft, VersionUnknown, InvalidInput),
)
async def compare_draft(
    held: HeldResources,
    caller: Looking,
    draft: DraftId,
    with_: Annotated[
        str | None,
        Query(
            alias="with",
            max_length=200,
            description="The id of a version; left out: the one that the draft changes.",
        ),
    ] = None,
    sample: Annotated[
        int, Query(ge=0, le=200, description="How many decisions to try on both; 0: none.", examples=[50])
    ] = 0,
    seed: Annotated[int, Query(ge=0, le=2**31 - 1, description="Of the questions that are made up.")] = 1,
    at: Annotated[Moment | None, Query(description="When the questions are asked; left out: now.")] = None,
) -> dict[str, Any]:
    """Say what is added, removed and changed, and whose vans that moves; with `sample`, which decisions it changes.

    The questions are those of the newest loan requests, and made-up ones where there are too few. The first supplier
    and the arrival are laid side by side; library systems are not asked. Of loan requests only those
    are shown that the key sees; `changed` counts all.
    """
    found = await look(held.database, draft)
    version = with_ or found.base
    before, after = (await held.workshop.base(version)).base, await held.workshop.plan(found)
    content = await aside(after.as_content)
    comparison = await aside(compare, before, content)
    own = own_operators(caller)
    names = {row.name: row.id for row in content.operators}
    decisions = None
    if sample:
        decisions = await _effects(
            held, caller, (version, before), (f"draft {draft}", content), sample=sample, seed=seed, at=at
        )
    return {
        "with": version,
        "revision": found.revision,
        "numbers": comparison.numbers,
        "operators": list(comparison.operators),
        "yours": own is None or all(name in own or names.get(name) in own for name in comparison.operators),
        "differences": [asdict(one) for one in comparison.differences[:MOST_DIFFERENCES]],
        "decisions": decisions,
    }


async def _effects(
    held: Resources,
    caller: Caller,
    before: tuple[str, Content],
    after: tuple[str, Content],
    *,
    sample: int,
    seed: int,
    at: Any,
) -> dict[str, Any] | None:
    try:
        state = await held.snapshot.follow()
    except NotReady:
        return None
    now = at or held.clock.now()
    burdens = await held.snapshot.borne(state)
    found = await find_effects(
        held.database, state, before, after, sample=sample, seed=seed, now=now, burdens=burdens
    )
    seen = list(found.effects)
    if not caller.sees_everything:
        asked = [one.loan for one in found.effects if one.loan is not None]
        async with held.database.connection() as connection:
            own = await list_seen(connection, asked, agency=caller.agency, poi=caller.poi)
        seen = [one for one in found.effects if one.loan is None or one.loan in own]
    return {
        "asked": found.asked,
        "generated": found.generated,
        "changed": len(found.effects),
        "effects": [
            {name: value for name, value in asdict(one).items() if name != "loan"} | {"generated": one.loan is None}
            for one in seen
        ],
    }


@router.post(
    "/freeze",
    summary="Make a network version of a draft",
    response_model=DraftShape,
    responses=documented(UnknownDraft, DraftChanged, FeedFaulty),
)
async def freeze_draft(
    response: Response, held: HeldResources, caller: Planner, draft: DraftId, if_match: IfMatch = "*"
) -> dict[str, Any]:
    """Make a version of it, as an import of the same feed would: its id is the hash of its content.

    The draft cannot be changed from then on; begin another on its version to go on.
    """
    async with held.importing:
        return shown(await freeze(held.workshop, held.database, draft, revision_of(if_match)), response)


@router.post(
    "/activate",
    summary="Activate a draft",
    response_model=ActivatedDraftShape,
    openapi_extra=takes_json("ActivateDraftShape", {"at": "2026-12-14T04:00:00+01:00"}),
    responses=documented(
        TooLarge,
        UnsupportedMediaType,
        InvalidInput,
        UnknownDraft,
        DraftChanged,
        FeedFaulty,
        NotYours,
        BaseNotActive,
        AnotherWaits,
    ),
)
async def activate_draft(
    request: Request, held: HeldResources, caller: Planner, draft: DraftId, if_match: IfMatch = "*"
) -> dict[str, Any]:
    """Make a version of it and have that become the active one, now or at a moment: both, or nothing at all.

    It does so only where the version that the draft changes is the active one: else what that one changed would be
    undone (409; put the draft on the active version first). At a moment that is looked at then, and what became of
    it is in `GET /v1/network/activations`; it is not taken on where one that waits stands in its way. A planner
    activates only what changes nothing but its own POI's vans.
    """
    asked = await read_json(request, ActivateDraftShape)
    now, own = held.clock.now(), own_operators(caller)
    if asked.at is not None and asked.at < now - BEFORE:
        raise InvalidInput(Fault("/at", f"It has passed: it is {now.isoformat(timespec='minutes')} here."))
    later: list[Scheduled] = []

    async def then(connection: Connection, found: Draft) -> None:
        assert found.version is not None
        if asked.at is None or asked.at <= now:
            await activate_on(connection, found.version, own=own, expected=found.base)
            return
        later.append(
            await activate_at(
                connection,
                found.version,
                asked.at,
                own=own,
                expected=found.base,
                draft=draft,
                by=by(caller),
                agency=caller.agency,
                now=now,
            )
        )

    async with held.importing:
        found = await freeze(held.workshop, held.database, draft, revision_of(if_match), then=then)
    return {
        "version": found.version,
        "active": not later,
        "scheduled": scheduled_shown(later[0]) if later else None,
    }
