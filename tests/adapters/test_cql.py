"""A term is nothing but a term, whatever stands in it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.emulators.cql import DEEPEST, Clause, Combined, CqlFault, read_cql
from adapters.protocols.cql import LONGEST_TERM_CHARS, InvalidTerm, all_of, any_of, clause, term

signs = st.sampled_from(list('"\\*?^()=<>/ ')) | st.characters(codec="utf-8")
texts = st.text(signs, max_size=40)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("9789021412344", '"9789021412344"'),
        ('a" or cql.allRecords="1', '"a\\" or cql.allRecords=\\"1"'),
        ("a\\", '"a\\\\"'),
        ("wat?*^", '"wat\\?\\*\\^"'),
        ("a\r\nb\x00", '"a  b"'),
        ("and", '"and"'),
    ],
)
def test_a_term_is_quoted(text: str, quoted: str) -> None:
    assert term(text) == quoted


@given(texts)
def test_what_is_read_back_is_the_term_and_nothing_else(text: str) -> None:
    try:
        query = clause("bath.isbn", "=", text)
    except InvalidTerm:
        return
    found = read_cql(query)

    assert isinstance(found, Clause)
    assert (found.index, found.relation, found.masked) == ("bath.isbn", "=", False)
    assert (
        found.text
        == "".join(" " if ord(sign) < 32 or 127 <= ord(sign) < 160 else sign for sign in text)
        .translate({0x2028: " ", 0x2029: " "})
        .strip()
    )


@given(texts, texts)
def test_clauses_stay_apart(one: str, other: str) -> None:
    try:
        clauses = clause("dc.title", "=", one), clause("dc.creator", "all", other)
    except InvalidTerm:
        return

    left, right = (read_cql(each) for each in clauses)
    assert read_cql(any_of(*clauses)) == Combined("or", left, right)
    assert read_cql(all_of(any_of(*clauses), clauses[0])) == Combined("and", Combined("or", left, right), left)


@pytest.mark.parametrize(
    "make",
    [
        lambda: term(" \x00 "),
        lambda: term("x" * (LONGEST_TERM_CHARS + 1)),
        lambda: clause("bath.isbn or x", "=", "1"),
        lambda: clause("bath.isbn", "= 1 or", "1"),
        lambda: clause("bath.isbn\n", "=", "1"),
        lambda: any_of(),
    ],
)
def test_what_cannot_be_asked_is_no_term(make: object) -> None:
    with pytest.raises(InvalidTerm):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "(",
        "a = ",
        "= a",
        'a = "b',
        "a = (b)",
        "(a",
        "a)",
        "a b",
        "a and",
        "a prox b",
        "a = b/x",
        "(" * (DEEPEST + 2),
    ],
)
def test_a_query_that_cannot_be_read_says_so(query: str) -> None:
    with pytest.raises(CqlFault):
        read_cql(query)


def test_booleans_are_read_from_left_to_right() -> None:
    a, b, c = (Clause("", "", name) for name in "abc")

    assert read_cql("a and b or c") == Combined("or", Combined("and", a, b), c)
    assert read_cql("a NOT (b or c)") == Combined("not", a, Combined("or", b, c))


@given(st.text(st.sampled_from(list('ab"\\*()=<>/ ')), max_size=30))
def test_any_query_is_read_or_wrong(query: str) -> None:
    with suppress(CqlFault):
        assert read_cql(query) is not None
