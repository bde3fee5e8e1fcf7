"""The process that reads a file of rows: what it loads, and how it ends."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.imports.report import UnreadableFile
from app.imports.staging import HOME, stage

HOLDINGS = {"kind": "holdings", "form": "csv", "locations": ["one"]}


def test_it_loads_nothing_that_it_does_not_read_with() -> None:
    told = "import sys, app.imports.parse, app.imports.agency_rows, app.imports.holding_rows; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=HOME)
    assert {"adapters", "routing", "httpx", "numpy", "asyncpg", "pydantic"}.isdisjoint(loaded.stdout.split())


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that asyncio was asked to kill."""
    killed: list[int] = []
    monkeypatch.setattr(asyncio.subprocess.Process, "kill", lambda process: killed.append(process.pid))
    return killed


async def test_one_that_has_said_its_last_ends_by_itself(tmp_path: Path, kills: list[int]) -> None:
    file = tmp_path / "holdings.csv"
    file.write_text("location,ppn\none,1\none,2\n")
    rows = io.BytesIO()

    async def keep(chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            rows.write(chunk)

    assert (await stage(file, HOLDINGS, into=keep)).read == 2
    assert rows.getvalue().count(b"\n") == 2
    file.write_text("")
    with pytest.raises(UnreadableFile):
        await stage(file, HOLDINGS, into=keep)
    assert kills == []
