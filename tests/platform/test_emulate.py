"""What `emulate` tells people to do, done: against a fresh `serve`, as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.emulators.demo_stock import agency_of, demo_isbn, locations_of
from adapters.emulators.kinds import EMULATORS
from tests.platform.processes import serving, start
from tests.platform.server_users import eventually
from tests.support.feeds import small, zipped
from tests.support.made import copy_made

pytestmark = pytest.mark.once


KEY = "an admin's key"


@pytest.fixture(scope="module")
def leenpad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """As the README has it started: on another port than the usual one, with an admin's key."""
    data = copy_made(tmp_path_factory, tmp_path_factory.mktemp("fresh") / "data")
    with serving(data, LEENPAD_ADMIN_KEY=KEY) as (process, port):
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=headers) as client:
            client.post(
                "/v1/imports/network?activate=true",
                content=zipped(small()).getvalue(),
                headers={"Content-Type": "application/zip"},
            ).raise_for_status()
            yield client
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture(params=EMULATORS)
def told(request: pytest.FixtureRequest, tmp_path: Path, leenpad: httpx.Client) -> Iterator[tuple[str, str]]:
    process = start(tmp_path, "emulate", request.param, "--server", str(leenpad.base_url))
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or lines[-1] != "Ctrl-C ends it.\n":
        line = process.stdout.readline()
        assert line, f"it ended: {''.join(lines)}"
        lines.append(line)
    yield request.param, "".join(lines)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0


def done(command: str) -> dict[str, Any]:
    """Do in a shell what it says to paste."""
    ran = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "LEENPAD_ADMIN_KEY": KEY},
    )
    assert not ran.stderr, f"{command}: {ran.stderr}{ran.stdout}"
    answer: dict[str, Any] = json.loads(ran.stdout.strip() or "{}")
    return answer


def test_the_commands_that_it_prints_work_one_after_the_other(leenpad: httpx.Client, told: tuple[str, str]) -> None:
    kind, text = told
    blocks = [block for block in text.split("\n\n") if block.startswith("# ")]
    *first, decide = [block.partition("\n")[2] for block in blocks]
    imported, *_, put, checked, harvested = [done(command) for command in first]
    assert (imported["rejected"], put["kind"]) == (0, kind)
    assert checked["warnings"] == []
    outcomes = {verb["verb"]: verb["outcome"] for verb in checked["verbs"]}
    assert (outcomes["resolve"], outcomes["availability"], outcomes["prepare"]) == ("works", "works", "works")
    assert "fails" not in outcomes.values()
    assert checked["unmapped_branches"] == []
    place = f"/v1/systems/{harvested['system']}/harvest"

    def state() -> dict[str, Any]:
        found: dict[str, Any] = leenpad.get(place).json()
        return found

    def came() -> bool:
        """Whether it is through; before it has begun nothing is under way either."""
        now = state()
        return now["records"] >= 200 and not now["under_way"]  # where a file has a row for each copy, more

    assert eventually(came, seconds=90), state()
    assert state()["unmapped_branches"] == []
    held = leenpad.get("/v1/holdings", params={"isbn": demo_isbn(0)}).json()["items"]
    own = sorted(locations_of(kind))
    assert [(row["location"], row["system"]) for row in held if row["system"] == harvested["system"]] == [
        (at, harvested["system"]) for at in own
    ]
    # A decision asks the system of a location: without a title named, the check finds one that stands at such a one.
    assert leenpad.post(f"/v1/systems/{harvested['system']}/check", json={}).status_code == 200
    pickup = next(iter(locations_of(kind)))

    def heard() -> bool:
        """Whether the system itself said in time what stands on the shelf."""
        rota = done(decide)["rota"]
        assert [entry["supplying_location"] for entry in rota] == [pickup]
        return "unknown" not in str(rota)

    assert eventually(heard, seconds=20)
    # Nor did it take anything from a system of another kind.
    systems = leenpad.get("/v1/systems").json()["items"]
    assert all(row["agencies"] == 1 for row in systems if row["id"].startswith("emulated-"))
    assert leenpad.get(f"/v1/agencies/{agency_of(kind)}").json()["system"] == harvested["system"]
