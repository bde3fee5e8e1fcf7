"""`demo` as a process: its stories, the same every time, and loan requests that reach the emulated systems."""

from __future__ import annotations

import json
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from tests.platform.processes import answer, free_port, run_process, start
from tests.platform.server_users import eventually, processes_of

pytestmark = pytest.mark.once


def test_the_demonstration_tells_stories_and_lives_and_leaves_nothing_running(tmp_path: Path) -> None:
    code, first, said = run_process(tmp_path, "demo", "--once")
    assert code == 0, said
    told = [line.partition(" ─")[0] for line in first.splitlines() if " ───" in line and not line.startswith(" ")]
    assert told[:6] == [
        "From the own shelf",
        "From another library in the same province",
        "Across the country, through the national centre",
        "To an island, by boat",
        "Nobody can",
        "A loan, there and back",
    ]
    assert told[-3:] == ["Four library systems, emulated", "What the catalogue says", "What the shelf says"]
    assert re.search(r"^16 loan requests: \d+ filled", first, re.MULTILINE)
    assert re.search(r"^ find a title +works +works +works +works *$", first, re.MULTILINE)
    assert " fails" not in first.partition("Four library systems")[2]
    assert int(re.findall(r"^  (\d+) are under way", said, re.MULTILINE)[0]) >= 20
    assert processes_of(tmp_path / "demo") == {}
    assert not (tmp_path / "cluster").exists(), "the user's own database is not touched"
    assert loan_requests_reach_the_emulated_systems(tmp_path) == first
    assert processes_of(tmp_path / "demo") == {}


def loan_requests_reach_the_emulated_systems(data_dir: Path) -> str:
    """Serve it and find a hold in the stock of the system that a loan request went to; return what it printed."""
    port = free_port()
    process = start(data_dir, "demo", "--port", str(port))
    try:
        assert process.stderr is not None
        roots: dict[str, str] = {}
        while len(roots) < 4:
            line = process.stderr.readline()
            assert line, "it ended"
            if found := re.fullmatch(r"  (\S+) \((\w+)\): (http://\S+)/_emulator/stock\n", line):
                roots[found[2]] = found[3]
        assert eventually(lambda: answer(port, "/readyz") == 200, seconds=90)
        stock = json.loads(urllib.request.urlopen(f"{roots['concerto']}/_emulator/stock", timeout=10).read())
        vans_have_something_to_carry(port)
        free = [work for work in stock["works"] if work["isbns"] and work["copies"][0]["status"] == "available"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/holdings?isbn={free[0]['isbns'][0]}") as reply:
            held = next(row for row in json.loads(reply.read())["items"] if row["system"].startswith("own-landgraaf"))
        asked = {
            "title": {"isbn": free[0]["isbns"][0]},
            "pickup_location": held["location"],
            "requesting_agency": held["agency"],
            "requesting_agency_request_id": f"try-{port}",
        }
        assert answer(port, "/v1/loan-requests", body=json.dumps(asked).encode()) == 201

        def kept() -> bool:
            seen = json.loads(urllib.request.urlopen(f"{roots['concerto']}/_emulator/stock", timeout=10).read())
            return [hold["state"] for hold in seen["holds"]] == ["active"]

        assert eventually(kept, seconds=60)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert answer(int(roots["concerto"].rpartition(":")[2]), "/_emulator/stock") == 0, "they ended with it"
        assert process.stdout is not None
        return process.stdout.read()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def vans_have_something_to_carry(port: int) -> None:
    """The console has something to show: loan requests at every stage, for counters of most provinces."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/loan-requests?limit=100") as reply:
        listed = [loan for loan in json.loads(reply.read())["items"] if loan["outcome"] is None]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/locations?limit=1000") as reply:
        provinces = {location["id"]: location["province"] for location in json.loads(reply.read())["items"]}
    assert {"at_pickup", "on_the_way_back"} <= {loan["item"] for loan in listed}
    assert len({provinces.get(loan["pickup_location"]) for loan in listed}) >= 8
