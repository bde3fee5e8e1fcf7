"""A migrated, empty database as a folder: made once for all that test side by side, a copy of it starts at once."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import time
from pathlib import Path

import pytest

from app.embedded import running
from app.store.migrate import upgrade

STOP_SECONDS = 60.0


def copy_made(factory: pytest.TempPathFactory, data_dir: Path) -> Path:
    """Make the data folder `data_dir`, for the embedded PostgreSQL to start on; return it."""
    made = _made(factory)
    data_dir.mkdir(mode=0o700)
    shutil.copytree(made / "cluster", data_dir / "cluster")
    return data_dir


def _made(factory: pytest.TempPathFactory) -> Path:
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made-database"
    folder.mkdir(exist_ok=True)
    data_dir, whole = folder / "data", folder / "whole"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(data_dir, ignore_errors=True)
            with running(data_dir, durable=False) as url:
                asyncio.run(upgrade(url))
            deadline = time.monotonic() + STOP_SECONDS
            while (data_dir / "cluster" / "postmaster.pid").exists():  # it stops behind whoever left it last
                assert time.monotonic() < deadline, "it does not stop"
                time.sleep(0.05)
            whole.touch()
    return data_dir
