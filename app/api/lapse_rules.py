"""Lapse rules: how long suppliers may take to answer, as agreed with them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from app.api.bodies import read_json
from app.api.decision_shapes import ServiceLevel
from app.api.dependencies import Caller, database, requires, resources
from app.api.loan_shapes import Word
from app.database import Database
from app.lending.agree import agree
from app.problems import Fault, InvalidInput, TooLarge, UnsupportedMediaType, documented
from app.store.agencies import UnknownAgency, holds_agency
from app.store.lapse_rules import list_rules

router = APIRouter(prefix="/v1/lapse-rules", tags=["Loan requests"])

HeldDatabase = Annotated[Database, Depends(database)]
Admin = Annotated[Caller, Depends(requires("admin"))]

RULE: dict[str, Any] = {"agency": "NL-0800070000", "service_level": "Rush", "open_days": 2}
RULES: dict[str, Any] = {"items": [RULE, {"agency": None, "service_level": None, "open_days": 8}]}


class AgreedShape(BaseModel):
    """How long suppliers may take."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": RULE})

    agency: Word | None = Field(default=None, description="Of this supplying agency; null: of every one.")
    service_level: ServiceLevel | None = Field(default=None, description="At this level; null: at every one.")
    open_days: Annotated[int, Field(strict=True, ge=1, le=365)] | None = Field(
        description="Days on which the supplying location opens; null: this rule holds no longer."
    )


class LapseRuleShape(BaseModel):
    """A rule that holds."""

    agency: str | None
    service_level: str | None
    open_days: int


class LapseRulesShape(BaseModel):
    """All rules, the most particular first."""

    items: list[LapseRuleShape]


@router.get(
    "",
    summary="List lapse rules",
    response_model=LapseRulesShape,
    responses={200: {"content": {"application/json": {"example": RULES}}}},
)
async def read_lapse_rules(held: HeldDatabase, caller: Annotated[Caller, Depends(requires())]) -> dict[str, Any]:
    """Answer after how many days without an answer a loan request passes on to the next supplier.

    Of several rules the most particular holds: an agency's for a service level, an agency's, a service level's, and
    the one for everyone.
    """
    async with held.connection() as connection:
        return {"items": await list_rules(connection)}


@router.put(
    "",
    summary="Set a lapse rule",
    response_model=LapseRulesShape,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/AgreedShape"}, "example": RULE}
            },
        }
    },
    responses={
        200: {"content": {"application/json": {"example": RULES}}},
        **documented(UnknownAgency, TooLarge, UnsupportedMediaType, InvalidInput),
    },
)
async def set_lapse_rule(request: Request, held: HeldDatabase, caller: Admin) -> dict[str, Any]:
    """Set the rule of an agency, of a service level, of both or of everyone, or take it away; answers all that hold.

    What has been asked and not answered yet is counted again by the rules as they are now.
    """
    asked = await read_json(request, AgreedShape)
    if asked.open_days is None and asked.agency is None and asked.service_level is None:
        raise InvalidInput(Fault("/open_days", "The rule for everyone can be changed, and not taken away."))
    async with held.connection() as connection:
        if asked.agency is not None and not await holds_agency(connection, asked.agency):
            raise UnknownAgency(f"No agency {asked.agency} is registered.")
    ground = (await resources(request)).ground
    return {"items": await agree(ground, **dict(asked))}
