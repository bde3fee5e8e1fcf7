"""The rules between modules that pyproject.toml states hold, and every module has its place in them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What is written into a module, the contract that it breaks, and what is said about it under that contract.
FAULTS = [
    ("routing/model.py", "import time", "routing is pure", "routing.model -> time"),
    ("routing/model.py", "import app.settings", "app stands on two wings", "routing.model -> app.settings"),
    ("app/store/isbn.py", "import app.lending", "app reads top down", "app.store.isbn -> app.lending"),
    ("app/api/docs.py", "import asyncpg", "SQL lives in the store", "app.api.docs -> asyncpg"),
    ("app/resources.py", "import sqlalchemy", "SQL lives in the store", "app.resources -> sqlalchemy"),
    ("adapters/__init__.py", "import sqlalchemy", "adapters know neither", "adapters -> sqlalchemy"),
    ("app/oddments.py", "", "app reads top down", "app.oddments"),
]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_contract_between_modules_is_kept() -> None:
    answer = lint_imports(ROOT)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert " 0 broken" in answer.stdout


@pytest.fixture(scope="module")
def told_of_faults(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said of a copy of the project with all FAULTS in it, from where it says which contracts are broken."""
    folder = tmp_path_factory.mktemp("faulty")
    for name in ("app", "routing", "adapters"):
        for file in (ROOT / name).rglob("*.py"):
            copy = folder / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    for module, statement, _, _ in FAULTS:
        with (folder / module).open("a") as faulty:
            faulty.write(f"\n{statement}\n")
    answer = lint_imports(folder)
    assert answer.returncode != 0
    return answer.stdout.partition("Broken contracts")[2]


@pytest.mark.parametrize(("contract", "fault"), [(contract, fault) for _, _, contract, fault in FAULTS])
def test_a_contract_that_is_broken_is_noticed(told_of_faults: str, contract: str, fault: str) -> None:
    section = re.search(
        rf"^{contract}[^\n]*\n-+\n(.*?)(?=\n[^\n]+\n---|\Z)", told_of_faults, re.MULTILINE | re.DOTALL
    )
    assert section is not None, told_of_faults
    assert re.search(rf"^\W+{re.escape(fault)}( |$)", section[1], re.MULTILINE), section[1]
