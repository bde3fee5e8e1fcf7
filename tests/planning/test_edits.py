"""Changes laid over a network are what the same edits of its feed's files would be."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.imports.version import version_id
from app.planning.edits import ChangeRefused, apply_all, clock, service_document, trip_document
from app.planning.plan import Plan
from tests.support.feeds import SMALL, read

Change = dict[str, Any]
Rows = list[dict[str, str]]

BASE = read(SMALL).content
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS = ("2026-11-28", "2026-12-25", "2026-12-31", "2027-01-01")


# --- the same edits, on the files ------------------------------------------------------------------


class Files:
    """A feed as rows of its files, edited the plain way."""

    def __init__(self, files: Mapping[str, str] = SMALL) -> None:
        self.rows = {name: list(csv.DictReader(io.StringIO(text))) for name, text in files.items()}

    def edit(self, change: Change) -> None:
        getattr(self, change["op"])(change)

    def put_route(self, change: Change) -> None:
        names = {name: change.get(name, "") for name in ("short_name", "long_name")}
        self._put("routes.txt", "route_id", change["id"], {
            "agency_id": change["operator_id"],
            "route_short_name": names["short_name"],
            "route_long_name": names["long_name"],
            "route_type": "3",
        })  # fmt: skip

    def delete_route(self, change: Change) -> None:
        self._drop("routes.txt", route_id=change["id"])
        for trip in [row["trip_id"] for row in self.rows["trips.txt"] if row["route_id"] == change["id"]]:
            self.delete_trip({"id": trip})

    def put_trip(self, change: Change) -> None:
        self._put("trips.txt", "trip_id", change["id"], {
            "route_id": change["route_id"],
            "service_id": change["service_id"],
            "trip_headsign": change.get("headsign", ""),
            "crate_capacity": "" if change.get("crate_capacity") is None else str(change["crate_capacity"]),
        })  # fmt: skip
        self._drop("stop_times.txt", trip_id=change["id"])
        for at, call in enumerate(change["stop_times"], start=1):
            self.rows["stop_times.txt"].append({
                "trip_id": change["id"],
                "arrival_time": call["arrival_time"],
                "departure_time": call["departure_time"],
                "stop_id": call["stop_id"],
                "stop_sequence": str(call.get("stop_sequence", at)),
                "pickup_type": str(call.get("pickup_type", 0)),
                "drop_off_type": str(call.get("drop_off_type", 0)),
            })  # fmt: skip

    def delete_trip(self, change: Change) -> None:
        self._drop("trips.txt", trip_id=change["id"])
        self._drop("stop_times.txt", trip_id=change["id"])

    def put_service(self, change: Change) -> None:
        self.delete_service(change)
        if change.get("start_date"):
            runs = {name: str(int(on)) for name, on in zip(WEEKDAYS, change["weekdays"], strict=True)}
            start, end = (change[name].replace("-", "") for name in ("start_date", "end_date"))
            self.rows["calendar.txt"].append(
                {"service_id": change["id"], **runs, "start_date": start, "end_date": end}
            )
        for name, kind in (("added", "1"), ("removed", "2")):
            for day in change.get(name, ()):
                row = {"service_id": change["id"], "date": day.replace("-", ""), "exception_type": kind}
                self.rows["calendar_dates.txt"].append(row)

    def delete_service(self, change: Change) -> None:
        self._drop("calendar.txt", service_id=change["id"])
        self._drop("calendar_dates.txt", service_id=change["id"])

    def put_stop(self, change: Change) -> None:
        place = {name: "" if change.get(name) is None else str(change[name]) for name in ("lat", "lon")}
        self._put("stops.txt", "stop_id", change["id"], {
            "stop_name": change.get("name", ""),
            "stop_lat": place["lat"],
            "stop_lon": place["lon"],
        })  # fmt: skip
        self._drop("transfers.txt", from_stop_id=change["id"])
        if change.get("handling_seconds") is not None:
            self.rows["transfers.txt"].append({
                "from_stop_id": change["id"],
                "to_stop_id": change["id"],
                "transfer_type": "2",
                "min_transfer_time": str(change["handling_seconds"]),
            })  # fmt: skip

    def delete_stop(self, change: Change) -> None:
        self._drop("stops.txt", stop_id=change["id"])
        self._drop("transfers.txt", from_stop_id=change["id"])

    def version(self) -> str:
        """The id that an import of these files gives."""
        return version_id(read({name: _written(name, rows) for name, rows in self.rows.items()}).content)

    def _put(self, file: str, key: str, id: str, values: dict[str, str]) -> None:
        self._drop(file, **{key: id})
        self.rows[file].append({key: id, **values})

    def _drop(self, file: str, **values: str) -> None:
        self.rows[file] = [
            row for row in self.rows[file] if any(row[name] != value for name, value in values.items())
        ]


def _written(name: str, rows: Rows) -> str:
    header = SMALL[name].splitlines()[0].split(",")
    out = io.StringIO()
    writer = csv.DictWriter(out, header)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


# --- drawn changes ---------------------------------------------------------------------------------

ROUTES, TRIPS, SERVICES = ("R1", "R2", "R3"), ("T1", "T2", "T3", "T0"), ("WEEK", "SAT", "XMAS")
STOPS = ("NL-1", "NL-2", "NL-HUB", "NL-3")
days = st.lists(st.sampled_from(DAYS), unique=True, max_size=3)
calls = st.lists(
    st.tuples(
        st.sampled_from(STOPS), st.integers(0, 3600), st.integers(0, 900), st.integers(0, 3), st.integers(0, 3)
    ),
    min_size=2,
    max_size=5,
)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    kind = draw(st.sampled_from(("route", "trip", "trip", "service", "stop", "delete")))
    if kind == "delete":
        what, ids = draw(
            st.sampled_from((("route", ROUTES), ("trip", TRIPS), ("service", SERVICES), ("stop", STOPS)))
        )
        return {"op": f"delete_{what}", "id": draw(st.sampled_from(ids))}
    return {"op": f"put_{kind}", **draw({"route": route, "trip": trip, "service": service, "stop": stop}[kind]())}


@st.composite
def route(draw: st.DrawFn) -> Change:
    names = st.sampled_from(("", "1", "Assen – Emmen"))
    return {
        "id": draw(st.sampled_from(ROUTES)),
        "operator_id": draw(st.sampled_from(("DR", "NIGHT", "DR", "OTHER"))),
        "short_name": draw(names),
        "long_name": draw(names),
    }


@st.composite
def trip(draw: st.DrawFn) -> Change:
    seconds, written = 8 * 3600, []
    for place, ride, stand, pickup, drop_off in draw(calls):
        arrival = seconds + ride
        seconds = arrival + stand
        written.append(
            {
                "stop_id": place,
                "arrival_time": clock(arrival),
                "departure_time": clock(seconds),
                "pickup_type": pickup,
                "drop_off_type": drop_off,
            }
        )
    return {
        "id": draw(st.sampled_from(TRIPS)),
        "route_id": draw(st.sampled_from(ROUTES)),
        "service_id": draw(st.sampled_from(SERVICES)),
        "headsign": draw(st.sampled_from(("", "Emmen"))),
        "crate_capacity": draw(st.none() | st.integers(0, 90)),
        "stop_times": written,
    }


@st.composite
def service(draw: st.DrawFn) -> Change:
    weekly = draw(st.booleans())
    return {
        "id": draw(st.sampled_from(SERVICES)),
        "weekdays": draw(st.lists(st.booleans(), min_size=7, max_size=7)) if weekly else [False] * 7,
        "start_date": "2026-01-01" if weekly else None,
        "end_date": draw(st.sampled_from(("2026-12-31", "2027-06-30"))) if weekly else None,
        "added": draw(days),
        "removed": draw(days),
    }


@st.composite
def stop(draw: st.DrawFn) -> Change:
    placed = draw(st.booleans())
    return {
        "id": draw(st.sampled_from(STOPS)),
        "name": draw(st.sampled_from(("", "Hub"))),
        "lat": 52.5 if placed else None,
        "lon": -6.25 if placed else None,
        "handling_seconds": draw(st.none() | st.integers(0, 7200)),
    }


def made(plan: Plan, files: Files, drawn: Sequence[Change]) -> tuple[Plan, list[Change]]:
    """Make those changes that are valid, in the plan and in the files; return the plan and what was made."""
    done = []
    for change in drawn:
        try:
            plan = apply_all(plan, [change])
        except ChangeRefused:
            continue
        files.edit(change)
        done.append(change)
    return plan, done


@given(st.lists(changes(), max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_valid_changes_are_the_same_edits_of_the_files(drawn: list[Change]) -> None:
    files = Files()
    plan, done = made(Plan(BASE), files, drawn)
    # A network without any trip or route cannot be written down, so neither can be asked of it.
    if files.rows["trips.txt"] and files.rows["routes.txt"]:
        assert version_id(plan.as_content()) == files.version()
    again = apply_all(Plan(BASE), done)
    assert version_id(again.as_content()) == version_id(plan.as_content()), "one by one or all at once"


def put_back(plan: Plan, change: Change) -> list[Change]:
    """The changes that undo a change of a plan, as it stood before."""
    what, id = change["op"].split("_")[1], change["id"]
    there: dict[str, dict[str, Any]] = {"route": plan.routes, "service": plan.services, "stop": plan.stops}
    if what == "trip":
        return [{"op": "put_trip", **trip_document(plan.trip(id))} if plan.has_trip(id) else delete(what, id)]
    if id not in there[what]:
        return [delete(what, id)]
    if what == "service":
        return [{"op": "put_service", **service_document(plan.services[id])}]
    if what == "stop":
        row = plan.stops[id]
        fields = ("id", "name", "lat", "lon", "handling_seconds")
        return [{"op": "put_stop", **{name: getattr(row, name) for name in fields}}]
    route = plan.routes[id]
    trips = [] if change["op"] == "put_route" else [delete_then_put(one) for one in plan.trips_of(id)]
    return [
        {
            "op": "put_route",
            "id": id,
            "operator_id": route.operator,
            "short_name": route.short_name,
            "long_name": route.long_name,
            "route_type": route.route_type,
        },
        *trips,
    ]


def delete(what: str, id: str) -> Change:
    return {"op": f"delete_{what}", "id": id}


def delete_then_put(one: Any) -> Change:
    return {"op": "put_trip", **trip_document(one)}


@given(st.lists(changes(), max_size=8))
@settings(max_examples=100, deadline=None)
def test_every_change_can_be_taken_back_by_changes(drawn: list[Change]) -> None:
    plan = Plan(BASE)
    for change in drawn:
        before = plan
        try:
            plan = apply_all(plan, [change])
        except ChangeRefused:
            assert version_id(plan.as_content()) == version_id(before.as_content())
            continue
        back = apply_all(plan, put_back(before, change))
        assert version_id(back.as_content()) == version_id(before.as_content())


def test_an_untouched_plan_is_its_base() -> None:
    assert version_id(Plan(BASE).as_content()) == version_id(BASE)


GOOD: Change = {
    "op": "put_trip",
    "id": "T9",
    "route_id": "R1",
    "service_id": "WEEK",
    "stop_times": [
        {"stop_id": "NL-1", "arrival_time": "08:00:00", "departure_time": "08:05:00"},
        {"stop_id": "NL-2", "arrival_time": "08:40:00", "departure_time": "09:10:00", "break_minutes": 30},
    ],
}

WEEKLY: Change = {"op": "put_service", "id": "S", "weekdays": [True] * 7}


def edited(path: str, value: Any) -> Change:
    change = deepcopy(GOOD)
    *way, last = path.split("/")
    place: Any = change
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    place[last] = value
    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (edited("id", "a\x01b"), "/changes/0/id holds a control character."),
        (edited("route_id", "R9"), "/changes/0/route_id R9 is no route of this network."),
        (edited("service_id", "?"), "/changes/0/service_id ? is no service of this network."),
        (edited("stop_times/1/stop_id", "NL-9"), "/changes/0/stop_times/1/stop_id NL-9 is no stop of this network."),
        (
            edited("stop_times/1/arrival_time", "08:04:59"),
            "/changes/0/stop_times/1/arrival_time is before the departure from the stop before.",
        ),
        (
            edited("stop_times/0/departure_time", "07:59:59"),
            "/changes/0/stop_times/0/departure_time is before the arrival at the same stop.",
        ),
        (
            edited("stop_times/1/break_minutes", 45),
            "/changes/0/stop_times/1/break_minutes takes 45 minutes, and the van stands 30.",
        ),
        (
            edited("stop_times/1/stop_sequence", 1),
            "/changes/0/stop_times/1/stop_sequence is not after that of the call before.",
        ),
        (
            {"op": "delete_stop", "id": "NL-HUB"},
            "/changes/0/id 2 trips call there, T1 among them.",
        ),
        ({"op": "delete_service", "id": "SAT"}, "/changes/0/id 1 trips run on its days, T2 among them."),
        (
            {**WEEKLY, "start_date": "2026-02-01", "end_date": "2026-01-31"},
            "/changes/0/end_date 2026-01-31 is before start_date 2026-02-01.",
        ),
        (
            {"op": "put_service", "id": "S", "weekdays": [False] * 7},
            "/changes/0/added names no day, and there is no weekly pattern either.",
        ),
        ({"op": "put_stop", "id": "S", "lat": 91.0, "lon": 5.0}, "/changes/0/lat '91.0' is not a number of degrees"),
        ({"op": "put_route", "id": "R", "operator_id": "X"}, "/changes/0/operator_id X is no operator"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_its_field(change: Change, fault: str) -> None:
    assert apply_all(Plan(BASE), [GOOD]).has_trip("T9")
    with pytest.raises(ChangeRefused) as refused:
        apply_all(Plan(BASE), [change])
    (found,) = refused.value.faults
    assert f"{found.pointer} {found.detail}".startswith(fault)
