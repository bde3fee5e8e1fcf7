"""CQL queries built so that no term can be anything but a term.

Source of the rules: CQL 1.2 (Library of Congress), section "CQL Syntax": in a quoted string a backslash makes the
sign after it plain; without one `*`, `?` and `^` mask, and a double quote ends the string.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_TERM_CHARS = 500

_INDEX = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)?", re.ASCII).fullmatch
_RELATION = re.compile(r"(=|==|<>|<|>|<=|>=|exact|all|any|adj|within)(/[A-Za-z][A-Za-z.]*)*", re.ASCII).fullmatch
_SPECIAL = re.compile(r'(["\\*?^])')


class InvalidTerm(ValueError):  # noqa: N818 - says what it is
    """Nothing that can be asked for: empty, or too long."""


def term(text: str) -> str:
    """Return `text` as a quoted CQL term that means exactly itself, control characters and outer blanks apart.

    Raises InvalidTerm.
    """
    plain = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") else sign for sign in text).strip()
    if not plain:
        raise InvalidTerm("an empty term")
    if len(plain) > LONGEST_TERM_CHARS:
        raise InvalidTerm(f"a term of more than {LONGEST_TERM_CHARS} characters")
    return '"' + _SPECIAL.sub(r"\\\1", plain) + '"'


def clause(index: str, relation: str, text: str) -> str:
    """Return `index relation "text"`. Index and relation are ours, and checked all the same; raises InvalidTerm."""
    if not _INDEX(index) or not _RELATION(relation):
        raise InvalidTerm("no CQL index or relation")
    return f"{index} {relation} {term(text)}"


def all_of(*clauses: str) -> str:
    """Return what all of these find."""
    return _joined("and", clauses)


def any_of(*clauses: str) -> str:
    """Return what any of these find."""
    return _joined("or", clauses)


def _joined(boolean: str, clauses: tuple[str, ...]) -> str:
    if not clauses:
        raise InvalidTerm("no clause")
    return clauses[0] if len(clauses) == 1 else f" {boolean} ".join(f"({clause})" for clause in clauses)
