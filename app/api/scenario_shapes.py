"""What a scenario is answered as, in the OpenAPI document and as the columns of tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from app.planning.measure import LEG_COLUMNS, LOCATION_COLUMNS, OVERFULL_COLUMNS
from app.planning.scenario import EXAMPLE, ScenarioShape


class CratesShape(BaseModel):
    """How full the vans are, ride by ride: from one stop to the next, on one day."""

    rides_with_items: int
    overfull_rides: int = Field(description="Rides with more items than the trip's crates take.")
    items_beyond: int = Field(description="The items beyond that, over all overfull rides.")
    crates_beyond: int
    fullest_items: int = Field(description="The most items aboard of any ride.")
    rides_without_capacity: int = Field(description="Rides with items whose trip does not say what it takes.")


class MeasuresShape(BaseModel):
    """One side: the network as it is, or as it would be."""

    loan_requests: int
    delivered: int
    not_delivered: int = Field(description="Nobody can supply it, or no van brings it within the horizon.")
    unreachable_locations: int | None = Field(
        default=None,
        description="Locations where loan requests are to be picked up and no van brings any; null: worked out before"
        " it was counted.",
    )
    within_days: dict[str, float | None] = Field(
        description="By days, 1 to 7: the share of all loan requests that arrives within so many times 24 hours."
    )
    median_hours: float | None = Field(description="From the request to the arrival: half take no longer.")
    p90_hours: float | None = Field(description="Nine of ten take no longer.")
    handlings: int = Field(description="Changes of van, of all items together.")
    handlings_per_item: float | None
    by_handlings: list[int] = Field(description="How many items have 0, 1, 2, 3, 4, and 5 or more changes of van.")
    legs: int = Field(description="Rides of items: the sum of the table of legs.")
    by_van: int = Field(description="Items that travel; the others stand at the pickup location already.")
    cost_cents: int = Field(description="The tariff of the first day of the period, in euro cents.")
    cost_cents_per_item: float | None
    trips: int = Field(description="Trips that are driven in the period, whatever they carry.")
    kilometres: float = Field(description="What they drive: great circles between stops, times the detour factor.")
    kilometres_per_item: float | None = Field(description="Of items that travel.")
    rides_of_unknown_length: int = Field(description="Left out of the kilometres, as a stop has no place on earth.")
    crates: CratesShape
    gini_supplied: float | None = Field(
        description="How unequally locations with copies supply: 0, all alike; towards 1, one does everything."
    )
    gini_supplied_per_copy: float | None = Field(description="The same of what they supply for each copy they hold.")
    turnaround_bins: list[int] = Field(
        description="Items by turnaround: of 0 to 12 hours, of 12 to 24 and so on for two weeks; the last are slower."
    )


Location = list[str | int | float | None]


class SummaryShape(BaseModel):
    """Both sides, and who loses or gains most."""

    base: MeasuresShape
    changed: MeasuresShape
    left_out: int = Field(
        description="Loan requests that nothing could be decided for: of no known title or counter."
    )
    no_longer_reachable: int | None = Field(
        default=None, description="Locations where vans brought items, and with the changes bring none."
    )
    newly_reachable: int | None = Field(default=None, description="The other way round.")
    detour_factor: float = Field(description="How much longer roads are than great circles.")
    losers: list[dict[str, Any]] = Field(
        description="Locations that wait longer or are reached no more, the most of all first."
    )
    gainers: list[dict[str, Any]] = Field(description="Locations that wait less or are newly reached.")


class ScenarioInListShape(BaseModel):
    """A scenario, and how far it is."""

    id: int
    name: str
    base: str = Field(description="The network version that is changed.")
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    done: int = Field(description="Decisions that are made, of both sides.")
    total: int | None = Field(description="Of how many; null: it has not begun.")
    by: str | None
    agency: str | None = Field(description="The agency of the key that made it; null: an admin's.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None


class ScenarioAnswerShape(ScenarioInListShape):
    """A scenario with what it is, and what it came to."""

    definition: ScenarioShape
    summary: SummaryShape | None = Field(description="Null until it is done.")


class LegRowShape(BaseModel):
    """How many items ride from one stop to another on one route and day, on both sides."""

    route: str
    from_location: str
    to_location: str
    day: date
    items_base: int
    items_changed: int
    from_name: str | None = Field(description="What people call it now.")
    to_name: str | None


class LocationRowShape(BaseModel):
    """What changes for a location. An item that does not come counts as if it took the whole horizon.

    A location where nothing comes on a side has no turnaround there.
    """

    location: str
    name: str
    asked: int = Field(description="Loan requests to be picked up here.")
    received_base: int
    received_changed: int
    hours_base: float | None = Field(description="Mean turnaround of those loan requests; null: nothing comes.")
    hours_changed: float | None
    hours_difference: float | None
    supplied_base: int
    supplied_changed: int
    supplied_difference: int
    reach: Literal["as_before", "no_longer", "newly", "never"] | None = Field(
        default=None,
        description="Whether vans bring what is asked here: on both sides, with the changes no longer or newly, or on"
        " neither side; null: nothing is asked here.",
    )


class OverfullRowShape(BaseModel):
    """A ride that is too full."""

    side: Literal["base", "changed"]
    route: str
    trip: str
    day: date
    from_location: str
    to_location: str
    items: int = Field(description="Aboard, of those that were replayed.")
    room: int = Field(description="How many items the trip's crates take.")
    from_name: str | None = Field(description="What people call it now.")
    to_name: str | None


NAMES = ("from_name", "to_name")
COLUMNS: dict[str, tuple[str, ...]] = {
    "legs": (*LEG_COLUMNS, *NAMES),
    "locations": LOCATION_COLUMNS,
    "overfull": (*OVERFULL_COLUMNS, *NAMES),
}
MEASURE_COLUMNS = ("measure", "base", "changed", "difference")


def side_by_side(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every measure of both sides as a row; what is made up of several becomes several."""
    base, changed = _flat(summary["base"]), _flat(summary["changed"])
    return [
        {
            "measure": name,
            "base": base[name],
            "changed": changed[name],
            "difference": None
            if base[name] is None or changed[name] is None
            else round(changed[name] - base[name], 4),
        }
        for name in base
    ]


