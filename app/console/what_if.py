"""What-if: build a scenario, see how far it is, and what would be different."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app.console.frame import HEADERS, go, render
from app.console.visitor import Visitor, check_form, visitor

router = APIRouter(prefix="/console/what-if", include_in_schema=False)

Looking = Annotated[Visitor, Depends(visitor)]
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]

WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
OBJECTIVES = ("fastest", "cheapest", "fewest_handlings", "balanced")
# What is asked of each kind of change, and how: see what_if_change.html.
KINDS: Mapping[str, Mapping[str, str]] = {
    "drop_route": {"route": "route"},
    "frequency": {"route": "route", "weekdays": "days", "again_after_minutes": "minutes_list"},
    "close_hub": {"location": "hub"},
    "move_hub": {"location": "hub", "to": "location"},
    "line_haul": {
        "from_location": "hub",
        "to_location": "hub",
        "departs": "time",
        "minutes": "minutes",
        "weekdays": "days",
        "both_ways": "yes",
        "operator": "operator",
        "crate_capacity": "count",
    },
    "hub_handling": {"location": "hub_or_all", "minutes": "minutes"},
    "shelf_handling": {"location": "location_or_all", "minutes": "minutes"},
    "policy": {
        "objective": "objective",
        "own_province_first": "yes_no",
        "supplier_cents": "cents",
        "transport_cents": "cents",
        "cents_per_hour": "amount",
        "cents_per_handling": "amount",
    },
}
NUMBERS = frozenset({"minutes", "count", "cents"})
UNDER_WAY = ("waiting", "running")
LATEST = 100  # network versions to choose from
PARTS = {"measures": "", "legs": "/legs", "locations": "/locations", "overfull": "/overfull"}
# The rows of the table, with how each is written and whether more is better (None: neither).
MEASURES: tuple[tuple[str, str, bool | None], ...] = (
    ("delivered", "count", True),
    ("not_delivered", "count", False),
    ("unreachable_locations", "count", False),
    *((f"within_{days}", "share", True) for days in range(1, 8)),
    ("median_hours", "hours", False),
    ("p90_hours", "hours", False),
    ("handlings", "count", False),
    ("handlings_per_item", "ratio", False),
    ("legs", "count", None),
    ("overfull_rides", "count", False),
    ("items_beyond", "count", False),
    ("crates_beyond", "count", False),
    ("cost_cents", "euros", False),
    ("cost_cents_per_item", "euros", False),
    ("trips", "count", None),
    ("kilometres", "count", False),
    ("kilometres_per_item", "ratio", False),
    ("gini_supplied", "ratio", False),
    ("gini_supplied_per_copy", "ratio", False),
)
# What is a sum over what is delivered or driven: when another number is delivered, more of it is neither better nor
# worse. Beside it, what comes to one item, if anything says so.
TOTALS: Mapping[str, str | None] = {
    "handlings": "handlings_per_item",
    "overfull_rides": None,
    "items_beyond": None,
    "crates_beyond": None,
    "cost_cents": "cost_cents_per_item",
    "kilometres": "kilometres_per_item",
}
DIGITS = {"count": 0, "hours": 1, "share": 1}
TELL_EVERY = 10  # per cent: no oftener is it said aloud how far it is


@router.get("")
async def show_all(looking: Looking, cursor: Annotated[str | None, Query(max_length=2000)] = None) -> Response:
    """Show the scenarios that are kept."""
    found = await looking.api.get("/v1/scenarios", cursor=cursor, limit=100)
    return render(looking, "what_if_list.html", scenarios=found["items"], next_cursor=found["next_cursor"])


@router.get("/new")
async def build(looking: Looking, base: Annotated[str | None, Query(max_length=200)] = None) -> Response:
    """Show the form of a new scenario, of the active network version unless another is chosen."""
    versions = (await looking.api.get("/v1/network/versions", limit=LATEST))["items"]
    network = await looking.api.get(f"/v1/network/versions/{quote(base, safe='')}" if base else "/v1/network")
    path = f"/v1/network/versions/{quote(network['id'], safe='')}"
    routes = await looking.api.items(f"{path}/routes")
    stops = await looking.api.items(f"{path}/stops")
    first, last = (date.fromisoformat(network[name]) for name in ("first_day", "last_day"))
    since = max(first, min(last, first + timedelta(days=31)))
    return render(
        looking,
        "what_if_new.html",
        network=network,
        versions=[one["id"] for one in versions]
        + [network["id"]] * all(one["id"] != network["id"] for one in versions),
        routes=[(route["id"], route["long_name"] or route["short_name"] or route["operator"]) for route in routes],
        operators=sorted({route["operator"] for route in routes}),
        hubs=[(stop["id"], stop["name"]) for stop in stops if stop["handling_seconds"] is not None],
        stops=[(stop["id"], stop["name"]) for stop in stops],
        since=since,
        until=since + timedelta(days=28),
        kinds=KINDS,
    )


@router.get("/change")
async def one_more(looking: Looking, add: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Show the fields of one more change."""
    kind = add
    if kind not in KINDS:
        return Response(status_code=404)
    return render(
        looking,
        "what_if_change.html",
        kind=kind,
        fields=KINDS[kind],
        key=secrets.token_hex(4),
        weekdays=WEEKDAYS,
        objectives=OBJECTIVES,
    )


