"""The documentation page and the problem pages, as a browser without any network but ours sees them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from app.problems import PROBLEMS
from app.settings import Settings
from tests.support.browser import need_chromium, open_browser
from tests.support.serving import served

pytestmark = pytest.mark.once

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
async def base_url(database_url: str) -> AsyncIterator[str]:
    async with served(Settings(database_url=database_url)) as url:
        yield url


@pytest.fixture(scope="module")
async def client(base_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=base_url) as client:
        yield client


def urls_in(text: str) -> Iterator[str]:
    for match in re.finditer(r"""(?:href|src|data-openapi)="([^"]+)"|url\(\s*['"]?([^'")]+)""", text):
        yield match[1] or match[2]


@pytest.mark.parametrize("address", ["/", "/docs", "/problems", "/problems/invalid-input"])
async def test_every_address_on_a_page_and_in_its_styles_is_ours_and_answers(
    client: httpx.AsyncClient, address: str
) -> None:
    waiting, seen = [address], set[str]()
    while waiting:
        asked = waiting.pop()
        if asked in seen:
            continue
        seen.add(asked)
        answer = await client.get(asked, headers=HTML)
        assert answer.status_code == 200 or asked == "/readyz", (asked, answer.status_code)
        if asked != address and not asked.endswith(".css"):
            continue
        for found in urls_in(answer.text):
            if found.startswith("data:"):
                continue
            target = urlsplit(urljoin(asked, found))
            assert not target.netloc, f"{asked} asks {target.netloc}"
            waiting.append(target.path)
    assert "/assets/leenpad.css" in seen


async def test_pages_allow_no_inline_script_and_no_other_host(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs", headers=HTML)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
    assert not re.search(r"\son\w+=|style=", answer.text)


async def test_assets_say_what_they_are_and_are_not_sent_twice(client: httpx.AsyncClient) -> None:
    answer = await client.get("/assets/swagger-ui/swagger-ui-bundle.js")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    again = await client.get(
        "/assets/swagger-ui/swagger-ui-bundle.js", headers={"if-none-match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["nothing.js", "../docs.py", "swagger-ui/package.json", "%2e%2e/docs.py"])
async def test_only_the_assets_of_our_pages_are_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/assets/{name}")).status_code == 404


async def test_a_program_hears_where_to_go_as_json(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")
    assert answer.json() == {
        "name": "Leenpad",
        "docs": "/docs",
        "openapi": "/openapi.json",
        "problems": "/problems",
        "health": "/healthz",
        "ready": "/readyz",
        "metrics": "/metrics",
    }


@pytest.mark.parametrize("slug", sorted(row.slug for row in PROBLEMS.values()))
async def test_the_type_of_every_problem_is_the_address_of_its_explanation(
    client: httpx.AsyncClient, slug: str
) -> None:
    (row,) = (row for row in PROBLEMS.values() if row.slug == slug)
    answer = await client.get(f"/problems/{slug}")
    assert answer.json() == {
        "type": f"/problems/{slug}",
        "title": row.title,
        "status": row.status,
        "explanation": row.explanation,
    }
    assert "<h1>" in (await client.get(f"/problems/{slug}", headers=HTML)).text


async def test_a_browser_shows_every_operation_and_asks_nobody_else(base_url: str) -> None:
    chromium = need_chromium()
    async with httpx.AsyncClient(base_url=base_url) as client:
        document = (await client.get("/openapi.json")).json()
    operations = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    asked: list[str] = []
    said: list[str] = []
    async with open_browser(chromium) as browser:
        page = await browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on(
            "console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: said.append(str(error)))
        await page.goto(f"{base_url}/docs")
        await page.wait_for_selector(".opblock-tag")
        headings = await page.locator(".opblock-tag").all()
        tags = [await tag.get_attribute("data-tag") for tag in headings]
        shown = set()
        for heading in headings:
            await heading.click()
            await page.wait_for_selector(".opblock")
            shown |= {
                (
                    await block.locator(".opblock-summary-method").inner_text(),
                    await block.locator("[data-path]").get_attribute("data-path"),
                )
                for block in await page.locator(".opblock").all()
            }
            await heading.click()
            await page.wait_for_selector(".opblock", state="detached")
        await page.locator(".opblock-tag[data-tag='Decide']").click()
        await page.locator(".opblock-post .opblock-summary-control").first.click()
        await page.wait_for_selector(".opblock-post .opblock-body .response")
    assert shown == operations
    assert tags == [tag["name"] for tag in document["tags"]]
    assert said == []
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith("data:")}
    assert hosts == {urlsplit(base_url).netloc}