def _flat(measures: Mapping[str, Any]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name, value in measures.items():
        if isinstance(value, Mapping):
            rows |= {f"{name}_{part}": each for part, each in value.items()}
        elif isinstance(value, list):
            rows |= {f"{name}_{number}": each for number, each in enumerate(value)}
        else:
            rows[name] = value
    return rows


_MEASURES = {
    "loan_requests": 130000,
    "delivered": 129871,
    "not_delivered": 129,
    "unreachable_locations": 0,
    "within_days": {"1": 0.1304, "2": 0.5219, "3": 0.7612, "4": 0.8907, "5": 0.9511, "6": 0.9702, "7": 0.989},
    "median_hours": 47.25,
    "p90_hours": 98.5,
    "handlings": 170421,
    "handlings_per_item": 1.31,
    "by_handlings": [31022, 51240, 34110, 13499, 0, 0],
    "legs": 300190,
    "by_van": 129769,
    "cost_cents": 48211075,
    "cost_cents_per_item": 371.22,
    "trips": 9120,
    "kilometres": 512904.4,
    "kilometres_per_item": 3.95,
    "rides_of_unknown_length": 0,
    "crates": {
        "rides_with_items": 40210,
        "overfull_rides": 12,
        "items_beyond": 301,
        "crates_beyond": 21,
        "fullest_items": 911,
        "rides_without_capacity": 0,
    },
    "gini_supplied": 0.4821,
    "gini_supplied_per_copy": 0.2207,
    "turnaround_bins": [4210, 12744, 31200, 19671, 18052, 11090, 9811, 6998, 5601, 2279, 2011, 1500, 1290, 1421]
    + [1993]
    + [0] * 14,
}
_LOCATION_ROW = dict(
    zip(
        LOCATION_COLUMNS,
        ("NL-0800070001", "Assen", 1204, 1204, 1204, 51.2, 44.75, -6.45, 902, 944, 42, "as_before"),
        strict=True,
    )
)
IN_LIST: dict[str, Any] = {
    "id": 12,
    "name": EXAMPLE["name"],
    "base": EXAMPLE["base"],
    "state": "done",
    "done": 260000,
    "total": 260000,
    "by": "A. Planner",
    "agency": "ProBiblio",
    "created_at": "2026-11-26T15:04:05Z",
    "started_at": "2026-11-26T15:04:06Z",
    "ended_at": "2026-11-26T15:04:41Z",
    "error": None,
}
SCENARIO: dict[str, Any] = {
    **IN_LIST,
    "definition": {
        **EXAMPLE,
        "changes": [{**EXAMPLE["changes"][0], "again_after_minutes": []}],
    },
    "summary": {
        "base": _MEASURES,
        "changed": {**_MEASURES, "median_hours": 45.5},
        "left_out": 0,
        "no_longer_reachable": 0,
        "newly_reachable": 0,
        "detour_factor": 1.3,
        "losers": [],
        "gainers": [_LOCATION_ROW],
    },
}
NEW: dict[str, Any] = {
    **SCENARIO,
    "state": "waiting",
    "done": 0,
    "total": None,
    "started_at": None,
    "ended_at": None,
    "summary": None,
}
ENDS, NAMED = ("NL-0800070001", "NL-HUB-DR"), ("Assen", "Hub Drenthe")
LEGS: dict[str, Any] = {
    "items": [
        dict(
            zip(
                COLUMNS["legs"],
                ("DR-1", *ENDS, "2026-11-24", 41, 44, *NAMED),
                strict=True,
            )
        )
    ],
    "next_cursor": None,
}
LOCATIONS: dict[str, Any] = {"items": [_LOCATION_ROW], "next_cursor": None}
OVERFULL: dict[str, Any] = {
    "items": [
        dict(
            zip(
                COLUMNS["overfull"],
                (*("changed", "DR-1", "DR-1-haal", "2026-11-24"), *ENDS, 911, 840, *NAMED),
                strict=True,
            )
        )
    ],
    "next_cursor": None,
}


def csv_of(columns: tuple[str, ...], row: Mapping[str, Any]) -> str:
    """Write a table of one row, as an example."""
    return ",".join(columns) + "\r\n" + ",".join("" if row[c] is None else str(row[c]) for c in columns) + "\r\n"
