"""What the API refuses, as people read it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from app.console.api import Refused
from app.console.refusals import title_of, told
from app.console.words import speak, words
from app.problems import PROBLEMS


class Looking:
    """A visitor, in so far as words go."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.say = speak(language)


DUTCH, ENGLISH = Looking("nl"), Looking("en")


def refused(*faults: tuple[str, str], slug: str = "invalid-input", detail: str = "") -> Refused:
    errors = [{"pointer": pointer, "detail": said} for pointer, said in faults]
    return Refused(422, {"type": f"/problems/{slug}", "title": "T", "detail": detail, "errors": errors})


def test_every_kind_of_problem_has_a_title_in_dutch_and_the_api_s_own_in_english() -> None:
    titles = {row.slug: row.title for row in PROBLEMS.values()}
    assert {slug: words()[f"refused.{slug}"]["en"] for slug in titles} == titles
    assert title_of(DUTCH, refused()) == "Er klopt iets niet in wat u invulde"  # type: ignore[arg-type]
    assert title_of(DUTCH, refused(slug="of-later")) == "T"  # type: ignore[arg-type]


class Asked(BaseModel):
    """One field of each kind."""

    name: str = Field(min_length=1)
    minutes: int = Field(ge=1, le=9)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"minutes": 3}, "Naam: Vul dit in."),
        ({"name": "", "minutes": 3}, "Naam: Vul dit in."),
        ({"name": "a", "minutes": "x"}, "Minuten: Dit is geen getal."),
        ({"name": "a", "minutes": 10}, "Minuten: Hoogstens 9."),
        ({"name": "a", "minutes": 0}, "Minuten: Minstens 1."),
    ],
)
def test_what_pydantic_says_of_a_field_is_said_in_dutch(body: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Asked.model_validate(body)
    faults = [(f"/{error['loc'][0]}", error["msg"]) for error in raised.value.errors()]
    assert told(DUTCH, refused(*faults)) == [said]  # type: ignore[arg-type]


def test_a_sentence_of_ours_stands_in_english_and_is_marked_so() -> None:
    one = refused(("/changes/2/stop_times/0/stop_id", "No <stop> is called x."))
    assert told(DUTCH, one) == [  # type: ignore[arg-type]
        'Halte: <span lang="en">No &lt;stop&gt; is called x.</span>'
    ]
    assert told(ENGLISH, one) == ["Stop: No &lt;stop&gt; is called x."]  # type: ignore[arg-type]
    assert told(DUTCH, refused(detail="It <is> so.")) == [  # type: ignore[arg-type]
        '<span lang="en">It &lt;is&gt; so.</span>'
    ]
