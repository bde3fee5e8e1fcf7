"""The made GTFS feed: well formed, public holidays out, everyone served, islands by boat only."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date, datetime, timedelta

import holidays
import networkx as nx
import pytest

from tests.demo.conftest import TODAY, Feed, Row

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CENTRE = "NL-0790901001"
ISLANDS = {"Texel": 5, "Vlieland": 1, "Terschelling": 2, "Ameland": 2, "Schiermonnikoog": 1}


@pytest.fixture(scope="module")
def rides(feed: Feed) -> nx.DiGraph:
    """Who can reach whom, whenever: a stop to go from, and to change at where transfers.txt says so."""
    return _rides(feed, feed["trips"])


def _rides(feed: Feed, trips: list[Row]) -> nx.DiGraph:
    graph = nx.DiGraph()
    hubs = {row["from_stop_id"] for row in feed["transfers"]}
    for row in feed["stops"]:
        if row["stop_id"] in hubs:
            graph.add_edge(("to", row["stop_id"]), ("from", row["stop_id"]))
    for trip in trips:
        for here, there in itertools.combinations(feed.calls[trip["trip_id"]], 2):
            if here["pickup_type"] == "0" and there["drop_off_type"] == "0":
                graph.add_edge(("from", here["stop_id"]), ("to", there["stop_id"]))
    return graph


def _seconds(clock: str) -> int:
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _days(feed: Feed) -> dict[str, list[date]]:
    """List the days of every service, read as GTFS says."""
    out: dict[str, set[date]] = {}
    for row in feed["calendar_dates"]:
        assert row["exception_type"] == "2"
        out.setdefault(row["service_id"], set()).add(_day(row["date"]))
    days = {}
    for row in feed["calendar"]:
        first, last = _day(row["start_date"]), _day(row["end_date"])
        every = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
        days[row["service_id"]] = [
            day
            for day in every
            if row[WEEKDAYS[day.weekday()]] == "1" and day not in out.get(row["service_id"], set())
        ]
    return days


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007  a day has no timezone


def test_every_reference_leads_somewhere(feed: Feed) -> None:
    assert {row["agency_id"] for row in feed["routes"]} <= {row["agency_id"] for row in feed["agency"]}
    assert {row["route_id"] for row in feed["trips"]} == {row["route_id"] for row in feed["routes"]}
    assert {row["service_id"] for row in feed["trips"]} == {row["service_id"] for row in feed["calendar"]}
    assert {row["service_id"] for row in feed["calendar_dates"]} <= {row["service_id"] for row in feed["calendar"]}
    assert set(feed.calls) == {row["trip_id"] for row in feed["trips"]}
    stops = {row["stop_id"] for row in feed["stops"]}
    assert {row["stop_id"] for row in feed["stop_times"]} <= stops
    assert {row["from_stop_id"] for row in feed["transfers"]} <= stops


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("agency", "agency_id"),
        ("stops", "stop_id"),
        ("routes", "route_id"),
        ("trips", "trip_id"),
        ("calendar", "service_id"),
    ],
)
def test_ids_are_unique(feed: Feed, table: str, key: str) -> None:
    assert max(Counter(row[key] for row in feed[table]).values()) == 1


def test_stops_are_the_locations_and_hubs(feed: Feed, register: list[Row]) -> None:
    assert {row["stop_id"]: row["stop_name"] for row in feed["stops"]} == {
        row["isil"]: row["name"] for row in register if row["kind"] != "agency"
    }


def test_times_never_run_backwards(feed: Feed) -> None:
    for calls in feed.calls.values():
        clocks = [_seconds(call[column]) for call in calls for column in ("arrival_time", "departure_time")]
        assert clocks == sorted(clocks)
        assert [call["stop_sequence"] for call in calls] == [str(number) for number in range(1, len(calls) + 1)]


def test_transfers_happen_at_hubs_the_national_centre_and_ports(feed: Feed, hubs: dict[str, Row]) -> None:
    assert {row["from_stop_id"] for row in feed["transfers"]} == set(hubs)
    assert all(row["from_stop_id"] == row["to_stop_id"] and row["transfer_type"] == "2" for row in feed["transfers"])
    assert all(int(row["min_transfer_time"]) > 0 for row in feed["transfers"])


def test_more_than_150_van_rounds_begin_and_end_at_the_hub_of_their_poi(feed: Feed, hubs: dict[str, Row]) -> None:
    operator = {row["route_id"]: row["agency_id"] for row in feed["routes"]}
    rounds = set()
    for trip in feed["trips"]:
        stops = [call["stop_id"] for call in feed.calls[trip["trip_id"]]]
        if 7 <= len(stops) <= 14 and stops[0] in hubs and hubs[stops[0]]["name"].startswith("Hub "):
            assert stops[0] == stops[-1]
            assert hubs[stops[0]]["poi"] == operator[trip["route_id"]]
            assert not set(stops[1:-1]) & set(hubs)
            rounds.add(trip["route_id"])
    assert len(rounds) >= 150


def test_vans_drive_two_to_five_days_a_week_and_in_drenthe_daily(feed: Feed, locations: dict[str, Row]) -> None:
    days = {row["service_id"]: sum(row[day] == "1" for day in WEEKDAYS) for row in feed["calendar"]}
    visits: dict[str, set[int]] = {}
    for trip in feed["trips"]:
        for call in feed.calls[trip["trip_id"]]:
            visits.setdefault(call["stop_id"], set()).add(days[trip["service_id"]])
    often = {stop: max(times) for stop, times in visits.items() if stop in locations}
    mainland = [times for stop, times in often.items() if not _island(locations[stop])]
    assert set(mainland) == {2, 3, 4, 5}
    assert {often[stop] for stop in often if locations[stop]["province"] == "DR"} == {5}


def test_some_pois_bring_and_fetch_in_separate_rounds(feed: Feed) -> None:
    operator = {row["route_id"]: row["agency_id"] for row in feed["routes"]}
    one_way = {
        operator[trip["route_id"]]
        for trip in feed["trips"]
        if any(call["drop_off_type"] == "1" for call in feed.calls[trip["trip_id"]])
    }
    assert one_way == {"probiblio", "cubiss"}


def test_every_hub_sends_to_the_national_centre_in_the_evening_and_is_sent_to_past_midnight(feed: Feed) -> None:
    hauls = [calls for trip, calls in feed.calls.items() if trip.startswith("nacht-")]
    there = [calls for calls in hauls if calls[-1]["stop_id"] == CENTRE]
    back = [calls for calls in hauls if calls[0]["stop_id"] == CENTRE]
    assert len(there) == len(back) == len(hauls) / 2 == 10
    assert all(_seconds(calls[0]["departure_time"]) >= 19 * 3600 for calls in there)
    assert all(_seconds(calls[0]["departure_time"]) >= 24 * 3600 for calls in back)


def test_a_van_is_home_before_the_night_run_leaves(feed: Feed) -> None:
    leaves = {
        calls[0]["stop_id"]: _seconds(calls[0]["departure_time"])
        for calls in feed.calls.values()
        if calls[-1]["stop_id"] == CENTRE
    }
    handling = {row["from_stop_id"]: int(row["min_transfer_time"]) for row in feed["transfers"]}
    for trip, calls in feed.calls.items():
        hub = calls[-1]["stop_id"]
        if hub in leaves and not trip.startswith("nacht-") and "pendel" not in trip:
            assert _seconds(calls[-1]["arrival_time"]) + handling[hub] <= leaves[hub], trip


def test_nothing_drives_on_a_public_holiday(feed: Feed) -> None:
    closed = holidays.country_holidays("NL", years=(2026, 2027, 2028))
    past_midnight = {
        trip["service_id"]
        for trip in feed["trips"]
        if _seconds(feed.calls[trip["trip_id"]][-1]["arrival_time"]) >= 24 * 3600
    }
    for service, days in _days(feed).items():
        assert days
        assert not [day for day in days if day in closed]
        if service in past_midnight:
            assert not [day for day in days if day + timedelta(days=1) in closed]


def test_the_feed_is_valid_from_a_month_before_today_to_thirteen_months_after(feed: Feed) -> None:
    spans = {(row["start_date"], row["end_date"]) for row in feed["calendar"]}
    assert spans == {("20261001", "20271231")}
    assert _day("20261001") < TODAY - timedelta(days=30)
    assert _day("20271231") > TODAY + timedelta(days=13 * 30)


def test_four_weeks_hold_some_thirty_thousand_dated_connections(feed: Feed) -> None:
    weeks = [TODAY + timedelta(days=ahead) for ahead in range(28)]
    days = {service: len(set(runs) & set(weeks)) for service, runs in _days(feed).items()}
    connections = sum((len(feed.calls[trip["trip_id"]]) - 1) * days[trip["service_id"]] for trip in feed["trips"])
    assert 25_000 <= connections <= 40_000


def test_every_location_is_reached_from_and_reaches_the_national_centre_but_for_the_closed_ones(
    rides: nx.DiGraph, locations: dict[str, Row]
) -> None:
    reached = nx.descendants(rides, ("from", CENTRE))
    reaching = nx.ancestors(rides, ("to", CENTRE))
    cut_off = {row["name"] for isil, row in locations.items() if ("to", isil) not in reached}
    assert cut_off == {row["name"] for isil, row in locations.items() if ("from", isil) not in reaching}
    assert cut_off == {row["name"] for row in locations.values() if "(gesloten wegens verbouwing)" in row["name"]}
    assert len(cut_off) == 12


def test_a_place_in_its_pois_area_needs_no_national_centre(feed: Feed, locations: dict[str, Row]) -> None:
    own = _rides(feed, [trip for trip in feed["trips"] if not trip["trip_id"].startswith("nacht-")])
    pois = {row["poi"] for row in locations.values()}
    for poi in pois:
        open_ones = [isil for isil, row in locations.items() if row["poi"] == poi and "gesloten" not in row["name"]]
        reached = nx.descendants(own, ("from", open_ones[0]))
        assert {isil for isil in open_ones[1:] if ("to", isil) not in reached} == set()


def test_islands_hang_on_their_boats(feed: Feed, locations: dict[str, Row]) -> None:
    islanders = {isil: _island(row) for isil, row in locations.items() if _island(row)}
    assert Counter(islanders.values()) == ISLANDS
    ferries = {row["route_id"] for row in feed["routes"] if row["route_type"] == "4"}
    assert len(ferries) == len(ISLANDS)
    by_road = _rides(feed, [trip for trip in feed["trips"] if trip["route_id"] not in ferries])
    reached = nx.descendants(by_road, ("from", CENTRE))
    assert not [isil for isil in islanders if ("to", isil) in reached]


def test_it_says_that_it_is_a_demonstration(feed: Feed) -> None:
    assert feed["feed_info"][0]["feed_publisher_name"] == "Leenpad, demonstratie: geen register"


def _island(row: Row) -> str:
    """Name the Wadden island by latitude and longitude, drawn by hand; empty on the mainland."""
    lat, lon = float(row["lat"]), float(row["lon"])
    if 53.0 < lat < 53.2 and lon < 4.92:
        return "Texel"
    if lat > 53.28 and lon < 5.1:
        return "Vlieland"
    if lat > 53.34 and lon < 5.58:
        return "Terschelling"
    if lat > 53.43 and lon < 5.98:
        return "Ameland"
    return "Schiermonnikoog" if lat > 53.46 and lon < 6.3 else ""
