"""The image and the compose file, as far as they can be held to account without a container engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions in order, continued lines joined."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text()).replace("\\\n", " ")
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def copied() -> list[tuple[str, str]]:
    """Return what the Dockerfile copies from the project in all its stages: source and target."""
    found = []
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            found += [(source, target) for source in sources]
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return document


def test_what_the_image_is_given_is_enough_to_run(tmp_path: Path) -> None:
    for source, target in copied():
        place = tmp_path / target / (source if target == "./" else "")
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        elif target == "./":
            shutil.copy(ROOT / source, place)
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1", "LEENPAD_DATA_DIR": str(tmp_path / "data")}
    for command in (["openapi"], ["db", "upgrade"]):
        answer = subprocess.run(
            [sys.executable, "-m", "app", *command],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if not name.startswith("LEENPAD_")} | environment,
        )
        assert answer.returncode == 0, answer.stderr


def test_only_what_the_image_is_given_leaves_the_project_folder() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(allowed) == sorted(source for source, _ in copied())


def test_the_image_serves_without_rights_and_says_how_it_is() -> None:
    last_stage = instructions()[max(at for at, (name, _) in enumerate(instructions()) if name == "FROM") :]
    said = dict(last_stage)
    assert said["USER"] == "leenpad"
    assert json.loads(said["CMD"]) == ["python", "-m", "app", "serve", "--host", "0.0.0.0"]
    health = said["HEALTHCHECK"].partition("CMD ")[2]
    assert "/healthz" in json.loads(health)[-1]


def test_compose_starts_only_with_secrets_of_ones_own(compose: dict[str, Any]) -> None:
    app, database = compose["services"]["app"], compose["services"]["database"]
    assert app["environment"]["LEENPAD_ADMIN_KEY"].startswith("${LEENPAD_ADMIN_KEY:?")
    secrets = {app["environment"]["PGPASSWORD"], database["environment"]["POSTGRES_PASSWORD"]}
    assert len(secrets) == 1
    assert secrets.pop().startswith("${LEENPAD_DATABASE_PASSWORD:?")


def test_compose_waits_for_a_database_that_keeps_its_data(compose: dict[str, Any]) -> None:
    app, database = compose["services"]["app"], compose["services"]["database"]
    assert app["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "pg_isready" in database["healthcheck"]["test"]
    assert int(database["image"].partition(":")[2]) >= 16
    (volume,) = [mount.partition(":")[0] for mount in database["volumes"]]
    assert volume in compose["volumes"]
    assert "ports" not in database, "the database is for the app alone"
