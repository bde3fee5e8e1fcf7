"""A page that no browser looked at is not known to be sound: without one, tests fail where one could be."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from tests.console.conftest import Watched
from tests.support import browser
from tests.support.browser import NO_BROWSER, need_chromium


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(NO_BROWSER, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browser, "PACKED", tmp_path / "nowhere")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


def test_where_one_is_made_for_the_machine_none_is_a_failure() -> None:
    with pytest.raises(pytest.fail.Exception, match="npm ci"):
        need_chromium()


def test_whoever_says_that_there_is_none_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NO_BROWSER, "1")
    with pytest.raises(pytest.skip.Exception, match=NO_BROWSER):
        need_chromium()


def test_on_other_machines_it_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(pytest.skip.Exception, match="x86-64"):
        need_chromium()


def test_only_what_was_expected_of_the_browser_is_forgotten() -> None:
    refused = "Failed to load resource: the server responded with a status of 422 (Unprocessable Content)"
    seen = Watched(page=None, base_url="", said=[refused])  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        seen.was_refused(409)
    seen.was_refused(422)
    assert seen.said == []
    seen.said += [refused, "TypeError: undefined is not a function"]
    with pytest.raises(AssertionError):
        seen.was_refused(422)
