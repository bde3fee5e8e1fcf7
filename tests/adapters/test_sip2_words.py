"""What SIP2 messages say, in our words: from recordings written by us after the standard and public logs."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import ItemStatus
from adapters.protocols.sip2 import words
from adapters.protocols.sip2.codec import NotReadable, read


def item(said: str) -> words.Sip2Item | None:
    return words.item_of(read(said.encode(), encoding="utf-8"), "30001")


def test_an_item_is_read_whole() -> None:
    found = item("1804000120260107    120000CF2|AH20260131    235900|AB30001|AJZoë|AQC1|APC2|CK001|")
    assert found == words.Sip2Item(
        barcode="30001",
        status=ItemStatus.ON_LOAN,
        circulation="04",
        title="Zoë",
        location="C2",
        permanent_location="C1",
        due=date(2026, 1, 31),
        queue=2,
    )


@pytest.mark.parametrize(
    ("circulation", "status"),
    [
        *words.CIRCULATION.items(),
        ("99", ItemStatus.UNKNOWN),
        ("  ", ItemStatus.UNKNOWN),
        (" 3", ItemStatus.AVAILABLE),
    ],
)
def test_every_circulation_status_is_one_of_ours(circulation: str, status: ItemStatus) -> None:
    found = item(f"18{circulation}000120260107    120000AB30001|AJTitel|")
    assert found is not None
    assert found.status is status


def test_status_01_without_a_title_is_no_item_and_with_one_is_unknown() -> None:
    assert item("1801000120260107    120000AB30001|AJ|AFOnbekend|") is None
    found = item("1801000120260107    120000AB30001|AJTitel|")
    assert found is not None
    assert found.status is ItemStatus.UNKNOWN


def test_an_item_with_names_for_codes_and_nothing_else_is_read() -> None:
    found = item("1803000120260107    120000AB30001|AJTitel|AQBibliotheek Zutphen|CKBoek|")
    assert found is not None
    assert (found.permanent_location, found.location, found.due, found.queue) == (
        "Bibliotheek Zutphen",
        "",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("20260131    235900", date(2026, 1, 31)),
        ("20260131", date(2026, 1, 31)),
        ("2026-01-31 23:59", date(2026, 1, 31)),
        ("31-01-2026", date(2026, 1, 31)),
        ("1/2/2026", date(2026, 2, 1)),
        ("20261331    235900", None),
        ("morgen", None),
        ("", None),
    ],
)
def test_a_day_is_read_in_the_forms_that_are_met(said: str, day: date | None) -> None:
    assert words.day_of(said) == day


def test_a_stamp_is_dutch_wall_time() -> None:
    assert words.stamp(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == "20260702    003000"


def test_98_with_blanks_is_on_line_and_only_a_plain_no_is_not() -> None:
    padded = read(b"98" + b" " * 34 + b"AOLEEN|", encoding="utf-8")
    assert words.status_of(padded) == words.Sip2Status(
        on_line=True, check_in=None, check_out=None, library="LEEN", version=""
    )
    assert not words.status_of(read(b"98N" + b" " * 33 + b"AOLEEN|", encoding="utf-8")).on_line


def test_a_no_to_a_pin_that_was_not_given_means_nothing() -> None:
    # As a server in the field answers (php-sip2 issue 6).
    answer = read(
        b"64" + b" " * 14 + b"00120171123    123051" + b"000100000002000000000001" + b"AOJL |AATEST03|BLY|CQN|AS1|",
        encoding="utf-8",
    )
    assert words.patron_items_of(answer, words.HELD, with_pin=False) == words.PatronItems(
        known=True, listed=["1"], count=1, held=1, held_unavailable=1
    )
    assert not words.patron_items_of(answer, words.HELD, with_pin=True).known


def test_what_may_not_be_repeated_is_not_in_what_the_screen_says() -> None:
    answer = read(b"160N20260107    120000AFPas POI-0700 met pin 9172\x07 mag niet|AFNee|", encoding="utf-8")
    assert words.screen(answer, hidden=("POI-0700", "", "9172")) == "Pas … met pin …  mag niet Nee"
    assert len(words.screen(read(b"160N" + b" " * 18 + b"AF" + b"x" * 900, encoding="utf-8"), hidden=())) == 200


def test_a_title_held_is_found_behind_its_number_but_never_by_a_part_of_it() -> None:
    assert words.is_among("30001", ["30002", "30001 Zoë en de ijsbeer"])
    assert not words.is_among("3000", ["30001"])
    assert words.is_among("T 1", ["T 1"])


@given(st.sampled_from(["98", "18", "16", "12", "10", "24", "64"]), st.binary(max_size=300))
def test_no_answer_breaks_its_reader(code: str, rest: bytes) -> None:
    try:
        answer = read(code.encode() + rest, encoding="latin-1")
    except NotReadable:
        return
    words.status_of(answer)
    words.item_of(answer, "1")
    words.hold_of(answer)
    words.loan_of(answer, "1")
    words.return_of(answer, "1")
    words.patron_of(answer)
    assert words.patron_items_of(answer, words.HELD, with_pin=True).listed == answer.all("AS")
    assert words.screen(answer, hidden=("x",)).isprintable()