@router.post("")
async def try_it(request: Request, looking: Looking) -> Response:
    """Have a scenario tried, and go to where it is followed."""
    made = await looking.api.post("/v1/scenarios", asked_in(await check_form(request, looking)))
    return go(looking, f"/console/what-if/{made['id']}")


@router.get("/{scenario}")
async def show(looking: Looking, scenario: Id) -> Response:
    """Show how far a scenario is, or what it came to."""
    found = await looking.api.get(f"/v1/scenarios/{scenario}")
    bins = _bins(found["summary"]) if found["summary"] else []
    return render(
        looking,
        "what_if.html",
        scenario=found,
        under_way=found["state"] in UNDER_WAY,
        percent=_percent(found),
        told=-1,
        say=False,
        changes=[_told(change) for change in found["definition"]["changes"]],
        rows=_rows(found["summary"], looking) if found["summary"] else [],
        fewer=found["summary"] and found["summary"]["base"]["delivered"] - found["summary"]["changed"]["delivered"],
        bins=bins,
        chart=as_data(bins),
        parts=PARTS,
    )


@router.get("/{scenario}/progress")
async def progress(looking: Looking, scenario: Id, told: Annotated[int, Query(ge=-1, le=100)] = -1) -> Response:
    """Show how far it is; once it is at its end, the whole page."""
    found = await looking.api.get(f"/v1/scenarios/{scenario}")
    if found["state"] not in UNDER_WAY:
        return go(looking, f"/console/what-if/{scenario}")
    tens, say = _aloud(found, told)
    return render(looking, "what_if_progress.html", scenario=found, percent=_percent(found), told=tens, say=say)


@router.get("/{scenario}/{part}.csv")
async def download(looking: Looking, scenario: Id, part: Annotated[str, Path(max_length=20)]) -> Response:
    """Hand a table on as a file."""
    if part not in PARTS:
        return Response(status_code=404)
    found = await looking.api.send("GET", f"/v1/scenarios/{scenario}{PARTS[part]}", params={"format": "csv"})
    kept = {name: found.headers[name] for name in ("content-disposition",) if name in found.headers}
    return Response(found.content, media_type=found.headers["content-type"], headers={**HEADERS, **kept})


@router.post("/{scenario}/cancel")
async def cancel(looking: Looking, scenario: Id) -> Response:
    """Call it off."""
    await looking.api.post(f"/v1/scenarios/{scenario}/cancel")
    return go(looking, f"/console/what-if/{scenario}")


@router.post("/{scenario}/delete")
async def delete(looking: Looking, scenario: Id) -> Response:
    """Forget it."""
    await looking.api.delete(f"/v1/scenarios/{scenario}")
    return go(looking, "/console/what-if")


# --- what was filled in ---------------------------------------------------------------------------


def asked_in(form: FormData) -> dict[str, Any]:
    """Return what a form asks for, as the API takes it; what cannot be read goes as it is, for the API to refuse."""
    demand: dict[str, Any] = {name: form.get(name, "") for name in ("kind", "since", "until")}
    if demand["kind"] == "generated":
        demand |= {name: _number(form.get(name)) for name in ("requests", "seed")}
    asked: dict[str, Any] = {"name": form.get("name", ""), "changes": changes_in(form), "demand": demand}
    if form.get("base"):
        asked["base"] = form["base"]
    if form.get("items_per_crate"):
        asked["items_per_crate"] = _number(form["items_per_crate"])
    return asked


