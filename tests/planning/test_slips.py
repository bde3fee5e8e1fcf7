"""What is on a slip and what a scan of it says, as text."""

from __future__ import annotations

from io import BytesIO
from uuid import UUID

import pytest
from pypdf import PdfReader

from app.planning.barcodes import UnknownCode, code_of, read_code
from app.planning.label_pdf import BAR_WIDTH, ROLL, Format, Label, print_labels
from app.planning.paper import printable

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


def test_a_letter_that_the_font_lacks_is_written_without_its_marks() -> None:
    assert printable("  été\n Zoë\t") == "été Zoë"
    assert printable("ạ王") == "a?"
    assert printable(None) == ""
