"""Policies: what the network, provinces and agencies have agreed about who supplies whom, as versions with dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request

from app.api.bodies import read_json
from app.api.dependencies import Caller, requires
from app.api.drafts import HeldResources, takes_json
from app.api.loan_shapes import Word
from app.api.paging import Cursor, Limit, Page, after, page
from app.api.parties import signed
from app.api.policy_shapes import (
    ASKED,
    EFFECTIVE,
    TRIED,
    WRITTEN,
    EffectiveShape,
    NewPolicyShape,
    PolicyShape,
    PolicyTriedShape,
    RequestingSaysShape,
    SupplyingSaysShape,
    TryPolicyShape,
)
from app.api.schemas import Day
from app.lending.policies import REQUESTING, ROLES, SUPPLYING, Draft, effective, write
from app.lending.snapshot import NotReady, State
from app.planning.try_policy import TryingTooSlow, try_policy
from app.problems import Fault, Forbidden, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.resources import Resources
from app.store.agencies import holds_agency
from app.store.loans import list_seen
from app.store.policies import Row, holds_province, list_versions
from app.store.register import TIMEZONE
from routing import UnknownLocation

router = APIRouter(prefix="/v1/policies", tags=["Policies"])

Writer = Annotated[Caller, Depends(requires("requester", "supplier", "admin"))]
Trier = Annotated[Caller, Depends(requires("requester", "supplier", "planner", "reader", "admin"))]

LAST_YEAR = 2100
SHOWN = 20


@router.get(
    "",
    summary="List policies",
    response_model=Page[PolicyShape],
    dependencies=[Depends(requires())],
    responses={200: {"content": {"application/json": {"example": {"items": [WRITTEN], "next_cursor": None}}}}},
)
async def read_policies(
    held: HeldResources,
    at: Annotated[Day | None, Query(description="On this day; left out: today.")] = None,
    history: Annotated[bool, Query(description="All that were ever written, whatever the day.")] = False,
    province: Annotated[Word | None, Query(description="Of this province only.")] = None,
    agency: Annotated[Word | None, Query(description="Of this agency only.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Answer the versions in force on a day, or with `history` every one, in the order in which they were written."""
    day = None if history else at or _today(held)
    async with held.database.connection() as connection:
        rows = await list_versions(
            connection, at=day, province=province, agency=agency, after=after(cursor, int) or 0, limit=limit + 1
        )
    return page([_shown(row) for row in rows], [row["id"] for row in rows], limit)


@router.get(
    "/effective",
    summary="Say which policies apply",
    response_model=EffectiveShape,
    dependencies=[Depends(requires())],
    responses={
        200: {"content": {"application/json": {"example": EFFECTIVE}}},
        **documented(UnknownLocation, NotReady),
    },
)
async def read_effective(
    held: HeldResources,
    pickup_location: Annotated[
        Word | None, Query(description="Left out: the network's, where nobody says more.")
    ] = None,
    supplying_location: Annotated[Word | None, Query(description="The same.")] = None,
    at: Annotated[Day | None, Query(description="On this day; left out: today.")] = None,
) -> dict[str, Any]:
    """Answer every field with its value and the version that says so.

    Who asks goes by the network's policy, the province's of the pickup location over it, and that of its agency over
    both; what is lent by those of the supplying side. Field by field: what one does not say, the wider one says.
    """
    state = await held.snapshot.follow()
    for location in (pickup_location, supplying_location):
        if location is not None and location not in state.register.locations:
            raise UnknownLocation(f"No location {location} is registered.")
    noon = datetime.combine(at or _today(held), time(12), ZoneInfo(TIMEZONE))
    return effective(state, pickup_location=pickup_location, supplying_location=supplying_location, at=noon)


@router.post(
    "",
    status_code=201,
    summary="Write a policy",
    response_model=PolicyShape,
    openapi_extra=takes_json("NewPolicyShape", ASKED),
    responses={
        201: {"content": {"application/json": {"example": WRITTEN}}},
        **documented(TooLarge, UnsupportedMediaType, InvalidInput, NotReady),
    },
)
async def write_policy(request: Request, held: HeldResources, caller: Writer) -> dict[str, Any]:
    """Write a version that takes over from a day on; the ones before it stay as they are, and decisions name them.

    A version is all that its side says: what is left out is no longer said. An admin writes any. A key of an agency
    writes its own: with the scope `requester` what is `requesting`, with `supplier` what is `supplying` (but for
    `central_holders`); what the key may not say stays as it was. Later versions that only took over what it says
    are followed by new ones of their day.
    """
    asked = await read_json(request, NewPolicyShape)
    draft = await _draft(held, await held.snapshot.follow(), asked, caller)
    row = await write(held.ground, draft, by=signed(caller, caller.name), note=asked.note)
    return _shown(row)


