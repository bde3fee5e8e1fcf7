"""What an export writes is read by GTFS readers that are not ours: gtfs-kit and partridge, in a Python of their own.

`LEENPAD_TEST_SERVERS` names that Python; without it, `.servers/bin/python` in the repository is tried.
"""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.imports.export import write_feed
from app.imports.version import version_id
from app.planning.edits import apply_all
from app.planning.plan import Plan
from tests.support.feeds import SMALL, read

HERE = Path(__file__).parent
PYTHON = Path(os.environ.get("LEENPAD_TEST_SERVERS", HERE.parents[1] / ".servers/bin/python"))
READERS = {"gtfs-kit": "gtfs_kit", "partridge": "partridge"}
CHANGES: list[dict[str, Any]] = [
    {
        "op": "put_service",
        "id": "WEEK",
        "weekdays": [True] * 5 + [False] * 2,
        "start_date": "2026-01-01",
        "end_date": "2026-12-31",
        "removed": ["2026-12-24", "2026-12-25"],
    },
    {
        "op": "put_trip",
        "id": "T3",
        "route_id": "R1",
        "service_id": "WEEK",
        "headsign": "Assen, by “the hub”",
        "crate_capacity": 12,
        "stop_times": [
            {"stop_id": "NL-2", "arrival_time": "22:30:00", "departure_time": "22:30:00"},
            {"stop_id": "NL-HUB", "arrival_time": "23:30:00", "departure_time": "24:15:00", "break_minutes": 45},
            {"stop_id": "NL-1", "arrival_time": "25:00:00", "departure_time": "25:00:00"},
        ],
    },
]


@pytest.mark.parametrize("reader", READERS)
def test_a_draft_that_is_written_out_is_read_without_complaint(reader: str, tmp_path: Path) -> None:
    if not PYTHON.exists():
        pytest.skip(f"NO THIRD-PARTY GTFS READER WAS TRIED: there is no {PYTHON}; install {', '.join(READERS)} there")
    probe = subprocess.run([PYTHON, "-c", f"import importlib.util as u; assert u.find_spec('{READERS[reader]}')"])
    if probe.returncode:
        pytest.skip(f"NO THIRD-PARTY GTFS READER WAS TRIED: {PYTHON} has no {reader}")
    content = apply_all(Plan(read(SMALL).content), CHANGES).as_content()
    path = tmp_path / "network.zip"
    with path.open("wb") as file:
        write_feed(content, file)
    days = ["20261123", "20261128", "20261224"]  # a Monday, the Saturday that was added, Christmas Eve
    said = subprocess.run(
        [PYTHON, HERE / "third_party_gtfs.py", reader, path, *days], capture_output=True, text=True, timeout=120
    )
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout.splitlines()[-1]) == {
        "stops": ["NL-1", "NL-2", "NL-HUB"],
        "routes": ["R1", "R2"],
        "trips": ["T1", "T2", "T3"],
        "calls": 8,
        "crates": {"T1": 40, "T3": 12},
        "days": {"20261123": ["T1", "T3"], "20261128": ["T2"], "20261224": []},
        "warned": [],
    }


def test_crates_breaks_and_days_come_back_as_the_same_version(tmp_path: Path) -> None:
    content = apply_all(Plan(read(SMALL).content), CHANGES).as_content()
    path = tmp_path / "network.zip"
    with path.open("wb") as file:
        write_feed(content, file)
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    again = read(files).content
    assert version_id(again) == version_id(content)
    assert [trip.crate_capacity for trip in again.trips] == [40, None, 12]
