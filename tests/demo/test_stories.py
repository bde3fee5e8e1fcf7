"""Which questions are asked: found by searching the made data, and told only by answers that show the point."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.demo.make import DemoFiles
from app.demo.stories import Ask, Held, Place, Story, Work, read_names, read_places, shortlist, tell
from tests.demo.conftest import TODAY, Row

HEADINGS = [
    "From the own shelf",
    "From another library in the same province",
    "Across the country, through the national centre",
    "To an island, by boat",
    "Nobody can",
]


@pytest.fixture(scope="module")
def stories(files: DemoFiles) -> tuple[Story, ...]:
    return shortlist(files, today=TODAY)


def test_five_stories_with_several_questions_each(stories: tuple[Story, ...]) -> None:
    assert [story.heading for story in stories] == HEADINGS
    assert all(len(story.asks) >= 10 for story in stories)


def test_the_same_data_gives_the_same_questions(stories: tuple[Story, ...], files: DemoFiles) -> None:
    again = shortlist(files, today=TODAY)
    assert [[ask.body for ask in story.asks] for story in stories] == [
        [ask.body for ask in story.asks] for story in again
    ]


def test_questions_are_asked_at_ten_on_a_working_day(files: DemoFiles) -> None:
    asked = shortlist(files, today=date(2026, 12, 25))[0].asks[0]  # Christmas on a Friday
    assert asked.body["requested_at"] == "2026-12-28T10:00:00+01:00"


def test_a_question_in_one_sentence(
    stories: tuple[Story, ...], holdings: list[Row], locations: dict[str, Row]
) -> None:
    ask = stories[0].asks[0]
    row = next(row for row in holdings if row["isbn"] == ask.work.isbn and row["ppn"] == ask.work.ppn)
    counter = locations[ask.pickup.id]["name"]
    assert ask.sentence == f"A reader at {counter} asks for “{row['title']}” by {row['author']}. Who lends it?"


def test_questions_that_fit_their_story(stories: tuple[Story, ...], files: DemoFiles) -> None:
    own, province, across, island, nobody = stories
    assert all(any(held.place == ask.pickup and held.ready for held in ask.work.held) for ask in own.asks)
    assert all(ask.pickup.agency not in {held.place.agency for held in ask.work.held} for ask in province.asks)
    assert all(ask.pickup.province not in {held.place.province for held in ask.work.held} for ask in across.asks)
    assert {ask.pickup.island for ask in island.asks} >= {"Texel", "Ameland", "Terschelling"}
    assert all(held.hindrance for ask in nobody.asks for held in ask.work.held)
    hindrances = {held.hindrance for held in nobody.asks[0].work.held}
    assert len(hindrances) >= 3


def test_closed_branches_are_seen_as_such(files: DemoFiles) -> None:
    closed = [place.name for place in read_places(files).values() if not place.served]
    assert len(closed) == 12
    assert all("gesloten" in name for name in closed)


def test_names_cover_every_row(files: DemoFiles, register: list[Row]) -> None:
    assert len(read_names(files)) == len(register)


# --- telling --------------------------------------------------------------------------------------

HERE = Place("A", "Bibliotheek Aduard", "NL-1", "GR", "", served=True)
THERE = Place("B", "Bibliotheek Beers", "NL-2", "NB", "", served=True)


def a_work(name: str) -> Work:
    return Work("", name, name, "Nobody", (Held(HERE, "book", 1, 1, loanable=True),))


def a_story(heading: str, works: list[Work], pickups: list[Place], telling: str) -> Story:
    at = datetime(2026, 11, 23, 10, tzinfo=ZoneInfo("Europe/Amsterdam"))
    asks = tuple(Ask(work, pickup, at) for work, pickup in zip(works, pickups, strict=True))
    return Story(heading, asks, lambda _, reply: reply["said"] == telling)


async def echo(body: dict[str, Any]) -> dict[str, Any]:
    return {"said": body["title"]["ppn"]}


async def test_the_first_answer_that_shows_the_point_is_told() -> None:
    dull, good = a_work("dull"), a_work("good")
    told = await tell([a_story("one", [dull, good], [HERE, HERE], "good")], echo)
    assert [(story.heading, story.ask.work, story.reply) for story in told] == [("one", good, {"said": "good"})]


async def test_no_title_and_no_counter_stands_in_two_stories() -> None:
    good, fine = a_work("good"), a_work("good")
    first = a_story("first", [good], [HERE], "good")
    second = a_story("second", [good, fine, fine], [THERE, HERE, THERE], "good")
    told = await tell([first, second], echo)
    assert [(story.heading, story.ask.work is fine, story.ask.pickup) for story in told] == [
        ("first", False, HERE),
        ("second", True, THERE),
    ]


async def test_a_story_that_no_answer_tells_is_left_out() -> None:
    assert await tell([a_story("one", [a_work("dull")], [HERE], "good")], echo) == []
