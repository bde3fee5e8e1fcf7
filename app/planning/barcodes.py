"""The numbers on the slips of the re-usable envelope: which loan request, and whether there or back. Pure.

Forty digits: 1 (there) or 2 (back), and the loan request's id as a number of 39. Digits alone: Code 128 writes two of
them in the room of one letter; Code 128 has a check of its own, and of numbers that long hardly any is an id.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

Direction = Literal["there", "back"]
_DIGITS = 39
_FIRST: dict[Direction, str] = {"there": "1", "back": "2"}


class UnknownCode(Exception):  # noqa: N818 - named as the problem it becomes
    """What was scanned is on none of our slips."""


class NothingToLabel(Exception):  # noqa: N818 - named as the problem it becomes
    """Nobody supplies the loan request, so there is nowhere that its item is sent from."""


def code_of(loan_request: UUID, direction: Direction) -> str:
    """Return the number on a slip."""
    return f"{_FIRST[direction]}{loan_request.int:0{_DIGITS}}"


def read_code(scanned: str) -> tuple[UUID, Direction | None]:
    """Return whose slip was scanned and which way it says (None: an id was typed). Raises UnknownCode."""
    text = scanned.strip()
    digits = text.replace(" ", "")
    if digits.isascii() and digits.isdigit() and len(digits) == _DIGITS + 1 and int(digits[1:]) < 2**128:
        for direction, first in _FIRST.items():
            if digits[0] == first:
                return UUID(int=int(digits[1:])), direction
    try:
        return UUID(text), None
    except ValueError:
        raise UnknownCode("This is no code of a slip, nor the id of a loan request.") from None
