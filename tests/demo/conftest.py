"""The demonstration as files, made once, and read back as anyone else would read them."""

from __future__ import annotations

import csv
import fcntl
import io
import os
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from app.demo.make import DemoFiles, make_demo

TODAY = date(2026, 11, 23)
Row = dict[str, str]


@dataclass(frozen=True)
class Feed:
    """The GTFS files, as rows."""

    tables: dict[str, list[Row]]
    calls: dict[str, list[Row]]  # stop_times by trip, in order

    def __getitem__(self, name: str) -> list[Row]:
        return self.tables[name]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    """Make them once for all that test side by side."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo-files"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            make_demo(folder, seed=1, today=TODAY)
            (folder / "made").touch()
    return DemoFiles(folder / "agencies.csv", folder / "network.zip", folder / "holdings.csv")


@pytest.fixture(scope="session")
def register(files: DemoFiles) -> list[Row]:
    return read(files.agencies)


@pytest.fixture(scope="session")
def agencies(register: list[Row]) -> dict[str, Row]:
    return {row["isil"]: row for row in register if row["kind"] == "agency"}


@pytest.fixture(scope="session")
def locations(register: list[Row]) -> dict[str, Row]:
    return {row["isil"]: row for row in register if row["kind"] == "location"}


@pytest.fixture(scope="session")
def hubs(register: list[Row]) -> dict[str, Row]:
    return {row["isil"]: row for row in register if row["kind"] == "hub"}


@pytest.fixture(scope="session")
def holdings(files: DemoFiles) -> list[Row]:
    return read(files.holdings)


@pytest.fixture(scope="session")
def feed(files: DemoFiles) -> Feed:
    with zipfile.ZipFile(files.network) as archive:
        tables = {
            name.removesuffix(".txt"): list(csv.DictReader(io.StringIO(archive.read(name).decode())))
            for name in archive.namelist()
        }
    calls = defaultdict(list)
    for row in tables["stop_times"]:
        calls[row["trip_id"]].append(row)
    return Feed(tables, dict(calls))


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
