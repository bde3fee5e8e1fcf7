"""What printed pages share: a font that comes along, and text that it can show."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

PLAIN, BOLD = "Vera", "VeraBd"
_FONTS = Path(reportlab.__file__).parent / "fonts"


@cache
def fonts() -> dict[str, Any]:
    """Make the fonts known, once a process, and return them by name."""
    for name in (PLAIN, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(_FONTS / f"{name}.ttf")))
    return {name: pdfmetrics.getFont(name) for name in (PLAIN, BOLD)}


def printable(text: str | None) -> str:
    """Return text as the font can show it: a letter that it lacks without its marks, or else a question mark."""
    shown = fonts()[PLAIN].face.charToGlyph
    found = []
    for letter in " ".join((text or "").split()):
        if ord(letter) in shown:
            found.append(letter)
            continue
        plain = "".join(part for part in unicodedata.normalize("NFKD", letter) if ord(part) in shown)
        found.append(plain or "?")
    return "".join(found)


Setting = tuple[float, int]
"""A size in points, and over how many lines at most."""


def fitted(text: str | None, *, font: str, width: float, settings: Sequence[Setting]) -> tuple[float, list[str]]:
    """Return the first setting's size at which a whole text fits in a width, and its lines, broken between words.

    What fits in none keeps its beginning and its end: names that are alike differ at the end.
    """
    shown = printable(text)
    for size, most in settings:
        lines = _broken(shown, font=font, size=size, width=width)
        if len(lines) <= most and all(pdfmetrics.stringWidth(line, font, size) <= width for line in lines):
            return size, lines
    size = settings[-1][0]

    def fits(part: str) -> bool:
        return bool(pdfmetrics.stringWidth(part, font, size) <= width)

    most = next(count for count in range(len(shown), -1, -1) if fits(shown[:count]))
    least = next(at for at in range(len(shown) + 1) if fits(f"…{shown[at:]}"))
    return size, [shown[:most].rstrip(), f"…{shown[least:].lstrip()}"]


def _broken(text: str, *, font: str, size: float, width: float) -> list[str]:
    """Break a text between words; a word that is wider than the width stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and pdfmetrics.stringWidth(longer, font, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines or [""]
