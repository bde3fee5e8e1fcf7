"""The rules between modules that pyproject.toml states hold, and every module has its place in them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


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


@pytest.mark.parametrize(
    ("module", "statement", "broken"),
    [
        ("routing/model.py", "import time", "routing is pure"),
        ("routing/model.py", "import app.settings", "app stands on two wings"),
        ("app/store/isbn.py", "import app.lending", "app reads top down"),
        ("app/api/docs.py", "import asyncpg", "SQL lives in the store"),
        ("app/resources.py", "import sqlalchemy", "SQL lives in the store"),
        ("adapters/__init__.py", "import sqlalchemy", "adapters know neither"),
        ("app/oddments.py", "", "oddments"),
    ],
)
def test_a_contract_that_is_broken_is_noticed(tmp_path: Path, module: str, statement: str, broken: str) -> None:
    for name in ("app", "routing", "adapters"):
        for file in (ROOT / name).rglob("*.py"):
            copy = tmp_path / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    changed = tmp_path / module
    before = changed.read_text() if changed.exists() else ""
    changed.write_text(f"{before}\n{statement}\n")
    answer = lint_imports(tmp_path)
    assert answer.returncode != 0
    assert broken in answer.stdout + answer.stderr
