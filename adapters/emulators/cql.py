"""Reads the part of CQL that an emulated SRU server understands, and says what is wrong with the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass

SYNTAX, BOOLEAN, PROXIMITY = 10, 37, 39  # diagnostics of the standard list
DEEPEST = 50

_TOKEN = re.compile(
    r"""\s*(?:
      "(?P<quoted>(?:[^"\\]|\\.)*)"
    | (?P<sign>[()])
    | (?P<relation>==|<=|>=|<>|[=<>])
    | (?P<word>[^\s()=<>"/]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
_NAMED_RELATIONS = ("exact", "all", "any", "adj")


class CqlFault(Exception):  # noqa: N818 - says what it is
    """What is wrong with a query: the number of a diagnostic, and its details."""

    def __init__(self, code: int, details: str = "") -> None:
        super().__init__(details)
        self.code = code
        self.details = details


@dataclass(frozen=True, slots=True)
class Clause:
    """`index relation term`; a bare term has neither. `masked` where an unescaped `*` or `?` stands in the term."""

    index: str
    relation: str
    text: str
    masked: bool = False


@dataclass(frozen=True, slots=True)
class Combined:
    """Two queries and what is between them: and, or, not."""

    boolean: str
    left: Query
    right: Query


Query = Clause | Combined
_Token = tuple[str, str]


def read_cql(text: str) -> Query:
    """Return what a query asks. Raises CqlFault."""
    tokens = _tokens(text)
    query = _query(tokens, depth=0)
    if tokens:
        raise CqlFault(SYNTAX)
    return query


def _tokens(text: str) -> list[_Token]:
    """The words and signs of a query, the last one first."""
    found, place = list[_Token](), 0
    text = text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise CqlFault(SYNTAX)
        found.append((match.lastgroup, match.group(match.lastgroup)))
        place = match.end()
    return found[::-1]


def _query(tokens: list[_Token], *, depth: int) -> Query:
    if depth > DEEPEST:
        raise CqlFault(SYNTAX, "nested too deeply")
    query = _clause(tokens, depth=depth)
    while tokens and tokens[-1][0] == "word":
        boolean = tokens.pop()[1].lower()
        if boolean == "prox":
            raise CqlFault(PROXIMITY)
        if boolean not in ("and", "or", "not"):
            raise CqlFault(BOOLEAN, boolean)
        query = Combined(boolean, query, _clause(tokens, depth=depth))
    return query


def _clause(tokens: list[_Token], *, depth: int) -> Query:
    kind, text = _pop(tokens)
    if (kind, text) == ("sign", "("):
        query = _query(tokens, depth=depth + 1)
        if _pop(tokens) != ("sign", ")"):
            raise CqlFault(SYNTAX)
        return query
    if kind not in ("word", "quoted"):
        raise CqlFault(SYNTAX)
    if tokens and (tokens[-1][0] == "relation" or (tokens[-1][0] == "word" and tokens[-1][1] in _NAMED_RELATIONS)):
        relation = tokens.pop()[1]
        term_kind, term = _pop(tokens)
        if term_kind not in ("word", "quoted"):
            raise CqlFault(SYNTAX)
        return Clause(text, relation, *_plain(term))
    return Clause("", "", *_plain(text))


def _pop(tokens: list[_Token]) -> _Token:
    if not tokens:
        raise CqlFault(SYNTAX)
    return tokens.pop()


def _plain(term: str) -> tuple[str, bool]:
    """What a term says without its backslashes, and whether a sign in it masks."""
    masked = re.search(r"(?<!\\)(?:\\\\)*[*?]", term) is not None
    return re.sub(r"\\(.)", r"\1", term, flags=re.DOTALL), masked