@router.post(
    "/preview",
    summary="Try a policy out",
    response_model=PolicyTriedShape,
    openapi_extra=takes_json("TryPolicyShape", {**ASKED, "days": 30}),
    responses={
        200: {"content": {"application/json": {"example": TRIED}}},
        **documented(TooLarge, UnsupportedMediaType, InvalidInput, NotReady, TryingTooSlow),
    },
)
async def preview_policy(request: Request, held: HeldResources, caller: Trier) -> dict[str, Any]:
    """Decide the loan requests of the last days again, as things are and as if the draft had held. Changes nothing.

    Both times on the network that is active, with what is held now and everything on its shelf; library systems are
    not asked. What would differ is counted over all that was drawn. One is tried out at a time, each within a minute
    with its waiting; a smaller `sample` is done sooner. Planners, readers and admins try any draft; a
    key of an agency its own.
    """
    asked = await read_json(request, TryPolicyShape)
    state = await held.snapshot.follow()
    free = not caller.scopes.isdisjoint(("planner", "reader", "admin"))
    draft = await _draft(held, state, asked, caller, trying=free)
    tried = await try_policy(
        held.database,
        state,
        draft,
        now=held.clock.now(),
        days=asked.days,
        sample=asked.sample,
        seed=asked.seed,
        turn=held.trying,
    )
    seen = tried.different
    if not caller.sees_everything:
        ids = [one.loan_request for one in seen]
        async with held.database.connection() as connection:
            own = await list_seen(connection, ids, agency=caller.agency, poi=caller.poi)
        seen = [one for one in seen if one.loan_request in own]
    return {**tried.summary, "examples": [asdict(one) for one in seen[:SHOWN]]}


# --- who may say what -----------------------------------------------------------------------------


async def _draft(
    held: Resources, state: State, asked: NewPolicyShape, caller: Caller, *, trying: bool = False
) -> Draft:
    """Raises Forbidden or InvalidInput."""
    may_say = frozenset((*REQUESTING, *SUPPLYING)) if trying or "admin" in caller.scopes else _own(asked, caller)
    await _check(held, state, asked)
    document = {"requesting": _said(asked.requesting), "supplying": _said(asked.supplying)}
    for side, said in document.items():
        for name in said:
            if name not in may_say:
                raise Forbidden(f"What is said of /{side}/{name} takes another scope.")
    return Draft(
        province=asked.province,
        agency=asked.agency,
        valid_from=asked.valid_from or _today(held),
        document=document,
        may_say=may_say,
    )


def _own(asked: NewPolicyShape, caller: Caller) -> frozenset[str]:
    """What a key of an agency may say of it. Raises Forbidden."""
    if asked.agency is None or asked.agency != caller.agency or asked.province is not None:
        raise Forbidden("This takes a key of that agency, or one with the scope admin.")
    requesting = REQUESTING if "requester" in caller.scopes else ()
    supplying = [name for name in SUPPLYING if name not in ROLES] if "supplier" in caller.scopes else ()
    return frozenset((*requesting, *supplying))


async def _check(held: Resources, state: State, asked: NewPolicyShape) -> None:
    """Raises InvalidInput."""
    if asked.province is not None and asked.agency is not None:
        raise InvalidInput(Fault("", "Takes a province, or an agency, or neither for the network."))
    async with held.database.connection() as connection:
        if asked.agency is not None and not await holds_agency(connection, asked.agency):
            raise InvalidInput(Fault("/agency", f"No agency {asked.agency} is registered."))
        if asked.province is not None and not await holds_province(connection, asked.province):
            raise InvalidInput(Fault("/province", f"No province {asked.province} is known."))
    today = _today(held)
    if asked.valid_from is not None and not today <= asked.valid_from <= date(LAST_YEAR, 12, 31):
        raise InvalidInput(Fault("/valid_from", f"Takes a day from today ({today}) to the year {LAST_YEAR}."))
    register = state.register
    for at, name in enumerate(asked.supplying.central_holders or ()):
        if name not in register.agencies and name not in register.locations:
            pointer = f"/supplying/central_holders/{at}"
            raise InvalidInput(Fault(pointer, f"No agency or location {name} is registered."))


def _said(said: BaseModel) -> dict[str, Any]:
    return said.model_dump(mode="json", exclude_none=True)


def _shown(row: Row) -> dict[str, Any]:
    document: Mapping[str, Any] = row["document"]
    shown = {name: value for name, value in row.items() if name != "document"}
    return {
        **shown,
        "requesting": RequestingSaysShape(**document.get("requesting", {})),
        "supplying": SupplyingSaysShape(**document.get("supplying", {})),
    }


def _today(held: Resources) -> date:
    return held.clock.now().astimezone(ZoneInfo(TIMEZONE)).date()
