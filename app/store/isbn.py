"""The names of titles as they are keyed by them: ISBNs in thirteen digits, checked, and PPNs."""

from __future__ import annotations

import re

_PPN = re.compile(r"[0-9A-Za-z]{1,32}").fullmatch
_SEPARATORS = str.maketrans("", "", "- \u2010\u2011\u00a0")


class InvalidIsbn(ValueError):  # noqa: N818 - says what it is
    """Not an ISBN; the message says why."""

    kind = "ISBN"


class InvalidPpn(ValueError):  # noqa: N818
    """Not a PPN; the message says why."""

    kind = "PPN"


def isbn13(text: str) -> str:
    """Return the ISBN-13 that `text` (10 or 13, with or without hyphens and spaces) names.

    Raises InvalidIsbn. Source of the rules: ISBN Users' Manual, 7th edition (978 has a ten-digit form, 979 none).
    """
    digits = text.translate(_SEPARATORS) if not text.isalnum() else text
    if len(digits) == 13 and digits.isdigit() and digits.isascii():
        return _checked13(digits)
    if len(digits) == 10 and digits[:9].isdigit() and digits.isascii() and (digits[9].isdigit() or digits[9] in "Xx"):
        return _from10(digits)
    raise InvalidIsbn("an ISBN has 10 or 13 digits (the last of 10 may be X)")


def _checked13(digits: str) -> str:
    if not digits.startswith(("978", "979")):
        raise InvalidIsbn("an ISBN of 13 digits begins with 978 or 979")
    if _weighted(digits) % 10:
        raise InvalidIsbn("the check digit of this ISBN is wrong")
    return digits


def _from10(digits: str) -> str:
    last = 10 if digits[9] in "Xx" else ord(digits[9]) - 48
    total = sum(weight * (ord(digit) - 48) for weight, digit in zip(range(10, 1, -1), digits, strict=False))
    if (total + last) % 11:
        raise InvalidIsbn("the check digit of this ISBN is wrong")
    body = "978" + digits[:9]
    return body + str(-_weighted(body) % 10)


def _weighted(digits: str) -> int:
    """Return the sum with weights 1, 3, 1, 3 …; for 13 digits the code of "0" itself adds 1200, a multiple of ten."""
    codes = digits.encode()
    return sum(codes[::2]) + 3 * sum(codes[1::2]) - (0 if len(codes) == 13 else 48 * (6 + 3 * 6))


def normal_ppn(text: str) -> str:
    """Return a PPN as titles are keyed by it: 1 to 32 letters and digits, in upper case. Raises InvalidPpn."""
    text = text.strip().upper()
    if not _PPN(text):
        raise InvalidPpn("a PPN is 1 to 32 letters and digits")
    return text
