"""What is on a slip and what a scan of it says, as text."""

from __future__ import annotations

from io import BytesIO
from uuid import UUID

import pytest
from pypdf import PdfReader
from reportlab.lib.units import mm

from app.planning.barcodes import UnknownCode, code_of, read_code
from app.planning.label_pdf import BAR_WIDTH, ROLL, Format, Label, print_labels
from app.planning.paper import BOLD, fitted, fonts, printable

LOAN = UUID("019ab3c4-7d00-7a3c-9b1e-2f5a7c0d4e61")
LABEL = Label(LOAN, "2026-000417", "Šťastný & <Prins> 王", "Assen", "NL-0800080003", "Emmen", "NL-0800070001")


def spaced(code: str) -> str:
    return " ".join(code[at : at + 4] for at in range(0, 40, 4))


@pytest.mark.parametrize("direction", ["there", "back"])
@pytest.mark.parametrize("loan", [LOAN, UUID(int=0), UUID(int=2**128 - 1)])
def test_a_code_leads_back_to_its_loan_request_and_way(loan: UUID, direction: str) -> None:
    code = code_of(loan, direction)  # type: ignore[arg-type]
    assert len(code) == 40
    assert code.isdigit()
    assert read_code(code) == (loan, direction)
    assert read_code(f" {spaced(code)}\r\n") == (loan, direction)
    assert read_code(str(loan).upper()) == (loan, None)


@pytest.mark.parametrize("scanned", ["", "9789000000005", "3" + "0" * 39, "1" + "9" * 39, "²" * 40, "1" * 41, "x"])
def test_other_codes_are_not_ours(scanned: str) -> None:
    with pytest.raises(UnknownCode):
        read_code(scanned)


@pytest.mark.parametrize(("form", "count", "first", "pages"), [("62x100", 3, 1, 3), ("a4", 8, 1, 1), ("a4", 8, 2, 2)])
def test_labels_fill_their_paper(form: Format, count: int, first: int, pages: int) -> None:
    reader = PdfReader(BytesIO(print_labels([LABEL] * count, form=form, first=first)))
    assert len(reader.pages) == pages
    text = "\n".join(page.extract_text() for page in reader.pages)
    for direction in ("there", "back"):
        assert text.count(spaced(code_of(LOAN, direction))) == count
    for word in ("UIT", "RETOUR", "Emmen", "Assen", "NL-0800070001", "NL-0800080003", "2026-000417"):
        assert word in text
    assert text.count("Štastný & <Prins> ?") == count, "as the font can write it"
    if form == "62x100":
        box = reader.pages[0].mediabox
        assert (float(box.width), float(box.height)) == pytest.approx(ROLL, abs=0.01)


def test_the_bars_fit_the_label_with_room_beside_them() -> None:
    # Code 128: a start, twenty pairs of digits and a check of 11 modules each, and a stop of 13.
    modules = 11 * (1 + 20 + 1) + 13
    assert modules * BAR_WIDTH + 2 * 10 * BAR_WIDTH < ROLL[0]


@pytest.mark.parametrize("form", ["62x100", "a4"])
def test_what_tells_places_of_one_town_apart_is_never_cut(form: Format) -> None:
    names = (
        "Bibliotheek Eersel Noord",
        "Bibliotheek ’s-Hertogenbosch-Muntel in het stadhuis, tweede verdieping Zuidoost",
    )
    number = "onderwijs-aanvraag-2026-11-26-000417"
    label = Label(LOAN, number, "Titel", names[1], "NL-0800080003", names[0], "NL-0800070001")
    (page,) = PdfReader(BytesIO(print_labels([label], form=form))).pages
    said = " ".join(page.extract_text().split())
    assert "…" not in said
    assert said.count(names[0]) == 1
    assert said.count(names[1]) == 2, "as the way back, and as where it comes from"
    assert number in said


def test_what_fits_at_no_size_keeps_its_beginning_and_its_end() -> None:
    fonts()
    size, lines = fitted(f"Gebouw {'x' * 300} Noord", font=BOLD, width=72 * mm, settings=((9, 1), (5, 2)))
    assert (size, len(lines)) == (5, 2)
    assert lines[0].startswith("Gebouw xxx")
    assert lines[1].startswith("…x")
    assert lines[1].endswith("x Noord")
    assert fitted("Aa bb", font=BOLD, width=72 * mm, settings=((9, 1), (5, 2))) == (9, ["Aa bb"])
    assert fitted(None, font=BOLD, width=72 * mm, settings=((9, 1),)) == (9, [""])


def test_a_letter_that_the_font_lacks_is_written_without_its_marks() -> None:
    assert printable("  été\n Zoë\t") == "été Zoë"
    assert printable("ạ王") == "a?"
    assert printable(None) == ""
