"""Reads a feed with gtfs-kit and partridge, each in its own way, and prints what they found as JSON."""

import datetime
import importlib
import json
import sys
import warnings


def by_gtfs_kit(path: str) -> dict[str, object]:
    """What gtfs-kit makes of it."""
    gtfs_kit = importlib.import_module("gtfs_kit")
    feed = gtfs_kit.read_feed(path, dist_units="km")
    trips = feed.trips.set_index("trip_id")
    return {
        "stops": sorted(feed.stops["stop_id"]),
        "routes": sorted(feed.routes["route_id"]),
        "trips": sorted(trips.index),
        "calls": len(feed.stop_times),
        "crates": {id: int(value) for id, value in trips["crate_capacity"].dropna().items()},
        "days": {day: sorted(feed.get_trips(day)["trip_id"]) for day in sys.argv[3:]},
    }


def by_partridge(path: str) -> dict[str, object]:
    """What partridge makes of it."""
    partridge = importlib.import_module("partridge")
    feed = partridge.load_raw_feed(path)
    dates = partridge.read_service_ids_by_date(path)
    trips = feed.trips.set_index("trip_id")
    days = {}
    for day in sys.argv[3:]:
        services = dates.get(datetime.date.fromisoformat(day), frozenset())
        days[day] = sorted(trips.index[trips["service_id"].isin(services)])
    return {
        "stops": sorted(feed.stops["stop_id"]),
        "routes": sorted(feed.routes["route_id"]),
        "trips": sorted(trips.index),
        "calls": len(feed.stop_times),
        "crates": {id: int(value) for id, value in trips["crate_capacity"].dropna().items() if value != ""},
        "days": days,
    }


if __name__ == "__main__":
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found = {"gtfs-kit": by_gtfs_kit, "partridge": by_partridge}[sys.argv[1]](sys.argv[2])
    # What they warn of in the libraries that they stand on is not about our feed.
    found["warned"] = [
        str(one.message) for one in heard if not issubclass(one.category, DeprecationWarning | FutureWarning)
    ]
    sys.stdout.write(json.dumps(found))
