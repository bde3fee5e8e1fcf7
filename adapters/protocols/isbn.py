"""ISBNs as catalogues write them: with hyphens, prices and bindings around them, and now and then wrong."""

from __future__ import annotations

import re

LONGEST_CHARS = 200  # what is read of a field; an ISBN stands at its beginning

_SEPARATOR = "[-  \u2010-\u2013]?"
_NUMBER = re.compile(
    rf"(?<![0-9])(?:97[89]{_SEPARATOR}(?:[0-9]{_SEPARATOR}){{9}}[0-9]|(?:[0-9]{_SEPARATOR}){{9}}[0-9Xx])(?![0-9])"
)


def find_isbn13(text: str) -> str | None:
    """Return in 13 digits the first ISBN in `text` whose check digit is right; None where there is none.

    Source of the rules: ISBN Users' Manual, 7th edition (978 has a ten-digit form, 979 none).
    """
    for found in _NUMBER.finditer(text[:LONGEST_CHARS]):
        digits = re.sub("[^0-9Xx]", "", found.group())
        isbn = _checked13(digits) if len(digits) == 13 else _from10(digits)
        if isbn is not None:
            return isbn
    return None


def _checked13(digits: str) -> str | None:
    return digits if _check_digit(digits[:12]) == digits[12] else None


def _from10(digits: str) -> str | None:
    last = 10 if digits[9] in "Xx" else int(digits[9])
    total = sum(weight * int(digit) for weight, digit in zip(range(10, 1, -1), digits[:9], strict=True))
    if (total + last) % 11:
        return None
    body = "978" + digits[:9]
    return body + _check_digit(body)


def _check_digit(body: str) -> str:
    return str(-sum((1, 3)[place % 2] * int(digit) for place, digit in enumerate(body)) % 10)
