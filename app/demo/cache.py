"""Keeps the made files in a folder, so that the second start on the same facts and month makes nothing."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from datetime import date
from pathlib import Path

from app.demo import facts
from app.demo.gtfs import validity
from app.demo.make import DemoFiles, make_demo

LOADED = "loaded-version.txt"


def kept_demo(folder: Path, *, seed: int, today: date) -> DemoFiles:
    """Return the files made earlier in `folder`, or make them; those of other seeds, months or facts are thrown out.

    They come whole or not at all, also when two processes make them at once.
    """
    kept = folder / f"demo-{_fingerprint(seed, today)}"
    files = DemoFiles(kept / "agencies.csv", kept / "network.zip", kept / "holdings.csv")
    if kept.is_dir():
        return files
    folder.mkdir(parents=True, exist_ok=True)
    outdated = list(folder.glob("demo-*"))
    with tempfile.TemporaryDirectory(prefix="making-", dir=folder) as making:
        made = Path(making) / "files"
        make_demo(made, seed=seed, today=today)
        try:
            made.rename(kept)
        except OSError:
            if not kept.is_dir():  # else another process was faster, with the same bytes
                raise
    for old in outdated:
        shutil.rmtree(old, ignore_errors=True)
    return files


def remember_version(files: DemoFiles, version: str) -> None:
    """Note under which network version the files' timetable is known."""
    (files.network.parent / LOADED).write_text(version, encoding="utf-8")


def remembered_version(files: DemoFiles) -> str | None:
    """Return the noted network version; None before it was imported anywhere."""
    noted = files.network.parent / LOADED
    return noted.read_text(encoding="utf-8") if noted.is_file() else None


def _fingerprint(seed: int, today: date) -> str:
    """Tell apart whatever makes other files: the seed, the days of the timetable, the facts and this code."""
    digest = hashlib.sha256(f"{seed} {validity(today)}".encode())
    for source in sorted([*Path(__file__).parent.glob("*.py"), *facts.FOLDER.glob("*.csv")]):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]
