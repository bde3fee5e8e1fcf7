"""A console on a filled database, and a browser that minds what pages ask and say."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page

from app.settings import Settings
from tests.app.conftest import database_url, server_url, template
from tests.support.browser import ROOT, need_chromium, open_browser
from tests.support.filled import fill
from tests.support.serving import served

__all__ = ["database_url", "server_url", "template"]

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# What the browser says by itself of a page that is an answer that says no.
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (4\d\d) \(.*\)")
WIDE, NARROW = (1280, 800), (390, 844)


@dataclass(slots=True)
class Watched:
    """A page of a browser, and what went on behind it."""

    page: Page
    base_url: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        """Go to a page and wait until it is quiet."""
        await self.page.goto(f"{self.base_url}{path}", wait_until="networkidle")

    async def faults(self) -> list[str]:
        """What axe-core finds of serious weight on the page as it is now."""
        # As a user's own tool would: the policy of the page forbids it to itself.
        await self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {node['html'][:200]}"
            for violation in found["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    def was_refused(self, *statuses: int) -> None:
        """Assert: the browser complained of answers of these statuses and of nothing else; it is forgotten then."""
        complained = [REFUSED.fullmatch(line) for line in self.said]
        assert [found and int(found[1]) for found in complained] == list(statuses), self.said
        self.said.clear()

    async def is_sound(self) -> None:
        """Assert: no one else's host was asked, nothing was complained of, nobody is shut out, nothing sticks out."""
        hosts = {urlsplit(url).netloc for url in self.asked if not url.startswith(("data:", "blob:"))}
        assert hosts <= {urlsplit(self.base_url).netloc}, hosts
        assert self.said == []
        assert await self.faults() == []
        too_wide = await self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not too_wide, "the page scrolls sideways"


Opens = Callable[..., AbstractAsyncContextManager[Watched]]


@dataclass(slots=True)
class Opened:
    """The browser that all windows are of, started when the first is opened, and what closes it."""

    closing: AsyncExitStack = field(default_factory=AsyncExitStack)
    browser: Browser | None = None

    async def running(self) -> Browser:
        """Start the browser where it does not run."""
        if self.browser is None or not self.browser.is_connected():
            self.browser = await self.closing.enter_async_context(open_browser(need_chromium()))
        return self.browser


OPENED = Opened()


@pytest.fixture(scope="session", autouse=True)
async def closes_the_browser() -> AsyncIterator[None]:
    """See to it that no browser outlives the tests."""
    async with OPENED.closing:
        yield


@asynccontextmanager
async def watched(base_url: str, size: tuple[int, int] = WIDE, language: str = "nl-NL") -> AsyncIterator[Watched]:
    """Open a browser window on a console: of a visitor who was never here, without anything kept of others."""
    browser = await OPENED.running()
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale=language, timezone_id="Europe/Amsterdam"
    )
    async with context:
        page = await context.new_page()
        page.set_default_timeout(20_000)
        found = Watched(page, base_url)
        page.on("request", lambda request: found.asked.append(request.url))
        page.on(
            "console",
            lambda message: found.said.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: found.said.append(str(error)))
        yield found


@pytest.fixture(scope="module")
async def filled(database_url: str) -> str:
    """The address of the module's database, with a small network in it."""
    await fill(database_url)
    return database_url


@pytest.fixture
async def base_url(filled: str) -> AsyncIterator[str]:
    """A console in open mode."""
    async with served(Settings(database_url=filled)) as url:
        yield url
