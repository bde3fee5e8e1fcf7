"""What `emulate` tells people to do, done: against a fresh `serve`, as real processes."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.emulators.demo_stock import LOCATIONS, demo_isbn
from adapters.emulators.kinds import EMULATORS
from tests.platform.processes import serving, start
from tests.platform.server_users import eventually
from tests.support.made import copy_made

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def leenpad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(copy_made(tmp_path_factory, tmp_path_factory.mktemp("fresh") / "data")) as (process, port):
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield client
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.fixture(params=EMULATORS)
def told(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    process = start(tmp_path, "emulate", request.param)
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


def done(leenpad: httpx.Client, command: str) -> httpx.Response:
    """Do what a curl command says, with another server."""
    words = shlex.split(command.removesuffix("; echo").replace("\\\n", ""))
    assert words[:4] == ["curl", "-sS", "--fail-with-body", "-X"]
    method, url, header, media_type, data, body = words[4:]
    assert (url.split("/v1/")[0], header, data) == ("http://127.0.0.1:8000", "-H", "--data-binary")
    name, _, value = media_type.partition(": ")
    return leenpad.request(method, "/v1/" + url.split("/v1/")[1], headers={name: value}, content=body.encode())


def test_the_commands_that_it_prints_work_one_after_the_other(leenpad: httpx.Client, told: tuple[str, str]) -> None:
    kind, text = told
    blocks = [block for block in text.split("\n\n") if block.startswith("# ")]
    answers = [done(leenpad, block.partition("\n")[2]) for block in blocks]
    assert all(answer.is_success for answer in answers), [answer.text for answer in answers]
    imported, *_, put, checked, harvested = (answer.json() for answer in answers if answer.content)
    assert (imported["rejected"], put["kind"]) == (0, kind)
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
    assert [(row["location"], row["system"]) for row in held] == [
        (at, harvested["system"]) for at in sorted(LOCATIONS)
    ]
    # A decision asks the system of a location: without a title named, the check finds one that stands at such a one.
    assert leenpad.post(f"/v1/systems/{harvested['system']}/check", json={}).status_code == 200
