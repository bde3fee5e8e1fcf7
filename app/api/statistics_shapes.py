"""What the statistics answer, as the OpenAPI document shows it, and as the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.lending.lifecycle import REASONS_UNFILLED

REASONS = (*REASONS_UNFILLED, "NotStated")


class LegOfTheWayShape(BaseModel):
    """How long a leg of the way took, over those that have come to its end."""

    count: int = Field(description="How many have.")
    median_seconds: int | None = Field(description="Half of them took no longer.")
    p90_seconds: int | None = Field(description="Nine of ten took no longer.")


class RequestingShape(BaseModel):
    """What became of the loan requests that were submitted in the period, by who asked."""

    submitted: int
    delivered: int = Field(description="The item came to the pickup location.")
    unfilled: int
    cancelled: int
    open: int = Field(description="None of these yet.")
    fill_rate: float | None = Field(description="Delivered, of those that were delivered or ended unfilled.")
    transport: LegOfTheWayShape = Field(description="From shipped to received.")
    shelf: LegOfTheWayShape = Field(description="From received to sent back, or on.")
    whole: LegOfTheWayShape = Field(description="From submitted to received.")


class SupplyingShape(BaseModel):
    """What became of the questions that suppliers were asked in the period, by who was asked."""

    asked: int
    shipped: int
    declined: int
    lapsed: int = Field(description="No answer came in time.")
    withdrawn: int = Field(description="Cancelled, or somebody else was chosen.")
    waiting: int = Field(description="None of these yet.")
    declines: dict[str, int] = Field(description="Why they declined: ISO 18626 reasons, `Other`, or `NotStated`.")
    answer: LegOfTheWayShape = Field(description="From placed to the first answer.")
    pull: LegOfTheWayShape = Field(description="From the first answer to shipped.")


class BalanceOfLoansShape(BaseModel):
    """Items that were sent in the period, by the group and to it."""

    lent: int
    borrowed: int
    net: int = Field(description="Lent minus borrowed: above 0 it is a net lender.")


class StatisticsRowShape(BaseModel):
    """The figures of one group."""

    group: str | None = Field(description="The agency, province, POI or month; null: the whole, or unknown.")
    requesting: RequestingShape
    supplying: SupplyingShape
    balance: BalanceOfLoansShape


class StatisticsShape(BaseModel):
    """How well it went in a period."""

    since: date = Field(description="The first day.")
    until: date = Field(description="The day after the last one.")
    by: Literal["whole", "agency", "province", "poi", "month"]
    items: list[StatisticsRowShape]


def flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a row of the statistics as one level: `requesting_transport_count` and so on, every reason a column."""
    cells: dict[str, Any] = {}
    for name, value in row.items():
        if name == "declines":
            cells |= {f"{prefix}declines_{reason}": value.get(reason, 0) for reason in REASONS}
        elif isinstance(value, Mapping):
            cells |= flat(value, f"{prefix}{name}_")
        else:
            cells[prefix + name] = value
    return cells


def row_of(
    group: str | None,
    requesting: Mapping[str, Any],
    supplying: Mapping[str, Any],
    declines: Mapping[str, int],
    balance: Mapping[str, Any],
) -> dict[str, Any]:
    """Put the figures of one group together; where a part has none, they are zeros."""
    delivered, unfilled = requesting.get("delivered", 0), requesting.get("unfilled", 0)
    lent, borrowed = balance.get("lent", 0), balance.get("borrowed", 0)
    return {
        "group": group,
        "requesting": {
            **{name: requesting.get(name, 0) for name in ("submitted", "delivered", "unfilled", "cancelled", "open")},
            "fill_rate": round(delivered / (delivered + unfilled), 4) if delivered + unfilled else None,
            **{name: _leg(requesting, name) for name in ("transport", "shelf", "whole")},
        },
        "supplying": {
            **{
                name: supplying.get(name, 0)
                for name in ("asked", "shipped", "declined", "lapsed", "withdrawn", "waiting")
            },
            "declines": dict(declines),
            **{name: _leg(supplying, name) for name in ("answer", "pull")},
        },
        "balance": {"lent": lent, "borrowed": borrowed, "net": lent - borrowed},
    }


def _leg(figures: Mapping[str, Any], name: str) -> dict[str, Any]:
    median, p90 = figures.get(f"{name}_percentiles") or (None, None)
    return {
        "count": figures.get(f"{name}_count", 0),
        "median_seconds": None if median is None else round(median),
        "p90_seconds": None if p90 is None else round(p90),
    }


COLUMNS = tuple(flat(row_of(None, {}, {}, {}, {})))

_ROW = row_of(
    "NL-0800080000",
    {
        "submitted": 120,
        "delivered": 98,
        "unfilled": 9,
        "cancelled": 4,
        "open": 9,
        "transport_count": 98,
        "transport_percentiles": (95400, 187200),
        "shelf_count": 61,
        "shelf_percentiles": (1468800, 1900800),
        "whole_count": 98,
        "whole_percentiles": (187200, 442800),
    },
    {
        "asked": 140,
        "shipped": 112,
        "declined": 17,
        "lapsed": 6,
        "withdrawn": 2,
        "waiting": 3,
        "answer_count": 131,
        "answer_percentiles": (14400, 90000),
        "pull_count": 112,
        "pull_percentiles": (21600, 86400),
    },
    {"InUse": 4, "NotOnShelf": 12, "NotStated": 1},
    {"lent": 110, "borrowed": 99},
)
STATISTICS: dict[str, Any] = {"since": "2026-11-01", "until": "2026-12-01", "by": "agency", "items": [_ROW]}
STATISTICS_CSV = "".join(
    ",".join("" if cell is None else str(cell) for cell in line) + "\r\n" for line in (COLUMNS, flat(_ROW).values())
)
