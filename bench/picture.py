"""`python -m bench.picture [URL]`: take the picture of the console in the README from a running demonstration."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.support.browser import find_chromium, open_browser

PICTURE = Path(__file__).parent.parent / "docs" / "console.png"
SIZE = {"width": 1280, "height": 800}


async def take(server: str, path: str, picture: Path) -> None:
    """Write what a browser shows of a page of the console once it is quiet, in English."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit("No Chromium runs on this machine: `npm ci` brings one for Linux on x86-64.")
    async with open_browser(chromium) as browser:
        context = await browser.new_context(viewport=SIZE, locale="en-GB", timezone_id="Europe/Amsterdam")  # type: ignore[arg-type]
        page = await context.new_page()
        await page.goto(f"{server}{path}", wait_until="networkidle")
        await page.screenshot(path=picture)
    print(f"{picture} shows {server}{path}.")


if __name__ == "__main__":
    asyncio.run(take((sys.argv[1:] or ["http://127.0.0.1:8000"])[0].rstrip("/"), "/console/map", PICTURE))
