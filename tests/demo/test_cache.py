"""The made files are kept, and made again only when they would differ."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from app.demo import cache
from app.demo.cache import kept_demo, remember_version, remembered_version
from app.demo.make import DemoFiles
from tests.demo.conftest import TODAY


@pytest.fixture(autouse=True)
def makings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Make small files instead of real ones; list the seeds that were made."""
    seeds: list[int] = []

    def make(folder: Path, *, seed: int, today: date) -> DemoFiles:
        folder.mkdir()
        files = DemoFiles(folder / "agencies.csv", folder / "network.zip", folder / "holdings.csv")
        for path in (files.agencies, files.network, files.holdings):
            path.write_text(f"{seed} {today:%B}")
        seeds.append(seed)
        return files

    monkeypatch.setattr(cache, "make_demo", make)
    return seeds


def test_the_second_start_makes_nothing(tmp_path: Path, makings: list[int]) -> None:
    first = kept_demo(tmp_path / "new" / "folder", seed=1, today=TODAY)
    assert kept_demo(tmp_path / "new" / "folder", seed=1, today=date(2026, 11, 30)) == first
    assert makings == [1]
    assert first.holdings.read_text() == "1 November"


@pytest.mark.parametrize(("seed", "today"), [(2, TODAY), (1, date(2026, 12, 1))])
def test_another_seed_or_month_makes_others_and_throws_the_old_out(
    tmp_path: Path, makings: list[int], seed: int, today: date
) -> None:
    old = kept_demo(tmp_path, seed=1, today=TODAY)
    new = kept_demo(tmp_path, seed=seed, today=today)
    assert makings == [1, seed]
    assert not old.holdings.exists()
    assert [path.name for path in tmp_path.iterdir()] == [new.holdings.parent.name]


def test_what_breaks_off_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(folder: Path, **_: object) -> DemoFiles:
        folder.mkdir()
        (folder / "agencies.csv").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache, "make_demo", breaks)
    with pytest.raises(KeyboardInterrupt):
        kept_demo(tmp_path, seed=1, today=TODAY)
    assert list(tmp_path.iterdir()) == []


def test_the_network_version_is_remembered_with_the_files(tmp_path: Path) -> None:
    files = kept_demo(tmp_path, seed=1, today=TODAY)
    assert remembered_version(files) is None
    remember_version(files, "abc")
    assert remembered_version(kept_demo(tmp_path, seed=1, today=TODAY)) == "abc"
