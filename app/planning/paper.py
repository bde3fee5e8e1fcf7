"""What printed pages share: a font that comes along, and text that it can show."""

from __future__ import annotations

import unicodedata
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


def fitting(text: str | None, *, font: str, size: float, width: float) -> str:
    """Return as much of a text as fits in a width, and … where it was more."""
    shown = printable(text)
    if pdfmetrics.stringWidth(shown, font, size) <= width:
        return shown
    while shown and pdfmetrics.stringWidth(f"{shown}…", font, size) > width:
        shown = shown[:-1]
    return f"{shown.rstrip()}…"