def changes_in(form: FormData) -> list[dict[str, Any]]:
    """Return the changes, in the order in which they were added."""
    changes = []
    for named in form.getlist("change"):
        key, _, kind = str(named).partition(":")
        change: dict[str, Any] = {"kind": kind}
        for field, how in KINDS.get(kind, {}).items():
            value = _read(form, f"{key}.{field}", how)
            if value is not None:
                change[field] = value
        changes.append(change)
    return changes


def _read(form: FormData, name: str, how: str) -> Any:
    """Return a field as the API takes it; None: it was left empty."""
    if how == "days":
        return form.getlist(name) or None
    given = str(form.get(name, "")).strip()
    if how == "yes":
        return bool(given)
    if not given:
        return None
    if how == "yes_no":
        return given == "yes"
    if how == "minutes_list":
        return [_number(part) for part in given.replace(";", ",").split(",") if part.strip()]
    if how == "amount":
        return _amount(given)
    return _number(given) if how in NUMBERS else given


def _amount(given: str) -> Any:
    """Read a number with a comma or a point."""
    try:
        return float(given.replace(",", "."))
    except ValueError:
        return given


def _number(given: Any) -> Any:
    text = str(given or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else given


# --- what it came to ------------------------------------------------------------------------------


def _percent(found: Mapping[str, Any]) -> int:
    return int(100 * found["done"] / found["total"]) if found["total"] else 0


def _aloud(found: Mapping[str, Any], told: int) -> tuple[int, bool]:
    """Return what per cent is to be said aloud, and whether that is news to whoever was told (-1: nothing)."""
    if found["state"] != "running":
        return told, False
    percent = _percent(found)
    tens = percent - percent % TELL_EVERY
    return tens, tens > told


def _told(change: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """Return a change's kind, and what is said of it."""
    said = []
    for field, value in change.items():
        if field != "kind" and value not in (None, []):
            said.append((field, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return change["kind"], said


def _rows(summary: Mapping[str, Any], looking: Visitor) -> list[dict[str, Any]]:
    base, changed = _flat(summary["base"]), _flat(summary["changed"])
    alike = base["delivered"] == changed["delivered"]
    hows = {name: how for name, how, _ in MEASURES}

    def differs(name: str) -> tuple[float | None, str]:
        before, after = base[name], changed[name]
        difference = None if before is None or after is None else after - before
        return difference, _written(difference, hows[name], looking, signed=True)

    rows = []
    for name, how, more_is_better in MEASURES:
        difference, written = differs(name)
        verdict = ""
        if difference and _rounded(difference, how) and more_is_better is not None and (alike or name not in TOTALS):
            verdict = "better" if (difference > 0) == more_is_better else "worse"
        beside = None if alike else TOTALS.get(name)
        rows.append(
            {
                "name": name,
                "base": _written(base[name], how, looking),
                "changed": _written(changed[name], how, looking),
                "difference": written,
                "verdict": verdict,
                "each": differs(beside)[1] if beside else "",
            }
        )
    return rows


def _flat(measures: Mapping[str, Any]) -> dict[str, Any]:
    within = {f"within_{days}": share for days, share in measures["within_days"].items()}
    return {**measures, **within, **measures["crates"]}


def _rounded(value: float, how: str) -> float:
    """Round a value as it is shown: cents to what is paid in, shares to tenths of a per cent."""
    if how == "euros":
        return round(value)
    return round(value * 100 if how == "share" else value, DIGITS.get(how, 2))


def _written(value: float | None, how: str, looking: Visitor, *, signed: bool = False) -> str:
    """Write a value, or a difference with its sign before all else; one of shares is in percentage points."""
    if value is None:
        return "–"
    rounded = _rounded(value, how)
    sign = "-" if rounded < 0 else "+" if signed and rounded > 0 else ""
    if how == "euros":
        return sign + looking.writing.euros(abs(rounded))
    unit = "" if how != "share" else f" {looking.say('what_if.points')}" if signed else " %"
    return f"{sign}{looking.writing.number(abs(rounded), DIGITS.get(how, 2))}{unit}"


def _bins(summary: Mapping[str, Any]) -> list[tuple[int, int, int]]:
    """Return the distribution of turnaround: hours up to, items before, items after."""
    pairs = zip(*(summary[side]["turnaround_bins"] for side in ("base", "changed")), strict=True)
    return [(12 * (number + 1), before, after) for number, (before, after) in enumerate(pairs)]


def as_data(bins: list[tuple[int, int, int]]) -> str:
    """Write the distribution for the chart: hours, base, changed."""
    return json.dumps([list(column) for column in zip(*bins, strict=True)])
