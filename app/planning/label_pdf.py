"""Prints the slip of the re-usable envelope: two barcodes, there and back, on label paper or a sheet of A4. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal
from uuid import UUID

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from app.planning.barcodes import Direction, code_of
from app.planning.paper import BOLD, PLAIN, Setting, fitted, fonts

Format = Literal["62x100", "a4"]
ROLL = (100 * mm, 62 * mm)
"""A label of the roll, as it is read: 62 mm is the width of the paper."""
SHEET_COLUMNS, SHEET_ROWS = 2, 4
SHEET_LABEL = (99.1 * mm, 67.7 * mm)
"""Eight on a sheet, as label paper of many makers has them."""
BAR_WIDTH = 0.33 * mm
BAR_HEIGHT = 10 * mm
EDGE = 4 * mm
NAMES: tuple[Setting, ...] = (
    (15, 1),
    (14, 1),
    (13, 1),
    (12, 1),
    (11, 1),
    (10, 2),
    (9, 2),
    (8, 2),
    (7, 2),
    (6, 2),
    (5, 2),
)
"""How a name is set: smaller, then on two lines, and never without its end, which tells places of a town apart."""
ABOUT: tuple[Setting, ...] = ((7, 1), (6.5, 1), (6, 1), (6.5, 2), (6, 2), (5, 2))

WORDS = {
    "nl": {"there": "UIT", "back": "RETOUR", "from": "van", "number": "Leenverzoek", "title": "Leenpad-labels"},
    "en": {"there": "OUT", "back": "RETURN", "from": "from", "number": "Loan request", "title": "Leenpad labels"},
}


@dataclass(frozen=True, slots=True)
class Label:
    """What is on a slip: the title, the agency's own number, and both ends by name and id. Nothing of a patron."""

    loan_request: UUID
    number: str
    title: str
    from_name: str
    from_id: str
    to_name: str
    to_id: str


def print_labels(labels: Sequence[Label], *, form: Format, first: int = 1, language: str = "nl") -> bytes:
    """Return labels as PDF, in their order; on a sheet, from its `first` place on (1 to 8)."""
    fonts()
    words = WORDS[language]
    held = BytesIO()
    canvas = Canvas(held, pagesize=ROLL if form == "62x100" else A4, lang=language)
    canvas.setTitle(words["title"])
    canvas.setAuthor("Leenpad")
    for at, label in enumerate(labels, 0 if form == "62x100" else first - 1):
        if form == "62x100":
            _draw(canvas, label, words, corner=(0, 0), size=ROLL)
            canvas.showPage()
            continue
        place = at % (SHEET_COLUMNS * SHEET_ROWS)
        if place == 0 and canvas.getPageNumber() * SHEET_COLUMNS * SHEET_ROWS <= at:
            canvas.showPage()
        _draw(canvas, label, words, corner=_corner(place), size=SHEET_LABEL)
    canvas.save()
    return held.getvalue()


def _corner(place: int) -> tuple[float, float]:
    """The lower left corner of a place on a sheet, the first at the top left."""
    row, column = divmod(place, SHEET_COLUMNS)
    width, height = SHEET_LABEL
    left = (A4[0] - SHEET_COLUMNS * width) / 2 + column * width
    top = A4[1] - (A4[1] - SHEET_ROWS * height) / 2 - row * height
    return left, top - height


def _draw(canvas: Canvas, label: Label, words: dict[str, str], *, corner: tuple[float, float], size: Any) -> None:
    left, bottom = corner
    width, height = size
    half = height / 2
    ends = {"there": (label.to_name, label.to_id), "back": (label.from_name, label.from_id)}
    middle = bottom + half
    canvas.setDash(2, 2)
    canvas.setLineWidth(0.4)
    canvas.line(left + EDGE, middle, left + width - EDGE, middle)
    canvas.setDash()
    parts: tuple[tuple[Direction, float], ...] = (("there", middle), ("back", bottom))
    for direction, low in parts:
        name, id_ = ends[direction]
        top = low + half - 2 * mm
        canvas.setFont(BOLD, 9)
        canvas.drawString(left + EDGE, top - 4 * mm, words[direction])
        _name_and_about(canvas, (name, f"{id_} · {_about(label, words, direction)}"), left + EDGE, top, width)
        _bars(canvas, code_of(label.loan_request, direction), left, low, width)


def _about(label: Label, words: dict[str, str], direction: str) -> str:
    if direction == "back":
        return f"{words['number']} {label.number} · {label.title}"
    return f"{words['number']} {label.number} · {words['from']} {label.from_name}"


def _name_and_about(canvas: Canvas, said: tuple[str, str], left: float, top: float, width: float) -> None:
    """Write where it goes, and below it what else there is to say: two lines of each fit over the bars."""
    name, about = said
    room = width - 2 * EDGE
    size, lines = fitted(name, font=BOLD, width=room - 20 * mm, settings=NAMES)
    low = 5 * mm if len(lines) == 1 else 3.6 * mm
    _lines(canvas, lines, (left + 20 * mm, top - low), font=BOLD, size=size, apart=3.8 * mm)
    low = 9.5 * mm if len(lines) == 1 else 10.2 * mm
    size, lines = fitted(about, font=PLAIN, width=room, settings=ABOUT)
    _lines(canvas, lines, (left, top - low), font=PLAIN, size=size, apart=2.2 * mm)


def _lines(
    canvas: Canvas, lines: Sequence[str], at: tuple[float, float], *, font: str, size: float, apart: float
) -> None:
    canvas.setFont(font, size)
    for number, line in enumerate(lines):
        canvas.drawString(at[0], at[1] - number * apart, line)


def _bars(canvas: Canvas, code: str, left: float, low: float, width: float) -> None:
    bars = Code128(code, barWidth=BAR_WIDTH, barHeight=BAR_HEIGHT, quiet=False)
    bars.drawOn(canvas, left + (width - bars.width) / 2, low + 5.3 * mm)
    canvas.setFont(PLAIN, 6)
    shown = " ".join(code[at : at + 4] for at in range(0, len(code), 4))
    canvas.drawCentredString(left + width / 2, low + 2.7 * mm, shown)
