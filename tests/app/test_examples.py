"""The examples on the docs page are true: what they ask can be asked, and their answer is what the engine says."""

from __future__ import annotations

import re
from dataclasses import replace

import orjson
import pytest

from app.api.decision_shapes import ANSWER, QUESTIONS, QuestionShape, TitleShape
from app.api.decisions import question
from app.api.loan_shapes import QUESTION, LoanRequestShape
from app.lending.documents import written
from app.store.isbn import isbn13
from routing import Agency, Holding, Location, Policy, Register, Route, compile_network, decide
from tests.app.test_openapi import DOCUMENT
from tests.support.worlds import drawn

PICKUP, BRANCH, OUT = "NL-0800070001", "NL-0800080003", "NL-0800060002"
NETWORK = f"""
    hub hub-north 30m
    north-2/north-2-mon  Mo     {BRANCH} 14:20  hub-north 16:45
    north-7/north-7-tue  Tu     hub-north 08:30  {PICKUP} 11:05
    north-4/north-4-fri  Fr     {OUT} 09:00  hub-north 10:00
"""
REGISTER = Register(
    {
        "NL-0800070000": Agency("NL-0800070000", province="GR", poi="north"),
        "NL-0800080000": Agency("NL-0800080000", province="OV", poi="east"),
        "NL-0800060000": Agency("NL-0800060000", province="DR", poi="north"),
    },
    {
        PICKUP: Location(PICKUP, agency="NL-0800070000"),
        BRANCH: Location(BRANCH, agency="NL-0800080000", handling_minutes=120),
        OUT: Location(OUT, agency="NL-0800060000"),
    },
)


def test_the_answer_is_what_the_engine_says() -> None:
    timetable = drawn(NETWORK)
    routes = tuple(Route(route.id, "Northern vans") for route in timetable.routes)
    network = compile_network(replace(timetable, version=ANSWER["network_version"], routes=routes))
    asked = question(QuestionShape(**QUESTIONS["short"]["value"], requested_at=ANSWER["requested_at"]))
    holdings = [Holding(BRANCH, copies=1, available=1), Holding(OUT, copies=1, available=0)]
    said = orjson.loads(written(decide(asked, holdings, network, REGISTER, Policy())))
    assert said == ANSWER


@pytest.mark.parametrize("asked", [entry["value"] for entry in QUESTIONS.values()])
def test_every_question_can_be_asked(asked: dict[str, object]) -> None:
    assert question(QuestionShape.model_validate(asked)).pickup_location == PICKUP


def test_a_loan_request_can_be_asked() -> None:
    assert LoanRequestShape.model_validate(QUESTION).pickup_location == PICKUP


@pytest.mark.parametrize("field", ["isbn", "ppn"])
def test_a_title_can_be_asked_for_as_each_field_shows(field: str) -> None:
    (example,) = TitleShape.model_fields[field].examples or [None]
    assert getattr(TitleShape(**{field: example}), field) == example


def test_every_isbn_anywhere_in_the_document_has_its_check_digit() -> None:
    wrong = {"9789000000006"}  # shown as a reject
    found = set(re.findall(r"\b97[89][0-9]{10}\b", orjson.dumps(DOCUMENT).decode())) - wrong
    assert len(found) > 1
    assert {isbn13(isbn) for isbn in found} == found
