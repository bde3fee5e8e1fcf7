"""The frame around all pages: who is let in, in which language, and which forms are ours."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.console.words import LANGUAGES, words
from app.settings import Settings
from tests.console.conftest import NARROW, WIDE, watched
from tests.support.browser import ROOT
from tests.support.filled import client_of, running
from tests.support.serving import listening_for

pytestmark = pytest.mark.once


@pytest.fixture
async def locked(filled: str) -> AsyncIterator[FastAPI]:
    """A console that lets nobody in without a key."""
    async with running(Settings(database_url=filled, admin_key="bootstrap")) as app:  # type: ignore[arg-type]
        yield app


@pytest.fixture
async def client(locked: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(locked) as client:
        yield client


def token_in(text: str) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', text)
    assert found is not None
    return found[1]


async def signed_in(client: httpx.AsyncClient, key: str = "bootstrap") -> httpx.Response:
    shown = await client.get("/console/sign-in")
    form = {"csrf": token_in(shown.text), "name": "A. Planner", "key": key, "after": "/console"}
    return await client.post("/console/sign-in", data=form)


async def test_whoever_is_not_signed_in_is_sent_to_where_they_can(client: httpx.AsyncClient) -> None:
    answer = await client.get("/console")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in?after=/console")


@pytest.mark.parametrize("after", ["/console/map?loan=0193&province=NB", "/console/loans?q=a%26b+%C3%A9&late=true"])
async def test_whoever_signs_in_comes_where_they_were_going(client: httpx.AsyncClient, after: str) -> None:
    sent = await client.get(after)
    assert sent.status_code == 303
    shown = await client.get(sent.headers["location"])
    kept = re.search(r'name="after" value="(/console/(?!sign-in)[^"]*)"', shown.text)
    assert kept is not None
    # Also by way of the other language.
    there = re.search(r'name="after" value="(/console/sign-in[^"]*)"', shown.text)
    assert there is not None
    language = {"csrf": token_in(shown.text), "language": "en", "after": html.unescape(there[1])}
    spoken = await client.post("/console/language", data=language)
    assert (await client.get(spoken.headers["location"])).text.count(kept[0]) == 1
    form = {"csrf": token_in(shown.text), "name": "A", "key": "bootstrap", "after": html.unescape(kept[1])}
    answer = await client.post("/console/sign-in", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, after)


async def test_a_key_signs_in_and_out_again(client: httpx.AsyncClient) -> None:
    answer = await signed_in(client)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    page = await client.get("/console")
    assert page.status_code == 200
    assert "A. Planner" in page.text
    kept = client.cookies["leenpad_session"]
    out = await client.post("/console/sign-out", data={"csrf": token_in(page.text)})
    assert out.status_code == 303
    client.cookies.set("leenpad_session", kept, domain="localhost", path="/console")
    assert (await client.get("/console")).status_code == 303, "the session is over, and not only the cookie gone"


async def test_an_unknown_key_signs_nobody_in(client: httpx.AsyncClient) -> None:
    answer = await signed_in(client, "no such key")
    assert answer.status_code == 401
    assert "Deze sleutel is onbekend of verlopen." in answer.text
    assert "no such key" not in answer.text


async def test_a_form_that_is_not_ours_is_refused(client: httpx.AsyncClient) -> None:
    assert (await signed_in(client)).status_code == 303
    answer = await client.post("/console/sign-out", data={"csrf": "0" * 64})
    assert answer.status_code == 403
    assert (await client.get("/console")).status_code == 200, "still signed in"
    other = await client.post("/console/sign-out", headers={b"x-csrf-token": b"\xc3\xa9"})
    assert other.status_code == 403


@pytest.mark.parametrize(
    "after", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "/v1/keys"]
)
async def test_nobody_is_sent_elsewhere(client: httpx.AsyncClient, after: str) -> None:
    shown = await client.get("/console/sign-in", params={"after": after})
    form = {"csrf": token_in(shown.text), "name": "A", "key": "bootstrap", "after": after}
    answer = await client.post("/console/sign-in", data=form)
    assert answer.headers["location"] == "/console"


async def test_a_session_may_what_its_key_may_and_ends_with_it(client: httpx.AsyncClient) -> None:
    admin = {"authorization": "Bearer bootstrap"}
    made = (
        await client.post("/v1/keys", json={"agency": "POI-NOORD", "scopes": ["planner"], "poi": "V1"}, headers=admin)
    ).json()
    answer = await client.post("/v1/sessions", json={"name": "B"}, headers={"authorization": f"Bearer {made['key']}"})
    assert answer.status_code == 201
    mine = {"authorization": f"Bearer {answer.json()['token']}"}
    assert (await client.get("/v1/sessions/current", headers=mine)).json() == {
        "name": "B",
        "agency": "POI-NOORD",
        "scopes": ["planner"],
        "poi": "V1",
        "signed_in": True,
    }
    assert (await client.get("/v1/keys", headers=mine)).status_code == 403
    assert (await client.post("/v1/sessions", json={"name": "C"}, headers=mine)).status_code == 403
    listed = (await client.get("/v1/keys", headers=admin)).json()["items"]
    assert [row["id"] for row in listed] == [made["id"]], "a session is no key to be listed"
    assert (await client.delete(f"/v1/keys/{made['id']}", headers=admin)).status_code == 204
    assert (await client.get("/v1/sessions/current", headers=mine)).status_code == 401


async def test_pages_allow_no_inline_script_or_style_and_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    answer = await client.get("/console/sign-in")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
    assert not re.search(r"\son\w+=|style=", answer.text)


async def test_a_page_speaks_the_language_that_was_chosen(client: httpx.AsyncClient) -> None:
    shown = await client.get("/console/sign-in", headers={"accept-language": "en-GB,en;q=0.9"})
    assert '<html lang="en">' in shown.text
    form = {"csrf": token_in(shown.text), "language": "nl", "after": "/console/sign-in"}
    assert (await client.post("/console/language", data=form)).status_code == 303
    assert '<html lang="nl">' in (await client.get("/console/sign-in", headers={"accept-language": "en"})).text


def test_every_word_that_a_template_or_page_says_is_known_in_both_languages() -> None:
    known = words()
    used = set()
    for file in sorted((ROOT / "app" / "console").rglob("*")):
        if file.suffix in (".html", ".py"):
            used |= set(re.findall(r"""\b(?:t|say)\(\s*["']([a-z_]+\.[a-z_]+)["']\s*[,)]""", file.read_text()))
    assert used <= set(known), used - set(known)
    assert all(set(said) == set(LANGUAGES) for said in known.values())


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_the_first_pages_are_sound_in_a_browser(locked: FastAPI, size: tuple[int, int]) -> None:
    async with listening_for(locked, lifespan="off") as url, watched(url, size) as seen:
        await seen.open("/console")
        await seen.page.get_by_label("Uw naam").fill("A. Planner")
        await seen.page.get_by_label("Uw sleutel").fill("bootstrap")
        await seen.is_sound()
        await seen.page.get_by_role("button", name="Inloggen").click()
        await seen.page.get_by_role("heading", name="Overzicht").wait_for()
        menu = seen.page.get_by_role("navigation")
        groups = await menu.get_by_role("list").evaluate_all(
            "all => all.map(one => document.getElementById(one.getAttribute('aria-labelledby')).textContent)"
        )
        assert groups == ["Netwerk", "Onderweg", "Lenen", "Algemeen"]
        assert await menu.get_by_role("list", name="Netwerk").get_by_role("link").all_inner_texts() == [
            "Kaart",
            "Dienstregeling",
            "Opschortingen",
            "Wat-als",
        ]
        await seen.is_sound()
        await seen.page.get_by_role("button", name="English").click()
        await seen.page.get_by_role("heading", name="Overview").wait_for()
        await seen.is_sound()


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/console/nope", 404, "Hier is niets"),
        ("/console/day?date=2026-13-45", 422, "Er klopt iets niet in wat u invulde"),
        ("/console/run-sheet", 422, "Vul dit in."),
        ("/console/timetable/drafts/99", 404, "Geen concept heeft dit kenmerk"),
    ],
)
async def test_a_wrong_address_is_answered_with_a_page(
    client: httpx.AsyncClient, path: str, status: int, said: str
) -> None:
    assert (await signed_in(client)).status_code == 303
    shown = await client.get(path, headers={"accept": "text/html"})
    told = await client.get(path)
    assert (shown.status_code, shown.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert said in shown.text
    assert "Naar het overzicht" in shown.text
    assert told.status_code == status
