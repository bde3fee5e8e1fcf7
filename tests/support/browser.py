"""A headless Chromium for the tests: the one that the npm package @sparticuz/chromium carries, unpacked once.

It needs nothing of the machine but glibc: its own libraries and a font come along. Where the package is not
installed or not made for this machine, a Chromium on the PATH will do.

On Linux on x86-64, for which the package is made, a test that finds no browser fails: a page that nobody looked at is
not known to be sound. LEENPAD_TEST_NO_BROWSER says that there is none, and then those tests are skipped.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable
from playwright.async_api import Browser, async_playwright

ROOT = Path(__file__).parents[2]
PACKED = ROOT / "node_modules" / "@sparticuz" / "chromium" / "bin"
NO_BROWSER = "LEENPAD_TEST_NO_BROWSER"
UNPACKED = ROOT / "node_modules" / ".cache" / "leenpad-chromium"

_UNPACK = """
const [from, to] = process.argv.slice(1);
require("stream").pipeline(
  require("fs").createReadStream(from), require("zlib").createBrotliDecompress(),
  require("fs").createWriteStream(to, {mode: 0o755}), error => { if (error) throw error; });
"""

_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{folder}/fonts</dir><cachedir>{folder}/fonts-cache</cachedir></fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """Where the browser is, and the environment that it starts in."""

    executable: Path
    environment: dict[str, str] = field(default_factory=dict)


def need_chromium() -> Chromium:
    """Return a Chromium for a test, which is skipped or fails where there is none."""
    if os.environ.get(NO_BROWSER):
        pytest.skip(f"{NO_BROWSER} says that no browser runs on this machine")
    found = find_chromium()
    if found is not None:
        return found
    if _is_made_for_here():
        pytest.fail(f"no Chromium is installed: npm ci brings one, or set {NO_BROWSER}=1 to leave these tests out")
    pytest.skip("no Chromium runs on this machine: npm ci brings one for Linux on x86-64")


def find_chromium() -> Chromium | None:
    """Return a Chromium that can be started here, or None."""
    if PACKED.is_dir() and _is_made_for_here():
        folder = _unpacked()
        return Chromium(
            folder / "chromium",
            {**os.environ, "LD_LIBRARY_PATH": str(folder / "lib"), "FONTCONFIG_FILE": str(folder / "fonts.conf")},
        )
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Chromium(Path(found), dict(os.environ))
    return None


@asynccontextmanager
async def open_browser(chromium: Chromium) -> AsyncIterator[Browser]:
    """Start the browser for as long as the block runs."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.executable,
            env=dict(chromium.environment),
            args=["--no-sandbox", "--disable-dev-shm-usage"],  # it only ever sees our own pages
        )
        try:
            yield browser
        finally:
            await browser.close()


def _is_made_for_here() -> bool:
    return platform.system() == "Linux" and platform.machine() == "x86_64"


def _unpacked() -> Path:
    """Unpack beside node_modules' own cache, whole or not at all: several test processes may come here at once."""
    if UNPACKED.is_dir():
        return UNPACKED
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=UNPACKED.parent) as scratch:
        folder = Path(scratch) / "chromium"
        folder.mkdir()
        _decompress(PACKED / "chromium.br", folder / "chromium")
        for name in ("al2023", "fonts"):
            archive = Path(scratch) / f"{name}.tar"
            _decompress(PACKED / f"{name}.tar.br", archive)
            with tarfile.open(archive) as opened:
                opened.extractall(folder, filter="data")
        (folder / "fonts.conf").write_text(_FONTS.format(folder=UNPACKED))
        try:
            folder.rename(UNPACKED)
        except OSError:
            if not UNPACKED.is_dir():
                raise
    return UNPACKED


def _decompress(source: Path, target: Path) -> None:
    # Python has no Brotli; the Node that playwright brings along does.
    node, _ = compute_driver_executable()
    subprocess.run([node, "-e", _UNPACK, str(source), str(target)], check=True)
